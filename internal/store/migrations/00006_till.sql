-- What a cart costs where: zones and rates of delivery, taxes by region and
-- class, the tax journal, and the shop's legal texts by version.

-- +goose Up

CREATE TABLE shipping_zones (
    id        TEXT   NOT NULL PRIMARY KEY,
    position  BIGINT NOT NULL,
    countries TEXT   NOT NULL,
    regions   TEXT   NOT NULL,
    postal    TEXT   NOT NULL
);

CREATE TABLE shipping_rates (
    method    TEXT   NOT NULL REFERENCES shipping_methods (id),
    zone      TEXT   NOT NULL REFERENCES shipping_zones (id),
    basis     TEXT   NOT NULL CHECK (basis IN ('flat', 'weight', 'total')),
    steps     TEXT   NOT NULL,
    free_from BIGINT NOT NULL CHECK (free_from >= 0),
    max_grams BIGINT NOT NULL CHECK (max_grams >= 0),
    PRIMARY KEY (method, zone)
);

-- A price by country becomes a flat rate in a zone of that country.
INSERT INTO shipping_zones (id, position, countries, regions, postal)
    SELECT DISTINCT CASE country WHEN '*' THEN 'world' ELSE lower(country) END, 0, country, '', '' FROM shipping_prices;
INSERT INTO shipping_rates (method, zone, basis, steps, free_from, max_grams)
    SELECT method, CASE country WHEN '*' THEN 'world' ELSE lower(country) END, 'flat', '0:' || CAST(price AS TEXT), 0, 0 FROM shipping_prices;
INSERT INTO shipping_rates (method, zone, basis, steps, free_from, max_grams)
    SELECT p.method, z.id, 'flat', '0:' || CAST(p.price AS TEXT), 0, 0 FROM shipping_prices p CROSS JOIN shipping_zones z
    WHERE p.country = '*' AND NOT EXISTS (SELECT 1 FROM shipping_rates r WHERE r.method = p.method AND r.zone = z.id);
DROP TABLE shipping_prices;

ALTER TABLE shipping_methods ADD COLUMN days_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipping_methods ADD COLUMN days_to BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipping_methods ADD COLUMN slots TEXT NOT NULL DEFAULT '';
ALTER TABLE shipping_methods ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE shipping_methods ADD COLUMN hours TEXT NOT NULL DEFAULT '';
ALTER TABLE shipping_methods ADD COLUMN tax_class TEXT NOT NULL DEFAULT '';

CREATE TABLE tax_rules (
    country TEXT   NOT NULL,
    region  TEXT   NOT NULL,
    class   TEXT   NOT NULL,
    rate    BIGINT NOT NULL CHECK (rate BETWEEN 0 AND 1000000),
    PRIMARY KEY (country, region, class)
);
INSERT INTO tax_rules (country, region, class, rate) SELECT country, '', '', rate FROM tax_rates;
DROP TABLE tax_rates;

CREATE TABLE tax_regions (
    country TEXT NOT NULL,
    name    TEXT NOT NULL,
    postal  TEXT NOT NULL,
    PRIMARY KEY (country, name)
);

-- Every wording a shop had, so that an order's can be read years later.
CREATE TABLE texts (
    name  TEXT   NOT NULL,
    since BIGINT NOT NULL,
    hash  TEXT   NOT NULL,
    body  TEXT   NOT NULL,
    PRIMARY KEY (name, since)
);

ALTER TABLE carts ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE carts ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE carts ADD COLUMN delivery_window TEXT NOT NULL DEFAULT '';
ALTER TABLE carts ADD COLUMN reverse_charge BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE carts SET zone = COALESCE((SELECT z.id FROM shipping_zones z WHERE z.countries = carts.country), 'world') WHERE country <> '';
ALTER TABLE cart_details ADD COLUMN vat BYTEA;

ALTER TABLE orders ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN delivery_window TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN reverse_charge BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE orders ADD COLUMN accepted TEXT NOT NULL DEFAULT '';
ALTER TABLE order_details ADD COLUMN vat BYTEA;
ALTER TABLE order_lines ADD COLUMN tax_class TEXT NOT NULL DEFAULT '';

-- An order's total by class and rate.
CREATE TABLE order_taxes (
    owner    TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    class    TEXT   NOT NULL,
    rate     BIGINT NOT NULL,
    net      BIGINT NOT NULL,
    tax      BIGINT NOT NULL,
    PRIMARY KEY (owner, order_id, class, rate)
);
INSERT INTO order_taxes (owner, order_id, class, rate, net, tax)
    SELECT o.owner, o.id, '', COALESCE((SELECT max(l.tax_rate) FROM order_lines l WHERE l.owner = o.owner AND l.order_id = o.id), 0), o.total - o.tax, o.tax FROM orders o;

-- What was sold and given back, for the books: it only grows.
CREATE TABLE tax_journal (
    owner    TEXT    NOT NULL,
    order_id TEXT    NOT NULL,
    entry    BIGINT  NOT NULL,
    class    TEXT    NOT NULL,
    rate     BIGINT  NOT NULL,
    day      TEXT    NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('sale', 'refund')),
    currency TEXT    NOT NULL,
    country  TEXT    NOT NULL,
    region   TEXT    NOT NULL,
    reverse  BOOLEAN NOT NULL,
    net      BIGINT  NOT NULL,
    tax      BIGINT  NOT NULL,
    PRIMARY KEY (owner, order_id, entry, class, rate)
);
CREATE INDEX tax_journal_by_day ON tax_journal (day);

-- only: sqlite
-- +goose StatementBegin
CREATE TRIGGER tax_journal_fixed BEFORE UPDATE ON tax_journal BEGIN SELECT RAISE(ABORT, 'a line of the tax journal cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tax_journal_stays BEFORE DELETE ON tax_journal BEGIN SELECT RAISE(ABORT, 'a line of the tax journal cannot be removed'); END;
-- +goose StatementEnd
-- only: postgres
-- +goose StatementBegin
CREATE FUNCTION tax_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a line of the tax journal cannot be changed or removed'; END $$;
-- +goose StatementEnd
CREATE TRIGGER tax_journal_fixed BEFORE UPDATE OR DELETE ON tax_journal FOR EACH ROW EXECUTE FUNCTION tax_journal_guard();
-- only: both

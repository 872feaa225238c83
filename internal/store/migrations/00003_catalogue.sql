-- The catalogue as shoppers see it: what search is told about changes,
-- collections by hand and by rule, prices of the last weeks, old handles.

-- +goose Up

-- Counts changes, so that what is kept in memory knows what to read anew. Whoever
-- changes the catalogue holds this row until it commits: numbers become visible
-- in their order.
CREATE TABLE catalogue (
    id          BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    products    BIGINT NOT NULL,
    collections BIGINT NOT NULL
);
INSERT INTO catalogue (id, products, collections) VALUES (1, 0, 0);

ALTER TABLE products ADD COLUMN change BIGINT NOT NULL DEFAULT 0;
ALTER TABLE products DROP COLUMN search;
CREATE INDEX products_by_change ON products (change, id);
CREATE INDEX stock_gone ON stock (variant) WHERE counted AND NOT backorder AND on_hand <= held;

-- So far every collection was the shelf of a kind; now that is a rule of its own.
ALTER TABLE collections ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN picture TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN picture_alt TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN unlisted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE collections ADD COLUMN rules TEXT NOT NULL DEFAULT 'null';
ALTER TABLE collections ADD COLUMN any_rule BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE collection_products ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
UPDATE collections SET kind = title;
DELETE FROM collection_products;

-- Since when a variant costs what; and the lowest price of the thirty days before
-- the reduction that runs, 0 when nothing is known or nothing reduced.
CREATE TABLE prices (
    variant TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    price   BIGINT NOT NULL CHECK (price >= 0),
    PRIMARY KEY (variant, at)
);
ALTER TABLE variants ADD COLUMN lowest BIGINT NOT NULL DEFAULT 0 CHECK (lowest >= 0);
INSERT INTO prices (variant, at, price)
    SELECT v.id, p.updated_at, v.price FROM variants v JOIN products p ON p.id = v.product;

CREATE TABLE old_handles (
    handle  TEXT NOT NULL PRIMARY KEY,
    product TEXT NOT NULL REFERENCES products (id)
);
CREATE INDEX old_handles_by_product ON old_handles (product);

-- The whole first schema. Rules (docs/architecture.md):
--   four column types: TEXT, BIGINT (also time, Unix milliseconds UTC), BOOLEAN, BYTEA
--   the owner (a subject, or a guest's cart id) leads the key of every row that belongs to a person
--   every column is declared in internal/personal, as personal or as not personal because…

-- +goose Up

-- The shop itself -----------------------------------------------------------

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE secrets (
    subject TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    version BIGINT NOT NULL,
    sealed  BYTEA  NOT NULL,
    PRIMARY KEY (subject, name, version)
);

CREATE TABLE tax_rates (
    country TEXT   NOT NULL PRIMARY KEY,
    rate    BIGINT NOT NULL CHECK (rate >= 0)
);

CREATE TABLE shipping_methods (
    id       TEXT   NOT NULL PRIMARY KEY,
    title    TEXT   NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE shipping_prices (
    method  TEXT   NOT NULL REFERENCES shipping_methods (id),
    country TEXT   NOT NULL,
    price   BIGINT NOT NULL CHECK (price >= 0),
    PRIMARY KEY (method, country)
);

-- Catalogue: reference data, nothing personal ---------------------------------

CREATE TABLE products (
    id          TEXT    NOT NULL PRIMARY KEY,
    handle      TEXT    NOT NULL UNIQUE,
    title       TEXT    NOT NULL,
    description TEXT    NOT NULL,
    vendor      TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    options     TEXT    NOT NULL,
    published   BOOLEAN NOT NULL,
    search      TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL
);

CREATE TABLE variants (
    id            TEXT   NOT NULL PRIMARY KEY,
    product       TEXT   NOT NULL REFERENCES products (id),
    position      BIGINT NOT NULL,
    sku           TEXT   NOT NULL,
    option_values TEXT   NOT NULL,
    price         BIGINT NOT NULL CHECK (price >= 0),
    compare_at    BIGINT NOT NULL CHECK (compare_at >= 0),
    currency      TEXT   NOT NULL,
    grams         BIGINT NOT NULL,
    barcode       TEXT   NOT NULL,
    sold          BOOLEAN NOT NULL,
    UNIQUE (product, option_values)
);

CREATE TABLE pictures (
    product  TEXT   NOT NULL REFERENCES products (id),
    position BIGINT NOT NULL,
    url      TEXT   NOT NULL,
    source   TEXT   NOT NULL,
    alt      TEXT   NOT NULL,
    PRIMARY KEY (product, position)
);

CREATE TABLE collections (
    handle   TEXT   NOT NULL PRIMARY KEY,
    title    TEXT   NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE collection_products (
    collection TEXT NOT NULL REFERENCES collections (handle),
    product    TEXT NOT NULL REFERENCES products (id),
    PRIMARY KEY (collection, product)
);

-- Stock: keyed by variant; no transaction spans it and an owner ---------------

CREATE TABLE stock (
    variant   TEXT    NOT NULL PRIMARY KEY,
    counted   BOOLEAN NOT NULL,
    on_hand   BIGINT  NOT NULL,
    held      BIGINT  NOT NULL CHECK (held >= 0),
    backorder BOOLEAN NOT NULL,
    CHECK (NOT counted OR backorder OR on_hand >= held)
);

CREATE TABLE holds (
    variant    TEXT   NOT NULL,
    order_id   TEXT   NOT NULL,
    owner      TEXT   NOT NULL,
    quantity   BIGINT NOT NULL CHECK (quantity > 0),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (variant, order_id)
);
CREATE INDEX holds_by_end ON holds (expires_at);
CREATE INDEX holds_by_order ON holds (order_id);

-- People: dossiers, and what is sealed under them ------------------------------

CREATE TABLE dossiers (
    subject       TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    purpose       TEXT   NOT NULL,
    case_id       TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'restricted', 'destroyed')),
    epoch         BIGINT NOT NULL,
    wrap          BYTEA,
    created_at    BIGINT NOT NULL,
    destroy_after BIGINT NOT NULL,
    destroyed_at  BIGINT,
    PRIMARY KEY (subject, case_id, purpose, id),
    CHECK ((state = 'destroyed') = (wrap IS NULL))
);
CREATE INDEX dossiers_due ON dossiers (destroy_after) WHERE state = 'open';
CREATE INDEX dossiers_gone ON dossiers (destroyed_at) WHERE state = 'destroyed';

CREATE TABLE identities (
    hash    BYTEA  NOT NULL,
    field   TEXT   NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT   NOT NULL,
    dossier TEXT   NOT NULL,
    PRIMARY KEY (hash, field, version, subject, dossier)
);
CREATE INDEX identities_by_dossier ON identities (subject, dossier);

CREATE TABLE directory (
    kind  TEXT  NOT NULL,
    key   BYTEA NOT NULL,
    owner TEXT  NOT NULL,
    id    TEXT  NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX directory_by_id ON directory (owner, id);

CREATE TABLE carts (
    owner           TEXT    NOT NULL PRIMARY KEY,
    token_mac       BYTEA   NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('open', 'ordered')),
    order_id        TEXT    NOT NULL,
    country         TEXT    NOT NULL,
    shipping_method TEXT    NOT NULL,
    complete        BOOLEAN NOT NULL,
    quoted          BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL
);
CREATE INDEX carts_by_end ON carts (expires_at);

CREATE TABLE cart_lines (
    owner    TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    variant  TEXT   NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id),
    UNIQUE (owner, variant)
);

CREATE TABLE cart_details (
    owner   TEXT NOT NULL PRIMARY KEY,
    email   BYTEA,
    name    BYTEA,
    phone   BYTEA,
    ship_to BYTEA,
    bill_to BYTEA,
    note    BYTEA
);

CREATE TABLE orders (
    owner           TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    number          TEXT    NOT NULL,
    cart            TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    country         TEXT    NOT NULL,
    items           BIGINT  NOT NULL,
    discount        BIGINT  NOT NULL,
    shipping        BIGINT  NOT NULL,
    tax             BIGINT  NOT NULL,
    total           BIGINT  NOT NULL,
    tax_included    BOOLEAN NOT NULL,
    shipping_method TEXT    NOT NULL,
    payment_method  TEXT    NOT NULL,
    placed_at       BIGINT  NOT NULL,
    hold_until      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE order_details (
    owner        TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    email        BYTEA,
    name         BYTEA,
    ship_to      BYTEA,
    phone        BYTEA,
    note         BYTEA,
    invoice_name BYTEA,
    bill_to      BYTEA,
    PRIMARY KEY (owner, order_id)
);

CREATE TABLE order_lines (
    owner      TEXT   NOT NULL,
    order_id   TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    variant    TEXT   NOT NULL,
    handle     TEXT   NOT NULL,
    title      TEXT   NOT NULL,
    sku        TEXT   NOT NULL,
    quantity   BIGINT NOT NULL,
    unit_price BIGINT NOT NULL,
    total      BIGINT NOT NULL,
    tax        BIGINT NOT NULL,
    tax_rate   BIGINT NOT NULL,
    PRIMARY KEY (owner, order_id, position)
);

CREATE TABLE payments (
    owner        TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    order_id     TEXT   NOT NULL,
    attempt      BIGINT NOT NULL,
    provider     TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    amount       BIGINT NOT NULL,
    currency     TEXT   NOT NULL,
    provider_ref BYTEA,
    pay_url      BYTEA,
    opened_at    BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (owner, id),
    UNIQUE (owner, order_id, attempt)
);

CREATE TABLE idempotency (
    owner      TEXT   NOT NULL,
    key        BYTEA  NOT NULL,
    request    BYTEA  NOT NULL,
    order_id   TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);

CREATE TABLE outbox (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    dossier    TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    channel    TEXT   NOT NULL,
    recipient  BYTEA,
    subject    BYTEA,
    body_text  BYTEA,
    body_html  BYTEA,
    PRIMARY KEY (owner, id)
);

-- Work to be done: ids only ----------------------------------------------------

CREATE TABLE jobs (
    owner       TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    ref         TEXT   NOT NULL,
    run_at      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    failure     TEXT   NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX jobs_by_time ON jobs (run_at);

-- A transaction whose COMMIT was lost with its connection is looked up here.
CREATE TABLE commits (
    id TEXT   NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);

-- The ledger ---------------------------------------------------------------------

CREATE TABLE events (
    owner   TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    action  TEXT   NOT NULL,
    actor   TEXT,
    subject TEXT,
    object  TEXT,
    detail  TEXT,
    salts   BYTEA,
    idx     BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE INDEX events_unnumbered ON events (id) WHERE idx IS NULL;

CREATE TABLE leaves (
    idx   BIGINT NOT NULL PRIMARY KEY,
    leaf  BYTEA  NOT NULL,
    owner TEXT   NOT NULL,
    event TEXT   NOT NULL
);

CREATE TABLE tiles (
    level BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    data  BYTEA  NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE tree (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    origin TEXT   NOT NULL,
    size   BIGINT NOT NULL
);

CREATE TABLE checkpoints (
    size   BIGINT  NOT NULL,
    at     BIGINT  NOT NULL,
    public BOOLEAN NOT NULL,
    note   TEXT    NOT NULL,
    PRIMARY KEY (size, at)
);
CREATE INDEX checkpoints_public ON checkpoints (at) WHERE public;

-- The engine guards what only grows: an event is numbered once and may be
-- emptied; a leaf never changes.

-- only: sqlite
-- +goose StatementBegin
CREATE TRIGGER events_only_grow BEFORE UPDATE ON events
WHEN OLD.owner IS NOT NEW.owner OR OLD.id IS NOT NEW.id OR OLD.at IS NOT NEW.at OR OLD.action IS NOT NEW.action
    OR (OLD.idx IS NOT NULL AND OLD.idx IS NOT NEW.idx)
    OR (NEW.actor IS NOT NULL AND NEW.actor IS NOT OLD.actor) OR (NEW.subject IS NOT NULL AND NEW.subject IS NOT OLD.subject)
    OR (NEW.object IS NOT NULL AND NEW.object IS NOT OLD.object) OR (NEW.detail IS NOT NULL AND NEW.detail IS NOT OLD.detail)
    OR (NEW.salts IS NOT NULL AND NEW.salts IS NOT OLD.salts)
BEGIN SELECT RAISE(ABORT, 'an event cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'an event cannot be removed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER leaves_fixed BEFORE UPDATE ON leaves BEGIN SELECT RAISE(ABORT, 'a leaf cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER leaves_stay BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'a leaf cannot be removed'); END;
-- +goose StatementEnd
-- only: postgres
-- +goose StatementBegin
CREATE FUNCTION events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'an event cannot be removed'; END IF;
    IF OLD.owner <> NEW.owner OR OLD.id <> NEW.id OR OLD.at <> NEW.at OR OLD.action <> NEW.action
        OR (OLD.idx IS NOT NULL AND OLD.idx IS DISTINCT FROM NEW.idx)
        OR (NEW.actor IS NOT NULL AND NEW.actor IS DISTINCT FROM OLD.actor) OR (NEW.subject IS NOT NULL AND NEW.subject IS DISTINCT FROM OLD.subject)
        OR (NEW.object IS NOT NULL AND NEW.object IS DISTINCT FROM OLD.object) OR (NEW.detail IS NOT NULL AND NEW.detail IS DISTINCT FROM OLD.detail)
        OR (NEW.salts IS NOT NULL AND NEW.salts IS DISTINCT FROM OLD.salts)
    THEN RAISE EXCEPTION 'an event cannot be changed'; END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION leaves_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a leaf cannot be changed or removed'; END $$;
-- +goose StatementEnd
CREATE TRIGGER events_only_grow BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_guard();
CREATE TRIGGER leaves_fixed BEFORE UPDATE OR DELETE ON leaves FOR EACH ROW EXECUTE FUNCTION leaves_guard();
-- only: both

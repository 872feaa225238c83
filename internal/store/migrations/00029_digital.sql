-- Goods that are files and licence keys. Both are sealed for the shop, not for a
-- person; which order has what is pseudonymous, like its lines.

-- +goose Up

CREATE TABLE files (
    variant  TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    size     BIGINT NOT NULL CHECK (size >= 0),
    chunks   BIGINT NOT NULL CHECK (chunks > 0),
    ready    BOOLEAN NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (variant, id)
);

CREATE TABLE file_chunks (
    file   TEXT   NOT NULL,
    n      BIGINT NOT NULL CHECK (n >= 0),
    sealed BYTEA  NOT NULL,
    PRIMARY KEY (file, n)
);

-- A row of the pool goes to one unit of one order, once.
CREATE TABLE licences (
    variant   TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    hash      BYTEA  NOT NULL,
    sealed    BYTEA  NOT NULL,
    order_id  TEXT   NOT NULL,
    unit      BIGINT NOT NULL,
    added_at  BIGINT NOT NULL,
    PRIMARY KEY (variant, id),
    UNIQUE (variant, hash)
);
CREATE UNIQUE INDEX licences_by_order ON licences (order_id, variant, unit) WHERE order_id <> '';

CREATE TABLE downloads (
    owner      TEXT   NOT NULL,
    order_id   TEXT   NOT NULL,
    file       TEXT   NOT NULL,
    variant    TEXT   NOT NULL,
    left_over  BIGINT NOT NULL CHECK (left_over >= 0),
    started_at BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    PRIMARY KEY (owner, order_id, file)
);

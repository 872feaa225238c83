-- What the shop knows of its payment pages: which state of them an owner signed,
-- what the last visits found, and what browsers said that they blocked. Nothing
-- here is about a shopper: addresses are cut down to origins and shapes.

-- +goose Up

-- The newest is the one that counts. signed is a checkpoint over the text.
CREATE TABLE page_baselines (
    at     BIGINT NOT NULL PRIMARY KEY,
    text   TEXT   NOT NULL,
    signed TEXT   NOT NULL
);

CREATE TABLE page_visits (
    id      TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    outcome TEXT   NOT NULL CHECK (outcome IN ('clean', 'changed', 'foreign', 'unknown')),
    found   TEXT   NOT NULL
);

CREATE TABLE page_reports (
    kind      TEXT   NOT NULL,
    directive TEXT   NOT NULL,
    blocked   TEXT   NOT NULL,
    page      TEXT   NOT NULL,
    source    TEXT   NOT NULL,
    count     BIGINT NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    PRIMARY KEY (kind, directive, blocked, page, source)
);

-- Who holds goods is named under a key of its own for each day, which goes with the
-- last hold of that day: holds that wait for a transfer live for weeks. day is NULL
-- for what nobody is named in.

-- +goose Up

CREATE TABLE hold_keys (
    day    BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA  NOT NULL
);
ALTER TABLE holds ADD COLUMN day BIGINT;

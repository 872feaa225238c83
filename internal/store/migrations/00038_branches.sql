-- +goose Up

-- A restored shop's ledger goes on from what the backup held of the old one's:
-- each row is one such place.
CREATE TABLE branches (
    first  BIGINT NOT NULL PRIMARY KEY,
    origin TEXT   NOT NULL,
    note   TEXT   NOT NULL,
    at     BIGINT NOT NULL
);

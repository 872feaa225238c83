-- How often somebody has failed to prove something, for each identity, factor
-- and known browser. Who and which browser are keyed hashes; a mailbox without
-- an account is counted like one that has one.

-- +goose Up

-- device is the hash of no device for all strangers together. since names the
-- run of failures, so that what is taken back is taken from the right one.
CREATE TABLE throttles (
    who      BYTEA  NOT NULL,
    factor   TEXT   NOT NULL,
    device   BYTEA  NOT NULL,
    failures BIGINT NOT NULL CHECK (failures > 0),
    until_at BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (who, factor, device)
);
CREATE INDEX throttles_by_time ON throttles (at);

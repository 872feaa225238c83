-- What strangers do too much of is counted in buckets that empty with time: a row
-- says when its bucket will be empty. Its name is an HMAC of a network, a cart, a
-- mailbox or a card under a key of the day, which goes after two days.

-- +goose Up

CREATE TABLE abuse_buckets (
    bucket   BYTEA  NOT NULL PRIMARY KEY,
    kind     TEXT   NOT NULL,
    empty_at BIGINT NOT NULL
);
CREATE INDEX abuse_buckets_by_end ON abuse_buckets (empty_at);

CREATE TABLE limit_keys (
    day    BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA  NOT NULL
);

-- Who tried to pay, for when the provider tells how it went.
CREATE TABLE abuse_tries (
    owner   TEXT   NOT NULL,
    payment TEXT   NOT NULL,
    day     BIGINT NOT NULL,
    source  BYTEA  NOT NULL,
    mailbox BYTEA  NOT NULL,
    PRIMARY KEY (owner, payment)
);
CREATE INDEX abuse_tries_by_day ON abuse_tries (day);

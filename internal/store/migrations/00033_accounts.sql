-- Accounts of shoppers and of staff: what they prove themselves with, where
-- they are signed in, what they keep here, and what is about to change.

-- +goose Up

-- An account is made when its mailbox is proved. role is empty for a shopper.
CREATE TABLE accounts (
    owner         TEXT   NOT NULL PRIMARY KEY,
    role          TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'waiting', 'disabled')),
    preferred     TEXT   NOT NULL,
    made_at       BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    proved_at     BIGINT NOT NULL,
    reset_at      BIGINT NOT NULL,
    careful_until BIGINT NOT NULL
);
CREATE INDEX accounts_by_role ON accounts (role, made_at);

CREATE TABLE account_details (
    owner TEXT NOT NULL PRIMARY KEY,
    email BYTEA,
    name  BYTEA,
    cart  BYTEA
);

CREATE TABLE staff_details (
    owner        TEXT NOT NULL PRIMARY KEY,
    email        BYTEA,
    name         BYTEA,
    invited_by   TEXT NOT NULL,
    confirmed_by TEXT NOT NULL
);

-- What somebody proves themselves with: a password, a key of an authenticator
-- app, a number, a passkey. One that is new works once it was tried.
CREATE TABLE factors (
    owner   TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    kind    TEXT   NOT NULL CHECK (kind IN ('password', 'totp', 'sms', 'passkey')),
    state   TEXT   NOT NULL CHECK (state IN ('new', 'on')),
    secret  BYTEA,
    label   BYTEA,
    step    BIGINT NOT NULL,
    drift   BIGINT NOT NULL,
    astray  BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE recovery_codes (
    owner   TEXT   NOT NULL,
    code    BYTEA  NOT NULL,
    state   TEXT   NOT NULL CHECK (state IN ('new', 'on')),
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (owner, code)
);

-- Where somebody is signed in. id is a hash of the token; mac binds token,
-- owner and rung, so that who can write here still can't sign in as another.
CREATE TABLE sessions (
    owner     TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    device    TEXT   NOT NULL,
    level     BIGINT NOT NULL,
    made_at   BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,
    strong_at BIGINT NOT NULL,
    fresh_at  BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    mac       BYTEA  NOT NULL,
    agent     BYTEA,
    PRIMARY KEY (owner, id)
);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- A browser that proved itself for an account before.
CREATE TABLE devices (
    owner         TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    agent         BYTEA,
    made_at       BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    trusted_until BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

-- A subject that was shown to be the same person: the guest of an order.
CREATE TABLE links (
    owner   TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    how     TEXT   NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (owner, subject)
);
CREATE INDEX links_by_subject ON links (subject);

CREATE TABLE addresses (
    owner   TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    name    BYTEA,
    address BYTEA,
    phone   BYTEA,
    first   BOOLEAN NOT NULL,
    made_at BIGINT  NOT NULL,
    PRIMARY KEY (owner, id)
);

-- The message centre: a line for every message, and what it needs to be
-- written. to_change names the change whose old address gets it.
CREATE TABLE letters (
    owner     TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    channel   TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    object    TEXT   NOT NULL,
    to_change TEXT   NOT NULL,
    sent_at   BIGINT NOT NULL,
    agent     BYTEA,
    PRIMARY KEY (owner, id)
);
CREATE INDEX letters_by_kind ON letters (owner, kind, at);

-- A change that can still be undone, or that waits: another address, a factor
-- added, a lost factor.
CREATE TABLE changes (
    owner     TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    state     TEXT   NOT NULL CHECK (state IN ('open', 'done', 'undone')),
    object    TEXT   NOT NULL,
    old_value BYTEA,
    new_value BYTEA,
    made_at   BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX changes_by_kind ON changes (owner, kind, state);

-- Somebody who has typed an address and has not proved it yet.
CREATE TABLE signups (
    owner    TEXT   NOT NULL PRIMARY KEY,
    email    BYTEA,
    password BYTEA,
    made_at  BIGINT NOT NULL
);
CREATE INDEX signups_by_time ON signups (made_at);

-- A passkey's ceremony, between its two requests.
CREATE TABLE ceremonies (
    owner       TEXT   NOT NULL PRIMARY KEY,
    purpose     TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    state       BYTEA  NOT NULL,
    browser_mac BYTEA  NOT NULL,
    made_at     BIGINT NOT NULL,
    used_at     BIGINT NOT NULL
);
CREATE INDEX ceremonies_by_time ON ceremonies (made_at);

-- Texts that were sent to phones: for the budgets, by keyed hashes.
CREATE TABLE texts_sent (
    owner       TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    number_mac  BYTEA  NOT NULL,
    prefix_mac  BYTEA  NOT NULL,
    at          BIGINT NOT NULL,
    verified_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX texts_sent_by_number ON texts_sent (number_mac, at);
CREATE INDEX texts_sent_by_prefix ON texts_sent (prefix_mac, at);
CREATE INDEX texts_sent_by_time ON texts_sent (at);

-- An invitation to work in the shop: for one person, once, for a while.
CREATE TABLE invites (
    owner     TEXT   NOT NULL PRIMARY KEY,
    role      TEXT   NOT NULL,
    email     BYTEA,
    token_mac BYTEA  NOT NULL,
    made_by   TEXT   NOT NULL,
    confirmed BOOLEAN NOT NULL,
    made_at   BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    used_at   BIGINT NOT NULL,
    account   TEXT   NOT NULL
);

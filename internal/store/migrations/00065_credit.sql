-- Gift cards and store credit, in double-entry book-keeping: each credit has a book
-- of its own, whose entries sum to zero in every act (see package credit). Entries
-- are only ever added; the standing of each side is kept beside them, so that it can
-- be compared, and can't fall below zero. Of a card's code there is a keyed hash and
-- its last characters. A credit that belonged to an account whose person is gone has
-- no owner any more.

-- +goose Up

CREATE TABLE credits (
    id           TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL CHECK (kind IN ('card', 'account')),
    currency     TEXT   NOT NULL,
    owner        TEXT   NOT NULL,
    code         BYTEA,
    last         TEXT   NOT NULL,
    source       TEXT   NOT NULL,
    order_id     TEXT   NOT NULL,
    made_at      BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    cancelled_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX credits_by_code ON credits (code) WHERE code IS NOT NULL;
CREATE UNIQUE INDEX credits_by_owner ON credits (owner, currency) WHERE owner <> '';
CREATE INDEX credits_by_end ON credits (ends_at) WHERE ends_at > 0;

CREATE TABLE credit_sides (
    credit   TEXT   NOT NULL,
    side     TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    amount   BIGINT NOT NULL,
    PRIMARY KEY (credit, side, order_id),
    CHECK (CASE WHEN side = 'issued' THEN amount <= 0 ELSE amount >= 0 END)
);
CREATE INDEX credit_sides_by_order ON credit_sides (order_id) WHERE order_id <> '';

CREATE TABLE credit_entries (
    credit   TEXT   NOT NULL,
    act      TEXT   NOT NULL,
    side     TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    doing    TEXT   NOT NULL,
    amount   BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (credit, act, side, order_id)
);

-- What an unpaid order holds, until when.
CREATE TABLE credit_holds (
    credit   TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    owner    TEXT   NOT NULL,
    ends_at  BIGINT NOT NULL,
    PRIMARY KEY (credit, order_id)
);
CREATE INDEX credit_holds_by_end ON credit_holds (ends_at);
CREATE INDEX credit_holds_by_order ON credit_holds (order_id);

-- only: sqlite
-- +goose StatementBegin
CREATE TRIGGER credit_entries_fixed BEFORE UPDATE ON credit_entries BEGIN SELECT RAISE(ABORT, 'an entry cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER credit_entries_stay BEFORE DELETE ON credit_entries BEGIN SELECT RAISE(ABORT, 'an entry cannot be removed'); END;
-- +goose StatementEnd
-- only: postgres
-- +goose StatementBegin
CREATE FUNCTION credit_entries_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'an entry cannot be changed or removed'; END $$;
-- +goose StatementEnd
CREATE TRIGGER credit_entries_fixed BEFORE UPDATE OR DELETE ON credit_entries FOR EACH ROW EXECUTE FUNCTION credit_entries_guard();
-- only: both

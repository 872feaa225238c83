-- What happens to an order after it was placed: when each step was, who carries
-- it, its invoice, and the codes that prove a mailbox.

-- +goose Up

ALTER TABLE orders ADD COLUMN paid_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN packed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN shipped_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN delivered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN cancelled_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN refunded_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN cancelled_why TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN carrier TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN resent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN resent_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX orders_by_time ON orders (placed_at);
ALTER TABLE order_details ADD COLUMN tracking BYTEA;

-- Invoices are numbered without gaps, a series a year. A row of invoices never
-- changes; the buyer's name and address are sealed with the order.
CREATE TABLE invoice_series (
    series TEXT   NOT NULL PRIMARY KEY,
    last   BIGINT NOT NULL
);

CREATE TABLE invoices (
    owner     TEXT   NOT NULL,
    order_id  TEXT   NOT NULL,
    kind      TEXT   NOT NULL CHECK (kind IN ('invoice', 'credit')),
    series    TEXT   NOT NULL,
    number    BIGINT NOT NULL CHECK (number > 0),
    issued_at BIGINT NOT NULL,
    seller    TEXT   NOT NULL,
    PRIMARY KEY (owner, order_id, kind)
);
CREATE INDEX invoices_by_number ON invoices (series, number);

-- A code that was sent to a mailbox to prove who reads it. Each is a row of its
-- own owner: that it is about an order, only the order's own mailbox can tell.
CREATE TABLE challenges (
    owner       TEXT    NOT NULL PRIMARY KEY,
    purpose     TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    browser_mac BYTEA   NOT NULL,
    tries       BIGINT  NOT NULL,
    made_at     BIGINT  NOT NULL,
    used_at     BIGINT  NOT NULL
);
CREATE INDEX challenges_by_object ON challenges (object, made_at);

-- Somebody who asked to hear when a thing is there again.
CREATE TABLE wishes (
    owner     TEXT   NOT NULL PRIMARY KEY,
    variant   TEXT   NOT NULL,
    email     BYTEA,
    email_mac BYTEA  NOT NULL,
    made_at   BIGINT NOT NULL
);
CREATE INDEX wishes_waiting ON wishes (variant, made_at);
CREATE INDEX wishes_by_email ON wishes (email_mac);

-- only: sqlite
-- +goose StatementBegin
CREATE TRIGGER invoices_fixed BEFORE UPDATE ON invoices BEGIN SELECT RAISE(ABORT, 'an invoice cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER invoices_stay BEFORE DELETE ON invoices BEGIN SELECT RAISE(ABORT, 'an invoice cannot be removed'); END;
-- +goose StatementEnd
-- only: postgres
-- +goose StatementBegin
CREATE FUNCTION invoices_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'an invoice cannot be changed or removed'; END $$;
-- +goose StatementEnd
CREATE TRIGGER invoices_fixed BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION invoices_guard();
-- only: both

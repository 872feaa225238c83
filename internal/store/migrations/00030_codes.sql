-- Discount codes: what the shop offers, how often each was used, and by which
-- orders. A use is like a hold: its key is the code, it belongs to one order, and
-- it ends by itself while that is not paid. Of the customer there is a keyed hash
-- of the e-mail, which ends with the order's dossier.

-- +goose Up

CREATE TABLE codes (
    key       TEXT    NOT NULL PRIMARY KEY,
    word      TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    rate      BIGINT  NOT NULL,
    off       BIGINT  NOT NULL,
    up_to     BIGINT  NOT NULL,
    uses      BIGINT  NOT NULL,
    each      BIGINT  NOT NULL,
    from_day  TEXT    NOT NULL,
    until_day TEXT    NOT NULL,
    min_items BIGINT  NOT NULL,
    exclusive BOOLEAN NOT NULL
);

CREATE TABLE code_counts (
    code TEXT   NOT NULL PRIMARY KEY,
    used BIGINT NOT NULL CHECK (used >= 0)
);

-- ends_at is 0 once the order is paid.
CREATE TABLE code_uses (
    code     TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    owner    TEXT   NOT NULL,
    customer BYTEA,
    ends_at  BIGINT NOT NULL,
    PRIMARY KEY (code, order_id)
);
CREATE INDEX code_uses_by_end ON code_uses (ends_at) WHERE ends_at > 0;
CREATE INDEX code_uses_by_order ON code_uses (order_id);
CREATE INDEX code_uses_by_customer ON code_uses (code, customer) WHERE customer IS NOT NULL;

ALTER TABLE carts ADD COLUMN codes TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN codes TEXT NOT NULL DEFAULT '';

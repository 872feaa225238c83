-- Orders that are paid with credit. carts.credits are the credits in a cart, each
-- with what it was last shown to pay; orders.credits is what each has paid. Of a
-- refund, by_credit goes back to them, and what the payment service took goes back
-- to it, or, where to_credit says so, becomes store credit of an account or a new
-- card. card_letters are the codes of cards that are about to be mailed; sealed, and
-- gone once their letter is.

-- +goose Up

ALTER TABLE carts ADD COLUMN credits TEXT NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN credits TEXT NOT NULL DEFAULT '';
ALTER TABLE refunds ADD COLUMN by_credit BIGINT NOT NULL DEFAULT 0 CHECK (by_credit >= 0);
ALTER TABLE refunds ADD COLUMN to_credit TEXT NOT NULL DEFAULT '';

CREATE TABLE card_letters (
    owner    TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    code     BYTEA,
    made_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

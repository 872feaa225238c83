-- What a person has to look at about a payment: the payer's bank asks for the
-- money back, somebody takes it for fraud, it could not be given back. which tells
-- several of a kind apart: a keyed hash of the provider's own id.

-- +goose Up

CREATE TABLE payment_concerns (
    owner     TEXT   NOT NULL,
    payment   TEXT   NOT NULL,
    kind      TEXT   NOT NULL CHECK (kind IN ('dispute', 'warning', 'refund', 'return')),
    which     TEXT   NOT NULL,
    order_id  TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    amount    BIGINT NOT NULL CHECK (amount >= 0),
    currency  TEXT   NOT NULL,
    raised_at BIGINT NOT NULL,
    answer_by BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL,
    ending    TEXT   NOT NULL CHECK (ending IN ('', 'won', 'lost', 'seen')),
    PRIMARY KEY (owner, payment, kind, which)
);
CREATE INDEX payment_concerns_open ON payment_concerns (owner, order_id) WHERE ended_at = 0;

-- When a provider told that what was given back did not arrive.
ALTER TABLE refunds ADD COLUMN failed_at BIGINT NOT NULL DEFAULT 0;

-- One more kind of what a person has to look at: money that is to go back and does not.
-- It ends by itself.

-- +goose Up

CREATE TABLE payment_concerns_more (
    owner     TEXT   NOT NULL,
    payment   TEXT   NOT NULL,
    kind      TEXT   NOT NULL CHECK (kind IN ('dispute', 'warning', 'refund', 'return', 'reserve', 'capture', 'waiting')),
    which     TEXT   NOT NULL,
    order_id  TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    amount    BIGINT NOT NULL CHECK (amount >= 0),
    currency  TEXT   NOT NULL,
    raised_at BIGINT NOT NULL,
    answer_by BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL,
    ending    TEXT   NOT NULL CHECK (ending IN ('', 'won', 'lost', 'seen', 'over')),
    PRIMARY KEY (owner, payment, kind, which)
);
INSERT INTO payment_concerns_more (owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending)
    SELECT owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending FROM payment_concerns;
DROP TABLE payment_concerns;
ALTER TABLE payment_concerns_more RENAME TO payment_concerns;
CREATE INDEX payment_concerns_open ON payment_concerns (owner, order_id) WHERE ended_at = 0;

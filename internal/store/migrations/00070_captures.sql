-- Money that is only reserved when somebody pays, and taken when the goods are sent:
-- what has become of it, how much is or was to be taken, and until when it can be.
-- Of a refund, untaken says that the money was never taken and nothing moved.

-- +goose Up

ALTER TABLE payments ADD COLUMN capture TEXT NOT NULL DEFAULT '' CHECK (capture IN ('', 'later', 'authorized', 'capturing', 'captured', 'releasing', 'released'));
ALTER TABLE payments ADD COLUMN capture_amount BIGINT NOT NULL DEFAULT 0 CHECK (capture_amount >= 0 AND capture_amount <= amount);
ALTER TABLE payments ADD COLUMN capture_by BIGINT NOT NULL DEFAULT 0;

ALTER TABLE refunds ADD COLUMN untaken BOOLEAN NOT NULL DEFAULT FALSE;

-- Two more kinds of what a person has to look at.
CREATE TABLE payment_concerns_more (
    owner     TEXT   NOT NULL,
    payment   TEXT   NOT NULL,
    kind      TEXT   NOT NULL CHECK (kind IN ('dispute', 'warning', 'refund', 'return', 'reserve', 'capture')),
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
INSERT INTO payment_concerns_more (owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending)
    SELECT owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending FROM payment_concerns;
DROP TABLE payment_concerns;
ALTER TABLE payment_concerns_more RENAME TO payment_concerns;
CREATE INDEX payment_concerns_open ON payment_concerns (owner, order_id) WHERE ended_at = 0;

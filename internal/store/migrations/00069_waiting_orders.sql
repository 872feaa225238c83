-- Orders that wait for their money are counted whenever one more is placed that way.
-- And what the payment service refused to give back may be sent by hand.

-- +goose Up

CREATE INDEX orders_waiting ON orders (hold_until) WHERE status = 'pending';

ALTER TABLE refunds ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;

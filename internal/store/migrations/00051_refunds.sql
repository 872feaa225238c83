-- Money that goes back, in parts or whole. A refund is asked for under the order's
-- lock, so that those asked for are never more than what was paid; only then is
-- the provider asked. And the journal of notices: what a provider said of an
-- attempt, what it meant, and how often. The notice itself is not kept.

-- +goose Up

CREATE TABLE refunds (
    owner    TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    payment  TEXT   NOT NULL,
    amount   BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT   NOT NULL,
    state    TEXT   NOT NULL CHECK (state IN ('asked', 'done', 'refused')),
    asked_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX refunds_by_order ON refunds (owner, order_id);

CREATE TABLE notices (
    owner    TEXT   NOT NULL,
    payment  TEXT   NOT NULL,
    outcome  TEXT   NOT NULL,
    result   TEXT   NOT NULL,
    times    BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, payment, outcome, result)
);

CREATE INDEX payments_by_time ON payments (opened_at);

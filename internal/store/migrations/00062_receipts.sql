-- Lines of bank statements that paid an order, each as a keyed hash: the same line
-- read again is known. Lines about nothing of this shop are not kept.

-- +goose Up

CREATE TABLE receipts (
    owner   TEXT   NOT NULL,
    payment TEXT   NOT NULL,
    mark    BYTEA  NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, payment, mark)
);

-- How many orders wait for their money, and whose goes back by hand.
CREATE INDEX payments_open ON payments (provider, expires_at) WHERE status = 'open';
CREATE INDEX payments_owed ON payments (opened_at) WHERE status = 'owed';

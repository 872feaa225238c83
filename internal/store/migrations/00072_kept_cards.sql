-- Whose cards a payment service keeps. customer is the service's word for the
-- shopper, sealed; of the cards themselves nothing is here.

-- +goose Up

CREATE TABLE kept_cards (
    owner    TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    customer BYTEA,
    made_at  BIGINT NOT NULL,
    used_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, provider)
);

-- What a payment service has still to be told to forget. It outlives the account,
-- so it has a dossier of its own. card is NULL for all of a customer's.
CREATE TABLE cards_to_forget (
    owner    TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    customer BYTEA,
    card     BYTEA,
    made_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

-- What whoever pays wishes about kept cards, and while the attempt is open, the
-- service's word for them.
ALTER TABLE payments ADD COLUMN cards TEXT NOT NULL DEFAULT '' CHECK (cards IN ('', 'keep', 'kept'));
ALTER TABLE payments ADD COLUMN customer BYTEA;

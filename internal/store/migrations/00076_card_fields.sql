-- Whether the card of an attempt is typed on a page of the shop, into fields of the
-- payment service.

-- +goose Up

ALTER TABLE payments ADD COLUMN here BOOLEAN NOT NULL DEFAULT FALSE;

-- Who holds goods, so that nobody holds them all without paying: network, mailbox
-- and account as HMACs under the key of their day. NULL where there is none, and
-- for what the shop itself holds.

-- +goose Up

ALTER TABLE holds ADD COLUMN source BYTEA;
ALTER TABLE holds ADD COLUMN mailbox BYTEA;
ALTER TABLE holds ADD COLUMN account BYTEA;

-- Which account tried to pay, beside its network and mailbox: somebody who is signed
-- in may type a new mailbox each time. It is an HMAC under the key of its day.
-- NULL is a guest.

-- +goose Up

ALTER TABLE abuse_tries ADD COLUMN account BYTEA;

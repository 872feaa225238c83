-- A keyed hash over everything that an account proves itself with. An account
-- without one signs nobody in.

-- +goose Up

ALTER TABLE accounts ADD COLUMN guard BYTEA;

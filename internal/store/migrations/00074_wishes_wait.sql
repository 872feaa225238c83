-- A wish whose mailbox has had enough letters waits until this time, so that it holds
-- up nobody behind it. 0 waits for nothing but its thing.

-- +goose Up

ALTER TABLE wishes ADD COLUMN wait_until BIGINT NOT NULL DEFAULT 0;

-- Orders whose goods go before the money comes, and until when it is to come.

-- +goose Up

ALTER TABLE orders ADD COLUMN on_account BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE orders ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;

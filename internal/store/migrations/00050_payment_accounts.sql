-- Whose account an attempt is paid into, and whether that is play money: a notice
-- of another account or mode does not settle it. Until now there was one provider,
-- the make-believe bank.

-- +goose Up

ALTER TABLE payments ADD COLUMN mode TEXT NOT NULL DEFAULT 'test';
ALTER TABLE payments ADD COLUMN account TEXT NOT NULL DEFAULT 'sandbox';

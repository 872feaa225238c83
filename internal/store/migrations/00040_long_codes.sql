-- A code that is sent when short ones were asked for too often is long and works
-- for longer. lasts is for how long, in milliseconds; 0 for as long as usual.

-- +goose Up

ALTER TABLE challenges ADD COLUMN lasts BIGINT NOT NULL DEFAULT 0;

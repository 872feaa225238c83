-- A code that was asked for again while it works is shared: the later challenge
-- names the one whose code was mailed.

-- +goose Up

ALTER TABLE challenges ADD COLUMN code_of TEXT NOT NULL DEFAULT '';

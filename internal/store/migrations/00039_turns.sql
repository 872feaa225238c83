-- Rows that transactions wait for one another at, where what they count is not
-- a row that both could lock. at only makes the row a changed one.

-- +goose Up

CREATE TABLE turns (
    name TEXT   NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL
);

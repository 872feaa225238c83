-- Goods of an order that came back and stand on the shelf again: each of them once,
-- however often that is said.

-- +goose Up

CREATE TABLE restocks (
    variant  TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    at       BIGINT NOT NULL,
    PRIMARY KEY (variant, order_id)
);

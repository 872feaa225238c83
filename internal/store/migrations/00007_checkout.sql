-- What the cart and the checkout remember beside the goods: the price that was
-- last shown of each line, what is saved for later, the country of an
-- estimate; a gift, a note to the shop, and a form that is not finished.

-- +goose Up

ALTER TABLE cart_lines ADD COLUMN seen BIGINT NOT NULL DEFAULT -1;
ALTER TABLE cart_lines ADD COLUMN saved BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE carts ADD COLUMN estimate TEXT NOT NULL DEFAULT '';
ALTER TABLE carts ADD COLUMN typed BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE carts SET typed = country <> '';
ALTER TABLE cart_details ADD COLUMN order_note BYTEA;
ALTER TABLE cart_details ADD COLUMN gift_name BYTEA;
ALTER TABLE cart_details ADD COLUMN gift_message BYTEA;
ALTER TABLE cart_details ADD COLUMN draft BYTEA;
ALTER TABLE order_details ADD COLUMN order_note BYTEA;
ALTER TABLE order_details ADD COLUMN gift_name BYTEA;
ALTER TABLE order_details ADD COLUMN gift_message BYTEA;

-- Where on the internet the picture of a collection is found; it is fetched and
-- drawn anew like those of products.

-- +goose Up

ALTER TABLE collections ADD COLUMN picture_source TEXT NOT NULL DEFAULT '';

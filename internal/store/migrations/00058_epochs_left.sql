-- left_at: nothing is sealed under the epoch any more. Whoever still does fails,
-- learns of the newer one and seals under that.

-- +goose Up

ALTER TABLE epochs ADD COLUMN left_at BIGINT NOT NULL DEFAULT 0;

-- An import finds a product that was renamed by the SKUs of its variants.

-- +goose Up

CREATE INDEX variants_by_sku ON variants (sku) WHERE sku <> '';

-- What a variant is beside its price: how it is taxed, whether a parcel brings
-- it, and how much is in it.

-- +goose Up

ALTER TABLE variants ADD COLUMN tax_class TEXT NOT NULL DEFAULT '';
ALTER TABLE variants ADD COLUMN virtual BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE variants ADD COLUMN measure BIGINT NOT NULL DEFAULT 0 CHECK (measure >= 0);
ALTER TABLE variants ADD COLUMN measure_unit TEXT NOT NULL DEFAULT '';
ALTER TABLE variants ADD COLUMN base BIGINT NOT NULL DEFAULT 0 CHECK (base >= 0);
ALTER TABLE variants ADD COLUMN base_unit TEXT NOT NULL DEFAULT '';

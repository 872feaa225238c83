-- What is known of each epoch beside its key, which is never here. mark tells
-- whether two key stores mean the same key by a number.
--
-- emptied_at: no living dossier needed it any more. closed_at: it was decided
-- that its key goes. gone_at: the key store has forgotten it.

-- +goose Up

CREATE TABLE epochs (
    id         BIGINT NOT NULL PRIMARY KEY,
    mark       BYTEA  NOT NULL,
    begun_at   BIGINT NOT NULL,
    emptied_at BIGINT NOT NULL DEFAULT 0,
    closed_at  BIGINT NOT NULL DEFAULT 0,
    gone_at    BIGINT NOT NULL DEFAULT 0,
    CHECK (gone_at = 0 OR closed_at > 0)
);

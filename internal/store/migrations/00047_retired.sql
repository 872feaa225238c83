-- Wraps of dossiers whose values were sealed anew under another. A data part of
-- before names the old dossier, so its wrap is kept for as long as backups are, in
-- key parts too. It ends with the dossier that took its place, whose subject, case
-- and purpose it has. Without its wrap the row stays as long as that one: it tells
-- that both were destroyed.
--
-- left_at is when the last value had left; 0 while some are still under it.

-- +goose Up

CREATE TABLE retired (
    subject    TEXT   NOT NULL,
    case_id    TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    epoch      BIGINT NOT NULL DEFAULT 0,
    wrap       BYTEA,
    retired_at BIGINT NOT NULL,
    left_at    BIGINT NOT NULL,
    PRIMARY KEY (subject, case_id, purpose, id)
);
CREATE INDEX retired_by_id ON retired (id);
CREATE INDEX retired_by_time ON retired (left_at) WHERE wrap IS NOT NULL;

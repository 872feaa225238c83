-- A legal hold keeps a dossier past its end date, and from being erased, until
-- the hold ends or is lifted. One act may hold several dossiers of a subject:
-- they share its id. What was typed as the reason is sealed.
--
-- held_until is when the last of a dossier's holds ends, 0 without one. It stands
-- with the dossier itself, so that destroying and holding wait for each other at
-- one row.

-- +goose Up

ALTER TABLE dossiers ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;

-- What is due of a purpose, and what was destroyed just now, is found in the
-- indexes alone.
DROP INDEX dossiers_due;
CREATE INDEX dossiers_due ON dossiers (purpose, destroy_after, held_until) WHERE state = 'open';
DROP INDEX dossiers_gone;
CREATE INDEX dossiers_gone ON dossiers (destroyed_at, purpose) WHERE state = 'destroyed';

CREATE TABLE legal_holds (
    owner     TEXT   NOT NULL,
    dossier   TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    reason    BYTEA,
    actor     TEXT   NOT NULL,
    made_at   BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL CHECK (ends_at > made_at),
    lifted_at BIGINT NOT NULL DEFAULT 0,
    lifted_by TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (owner, dossier, id)
);

-- Re-wrapping writes every living row anew. With room beside it PostgreSQL leaves
-- the indexes alone; without, the table would grow as large by the first time.
-- only: postgres
ALTER TABLE dossiers SET (fillfactor = 50);
-- only: both

-- What is due is found, and all that live are counted, in the index alone: also
-- whether a dossier lives is read there.

-- +goose Up

DROP INDEX dossiers_due;
CREATE INDEX dossiers_due ON dossiers (purpose, destroy_after, held_until, state) WHERE state <> 'destroyed';

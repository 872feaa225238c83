-- Somebody wants to look at what law or a legal hold keeps of a case that is shut
-- otherwise: why, who let them, and when they were shown it. The reason is sealed.
-- An empty purpose is all of the case that is kept.

-- +goose Up

CREATE TABLE openings (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    case_id    TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    reason     BYTEA,
    asked_by   TEXT   NOT NULL,
    allowed_by TEXT   NOT NULL DEFAULT '',
    asked_at   BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    shown_at   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, id)
);
CREATE INDEX openings_by_id ON openings (id);

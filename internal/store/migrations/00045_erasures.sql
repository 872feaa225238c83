-- What a person wished to be gone: the erasure journal, the requests that a
-- person has made, and what tells "erased" from "never was here".

-- +goose Up

-- Written with the destruction itself, and taken into the journal by one job.
CREATE TABLE erasures_due (
    owner   TEXT   NOT NULL,
    dossier TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (owner, dossier)
);

-- Ids of dossiers and times only, numbered from 1 and chained by link.
CREATE TABLE erasures (
    number  BIGINT NOT NULL PRIMARY KEY,
    dossier TEXT   NOT NULL UNIQUE,
    at      BIGINT NOT NULL,
    link    BYTEA  NOT NULL
);
CREATE INDEX erasures_by_time ON erasures (at);

-- owner is the reference that the person gets. tail is the number in the journal
-- that every copy must have reached; everywhere_at is when they had.
CREATE TABLE requests (
    owner         TEXT   NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL CHECK (kind IN ('erase', 'restrict')),
    state         TEXT   NOT NULL CHECK (state IN ('waiting', 'running', 'held', 'done', 'stopped')),
    asked_by      TEXT   NOT NULL,
    allowed_by    TEXT   NOT NULL,
    shred         BOOLEAN NOT NULL,
    asked_at      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    done_at       BIGINT NOT NULL,
    tail          BIGINT NOT NULL,
    everywhere_at BIGINT NOT NULL,
    email         BYTEA,
    receipt       TEXT   NOT NULL
);
CREATE INDEX requests_open ON requests (due_at) WHERE state IN ('waiting', 'running', 'held');

-- Whose dossiers a request is about, until it is done.
CREATE TABLE request_subjects (
    owner   TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (owner, subject)
);

-- A keyed hash of the e-mail, so that the shop can answer "erased" and not "never
-- here"; it has an end of its own.
CREATE TABLE forgotten (
    mac      BYTEA  NOT NULL,
    request  TEXT   NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (mac, request)
);
CREATE INDEX forgotten_by_end ON forgotten (until_at);

-- What was restricted ends on its day as well.
DROP INDEX dossiers_due;
CREATE INDEX dossiers_due ON dossiers (purpose, destroy_after, held_until) WHERE state <> 'destroyed';

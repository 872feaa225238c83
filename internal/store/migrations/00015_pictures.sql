-- What became of pictures on other hosts: drawn anew, in several widths. A
-- source is fetched once, however many products show it.

-- +goose Up

CREATE TABLE renditions (
    hash   TEXT   NOT NULL,
    width  BIGINT NOT NULL CHECK (width > 0),
    height BIGINT NOT NULL CHECK (height > 0),
    type   TEXT   NOT NULL,
    body   BYTEA  NOT NULL,
    PRIMARY KEY (hash, width)
);

CREATE TABLE fetched (
    source TEXT   NOT NULL PRIMARY KEY,
    hash   TEXT   NOT NULL,
    type   TEXT   NOT NULL,
    sizes  TEXT   NOT NULL,
    at     BIGINT NOT NULL
);
CREATE INDEX fetched_by_hash ON fetched (hash);
CREATE INDEX pictures_by_source ON pictures (source);

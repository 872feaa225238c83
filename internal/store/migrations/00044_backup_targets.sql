-- What is known of each place that the shop brings its backups to by itself.
-- target is where it is, without what opens it. failure is empty when the last
-- try went well.
--
-- Of several nodes the one that holds the lease makes the backup; when it dies,
-- the lease ends by itself.

-- +goose Up

CREATE TABLE backup_targets (
    target      TEXT   NOT NULL PRIMARY KEY,
    tried_at    BIGINT NOT NULL DEFAULT 0,
    made_at     BIGINT NOT NULL DEFAULT 0,
    part        TEXT   NOT NULL DEFAULT '',
    failure     TEXT   NOT NULL DEFAULT '',
    failing     BIGINT NOT NULL DEFAULT 0,
    lease       TEXT   NOT NULL DEFAULT '',
    lease_until BIGINT NOT NULL DEFAULT 0
);

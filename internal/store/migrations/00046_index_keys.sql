-- Keys of blind indexes can be replaced. While one replaces another both live,
-- and each hash stands there under both.
--
-- filled_at: what was there before it began has its hashes too. left_at: it is not
-- used any more. gone_at: no hash of it is left, and the key is destroyed. stage,
-- after_subject and after_id say how far the filling has come, done how many
-- values that were.

-- +goose Up

CREATE TABLE index_keys (
    version       BIGINT NOT NULL PRIMARY KEY,
    begun_at      BIGINT NOT NULL,
    filled_at     BIGINT NOT NULL DEFAULT 0,
    left_at       BIGINT NOT NULL DEFAULT 0,
    gone_at       BIGINT NOT NULL DEFAULT 0,
    stage         BIGINT NOT NULL DEFAULT 0,
    after_subject TEXT   NOT NULL DEFAULT '',
    after_id      TEXT   NOT NULL DEFAULT '',
    done          BIGINT NOT NULL DEFAULT 0,
    CHECK (gone_at = 0 OR left_at > 0)
);
INSERT INTO index_keys (version, begun_at, filled_at)
    SELECT 1, d.created_at, d.created_at FROM dossiers d JOIN settings s ON s.name = 'shop.id' AND s.value = d.subject
    WHERE d.purpose = 'shop' AND d.case_id = 'index';

-- 0 is the version of what is no hash: order numbers.
ALTER TABLE directory ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
UPDATE directory SET version = 1 WHERE kind <> 'order';

-- A column for the keys with odd versions and one for those with even ones: of
-- two keys that live at a time each has its own.
ALTER TABLE code_uses ADD COLUMN customer_even BYTEA;
CREATE INDEX code_uses_by_customer_even ON code_uses (code, customer_even) WHERE customer_even IS NOT NULL;

ALTER TABLE wishes RENAME TO old_wishes;
CREATE TABLE wishes (
    owner          TEXT   NOT NULL PRIMARY KEY,
    variant        TEXT   NOT NULL,
    email          BYTEA,
    email_mac      BYTEA,
    email_mac_even BYTEA,
    made_at        BIGINT NOT NULL
);
INSERT INTO wishes (owner, variant, email, email_mac, made_at)
    SELECT owner, variant, email, CASE WHEN length(email_mac) > 0 THEN email_mac END, made_at FROM old_wishes;
DROP TABLE old_wishes;
CREATE INDEX wishes_waiting ON wishes (variant, made_at);
CREATE INDEX wishes_by_email ON wishes (email_mac) WHERE email_mac IS NOT NULL;
CREATE INDEX wishes_by_email_even ON wishes (email_mac_even) WHERE email_mac_even IS NOT NULL;

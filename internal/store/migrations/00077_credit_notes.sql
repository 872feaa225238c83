-- Each time money goes back the invoice has a credit note of its own, beside the entry
-- of the tax journal that says how much. Entry 0 takes all of the invoice back: of an
-- order that the journal never knew, or given before parts had papers.

-- +goose Up

CREATE TABLE papers (
    owner     TEXT   NOT NULL,
    order_id  TEXT   NOT NULL,
    kind      TEXT   NOT NULL CHECK (kind IN ('invoice', 'credit')),
    entry     BIGINT NOT NULL CHECK (entry >= 0 AND (kind = 'credit' OR entry = 0)),
    series    TEXT   NOT NULL,
    number    BIGINT NOT NULL CHECK (number > 0),
    issued_at BIGINT NOT NULL,
    seller    TEXT   NOT NULL,
    PRIMARY KEY (owner, order_id, kind, entry)
);
INSERT INTO papers (owner, order_id, kind, entry, series, number, issued_at, seller)
    SELECT owner, order_id, kind, 0, series, number, issued_at, seller FROM invoices;
DROP TABLE invoices;
ALTER TABLE papers RENAME TO invoices;
CREATE INDEX invoices_by_number ON invoices (series, number);

-- only: sqlite
-- +goose StatementBegin
CREATE TRIGGER invoices_fixed BEFORE UPDATE ON invoices BEGIN SELECT RAISE(ABORT, 'an invoice cannot be changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER invoices_stay BEFORE DELETE ON invoices BEGIN SELECT RAISE(ABORT, 'an invoice cannot be removed'); END;
-- +goose StatementEnd
-- only: postgres
CREATE TRIGGER invoices_fixed BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION invoices_guard();
-- only: both

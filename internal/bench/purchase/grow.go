package purchase

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the engines, by their drivers' names
	_ "modernc.org/sqlite"
)

// growStep is how many customers one transaction makes.
const growStep = 50_000

// Grow fills the database of a shop with n customers who bought one thing each
// in the past: every table that grows with them gets rows of the usual size,
// and one in twelve still has a cart. Their sealed values are random bytes, and
// their events carry numbers far beyond the tree: nobody opens or verifies
// them. The shop must be idle.
func Grow(ctx context.Context, database string, n int) (err error) {
	driver, words := "sqlite", onSQLite
	if strings.Contains(database, "://") {
		driver, words = "pgx", onPostgres
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, s := range words.before {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("grow: %w", err)
		}
	}
	for from := 1; from <= n; from += growStep {
		if err := growBy(ctx, db, words, from, min(from+growStep-1, n)); err != nil {
			return fmt.Errorf("grow: %w", err)
		}
	}
	for _, s := range words.after {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("grow: %w", err)
		}
	}
	return nil
}

// growBy makes the customers first to last.
func growBy(ctx context.Context, db *sql.DB, words dialect, first, last int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	series := fmt.Sprintf(words.series, first, last)
	for _, s := range rowsOfCustomers {
		if _, err := tx.ExecContext(ctx, words.fit.Replace(strings.ReplaceAll(s, "{series}", series))); err != nil {
			return errors.Join(fmt.Errorf("%.60s: %w", s, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// dialect is what the two engines say differently.
type dialect struct {
	before, after []string
	series        string            // a table g with one column n
	fit           *strings.Replacer // {id X} an id, {bytes N} random bytes
}

var onSQLite = dialect{
	before: []string{"PRAGMA busy_timeout = 5000", "PRAGMA cache_size = -400000", "PRAGMA synchronous = OFF"},
	after:  []string{"PRAGMA wal_checkpoint(TRUNCATE)", "ANALYZE"},
	series: "(WITH RECURSIVE g (n) AS (SELECT %d UNION ALL SELECT n + 1 FROM g WHERE n < %d) SELECT n FROM g) AS g",
	fit: strings.NewReplacer("{owner}", uuidSQLite("0190"), "{order}", uuidSQLite("0191"), "{dossier}", uuidSQLite("0192"),
		"{payment}", uuidSQLite("0193"), "{event}", uuidSQLite("0194"),
		"{16}", "randomblob(16)", "{32}", "randomblob(32)", "{64}", "randomblob(64)", "{97}", "randomblob(97)", "{109}", "randomblob(109)", "{173}", "randomblob(173)",
		"{text}", "hex(randomblob(5))", "{key}", "randomblob(10)"),
}

func uuidSQLite(start string) string {
	return "('" + start + "' || printf('%04x-%04x-7000-8000-%012x', n / 65536, n % 65536, n))"
}

var onPostgres = dialect{
	after:  []string{"VACUUM ANALYZE"},
	series: "(SELECT n FROM generate_series(%d, %d) AS s (n)) AS g",
	fit: strings.NewReplacer("{owner}", uuidPostgres("0190"), "{order}", uuidPostgres("0191"), "{dossier}", uuidPostgres("0192"),
		"{payment}", uuidPostgres("0193"), "{event}", uuidPostgres("0194"),
		"{16}", bytesPostgres(1), "{32}", bytesPostgres(2), "{64}", bytesPostgres(4), "{97}", bytesPostgres(6), "{109}", bytesPostgres(7), "{173}", bytesPostgres(11),
		"{text}", "substr(md5(random()::text), 1, 10)", "{key}", "decode(substr(md5(random()::text), 1, 20), 'hex')"),
}

func uuidPostgres(start string) string {
	return "('" + start + "' || lpad(to_hex(n / 65536), 4, '0') || '-' || lpad(to_hex(n % 65536), 4, '0') || '-7000-8000-' || lpad(to_hex(n), 12, '0'))"
}

func bytesPostgres(blocks int) string {
	parts := make([]string, blocks)
	for i := range parts {
		parts[i] = "decode(md5(random()::text), 'hex')"
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// A year ago and ten years on, in milliseconds: nothing generated falls due.
const (
	longAgo = "(1763000000000 + n)"
	farOff  = "(2079000000000 + n)"
)

// rowsOfCustomers are the rows of {series}, table by table.
var rowsOfCustomers = []string{
	`INSERT INTO carts (owner, token_mac, state, order_id, country, shipping_method, complete, quoted, created_at, updated_at, expires_at)
		SELECT {owner}, {32}, 'ordered', {order}, 'DE', 'standard', TRUE, 4990, ` + longAgo + `, ` + longAgo + `, ` + farOff + ` FROM {series} WHERE n % 12 = 0`,
	`INSERT INTO cart_lines (owner, id, variant, quantity, added_at)
		SELECT {owner}, {payment}, (SELECT max(id) FROM variants), 1, ` + longAgo + ` FROM {series} WHERE n % 12 = 0`,
	`INSERT INTO orders (owner, id, number, cart, status, currency, country, items, discount, shipping, tax, total, tax_included, shipping_method, payment_method, placed_at, hold_until, updated_at)
		SELECT {owner}, {order}, {text}, {owner}, 'delivered', 'EUR', 'DE', 4500, 0, 490, 797, 4990, TRUE, 'standard', 'bank', ` + longAgo + `, ` + longAgo + `, ` + longAgo + ` FROM {series}`,
	`INSERT INTO order_lines (owner, order_id, position, variant, handle, title, sku, quantity, unit_price, total, tax, tax_rate)
		SELECT {owner}, {order}, 0, v.id, 'thing', 'A thing that was bought', 'SKU-1', 1, 4500, 4500, 718, 190000 FROM {series}, (SELECT max(id) AS id FROM variants) AS v`,
	`INSERT INTO order_details (owner, order_id, email, name, ship_to, phone, note, invoice_name, bill_to)
		SELECT {owner}, {order}, {109}, {109}, {173}, NULL, NULL, {109}, {173} FROM {series}`,
	`INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after)
		SELECT {owner}, {dossier}, p.purpose, {order}, 'open', 1, {97}, ` + longAgo + `, ` + farOff + ` FROM {series}, (SELECT 'fulfilment' AS purpose UNION ALL SELECT 'invoicing' UNION ALL SELECT 'payment') AS p`,
	`INSERT INTO identities (hash, field, version, subject, dossier) SELECT {16}, 'identities.email', 1, {owner}, {dossier} FROM {series}`,
	`INSERT INTO directory (kind, key, owner, id) SELECT 'order', {key}, {owner}, {order} FROM {series}`,
	`INSERT INTO directory (kind, key, owner, id) SELECT 'provider', {16}, {owner}, {payment} FROM {series}`,
	`INSERT INTO payments (owner, id, order_id, attempt, provider, status, amount, currency, provider_ref, pay_url, opened_at, expires_at, updated_at)
		SELECT {owner}, {payment}, {order}, 1, 'bank', 'approved', 4990, 'EUR', {109}, {109}, ` + longAgo + `, ` + longAgo + `, ` + longAgo + ` FROM {series}`,
	`INSERT INTO events (owner, id, at, action, actor, subject, object, detail, salts, idx)
		SELECT {owner}, {event} || k.k, ` + longAgo + `, 'order.paid', 'provider:bank', {owner}, {order}, '', {64}, 1000000000000 + n * 4 + k.k
		FROM {series}, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS k`,
	`INSERT INTO leaves (idx, leaf, owner, event) SELECT 1000000000000 + n * 4 + k.k, {173}, {owner}, {event} || k.k
		FROM {series}, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS k`,
}

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Reception takes the rows of a backup into a database that has none yet. All of
// it is one transaction: what is cut short leaves an empty schema.
//
// The restored shop has an id of its own, so whatever the old shop owned itself
// (its secrets, its goods, the events that are about nobody) changes its owner.
type Reception struct {
	db      *DB
	ctx     context.Context
	conn    *sql.Conn
	old     string // the id of the shop that the backup is of
	live    map[string][]string
	yesno   map[string]bool // "table.column" of PostgreSQL's booleans
	table   string
	columns []string
	change  func([]any)
	insert  driver.Stmt // on SQLite
	named   []driver.NamedValue
	waiting [][]any // on PostgreSQL
	bytes   int
}

// ErrNotEmpty means that a restore was to go into a database that has tables.
var ErrNotEmpty = errors.New("the database is not empty; a restore needs an empty one")

// ErrNewerSchema means a backup that a newer Cartkeep has made.
var ErrNewerSchema = errors.New("a newer Cartkeep has made this backup")

// Receive opens an empty database, gives it the schema that the backup was made
// with and lets fn fill it. [Open] brings the schema up to date.
func Receive(ctx context.Context, c Config, old string, schema int64, fn func(*Reception) error) (err error) {
	e, err := engineFor(c.Database)
	if err != nil {
		return err
	}
	db := &DB{engine: e, shop: c.ShopID, clock: time.Now, log: c.Log}
	if err := db.connect(ctx, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	live, err := db.columns(ctx)
	if err != nil {
		return err
	}
	if len(live) > 0 {
		return ErrNotEmpty
	}
	if err := db.mark(ctx); err != nil {
		return err
	}
	if err := db.migrateTo(ctx, schema); err != nil {
		return err
	}
	r := &Reception{db: db, ctx: ctx, old: old}
	pool := db.pool
	if e == onSQLite {
		if err := db.writer.lend(); err != nil {
			return err
		}
		defer db.writer.takeBack(ctx)
		pool = db.writer.pool
	}
	if r.conn, err = pool.Conn(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.conn.Close()) }()
	if err := r.begin(); err != nil {
		return err
	}
	if err := fn(r); err != nil {
		_, undo := r.conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return errors.Join(err, undo)
	}
	if e == onPostgres {
		if _, err := r.conn.ExecContext(ctx, `DROP TABLE restoring`); err != nil {
			return fmt.Errorf("end the restore: %w", err)
		}
	}
	_, err = r.conn.ExecContext(ctx, `COMMIT`)
	return err
}

// mark says in a PostgreSQL database, before anything else is in it, for which
// shop it is being filled: nothing but that is ever wiped.
func (db *DB) mark(ctx context.Context) error {
	if db.engine == onSQLite {
		return nil // its file lies in a folder that is thrown away
	}
	_, err := db.pool.ExecContext(ctx, `CREATE TABLE restoring AS SELECT CAST($1 AS TEXT) AS shop`, db.shop)
	if err != nil {
		return fmt.Errorf("begin to restore: %w", withoutSecrets(err))
	}
	return nil
}

// marked tells whether a database is being filled for this shop, or was.
func (db *DB) marked(ctx context.Context) bool {
	var of string
	for _, query := range []string{`SELECT shop FROM restoring`, `SELECT value FROM settings WHERE name = 'shop.id'`} {
		if err := db.pool.QueryRowContext(ctx, query).Scan(&of); err == nil && of == db.shop {
			return true
		}
	}
	return false
}

func (r *Reception) begin() (err error) {
	if r.live, err = r.db.columns(r.ctx); err != nil {
		return err
	}
	r.yesno = map[string]bool{}
	if r.db.engine == onPostgres {
		rows, err := r.conn.QueryContext(r.ctx, `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'boolean'`)
		if err != nil {
			return fmt.Errorf("read the schema: %w", err)
		}
		list, err := readColumns(rows)
		if err != nil {
			return fmt.Errorf("read the schema: %w", err)
		}
		for table, columns := range list {
			for _, c := range columns {
				r.yesno[table+"."+c] = true
			}
		}
	}
	for _, query := range []string{`BEGIN`, `CREATE TEMPORARY TABLE listed (subject TEXT NOT NULL, id TEXT NOT NULL PRIMARY KEY, purpose TEXT NOT NULL, case_id TEXT NOT NULL,
		state TEXT NOT NULL, created_at BIGINT NOT NULL, destroy_after BIGINT NOT NULL, destroyed_at BIGINT)`} {
		if _, err := r.conn.ExecContext(r.ctx, query); err != nil {
			return fmt.Errorf("begin to restore: %w", err)
		}
	}
	return nil
}

// Begin says which table the next rows are of. Names that the schema does not
// have are refused. The dossiers of a data part are only noted: their keys come
// from a key part, by [Reception.Keys].
func (r *Reception) Begin(table string, columns []string) error {
	if err := r.End(); err != nil {
		return err
	}
	live, ok := r.live[table]
	if !ok || personal.NotInBackups()[table]["*"] != "" {
		return fmt.Errorf("the backup holds a table that does not belong there: %q", table)
	}
	for _, c := range columns {
		if !slices.Contains(live, c) {
			return fmt.Errorf("the backup holds a column that does not belong there: %q.%q", table, c)
		}
	}
	into := table
	columns = slices.Clone(columns)
	at := func(c string) int { return slices.Index(columns, c) }
	r.change = func([]any) {}
	switch table {
	case "dossiers":
		into = "listed"
		r.change = r.adopt(at("subject"))
	case "secrets":
		r.change = r.adopt(at("subject"))
	case "settings":
		name, value := at("name"), at("value")
		r.change = func(row []any) {
			if row[name] == "shop.id" {
				row[value] = r.db.shop
			}
		}
	case "tree":
		origin := at("origin")
		r.change = func(row []any) { row[origin] = ledgerOrigin(r.db.shop) }
	default:
		if i := at("owner"); i >= 0 {
			r.change = r.adopt(i)
		}
	}
	if table == "wishes" && slices.Contains(live, "email_mac") {
		columns = append(columns, "email_mac") // until Reindex
	}
	if into == table { // what a migration has put there
		if _, err := r.conn.ExecContext(r.ctx, `DELETE FROM `+table); err != nil {
			return fmt.Errorf("make room in %s: %w", table, err)
		}
	}
	return r.open(into, columns)
}

// adopt makes the new shop the owner of what was the old one's.
func (r *Reception) adopt(i int) func([]any) {
	return func(row []any) {
		if i >= 0 && row[i] == r.old {
			row[i] = r.db.shop
		}
	}
}

// Keys says that the next rows are dossiers with their wraps, in the order of
// [KeyTable], already under the new shop's epoch and of their new owner.
func (r *Reception) Keys() error {
	if err := r.End(); err != nil {
		return err
	}
	r.change = func([]any) {}
	return r.open("dossiers", dossierColumns)
}

func (r *Reception) open(table string, columns []string) (err error) {
	r.table, r.columns = table, columns
	if r.db.engine == onSQLite {
		err = r.conn.Raw(func(c any) (err error) {
			r.insert, err = c.(driver.ConnPrepareContext).PrepareContext(r.ctx, `INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES `+marks(0, len(columns)))
			return err
		})
		r.named = make([]driver.NamedValue, len(columns))
		for i := range r.named {
			r.named[i].Ordinal = i + 1
		}
	}
	return err
}

// copyBytes bounds what is held before it goes to PostgreSQL.
const copyBytes = 4 << 20

// Row keeps a row of the table that was begun.
func (r *Reception) Row(values []any) error {
	if r.table == "" {
		return errors.New("a row of no table")
	}
	row := make([]any, len(r.columns))
	copy(row, values)
	if len(values) < len(row) {
		row[len(values)] = []byte{} // the one column that Begin adds
	}
	r.change(row)
	if r.insert != nil {
		return r.put(row)
	}
	for i, v := range row {
		if n, ok := v.(int64); ok && r.yesno[r.table+"."+r.columns[i]] {
			row[i] = n != 0
		}
		switch v := v.(type) {
		case string:
			r.bytes += len(v)
		case []byte:
			r.bytes += len(v)
		}
		r.bytes += 16
	}
	r.waiting = append(r.waiting, row)
	if r.bytes < copyBytes {
		return nil
	}
	return r.flush()
}

// put inserts a row into SQLite. The driver would start a goroutine for each row
// to hear of the context's end, so it is asked here.
func (r *Reception) put(row []any) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for i, v := range row {
		r.named[i].Value = v
	}
	err := r.conn.Raw(func(any) error {
		_, err := r.insert.(driver.StmtExecContext).ExecContext(context.WithoutCancel(r.ctx), r.named)
		return err
	})
	if err != nil {
		return fmt.Errorf("restore %s: %w", r.table, err)
	}
	return nil
}

func (r *Reception) flush() error {
	if len(r.waiting) == 0 {
		return nil
	}
	err := r.conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(r.ctx, pgx.Identifier{r.table}, r.columns, pgx.CopyFromRows(r.waiting))
		return err
	})
	r.waiting, r.bytes = r.waiting[:0], 0
	if err != nil {
		return fmt.Errorf("restore %s: %w", r.table, withoutSecrets(err))
	}
	return nil
}

// End finishes the table that was begun.
func (r *Reception) End() error {
	err := r.flush()
	if r.insert != nil {
		err = errors.Join(err, r.conn.Raw(func(any) error { return r.insert.Close() }))
	}
	r.table, r.insert = "", nil
	return err
}

// Unpaired is a dossier that the data part has values of.
type Unpaired struct {
	Owner                 seal.Owner
	Created, DestroyAfter int64
}

// Pair throws away the keys that nothing in the data part belongs to and returns
// the dossiers that have no key: nothing says that they were destroyed, and
// still there is none.
func (r *Reception) Pair() ([]Unpaired, error) {
	if err := r.End(); err != nil {
		return nil, err
	}
	const same = `l.subject = d.subject AND l.case_id = d.case_id AND l.purpose = d.purpose AND l.id = d.id`
	queries := []string{
		`DELETE FROM dossiers WHERE id NOT IN (SELECT id FROM listed)`,
		// Of what was destroyed before, the newer part may have forgotten it by now.
		`INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after, destroyed_at)
			SELECT subject, id, purpose, case_id, 'destroyed', 0, NULL, created_at, destroy_after, destroyed_at FROM listed l
			WHERE state = 'destroyed' AND NOT EXISTS (SELECT 1 FROM dossiers d WHERE ` + same + `)`,
	}
	if _, ok := r.live["legal_holds"]; ok {
		queries = append(queries, `UPDATE dossiers SET held_until = `+heldUntil+` WHERE state <> 'destroyed' AND id IN (SELECT dossier FROM legal_holds)`)
	}
	for _, query := range queries {
		if _, err := r.conn.ExecContext(r.ctx, query); err != nil {
			return nil, fmt.Errorf("pair the parts: %w", err)
		}
	}
	rows, err := r.conn.QueryContext(r.ctx, `SELECT subject, id, purpose, case_id, created_at, destroy_after FROM listed l
		WHERE NOT EXISTS (SELECT 1 FROM dossiers d WHERE `+same+`) ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("pair the parts: %w", err)
	}
	defer rows.Close()
	var out []Unpaired
	for rows.Next() {
		var u Unpaired
		if err := rows.Scan(&u.Owner.Subject, &u.Owner.Dossier, &u.Owner.Purpose, &u.Owner.Case, &u.Created, &u.DestroyAfter); err != nil {
			return nil, fmt.Errorf("pair the parts: %w", err)
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

// TreeSize returns how many events the received ledger has numbered.
func (r *Reception) TreeSize() (size int64, err error) {
	if err := r.conn.QueryRowContext(r.ctx, `SELECT size FROM tree WHERE id = 1`).Scan(&size); err != nil {
		return 0, fmt.Errorf("read the ledger's size: %w", err)
	}
	return size, nil
}

// Wipe empties a PostgreSQL database in which a restore for this shop was cut
// short. Any other database is left as it is, which is no error.
func Wipe(ctx context.Context, database, shop string) (err error) {
	e, err := engineFor(database)
	if err != nil || e != onPostgres {
		return errors.Join(err, errors.New("only a PostgreSQL database is wiped"))
	}
	db := &DB{engine: e, shop: shop, clock: time.Now}
	if err := db.connect(ctx, Config{Database: database}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.pool.Close()) }()
	if !db.marked(ctx) {
		return nil
	}
	live, err := db.columns(ctx)
	if err != nil {
		return err
	}
	var names []string
	for name := range live {
		names = append(names, pgx.Identifier{name}.Sanitize())
	}
	if _, err := db.pool.ExecContext(ctx, `DROP TABLE `+strings.Join(names, ", ")+` CASCADE`); err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	rows, err := db.pool.QueryContext(ctx, `SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = current_schema() AND p.proname LIKE '%\_guard'`)
	if err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	guards, err := column[string](rows)
	for _, g := range guards {
		_, drop := db.pool.ExecContext(ctx, `DROP FUNCTION `+pgx.Identifier{g}.Sanitize())
		err = errors.Join(err, drop)
	}
	return err
}

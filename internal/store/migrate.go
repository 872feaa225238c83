package store

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrForeign means the database belongs to another shop, or to a newer Cartkeep.
var ErrForeign = errors.New("this database belongs to another shop")

// migrate brings the schema forward. Migrations are embedded, go forward only
// and are not edited once released.
func (db *DB) migrate(ctx context.Context) error { return db.migrateTo(ctx, 0) }

// migrateTo brings the schema forward to a version; 0 is the newest.
func (db *DB) migrateTo(ctx context.Context, version int64) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	dialect, pool := goose.DialectPostgres, db.pool
	if db.engine == onSQLite {
		dialect, pool = goose.DialectSQLite3, db.writer.pool
		// goose needs the one writing connection for itself.
		if err := db.writer.lend(); err != nil {
			return err
		}
		defer db.writer.takeBack(ctx)
	}
	versions, err := database.NewStore(dialect, "schema_migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectCustom, pool, translated{dir, db.engine}, goose.WithStore(versions))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	list := p.ListSources()
	if newest := list[len(list)-1].Version; version > newest {
		return ErrNewerSchema
	} else if version == 0 {
		version = newest
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}

// checkOwner refuses a database that another shop has made, before anything in
// it is changed.
func (db *DB) checkOwner(ctx context.Context) error {
	var owner string
	err := db.pool.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'shop.id'`).Scan(&owner)
	if err != nil || owner == db.shop {
		return nil // no such table yet, or ours
	}
	return ErrForeign
}

// translated hands goose the migrations in the engine's dialect.
type translated struct {
	fs.FS
	engine engine
}

// Open implements fs.FS.
func (t translated) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	text := t.engine.dialect(b.String())
	return &textFile{bytes.NewReader([]byte(text)), textInfo{info, int64(len(text))}}, f.Close()
}

type textFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }

type textInfo struct {
	fs.FileInfo
	size int64
}

func (i textInfo) Size() int64 { return i.size }

// lend gives the writing connection back to its pool, so that a migration can
// use it; takeBack fetches it again. No transaction runs meanwhile: the store
// is not open yet.
func (w *writer) lend() error { return w.conn.Close() }

func (w *writer) takeBack(ctx context.Context) {
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		w.fail.Store(&err)
		return
	}
	w.conn = conn
	w.q = prepared{&stmtCache{prepare: conn.PrepareContext}}
}

// litestreams are the columns of the two tables that Litestream makes in a database
// that it copies, to hold the lock while it reads: no value of anybody's gets into them.
const litestreams = `'_litestream_seq.id', '_litestream_seq.seq', '_litestream_lock.id'`

// columns lists the live schema: table → columns. What an extension of
// PostgreSQL brought, such as its statistics, is no table of ours, nor is what
// Litestream keeps; a column that is more than that is told.
func (db *DB) columns(ctx context.Context) (map[string][]string, error) {
	query := `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
		AND NOT (c.type = 'INTEGER' AND m.name || '.' || c.name IN (` + litestreams + `)) ORDER BY 1, 2`
	if db.engine == onPostgres {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()
			AND NOT EXISTS (SELECT 1 FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND n.nspname = table_schema AND c.relname = table_name)
			ORDER BY 1, 2`
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rows, err := db.pool.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return readColumns(rows)
}

func readColumns(rows rows) (map[string][]string, error) {
	defer rows.Close()
	out := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		out[table] = append(out[table], column)
	}
	return out, rows.Err()
}

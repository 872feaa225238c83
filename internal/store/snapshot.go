package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// Snapshot is one moment of the database, for a backup. It stands on a
// connection of its own, so that a long backup takes none from those who serve.
//
// On SQLite it is a read transaction: writers go on beside it, in the
// write-ahead log. That file grows meanwhile, and Scrub waits for the end; a copy
// of the whole file (VACUUM INTO) would let go sooner, but would put wraps and
// values side by side on the disk once more. On PostgreSQL it is a transaction
// that is REPEATABLE READ, READ ONLY; dead rows stay until it ends.
type Snapshot struct {
	db   *DB
	ctx  context.Context
	conn *sql.Conn
}

// Table is a table of a snapshot, with those of its columns that a backup holds.
type Table struct {
	Name    string
	Columns []string
	where   string
}

// Snapshot calls fn with the database as it is now.
func (db *DB) Snapshot(ctx context.Context, fn func(*Snapshot) error) (err error) {
	db.reading.RLock()
	defer db.reading.RUnlock()
	pool, begin := db.pool, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	if db.engine == onSQLite {
		begin = `BEGIN`
		if pool, err = sql.Open("sqlite", db.source); err != nil {
			return fmt.Errorf("open snapshot: %w", err)
		}
		defer func() { err = errors.Join(err, pool.Close()) }()
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open snapshot: %w", withoutSecrets(err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("open snapshot: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
	s := &Snapshot{db, ctx, conn}
	// SQLite's snapshot is taken by the first read, not by BEGIN.
	if _, err := s.Schema(); err != nil {
		return err
	}
	return fn(s)
}

// Schema is the number of the newest migration that this snapshot has seen.
func (s *Snapshot) Schema() (version int64, err error) {
	if err := s.conn.QueryRowContext(s.ctx, `SELECT max(version_id) FROM schema_migrations`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}

// Tables lists what the data part of a backup holds, so that a table comes after
// those that it refers to. Dossiers are among them without their wraps: who
// restores has to know which keys belong there, to tell which are lost.
func (s *Snapshot) Tables() ([]Table, error) {
	live, err := s.db.columns(s.ctx)
	if err != nil {
		return nil, err
	}
	names, err := s.parentsFirst(live)
	if err != nil {
		return nil, err
	}
	left := leftOut()
	var out []Table
	for _, name := range names {
		if left[name+".*"] {
			continue
		}
		t := Table{Name: name}
		if name == "directory" {
			t.where = ` WHERE kind = '` + dirOrder + `'` // the other kinds are blind indexes
		}
		for _, c := range live[name] {
			if !left[name+"."+c] {
				t.Columns = append(t.Columns, c)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// leftOut names the columns that no data part holds.
func leftOut() map[string]bool {
	out := map[string]bool{}
	for table, columns := range personal.NotInBackups() {
		for c := range columns {
			out[table+"."+c] = true
		}
	}
	for _, f := range personal.All() {
		if f.Kind == personal.Index && f.Table != "directory" {
			out[f.Name()] = true
		}
	}
	return out
}

// parentsFirst sorts tables so that each comes after those it refers to.
func (s *Snapshot) parentsFirst(live map[string][]string) ([]string, error) {
	query := `SELECT m.name, f."table" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	if s.db.engine == onPostgres {
		query = `SELECT c.relname, p.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = current_schema()`
	}
	rows, err := s.conn.QueryContext(s.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	parents, err := readColumns(rows)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	var names, out []string
	for name := range live {
		names = append(names, name)
	}
	sort.Strings(names)
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, p := range parents[name] {
			visit(p)
		}
		out = append(out, name)
	}
	for _, name := range names {
		visit(name)
	}
	return out, nil
}

// KeyTable is what a key part holds: every dossier with its wrap, and what is
// left of those that were destroyed.
func KeyTable() Table { return Table{Name: "dossiers", Columns: slices.Clone(dossierColumns)} }

// JournalTable is the erasure journal, which every key part holds too, in order.
func JournalTable() Table {
	return Table{Name: "erasures", Columns: []string{"number", "dossier", "at", "link"}, where: " ORDER BY number"}
}

var dossierColumns = []string{"subject", "id", "purpose", "case_id", "state", "epoch", "wrap", "created_at", "destroy_after", "destroyed_at"}

// Rows calls each with every row of a table: nil, int64, string or []byte, which
// mean the same on both engines. The slice is used again for the next row, and
// what is in it is good until then: rows come straight from the driver, since
// copying each value first takes a third of the time.
func (s *Snapshot) Rows(t Table, each func([]any) error) error {
	return s.conn.Raw(func(c any) (err error) {
		rows, err := c.(driver.QueryerContext).QueryContext(s.ctx, `SELECT `+strings.Join(t.Columns, ", ")+` FROM `+t.Name+t.where, nil)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.Name, withoutSecrets(err))
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		read, values := make([]driver.Value, len(t.Columns)), make([]any, len(t.Columns))
		for {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			if err := rows.Next(read); err == io.EOF {
				return nil
			} else if err != nil {
				return fmt.Errorf("read %s: %w", t.Name, withoutSecrets(err))
			}
			for i, v := range read {
				if b, ok := v.(bool); ok {
					v = int64(0)
					if b {
						v = int64(1)
					}
				}
				values[i] = v
			}
			if err := each(values); err != nil {
				return err
			}
		}
	})
}

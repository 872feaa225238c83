package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// snapshotLasts is SnapshotLasts but in tests.
var snapshotLasts = SnapshotLasts

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
	conn bulk
}

// Table is a table of a snapshot, with those of its columns that a backup holds.
type Table struct {
	Name    string
	Columns []string
	where   string
}

// SnapshotLasts bounds how long a snapshot is read. While it is, SQLite's log grows,
// PostgreSQL keeps every dead row, and who was erased waits for their receipt.
const SnapshotLasts = time.Hour

// ErrSnapshotTooLong means that a snapshot was given up, since others wait for its
// end.
var ErrSnapshotTooLong = errors.New("reading the database took too long: erasures wait for its end. Is the place slow, or the way there?")

// Snapshot calls fn with the database as it is now. It is given up once it has
// lasted too long: ErrSnapshotTooLong.
func (db *DB) Snapshot(ctx context.Context, fn func(*Snapshot) error) (err error) {
	ctx, over := context.WithTimeoutCause(ctx, snapshotLasts, ErrSnapshotTooLong)
	defer over()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), ErrSnapshotTooLong) {
			err = fmt.Errorf("%w (%v)", ErrSnapshotTooLong, snapshotLasts)
		}
	}()
	end, err := db.beginReading(ctx)
	if err != nil {
		return err
	}
	defer end()
	conn, err := db.readBulk(ctx)
	if err != nil {
		return fmt.Errorf("open snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	begin := `BEGIN`
	if db.engine == onPostgres {
		begin += ` ISOLATION LEVEL REPEATABLE READ READ ONLY`
	}
	if err := conn.exec(begin); err != nil {
		return fmt.Errorf("open snapshot: %w", err)
	}
	s := &Snapshot{db, ctx, conn}
	// SQLite's snapshot is taken by the first read, not by BEGIN.
	if _, err := s.Schema(); err != nil {
		return err
	}
	return fn(s)
}

// Schema is the number of the newest migration that this snapshot has seen.
func (s *Snapshot) Schema() (version int64, err error) {
	if version, err = oneNumber(s.conn, `SELECT max(version_id) FROM schema_migrations`); err != nil {
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
		if name == "retired" {
			t.where = ` WHERE left_at = 0` // values of the others are in older parts alone
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
		query = `SELECT CAST(c.relname AS TEXT), CAST(p.relname AS TEXT) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = current_schema()`
	}
	parents := map[string][]string{}
	err := s.conn.read(query, func(v []Value) error {
		parents[string(v[0].Raw)] = append(parents[string(v[0].Raw)], string(v[1].Raw))
		return nil
	})
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
// left of those that were destroyed. Retired wraps are among them under the ids
// that older data parts know; each lives and ends with what took its place.
func KeyTable() Table {
	return Table{Name: "dossiers", Columns: slices.Clone(dossierColumns), where: ` UNION ALL
		SELECT r.subject, r.id, r.purpose, r.case_id, d.state, r.epoch, CASE WHEN d.state = 'destroyed' THEN NULL ELSE r.wrap END, d.created_at, d.destroy_after, d.destroyed_at
		FROM retired r JOIN dossiers d ON d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose WHERE r.wrap IS NOT NULL OR d.state = 'destroyed'`}
}

// JournalTable is the erasure journal, which every key part holds too, in order.
func JournalTable() Table {
	return Table{Name: "erasures", Columns: []string{"number", "dossier", "at", "link"}, where: " ORDER BY number"}
}

var dossierColumns = []string{"subject", "id", "purpose", "case_id", "state", "epoch", "wrap", "created_at", "destroy_after", "destroyed_at"}

// Rows calls each with every row of a table, whose values mean the same on both
// engines. The slice and what is in it are good until the next row.
func (s *Snapshot) Rows(t Table, each func([]Value) error) error {
	err := s.conn.read(`SELECT `+strings.Join(t.Columns, ", ")+` FROM `+t.Name+t.where, each)
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Name, err)
	}
	return nil
}

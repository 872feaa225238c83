package store

import (
	"context"
	"database/sql"
	"time"
)

// SetSnapshotLasts makes snapshots end earlier, and returns what puts that right.
func SetSnapshotLasts(d time.Duration) (back func()) {
	snapshotLasts = d
	return func() { snapshotLasts = SnapshotLasts }
}

// Exec runs a statement in a test's transaction.
func (t *Tx) Exec(query string, args ...any) (int64, error) { return t.exec(query, args...) }

// Row asks for one row in a test's look or transaction.
func (v *View) Row(query string, args ...any) interface{ Scan(...any) error } {
	return v.row(query, args...)
}

// Standing shows tests how Destroy finds the rows of a table with sealed values, and
// what their values are bound to.
func Standing(table string) (by, row string, ours bool) {
	s := standings()[table]
	return s.by, s.row, s.ours
}

// StandingTables lists the tables that Destroy knows.
func StandingTables() (out []string) {
	for table := range standings() {
		out = append(out, table)
	}
	return out
}

// Waiting tells how many transactions wait for SQLite's writer.
func (db *DB) Waiting() int { return len(db.writer.queue) }

// WaitsForTheDisk tells whether the COMMIT of this transaction, on SQLite the writer's
// next, would wait for the disk. It is for the inside of a transaction, where nobody
// else asks SQLite's writer.
func (t *Tx) WaitsForTheDisk() (bool, error) {
	if t.db.engine == onPostgres {
		var level string
		err := t.row(`SELECT current_setting('synchronous_commit')`).Scan(&level)
		return level == "on", err
	}
	var level int64
	err := t.row(`PRAGMA synchronous`).Scan(&level)
	return level == 2, err
}

// Twin shows tests a value's hashes under the living index keys.
func (v *View) Twin(field, value string) (odd, even []byte, err error) { return v.twin(field, value) }

// Pragmas tells how SQLite's connections are set: the writer's, then the readers', who
// are all asked at the same time, so that it is each of them.
func (db *DB) Pragmas(ctx context.Context, names ...string) ([]map[string]string, error) {
	conns := []*sql.Conn{db.writer.conn}
	for range readers {
		c, err := db.pool.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		conns = append(conns, c)
	}
	var out []map[string]string
	for _, c := range conns {
		set := map[string]string{}
		for _, name := range names {
			var value string
			if err := c.QueryRowContext(ctx, `PRAGMA `+name).Scan(&value); err != nil {
				return nil, err
			}
			set[name] = value
		}
		out = append(out, set)
	}
	return out, nil
}

// NewEnough shows tests which versions of PostgreSQL are refused.
func NewEnough(version int64) error { return newEnough(version) }

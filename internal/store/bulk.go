package store

import (
	"context"
	"database/sql"
)

// bulk is one connection for rows by the million, which backups read and restores
// write. It goes past database/sql: what that makes of each value on its way costs
// several times what the engines themselves take.
type bulk interface {
	// exec carries out a statement without an answer.
	exec(query string) error
	// read calls each with every row of the answer. The slice and what is in it are
	// good until the next row.
	read(query string, each func([]Value) error) error
	// into begins to write rows of a table.
	into(table string, columns []string) (sink, error)
	// close ends a transaction that is open without keeping it.
	close() error
}

// sink takes rows of one table.
type sink interface {
	row([]Value) error
	// flush sends what waits.
	flush() error
	// end lets go of the table.
	end() error
}

// readBulk opens a connection that only reads.
func (db *DB) readBulk(ctx context.Context) (bulk, error) {
	if db.engine == onSQLite {
		return openLite(ctx, db.path, liteReads)
	}
	return openCopying(ctx, db.pool)
}

// writeBulk opens a connection that fills a database which nobody else uses.
// SQLite's file is closed for everybody else then.
func (db *DB) writeBulk(ctx context.Context, scratch bool) (bulk, error) {
	if db.engine == onPostgres {
		return openCopying(ctx, db.pool)
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	pragmas := liteFills + liteKept
	if scratch {
		pragmas = liteFills + liteScratch
	}
	return openLite(ctx, db.path, pragmas)
}

// oneNumber reads an answer of one number.
func oneNumber(b bulk, query string) (n int64, err error) {
	found := false
	err = b.read(query, func(v []Value) error {
		n, found = v[0].Int, true
		return nil
	})
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	return n, err
}

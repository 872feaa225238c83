package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// A database that is being filled has two tables more, which go last:
//
//	restoring         one row: for which shop, with which backup, how far it is
//	restoring_listed  the dossiers that the data part has values of
//
// Only what says in restoring that it is for the same shop is gone on with, or
// wiped.
const listed = "restoring_listed"

// ErrAnother means that what an earlier try has left is of another backup.
var ErrAnother = errors.New("what an earlier try has left there is of another backup")

// ErrWhole means that a database is filled already, to the end.
var ErrWhole = errors.New("the database is restored already")

// Mark is a place in a data part: after how many of its rows, and the digest of
// everything up to there.
type Mark struct {
	Rows int64
	Sum  string
}

// received is how far an earlier try came.
type received struct {
	Mark
	paired string // the digest of what the newest key part held, once paired
	report string // what pairing told
}

// beginReceiving makes the tables of a restore, or looks whether those of an earlier
// try are for the same shop and backup, and whether that had paired the parts.
func (db *DB) beginReceiving(ctx context.Context, from Arrival) (paired bool, err error) {
	live, err := db.columns(ctx)
	if err != nil {
		return false, err
	}
	if len(live) == 0 {
		_, err := db.writes().ExecContext(ctx, `CREATE TABLE restoring AS SELECT CAST($1 AS TEXT) AS shop, CAST($2 AS TEXT) AS backup,
			CAST(0 AS BIGINT) AS received, CAST('' AS TEXT) AS sum, CAST(0 AS BIGINT) AS tree, CAST('' AS TEXT) AS paired, CAST('' AS TEXT) AS report`, db.shop, from.Backup)
		if err != nil {
			return false, fmt.Errorf("begin to restore: %w", withoutSecrets(err))
		}
	} else if live["restoring"] == nil {
		if db.marked(ctx) {
			return false, ErrWhole
		}
		return false, ErrNotEmpty
	}
	var shop, backup string
	err = db.pool.QueryRowContext(ctx, `SELECT shop, backup, paired <> '' FROM restoring`).Scan(&shop, &backup, &paired)
	if err != nil {
		return false, fmt.Errorf("begin to restore: %w", withoutSecrets(err))
	}
	if shop != db.shop {
		return false, ErrNotEmpty
	}
	if backup != from.Backup {
		return false, ErrAnother
	}
	_, err = db.writes().ExecContext(ctx, `CREATE TABLE IF NOT EXISTS `+listed+` (subject TEXT NOT NULL, id TEXT NOT NULL PRIMARY KEY, purpose TEXT NOT NULL, case_id TEXT NOT NULL,
		state TEXT NOT NULL, created_at BIGINT NOT NULL, destroy_after BIGINT NOT NULL, destroyed_at BIGINT)`)
	if err != nil {
		return false, fmt.Errorf("begin to restore: %w", withoutSecrets(err))
	}
	return paired, nil
}

// writes carries out statements of a database that is not open to anybody yet.
func (db *DB) writes() interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
} {
	if db.engine == onSQLite {
		return db.writer.conn
	}
	return db.pool
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

// look reads how far an earlier try came.
func (r *Reception) look() error {
	return r.conn.read(`SELECT received, sum, paired, report FROM restoring`, func(v []Value) error {
		r.before = received{Mark{v[0].Int, string(v[1].Raw)}, string(v[2].Raw), string(v[3].Raw)}
		return nil
	})
}

// Kept is how far an earlier try came with the data part.
func (r *Reception) Kept() Mark { return r.before.Mark }

// Keep keeps the rows so far, whatever happens next.
func (r *Reception) Keep(m Mark) error {
	if r.scratch {
		return nil
	}
	if r.sink != nil {
		if err := r.sink.flush(); err != nil {
			return fmt.Errorf("restore %s: %w", r.table, err)
		}
	}
	if err := r.do(fmt.Sprintf(`UPDATE restoring SET received = %d, sum = '%s'`, m.Rows, sqlText(m.Sum))); err != nil {
		return err
	}
	if err := r.do(`COMMIT`); err != nil {
		return err
	}
	return r.begin()
}

// sqlText is a text between the quotes of a statement that takes no parameters.
func sqlText(s string) string { return strings.ReplaceAll(s, "'", "''") }

// Paired tells what an earlier try has paired the data part with, and what it said
// of that. Nothing of either part is to be brought in again then.
func (r *Reception) Paired() (keys, report string, ok bool) {
	return r.before.paired, r.before.report, r.before.paired != ""
}

// SetPaired keeps that every dossier has its key, or none, and ends the receiving.
func (r *Reception) SetPaired(keys, report string) error {
	if err := r.End(); err != nil {
		return err
	}
	return r.do(fmt.Sprintf(`UPDATE restoring SET paired = '%s', report = '%s', tree = (SELECT size FROM tree WHERE id = 1)`, sqlText(keys), sqlText(report)))
}

// Received tells how many events the received ledger had numbered.
func (db *DB) Received(ctx context.Context) (tree int64, err error) {
	if err := db.pool.QueryRowContext(ctx, `SELECT tree FROM restoring`).Scan(&tree); err != nil {
		return 0, fmt.Errorf("read the ledger's size: %w", withoutSecrets(err))
	}
	return tree, nil
}

// EndReceiving takes the tables of a restore away: the shop is whole.
func (db *DB) EndReceiving(ctx context.Context) error {
	return db.InTx(ctx, ledger.System("restore"), func(t *Tx) error {
		for _, table := range []string{listed, "restoring"} {
			if _, err := t.exec(`DROP TABLE ` + table); err != nil {
				return fmt.Errorf("end the restore: %w", err)
			}
		}
		return nil
	})
}

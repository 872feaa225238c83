package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// scrubPatience bounds how long Scrub waits for readers; they read for at most
// five seconds.
const scrubPatience = 10 * time.Second

// scrubSetting remembers that keys were destroyed which may still be read in the
// files. Whoever is cut off between destroying and scrubbing leaves it behind.
const scrubSetting = "scrub.due"

// scrubLater notes, with what it destroys, that the files are to be scrubbed.
func (t *Tx) scrubLater() error {
	return t.later("note that the files are to be scrubbed", nil, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, scrubSetting, NewID())
}

// ScrubDue scrubs where that was noted and not done yet.
func (db *DB) ScrubDue(ctx context.Context) error {
	var note string
	err := db.View(ctx, func(v *View) error {
		return v.row(`SELECT value FROM settings WHERE name = $1`, scrubSetting).Scan(&note)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask whether the files are to be scrubbed: %w", err)
	}
	if err := db.Scrub(ctx); err != nil {
		return err
	}
	return db.InTx(ctx, ledger.System("scrub"), func(t *Tx) error {
		_, err := t.exec(`DELETE FROM settings WHERE name = $1 AND value = $2`, scrubSetting, note) // a later one stays
		return err
	})
}

var errBusy = errors.New("readers hold on to the write-ahead log")

// Ease moves what was written into SQLite's main file, beside those who write:
// after much writing the next COMMIT would do that, and hold them all up.
func (db *DB) Ease(ctx context.Context) error {
	if db.engine == onPostgres {
		return nil
	}
	var busy, pages, moved int64
	if err := db.pool.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("write the log back: %w", err)
	}
	return nil
}

// Scrub makes destroyed keys unreadable in the database's own files too. On
// SQLite the write-ahead log still holds the pages as they were before, so it
// is written back and cut to nothing; secure_delete has zeroed the main file.
// On PostgreSQL the dead rows of the dossiers and of retired wraps go. Copies that others have made
// (a WAL archive, a snapshot, a replica's disk) are beyond its reach: they end
// with the epoch. It is not for the inside of a transaction.
//
// It waits for backups, which read for as long as they take: on SQLite trying
// meanwhile would hold up everybody who writes, and on PostgreSQL it would leave
// the rows that the backup's snapshot still sees.
func (db *DB) Scrub(ctx context.Context) error { return db.ScrubWithin(ctx, 0) }

// ErrReads means that the files could not be scrubbed yet, since a backup reads the
// database.
var ErrReads = errors.New("a backup is reading the database, and what was destroyed stays in its files until that has ended")

// ScrubWithin is Scrub for who has somebody waiting: it waits so long for a backup
// and no longer, and then returns ErrReads. Zero is for as long as it takes.
func (db *DB) ScrubWithin(ctx context.Context, patience time.Duration) error {
	end, err := db.awaitReaders(ctx, patience)
	if err != nil {
		return err
	}
	defer end()
	if db.engine == onPostgres {
		if _, err := db.pool.ExecContext(ctx, `VACUUM dossiers, retired`); err != nil {
			return fmt.Errorf("vacuum dossiers: %w", err)
		}
		return nil
	}
	for over := time.Now().Add(scrubPatience); ; {
		var busy, pages, moved int64
		err := db.pool.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
		if err == nil && busy != 0 {
			err = errBusy
		}
		if err == nil {
			return nil
		}
		if time.Now().After(over) || ctx.Err() != nil {
			return fmt.Errorf("truncate the write-ahead log: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

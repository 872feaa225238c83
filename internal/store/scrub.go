package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// scrubPatience bounds how long Scrub waits for readers; they read for at most
// five seconds.
const scrubPatience = 10 * time.Second

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
func (db *DB) Scrub(ctx context.Context) error {
	for !db.reading.TryLock() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	defer db.reading.Unlock()
	if db.engine == onPostgres {
		if _, err := db.pool.ExecContext(ctx, `VACUUM dossiers, retired`); err != nil {
			return fmt.Errorf("vacuum dossiers: %w", err)
		}
		return nil
	}
	for end := time.Now().Add(scrubPatience); ; {
		var busy, pages, moved int64
		err := db.pool.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
		if err == nil && busy != 0 {
			err = errBusy
		}
		if err == nil {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("truncate the write-ahead log: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

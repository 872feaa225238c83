package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A backup reads, and whoever scrubs waits for its end. In one process that is a
// lock of this package. On PostgreSQL the backup may be another node's: there an
// advisory lock stands beside it, which ends with the transaction that took it,
// however that ends. That transaction has read nothing, so it keeps no dead row.
const readingLock = `hashtext('cartkeep reads'), hashtext(current_schema())`

// beginReading holds scrubbing up until end is called. It waits for one that goes on.
func (db *DB) beginReading(ctx context.Context) (end func(), err error) {
	db.reading.RLock()
	if db.engine == onSQLite {
		return db.reading.RUnlock, nil
	}
	tx, err := db.beginLock(ctx)
	if err == nil {
		if _, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared(`+readingLock+`)`); err != nil {
			tx.Rollback()
		}
	}
	if err != nil {
		db.reading.RUnlock()
		return nil, fmt.Errorf("wait for a scrub: %w", withoutSecrets(err))
	}
	return func() { tx.Rollback(); db.reading.RUnlock() }, nil
}

// beginLock begins a transaction for a lock alone. Doing nothing is what it is for.
func (db *DB) beginLock(ctx context.Context) (*sql.Tx, error) {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// awaitReaders waits until no backup reads, on any node, and lets none begin until
// end is called. With patience it waits no longer than that, and then returns
// ErrReads.
func (db *DB) awaitReaders(ctx context.Context, patience time.Duration) (end func(), err error) {
	for over := time.Now().Add(patience); ; {
		if end, err = db.tryReaders(ctx); err != nil || end != nil {
			return end, err
		}
		if patience > 0 && time.Now().After(over) {
			return nil, ErrReads
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tryReaders is awaitReaders without the waiting; end is nil while a backup reads.
func (db *DB) tryReaders(ctx context.Context) (end func(), err error) {
	if !db.reading.TryLock() {
		return nil, nil
	}
	if db.engine == onSQLite {
		return db.reading.Unlock, nil
	}
	tx, err := db.beginLock(ctx)
	free := false
	if err == nil {
		if err = tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock(`+readingLock+`)`).Scan(&free); err != nil || !free {
			tx.Rollback()
		}
	}
	if err != nil || !free {
		db.reading.Unlock()
		if err != nil {
			err = fmt.Errorf("look for backups: %w", withoutSecrets(err))
		}
		return nil, err
	}
	return func() { tx.Rollback(); db.reading.Unlock() }, nil
}

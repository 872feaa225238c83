package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cartkeep/cartkeep/internal/seal"
)

// Of several nodes one begins an epoch and leaves those before it, and the others
// find out by failing: one meets a wrap under an epoch that it does not know, or has
// made one under an epoch that was left. Nothing is kept then. The node asks the key
// store and does the same again.

// ReloadEvery bounds how often this makes us ask the key store: who can write in
// the database must not make it busy.
const ReloadEvery = 2 * time.Second

// catching is how a node catches up with others.
type catching struct {
	mu    sync.Mutex
	times int64     // it has caught up
	at    time.Time // when it last tried to
}

// stand is where a node stood when it began something.
type stand struct {
	times   int64
	sealing seal.EpochID
}

func (db *DB) stands() stand {
	db.catching.mu.Lock()
	defer db.catching.mu.Unlock()
	return stand{db.catching.times, db.ring.Sealing()}
}

// knowing does something again when it failed because another node has gone on to
// a newer epoch.
func (db *DB) knowing(ctx context.Context, do func() error) error {
	if db.ring == nil {
		return do()
	}
	for try := 0; ; try++ {
		stood := db.stands()
		err := do()
		left := usedLeft(err)
		unknown := try == 0 && errors.Is(err, seal.ErrEpochUnknown)
		if !left && !unknown || try == leftMost {
			return err
		}
		caught, failed := db.catchUp(ctx, stood, left)
		if failed != nil || !caught {
			return errors.Join(err, failed)
		}
	}
}

// leftMost is how often in a row something may meet that its epoch was left, while
// this node goes on to the next: who turns keys several times in a breath must not
// lose an order.
const leftMost = 8

// catchUp reads the key store again, and with meet uses the newest epoch from now
// on. It reports whether that was done since the caller began, by whomever: of many
// who fail at once one asks.
func (db *DB) catchUp(ctx context.Context, stood stand, meet bool) (bool, error) {
	c := &db.catching
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times != stood.times || db.ring.Sealing() != stood.sealing {
		return true, nil
	}
	if time.Since(c.at) < ReloadEvery {
		return false, nil
	}
	c.at = time.Now()
	err := db.ring.Reload(ctx)
	if err == nil && meet {
		err = db.MeetEpochs(ctx)
	}
	if err != nil {
		return false, err
	}
	c.times++
	return true, nil
}

// usedLeft reports that a wrap was to be kept that was made under an epoch which
// was left: see usable.
func usedLeft(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23502" && pg.ColumnName == "epoch"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code() == sqlite3.SQLITE_CONSTRAINT_NOTNULL && strings.Contains(lite.Error(), ".epoch")
}

// Package store keeps everything that outlives a request: one SQL text on
// SQLite and PostgreSQL.
//
// Every change happens in InTx, which knows who acts and what time it is;
// changing methods exist on *Tx alone, reading ones on *View. Personal values
// go in and out through the declared fields of package personal, under the
// dossier of their purpose, so this package can't store one in the clear. The
// event of an act is written in the act's own transaction.
//
// The package knows rows. It does not know rules: which change is wise is for
// checkout and its neighbours to say. engine.go holds all that differs between
// the engines; start reading there, then at dossiers.go, carts.go and orders.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Config is what a store needs.
type Config struct {
	// Database is a postgres:// URL, or the path of an SQLite file.
	Database string
	// Ring holds the epoch keys. Nil opens a store that can't read a dossier;
	// ledger verification needs no more.
	Ring *seal.Ring
	// ShopID names the shop: subject of its own dossiers and origin of its ledger.
	ShopID string
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// Log gets counts, ids and durations; nil discards.
	Log *slog.Logger
	// Scratch says that the database is thrown away afterwards: on SQLite nothing
	// of it waits for the disk, and nothing deleted is overwritten.
	Scratch bool
	// Unprotected keeps values and events out of the way so that a benchmark
	// can measure what protection costs. Only the benchmark sets it: no
	// setting and no flag leads here.
	Unprotected bool
}

// DB is an open store. Its methods may be called from many goroutines.
type DB struct {
	engine   engine
	pool     *sql.DB // readers on SQLite, everything on PostgreSQL
	path     string  // of SQLite's file
	writer   *writer // SQLite alone
	stmts    *stmtCache
	ring     *seal.Ring
	shop     string
	clock    func() time.Time
	log      *slog.Logger
	plain    bool
	scratch  bool
	keys     Keys
	index    keyCache
	snap     settingsCache
	cards    cards
	count    atomic.Int64 // statements run, for the benchmark
	reading  sync.RWMutex // held for reading by snapshots, for writing by Scrub
	catching catching     // up with other nodes
	tampered suspects
	limits   limitCache
	holders  holdCache
	closing  sync.Once
	closed   error
}

// NewID returns a time-ordered random id (UUIDv7, RFC 9562) in text form.
func NewID() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The random source of the process is gone: nothing safe can follow.
		panic("no randomness: " + err.Error())
	}
	return id.String()
}

// Open opens the database, brings its schema up to date, checks every column
// against the register and loads (or makes) the shop's own secrets.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e, err := engineFor(c.Database)
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, ring: c.Ring, shop: c.ShopID, clock: c.Clock, log: c.Log, plain: c.Unprotected, scratch: c.Scratch}
	if err := db.connect(ctx, c); err != nil {
		return nil, err
	}
	if err := db.ready(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) ready(ctx context.Context) error {
	if err := db.checkOwner(ctx); err != nil {
		return err
	}
	if err := db.checkKeys(ctx); err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := db.checkRegister(ctx); err != nil {
		return err
	}
	// Nothing is sealed, the shop's own secrets included, under an epoch that nobody
	// took note of.
	if err := db.MeetEpochs(ctx); err != nil {
		return err
	}
	return db.loadKeys(ctx)
}

// Close ends the writer after the work it has accepted, closes every connection
// and wipes the shop's secrets. Nothing uses the store any more then.
func (db *DB) Close() error {
	db.closing.Do(func() {
		var err error
		if db.writer != nil {
			err = db.writer.close()
		}
		if db.stmts != nil {
			db.stmts.close()
		}
		db.closed = errors.Join(err, db.pool.Close())
		db.keys.forget()
		db.index.keep(nil)
	})
	return db.closed
}

// Now returns the store's time in UTC, in whole milliseconds: what rows keep.
func (db *DB) Now() time.Time { return db.clock().UTC().Truncate(time.Millisecond) }

// ShopID returns the shop's id, which is also the subject of its own dossiers.
func (db *DB) ShopID() string { return db.shop }

// Statements returns how many SQL statements ran since the store was opened.
func (db *DB) Statements() int64 { return db.count.Load() }

// Healthy tells whether the store can serve: it answers a read, and its writer lives.
func (db *DB) Healthy(ctx context.Context) error {
	if db.writer != nil {
		if err := db.writer.broken(); err != nil {
			return err
		}
	}
	return db.View(ctx, func(v *View) error {
		var one int64
		return v.row(`SELECT id FROM tree WHERE id = 1`).Scan(&one)
	})
}

// View is a look at the store. It lives for one call of DB.View or DB.InTx.
type View struct {
	db      *DB
	ctx     context.Context
	q       querier
	now     time.Time
	folders map[string]*folder // dossiers opened in this transaction
	locking bool               // rows read for a change are locked where the engine does so
	index   indexKeys          // the living index keys, once they were asked for
	asked   []int64            // and their versions
}

// Tx is a transaction: a View that can change things.
type Tx struct {
	View
	actor  ledger.Actor
	events []ledger.Event // of this transaction, written at its end
	change int64          // its number among the changes of the catalogue; 0 for none yet

	limitKeys *limitKeys // that it has read or made; nil while nobody asked
	holdKeys  *holdKeys  // the same
}

// Actor returns who acts in this transaction.
func (t *Tx) Actor() ledger.Actor { return t.actor }

// Now returns the one time of this transaction or look.
func (v *View) Now() time.Time { return v.now }

// View calls fn with a look at committed data. fn may run twice: see InTx.
func (db *DB) View(ctx context.Context, fn func(*View) error) error {
	return db.knowing(ctx, func() error { return db.look(ctx, fn) })
}

func (db *DB) look(ctx context.Context, fn func(*View) error) error {
	for {
		again, err := db.lookOnce(ctx, fn)
		if !again {
			return db.engine.explain(err)
		}
	}
}

// lookOnce calls fn with a look. again tells that what fn found is not to be
// relied upon: meanwhile another index key came to live, or one was left.
func (db *DB) lookOnce(ctx context.Context, fn func(*View) error) (again bool, err error) {
	v := &View{db: db, ctx: context.WithoutCancel(ctx), now: db.Now(), q: counted{db.reader(), &db.count}}
	defer v.forget()
	err = fn(v)
	again, stale := v.stale()
	return again && stale == nil, errors.Join(err, stale)
}

// InTx runs fn in a transaction for actor. Everything fn changed is kept when
// it returns nil, and nothing otherwise. fn may run more than once (a lost
// connection, a deadlock, an epoch that another node began), so it must not do network, hashing or waiting, and
// must set what it hands out anew each time.
func (db *DB) InTx(ctx context.Context, actor ledger.Actor, fn func(*Tx) error) error {
	return db.inTx(ctx, actor, fn, false)
}

// InLaggingTx is InTx for work that is found and done again when it is lost: its
// COMMIT does not wait for the disk, and so holds up nobody. The power may go
// before it is there, and take the newest such transactions back; the next COMMIT
// of InTx brings them to the disk with it.
func (db *DB) InLaggingTx(ctx context.Context, actor ledger.Actor, fn func(*Tx) error) error {
	return db.inTx(ctx, actor, fn, true)
}

func (db *DB) inTx(ctx context.Context, actor ledger.Actor, fn func(*Tx) error, lags bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var keys *limitKeys // of the run that counts: the last one
	var holders *holdKeys
	work := func(t *Tx) error {
		keys, holders = nil, nil
		err := fn(t)
		keys, holders = t.limitKeys, t.holdKeys
		return err
	}
	err := db.knowing(ctx, func() error { return db.transact(ctx, actor, work, lags) })
	if err == nil && keys != nil {
		db.limits.Store(keys)
	}
	if err == nil && holders != nil {
		db.holders.Store(holders)
	}
	return err
}

// transact is inTx without going on from an epoch that another node began.
func (db *DB) transact(ctx context.Context, actor ledger.Actor, fn func(*Tx) error, lags bool) error {
	if db.writer != nil {
		return db.engine.explain(db.writer.do(ctx, actor, fn, lags))
	}
	return db.engine.explain(db.retrying(ctx, actor, func(t *Tx) error {
		if lags {
			if err := t.later("let the disk lag", nil, `SET LOCAL synchronous_commit TO OFF`); err != nil {
				return err
			}
		}
		return fn(t)
	}))
}

func (db *DB) newTx(ctx context.Context, actor ledger.Actor, q querier) *Tx {
	return &Tx{View: View{db: db, ctx: context.WithoutCancel(ctx), now: db.Now(), q: counted{q, &db.count}, locking: true}, actor: actor}
}

// run calls fn, turns a panic in it into an error and wipes the keys it opened.
func (t *Tx) run(fn func(*Tx) error) (err error) {
	defer t.forget()
	defer func() {
		if r := recover(); r != nil {
			what, where := fault.Caught(r)
			err = fmt.Errorf("panic (%s) in a transaction at %s", what, where)
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	return t.writeEvents()
}

func ms(t time.Time) int64 { return t.UnixMilli() }

func when(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// since is when, with 0 for what has not happened.
func since(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return when(ms)
}

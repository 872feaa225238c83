package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// querier is what a View needs of a connection, a pool or a cache of statements.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (v *View) exec(query string, args ...any) (int64, error) {
	res, err := v.q.ExecContext(v.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (v *View) rows(query string, args ...any) (*sql.Rows, error) {
	return v.q.QueryContext(v.ctx, query, args...)
}

func (v *View) row(query string, args ...any) *sql.Row {
	return v.q.QueryRowContext(v.ctx, query, args...)
}

// counted counts statements for the benchmark that bounds them.
type counted struct {
	querier
	n *atomic.Int64
}

func (c counted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.n.Add(1)
	return c.querier.ExecContext(ctx, query, args...)
}

func (c counted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.n.Add(1)
	return c.querier.QueryContext(ctx, query, args...)
}

func (c counted) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.n.Add(1)
	return c.querier.QueryRowContext(ctx, query, args...)
}

// stmtCache keeps one prepared statement for each SQL text. The texts are this
// package's own; those that grow with lines, words or a batch are bounded by
// the limits on these.
type stmtCache struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	stmts   sync.Map // text → *sql.Stmt
}

func (c *stmtCache) get(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, loaded := c.stmts.LoadOrStore(query, s); loaded {
		s.Close()
		return old.(*sql.Stmt), nil
	}
	return s, nil
}

func (c *stmtCache) close() {
	c.stmts.Range(func(_, s any) bool {
		s.(*sql.Stmt).Close()
		return true
	})
}

// prepared asks through the cache; raw takes what could not be prepared, so
// that its error comes out in the usual place.
type prepared struct {
	cache *stmtCache
	raw   querier
}

func (p prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return p.raw.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

// batchMax bounds how many transactions share one COMMIT, and so how long the
// first of them waits.
const batchMax = 64

// writer is SQLite's one writer. Transactions that arrive while it commits
// are carried out together, each in a savepoint, and share the next fsync
// (group commit). None is answered before that COMMIT.
type writer struct {
	db    *DB
	pool  *sql.DB
	conn  *sql.Conn
	q     prepared
	queue chan *work
	done  chan struct{}
	mu    sync.RWMutex // guards ended against sends on a closed queue
	ended bool
	fail  atomic.Pointer[error]
}

type work struct {
	ctx    context.Context
	actor  ledger.Actor
	fn     func(*Tx) error
	answer chan error
	err    error
}

func newWriter(ctx context.Context, db *DB, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	cache := &stmtCache{prepare: conn.PrepareContext}
	w := &writer{db: db, pool: pool, conn: conn, q: prepared{cache, conn},
		queue: make(chan *work, 4*batchMax), done: make(chan struct{})}
	go w.run()
	return w, nil
}

var errClosed = fault.New(fault.Unavailable, "The shop is closing. Please try again in a minute.")

func (w *writer) do(ctx context.Context, actor ledger.Actor, fn func(*Tx) error) error {
	job := &work{ctx: ctx, actor: actor, fn: fn, answer: make(chan error, 1)}
	w.mu.RLock()
	if w.ended {
		w.mu.RUnlock()
		return errClosed
	}
	w.queue <- job
	w.mu.RUnlock()
	return <-job.answer
}

func (w *writer) run() {
	defer close(w.done)
	for job := range w.queue {
		w.batch(job)
	}
}

// batch carries out first and whatever else is waiting, and commits once.
func (w *writer) batch(first *work) {
	if err := w.broken(); err != nil {
		first.answer <- err
		return
	}
	ctx := context.Background()
	if _, err := w.q.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		first.answer <- fmt.Errorf("begin: %w", err)
		return
	}
	jobs := make([]*work, 0, 8)
	var err error
	for job := first; job != nil; job = w.next(len(jobs)) {
		job.err = w.one(ctx, job)
		jobs = append(jobs, job)
		if errors.Is(job.err, errUndone) {
			// No more in here: a savepoint outside a transaction commits by itself.
			err = fault.Because(fault.Unavailable, "The shop can't save anything right now. Please try again in a minute.", job.err)
			job.err = nil
			w.q.ExecContext(ctx, "ROLLBACK")
			break
		}
	}
	w.db.count.Add(2 + 2*int64(len(jobs))) // begin and commit, and a savepoint for each
	if err == nil {
		err = w.commit(ctx)
	}
	for _, job := range jobs {
		if err != nil && job.err == nil {
			job.err = err
		}
		job.answer <- job.err
	}
}

func (w *writer) commit(ctx context.Context) error {
	_, err := w.q.ExecContext(ctx, "COMMIT")
	if err != nil {
		// What is on disk is unknown after a failed COMMIT or fsync, so nothing
		// more is written; a restart reads the truth from the WAL.
		err = fault.Because(fault.Unavailable, "The shop can't save anything right now.", fmt.Errorf("commit: %w", err))
		w.fail.Store(&err)
		w.q.ExecContext(ctx, "ROLLBACK")
	}
	return err
}

func (w *writer) next(n int) *work {
	if n >= batchMax {
		return nil
	}
	select {
	case job, ok := <-w.queue:
		if ok {
			return job
		}
	default:
	}
	return nil
}

// one carries out a job in a savepoint, which is undone when it fails.
func (w *writer) one(ctx context.Context, job *work) error {
	if err := job.ctx.Err(); err != nil {
		return err
	}
	if _, err := w.q.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return fmt.Errorf("%w: %w", errUndone, err)
	}
	err := w.db.newTx(job.ctx, job.actor, w.q).run(job.fn)
	if err != nil {
		if _, undo := w.q.ExecContext(ctx, "ROLLBACK TO job"); undo != nil {
			return fmt.Errorf("%w: %w: %w", errUndone, undo, err)
		}
	}
	if _, end := w.q.ExecContext(ctx, "RELEASE job"); end != nil && err == nil {
		return fmt.Errorf("%w: %w", errUndone, end)
	}
	return err
}

// errUndone means that SQLite has rolled the whole transaction back by itself,
// as it may when the disk is full, and with it the neighbours' work.
var errUndone = errors.New("the transaction is gone")

func (w *writer) broken() error {
	if err := w.fail.Load(); err != nil {
		return *err
	}
	return nil
}

// close ends the writer once everything accepted is answered.
func (w *writer) close() error {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return nil
	}
	w.ended = true
	close(w.queue)
	w.mu.Unlock()
	<-w.done
	w.q.cache.close()
	return errors.Join(w.conn.Close(), w.pool.Close())
}

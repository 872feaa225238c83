package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// batchMax bounds how many transactions share one COMMIT, and so how long the
// first of them waits.
const batchMax = 64

// writer is SQLite's one writer. Transactions that arrive while it commits
// are carried out together and share the next fsync (group commit). None is
// answered before that COMMIT. When one of them fails after it has changed
// something, all are carried out once more, each in a savepoint.
type writer struct {
	db    *DB
	pool  *sql.DB
	conn  *sql.Conn
	q     prepared
	queue chan *work
	done  chan struct{}
	joint bool         // the batch has several; for the writing goroutine alone
	lags  bool         // COMMIT does not wait for the disk now; for the same
	mu    sync.RWMutex // guards ended against sends on a closed queue
	ended bool
	fail  atomic.Pointer[error]
}

type work struct {
	ctx    context.Context
	actor  ledger.Actor
	fn     func(*Tx) error
	lags   bool // its COMMIT need not wait for the disk
	answer chan error
	err    error
}

func newWriter(ctx context.Context, db *DB, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	cache := &stmtCache{prepare: conn.PrepareContext}
	w := &writer{db: db, pool: pool, conn: conn, q: prepared{cache},
		queue: make(chan *work, 4*batchMax), done: make(chan struct{})}
	go w.run()
	return w, nil
}

var errClosed = fault.New(fault.Unavailable, "The shop is closing. Please try again in a minute.")

func (w *writer) do(ctx context.Context, actor ledger.Actor, fn func(*Tx) error, lags bool) error {
	job := &work{ctx: ctx, actor: actor, fn: fn, lags: lags, answer: make(chan error, 1)}
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

// batch carries out first and whatever else is waiting, and commits once. Work
// whose COMMIT lags is kept short and alone, when it is first: who comes next
// waits for the disk.
func (w *writer) batch(first *work) {
	ctx := context.Background()
	if err := errors.Join(w.broken(), first.ctx.Err(), w.lag(ctx, first.lags)); err != nil {
		first.answer <- err
		return
	}
	if _, err := w.q.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		first.answer <- fmt.Errorf("begin: %w", err)
		return
	}
	w.db.count.Add(2) // begin and the end
	// When the first fails, all there is to undo is its own.
	if _, first.err = w.carryOut(first); first.err != nil {
		w.q.exec(ctx, "ROLLBACK")
		first.answer <- first.err
		return
	}
	jobs := append(make([]*work, 0, 8), first)
	clean := true
	defer func() { w.joint = false }()
	for clean && !w.lags && len(jobs) < batchMax {
		job := w.next()
		if job == nil {
			break
		}
		w.joint = true
		clean, job.err = w.carryOut(job)
		jobs = append(jobs, job)
	}
	var err error
	if !clean {
		w.q.exec(ctx, "ROLLBACK") // SQLite may have done so by itself
		err = w.again(ctx, jobs)
	}
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

// carryOut carries out a job. Most succeed, and of those that are refused most
// are before they have changed anything; clean is false when something has to
// be undone, or SQLite itself may have undone more.
func (w *writer) carryOut(job *work) (clean bool, err error) {
	if err := job.ctx.Err(); err != nil {
		return true, err
	}
	q := &noting{querier: w.q}
	err = w.db.newTx(job.ctx, job.actor, q).run(job.fn)
	var refused *fault.Error
	var engine *sqlite.Error
	return err == nil || !q.changed && errors.As(err, &refused) && !errors.As(err, &engine), err
}

// again carries jobs out from the start, each in a savepoint, which costs two
// statements and a copy of every page that it changes: only what fails is
// undone then.
func (w *writer) again(ctx context.Context, jobs []*work) error {
	if _, err := w.q.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		for _, job := range jobs {
			job.err = nil
		}
		return fmt.Errorf("begin: %w", err)
	}
	w.db.count.Add(2 * int64(len(jobs)))
	for i, job := range jobs {
		if job.err = w.one(ctx, job); errors.Is(job.err, errUndone) {
			// No more in here: a savepoint outside a transaction commits by itself.
			err := fault.Because(fault.Unavailable, "The shop can't save anything right now. Please try again in a minute.", job.err)
			for _, lost := range jobs[i:] {
				lost.err = nil
			}
			w.q.exec(ctx, "ROLLBACK")
			return err
		}
	}
	return nil
}

// noting notes whether anything may have been changed. A change can be asked
// like a question, too (RETURNING): whatever is no SELECT counts.
type noting struct {
	querier
	changed bool
}

func (n *noting) note(query string) { n.changed = n.changed || !strings.HasPrefix(query, "SELECT ") }

func (n *noting) exec(ctx context.Context, query string, args ...any) (int64, error) {
	n.note(query)
	return n.querier.exec(ctx, query, args...)
}

func (n *noting) query(ctx context.Context, query string, args ...any) (rows, error) {
	n.note(query)
	return n.querier.query(ctx, query, args...)
}

func (n *noting) queryRow(ctx context.Context, query string, args ...any) row {
	n.note(query)
	return n.querier.queryRow(ctx, query, args...)
}

func (w *writer) commit(ctx context.Context) error {
	_, err := w.q.exec(ctx, "COMMIT")
	if err != nil {
		// What is on disk is unknown after a failed COMMIT or fsync, so nothing
		// more is written; a restart reads the truth from the WAL.
		err = fault.Because(fault.Unavailable, "The shop can't save anything right now.", fmt.Errorf("commit: %w", err))
		w.fail.Store(&err)
		w.q.exec(ctx, "ROLLBACK")
	}
	return err
}

// lag says whether the next COMMIT may be back before the disk has it. One that
// waits brings all before it to the disk as well.
func (w *writer) lag(ctx context.Context, lags bool) error {
	if w.lags == lags || w.db.scratch {
		return nil
	}
	level := "FULL"
	if lags {
		level = "NORMAL"
	}
	// Not from the cache: SQLite obeys when it reads the statement.
	if _, err := w.conn.ExecContext(ctx, "PRAGMA synchronous = "+level); err != nil {
		return fmt.Errorf("wait for the disk: %w", err)
	}
	w.lags = lags
	return nil
}

// awaited tells the transaction that is being carried out whether another one
// waits for its end: one that comes next, or one of the same batch. Where there
// is no one writer nobody waits.
func (w *writer) awaited() bool { return w != nil && (w.joint || len(w.queue) > 0) }

// next returns a job that waits, or nil.
func (w *writer) next() *work {
	select {
	case job := <-w.queue: // nil once the queue is closed
		return job
	default:
		return nil
	}
}

// one carries out a job in a savepoint, which is undone when it fails.
func (w *writer) one(ctx context.Context, job *work) error {
	if err := job.ctx.Err(); err != nil {
		return err
	}
	if _, err := w.q.exec(ctx, "SAVEPOINT job"); err != nil {
		return fmt.Errorf("%w: %w", errUndone, err)
	}
	err := w.db.newTx(job.ctx, job.actor, w.q).run(job.fn)
	if err != nil {
		if _, undo := w.q.exec(ctx, "ROLLBACK TO job"); undo != nil {
			return fmt.Errorf("%w: %w: %w", errUndone, undo, err)
		}
	}
	if _, end := w.q.exec(ctx, "RELEASE job"); end != nil && err == nil {
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

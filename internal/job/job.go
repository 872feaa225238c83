// Package job carries out work that was put off: single jobs that a
// transaction left behind, and rounds that come again and again.
//
// It knows leases, retries and rhythm. It does not know what the work is:
// checkout and privacy hand it functions. A job carries ids only, so the queue
// is not one more home for personal data.
package job

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	lease    = time.Minute      // how long a job is one worker's; a crash frees it after that
	poll     = time.Second      // how soon another node's job is seen
	atOnce   = 4                // jobs carried out at the same time
	maxPause = 30 * time.Minute // the longest wait between two tries
)

// Handler does one job. It may be called again for the same job after a crash,
// so it must be harmless to repeat.
type Handler func(ctx context.Context, j store.Job) error

// Round is work that comes again.
type Round struct {
	Name  string
	Every time.Duration
	Do    func(ctx context.Context) error
}

// do carries out a round once. A panic in it is a failure like others.
func (r Round) do(ctx context.Context) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return r.Do(ctx)
}

// Runner carries out jobs and rounds until it is closed.
type Runner struct {
	db       *store.DB
	log      *slog.Logger
	handlers map[string]Handler
	rounds   []Round
	wake     chan struct{}
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// New makes a runner that is not started yet.
func New(db *store.DB, log *slog.Logger) *Runner {
	return &Runner{db: db, log: log, handlers: map[string]Handler{}, wake: make(chan struct{}, 1)}
}

// Handle says who does a kind of job. Call it before Start.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Repeat adds a round. Call it before Start.
func (r *Runner) Repeat(round Round) { r.rounds = append(r.rounds, round) }

// Wake makes the runner look for jobs now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Start begins in the background.
func (r *Runner) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	r.done.Go(func() { r.jobs(ctx) })
	for _, round := range r.rounds {
		r.done.Go(func() { r.repeat(ctx, round) })
	}
}

// Close waits for what is under way.
func (r *Runner) Close() {
	if r.stop != nil {
		r.stop()
	}
	r.done.Wait()
}

func (r *Runner) repeat(ctx context.Context, round Round) {
	tick := time.NewTicker(round.Every)
	defer tick.Stop()
	failing := false
	for {
		err := round.do(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			// Once, not every second: a database that is away says so in one line.
			r.log.ErrorContext(ctx, "a round fails", "round", round.Name, "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Runner) jobs(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for r.Drain(ctx) > 0 && ctx.Err() == nil {
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// Drain does the jobs that are due once and returns how many succeeded.
func (r *Runner) Drain(ctx context.Context) int {
	var due []store.Job
	err := r.db.View(ctx, func(v *store.View) (err error) {
		due, err = v.DueJobs(100)
		return err
	})
	if err != nil {
		return 0
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	n := 0
	for _, j := range due {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if r.one(ctx, j) {
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return n
}

var (
	errNoHandler = errors.New("nobody does this kind of job")
	errPanic     = errors.New("panic in the background")
)

func (r *Runner) one(ctx context.Context, j store.Job) bool {
	if ctx.Err() != nil {
		return false
	}
	ours := false
	err := r.db.InTx(ctx, ledger.System("jobs"), func(t *store.Tx) (err error) {
		ours, err = t.Lease(j, lease)
		return err
	})
	if err != nil || !ours {
		return false
	}
	work, cancel := context.WithTimeout(ctx, lease-5*time.Second)
	defer cancel()
	err = r.carryOut(work, j)
	over := forGood(err)
	end := r.db.InTx(context.WithoutCancel(ctx), ledger.System("jobs"), func(t *store.Tx) error {
		if err == nil || over {
			return t.FinishJob(j)
		}
		return t.PostponeJob(j, t.Now().Add(pause(j.Attempts)), kindOf(err))
	})
	switch {
	case over:
		r.log.WarnContext(ctx, "a job was given up", "kind", j.Kind, "job", j.ID, "attempt", j.Attempts+1, "why", kindOf(err))
	case err != nil && ctx.Err() == nil:
		r.log.WarnContext(ctx, "a job has to be tried again", "kind", j.Kind, "job", j.ID, "attempt", j.Attempts+1, "why", kindOf(err))
	}
	return err == nil && end == nil
}

// carryOut does the work. A panic in it is a failure like others: it must not
// end the shop.
func (r *Runner) carryOut(ctx context.Context, j store.Job) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	if h, ok := r.handlers[j.Kind]; ok {
		return h(ctx, j)
	}
	return errNoHandler
}

// pause grows with every try, with some chance in it so that what failed
// together does not come back together.
func pause(attempts int) time.Duration {
	p := min(time.Second<<min(attempts, 12), maxPause)
	return p/2 + rand.N(p/2+1)
}

// named is a failure that has a kind of its own, and may be one for good: a mail
// server that knows no such mailbox will not know it tomorrow.
type named interface {
	error
	Kind() string
	Lasting() bool
}

// forGood reports that trying again is no use.
func forGood(err error) bool {
	f, ok := errors.AsType[named](err)
	return ok && f.Lasting()
}

// kindOf names a failure without its text, which could quote anything.
func kindOf(err error) string {
	if f, ok := errors.AsType[named](err); ok {
		return f.Kind()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "too slow"
	case errors.Is(err, errNoHandler):
		return "no handler"
	case errors.Is(err, errPanic):
		return "panic"
	default:
		return "failed"
	}
}

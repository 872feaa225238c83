package backup

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// RoundEvery is how often the shop asks whether a backup is due.
	RoundEvery = time.Minute
	// lease is how long a place is one node's without a sign of life.
	lease = 5 * time.Minute
	// again is how long after a failure the next try comes.
	again = 15 * time.Minute
	// longWhy bounds what is kept of a failure's text.
	longWhy = 400
)

// ErrUnderWay means that another one is making a backup in the same place.
var ErrUnderWay = errors.New("another backup into this place is under way")

// Routine makes the backups of a shop by itself and deletes those that are past
// the window. Each place has backups of its own, so that one that is away holds
// up no other. What it knows of them stands in the database: of several nodes one
// makes the backup.
type Routine struct {
	DB      *store.DB
	Targets []Target
	Every   time.Duration
	Window  time.Duration
	Pair    func() (*Pair, error)
	More    []age.Recipient
	// Brake tells why nothing may be deleted now, if so: a clock that jumped would
	// make every backup look old.
	Brake func(context.Context) (why string, err error)
	Log   *slog.Logger
}

var system = ledger.System("backups")

// Round makes what is due.
func (r *Routine) Round(ctx context.Context) error {
	var errs []error
	for _, to := range r.Targets {
		if _, err := r.keep(ctx, to, system, r.due); err != nil && !errors.Is(err, ErrUnderWay) {
			errs = append(errs, fmt.Errorf("backup to %s: %w", to, err))
		}
	}
	return errors.Join(errs...)
}

// All makes a backup in each place now.
func (r *Routine) All(ctx context.Context, who ledger.Actor, tell func(Target, Made)) error {
	var errs []error
	for _, to := range r.Targets {
		m, err := r.keep(ctx, to, who, func(store.BackupTarget, time.Time) bool { return true })
		if err != nil {
			errs = append(errs, fmt.Errorf("backup to %s: %w", to, err))
		}
		if m.Data != "" {
			tell(to, m)
		}
	}
	return errors.Join(errs...)
}

// Known tells by its name what is known of each place.
func (r *Routine) Known(ctx context.Context) (map[string]store.BackupTarget, error) {
	out := map[string]store.BackupTarget{}
	return out, r.DB.View(ctx, func(v *store.View) error {
		list, err := v.BackupTargets()
		for _, b := range list {
			out[b.Target] = b
		}
		return err
	})
}

// due decides whether a backup is due. A newest one that lies far ahead was made
// while the clock was wrong, and does not count.
func (r *Routine) due(b store.BackupTarget, now time.Time) bool {
	if b.Failure != "" && now.Before(b.Tried.Add(min(again, r.Every))) && !now.Before(b.Tried) {
		return false
	}
	return now.Sub(b.Made) >= r.Every || b.Made.Sub(now) > r.Every
}

// keep makes a backup in one place when it is time, deletes what is past the
// window there, and keeps how it went.
func (r *Routine) keep(ctx context.Context, to Target, who ledger.Actor, when func(store.BackupTarget, time.Time) bool) (m Made, err error) {
	known, err := r.Known(ctx)
	if err != nil || !when(known[to.String()], r.DB.Now()) {
		return m, err
	}
	holder, ours := rand.Text(), false
	err = r.DB.InTx(ctx, who, func(t *store.Tx) (err error) {
		ours, err = t.LeaseBackup(to.String(), holder, lease, true)
		return err
	})
	if err != nil {
		return m, err
	}
	if !ours {
		return m, ErrUnderWay
	}
	// Another node may have made it between the look and the lease.
	if known, err = r.Known(ctx); err != nil || !when(known[to.String()], r.DB.Now()) {
		return m, errors.Join(err, r.leave(ctx, to, holder, nil))
	}
	work, stop := r.hold(ctx, to, holder)
	m, err = r.make(work, to, holder, who)
	if err == nil {
		err = r.prune(work, to, who)
	}
	stop()
	return m, errors.Join(err, r.leave(ctx, to, holder, err))
}

// leave gives a place back and keeps why a try went wrong, if it did.
func (r *Routine) leave(ctx context.Context, to Target, holder string, why error) error {
	return r.DB.InTx(context.WithoutCancel(ctx), system, func(t *store.Tx) error {
		if why == nil || ctx.Err() != nil { // switched off is no failure
			return t.LeaveBackup(to.String(), holder)
		}
		return t.BackupFailed(to.String(), holder, brief(why))
	})
}

// brief is the text of a failure, bounded.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return strings.ToValidUTF8(text[:min(len(text), longWhy)], "")
}

// hold keeps the lease alive while a backup is made. Who loses it stops: another
// node has taken this one for dead.
func (r *Routine) hold(ctx context.Context, to Target, holder string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(lease / 5)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			ours := false
			err := r.DB.InTx(ctx, system, func(t *store.Tx) (err error) {
				ours, err = t.LeaseBackup(to.String(), holder, lease, false)
				return err
			})
			if err == nil && ours {
				last = time.Now()
			} else if err == nil || time.Since(last) > lease*4/5 {
				cancel(errors.New("the lease of this backup was lost"))
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

func (r *Routine) make(ctx context.Context, to Target, holder string, who ledger.Actor) (Made, error) {
	pair, err := r.Pair()
	if err != nil {
		return Made{}, err
	}
	m, err := Create(ctx, r.DB, to, pair, r.More, who)
	if err != nil {
		if why := context.Cause(ctx); why != nil {
			err = why
		}
		return Made{}, err
	}
	r.Log.InfoContext(ctx, "a backup was made", "target", to.String(), "part", m.Data)
	return m, r.DB.InTx(ctx, who, func(t *store.Tx) error { return t.BackupMade(to.String(), holder, m.Data, m.At) })
}

// prune deletes parts that are past the window.
func (r *Routine) prune(ctx context.Context, to Target, who ledger.Actor) error {
	list, err := to.List(ctx)
	if err != nil {
		return fmt.Errorf("look for old parts: %w", err)
	}
	old := past(list, short(r.DB.ShopID()), r.DB.Now().Add(-r.Window))
	if len(old) == 0 {
		return nil
	}
	why, err := r.Brake(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("the backup is whole, and older ones are not deleted: %s; see: cartkeep privacy retention", why)
	}
	for _, n := range old {
		if err := to.Delete(ctx, n); err != nil {
			return fmt.Errorf("the backup is whole, and an older part was not deleted: %w", err)
		}
		r.Log.InfoContext(ctx, "a part is past the backup window and was deleted", "target", to.String(), "part", n)
		if err := r.DB.InTx(ctx, who, func(t *store.Tx) error { return t.Event("backup.deleted", "", n, where(to)) }); err != nil {
			return err
		}
	}
	return nil
}

// where is the detail of an event about a part.
func where(to Target) string {
	text, err := json.Marshal(map[string]string{"target": to.String()})
	if err != nil {
		return ""
	}
	return string(text)
}

package keylife

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// page is how many dossiers are read, re-wrapped and stored at a time, one after
// the other: that keeps one processor busy and leaves the others to the shop. On
// SQLite the storing stops in between when somebody waits; on PostgreSQL it holds
// up nobody, and more at a time are fewer journeys.
func (k *Keeper) page() int {
	if k.db.Shared() {
		return 128
	}
	return 64
}

const (
	// calmly is how many dossiers Calm re-wraps in a second: a million, with the
	// counting, is done within the minute, and what is left of it is the shop's.
	calmly = 18_500
	// eased is after how many dossiers SQLite's log is written back.
	eased = 3000
)

// Pace is how much of the time re-wrapping leaves to the shop.
type Pace int

const (
	// Calm is no faster than it has to be, and rests after each page, the longer
	// the more the shop makes it wait.
	Calm Pace = iota
	// Swift does not rest.
	Swift
)

// Progress is how far a pass has come.
type Progress struct {
	Done, All int64 // dossiers; All is what the pass found when it began
}

// Rewrap wraps under the present epoch what is under older ones. The shop serves
// meanwhile. tell is called after each page.
func (k *Keeper) Rewrap(ctx context.Context, pace Pace, tell func(Progress)) error {
	k.busy.Lock()
	defer k.busy.Unlock()
	return k.rewrap(ctx, pace, tell)
}

// rewrap goes over the dossiers until none is left. From its beginning on no node
// seals under an older epoch any more, also one that is busy with a pass of its own
// and has not heard of the present one.
func (k *Keeper) rewrap(ctx context.Context, pace Pace, tell func(Progress)) error {
	if err := k.leave(ctx); err != nil {
		return err
	}
	for {
		left, err := k.count(ctx)
		if err != nil || left == 0 {
			return err
		}
		if err := k.pass(ctx, pace, left, tell); err != nil {
			return err
		}
	}
}

// leave ends the use of older epochs than the present one.
func (k *Keeper) leave(ctx context.Context) error {
	list, err := k.epochs(ctx)
	if err != nil {
		return err
	}
	newest := k.ring.Sealing()
	if !slices.ContainsFunc(list, func(e store.Epoch) bool { return e.ID < newest && e.Left.IsZero() }) {
		return nil
	}
	return k.db.InTx(ctx, system, func(t *store.Tx) error { return t.LeaveEpochs(newest) })
}

// count counts the dossiers under older epochs, and notes of each of these
// whether it is empty. The counting, which looks at every dossier, holds nobody up.
func (k *Keeper) count(ctx context.Context) (left int64, err error) {
	older := map[seal.EpochID]store.Epoch{}
	var counts map[seal.EpochID]int64
	err = k.db.View(ctx, func(v *store.View) error {
		list, err := v.Epochs()
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.ID < k.ring.Sealing() && e.Closed.IsZero() {
				older[e.ID] = e
			}
		}
		if len(older) > 0 {
			counts, err = v.CountByEpoch()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for id, e := range older {
		left += counts[id]
		if empty := counts[id] == 0; empty == e.Emptied.IsZero() {
			if err := k.db.InTx(ctx, system, func(t *store.Tx) error { return t.MarkEmptied(id, empty) }); err != nil {
				return 0, err
			}
		}
	}
	return left, nil
}

// pass re-wraps all that it finds under older epochs.
func (k *Keeper) pass(ctx context.Context, pace Pace, all int64, tell func(Progress)) error {
	var done, written int64
	var after *store.Wrapped
	due := time.Now()
	for {
		began := time.Now()
		list, err := k.wrap(ctx, after)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := k.keep(ctx, list); err != nil {
			return err
		}
		after = &list[len(list)-1]
		n := int64(len(list))
		done, written = done+n, written+n
		tell(Progress{Done: done, All: max(all, done)})
		if written >= eased {
			if err := k.db.Ease(ctx); err != nil {
				return err
			}
			written = 0
		}
		if pace == Calm {
			due = due.Add(time.Duration(n) * time.Second / calmly)
			if err := rest(ctx, max(time.Since(began)/4, time.Until(due))); err != nil {
				return err
			}
		}
	}
}

// wrap reads a page of what is under older epochs and wraps it under the present
// one. after is where the page before it ended.
func (k *Keeper) wrap(ctx context.Context, after *store.Wrapped) (list []store.Wrapped, err error) {
	newest := k.ring.Sealing()
	err = k.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.WrapsBefore(newest, after, k.page())
		return err
	})
	if err != nil {
		return nil, err
	}
	rewrapper := k.ring.Rewrapper()
	for i, w := range list {
		if list[i].Moved, err = rewrapper.Rewrap(w.Owner, w.Wrap); err != nil {
			return nil, fmt.Errorf("re-wrap dossier %s: %w", w.Owner.Dossier, err)
		}
	}
	return list, nil
}

// keep stores a page, in as many transactions as those who wait make of it.
func (k *Keeper) keep(ctx context.Context, list []store.Wrapped) error {
	for len(list) > 0 {
		var n int
		err := k.db.InLaggingTx(ctx, system, func(t *store.Tx) (err error) {
			n, err = t.Rewrap(list)
			return err
		})
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

package keylife

import (
	"context"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// page is how many dossiers one transaction re-wraps. While it runs nobody else
// writes on SQLite, so there it is over in a millisecond or two.
func (k *Keeper) page() int {
	if k.db.Shared() {
		return 8 * store.RewrapPage
	}
	return 4 * store.RewrapPage
}

// Pace is how much of the time re-wrapping leaves to the shop.
type Pace int

const (
	// Calm rests after each page for half as long as storing it took.
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

// rewrap goes over the dossiers until none is left: while one pass goes on,
// another node that has not heard of the new epoch may use the old one.
func (k *Keeper) rewrap(ctx context.Context, pace Pace, tell func(Progress)) error {
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

// pass re-wraps all that it finds under older epochs. While PostgreSQL stores one
// page the next is read and wrapped. SQLite's log would only grow of that: it
// begins anew when nobody reads.
func (k *Keeper) pass(ctx context.Context, pace Pace, all int64, tell func(Progress)) (err error) {
	reading, stop := context.WithCancel(ctx)
	pages, turn := make(chan []store.Wrapped), make(chan struct{}, 1)
	read := make(chan error, 1)
	go func() {
		defer close(pages)
		read <- k.wrap(reading, turn, pages)
	}()
	defer func() {
		stop()
		if failed := <-read; err == nil {
			err = failed
		}
	}()
	var done int64
	turn <- struct{}{}
	for list := range pages {
		began := time.Now()
		if k.db.Shared() {
			turn <- struct{}{}
		}
		if err := k.db.InTx(ctx, system, func(t *store.Tx) error { return t.Rewrap(list) }); err != nil {
			return err
		}
		done += int64(len(list))
		tell(Progress{Done: done, All: max(all, done)})
		if pace == Calm {
			if err := rest(ctx, time.Since(began)/2); err != nil {
				return err
			}
		}
		if !k.db.Shared() {
			turn <- struct{}{}
		}
	}
	return nil
}

// wrap reads what is under older epochs, wraps it under the present one and hands
// it on, a page for each turn.
func (k *Keeper) wrap(ctx context.Context, turn <-chan struct{}, pages chan<- []store.Wrapped) error {
	newest := k.ring.Sealing()
	var after *seal.Owner
	for {
		select {
		case <-turn:
		case <-ctx.Done():
			return ctx.Err()
		}
		var list []store.Wrapped
		err := k.db.View(ctx, func(v *store.View) (err error) {
			list, err = v.WrapsBefore(newest, after, k.page())
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for i, w := range list {
			if list[i].Moved, err = k.ring.Rewrap(w.Owner, w.Wrap); err != nil {
				return fmt.Errorf("re-wrap dossier %s: %w", w.Owner.Dossier, err)
			}
		}
		select {
		case pages <- list:
		case <-ctx.Done():
			return ctx.Err()
		}
		after = &list[len(list)-1].Owner
	}
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

package keylife

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// IndexEvery is how often the shop looks whether a change of its index key was
	// cut off.
	IndexEvery = time.Minute
	// heldTries is how often a step is tried again, a second apart, that waits for
	// whoever uses the index keys.
	heldTries = 60
)

// RotateIndex replaces the key of the blind indexes: it draws a new one, computes
// every hash under it, takes the hashes of the old one away and destroys that. The
// shop serves meanwhile, with both. A change that was cut off goes on instead, and
// began is false. tell is called after each page.
func (k *Keeper) RotateIndex(ctx context.Context, who ledger.Actor, tell func(Progress)) (version int64, began bool, err error) {
	k.indexing.Lock()
	defer k.indexing.Unlock()
	err = k.patient(ctx, who, func(t *store.Tx) (err error) {
		version, err = t.BeginIndex()
		return err
	})
	if err != nil && !errors.Is(err, store.ErrIndexChanging) {
		return 0, false, err
	}
	if began = err == nil; began {
		k.log.InfoContext(ctx, "a new index key began", "version", version)
	}
	version, err = k.changeIndex(ctx, tell)
	return version, began, err
}

// TendIndex goes on with a change of the index key that was cut off.
func (k *Keeper) TendIndex(ctx context.Context) error {
	k.indexing.Lock()
	defer k.indexing.Unlock()
	_, err := k.changeIndex(ctx, func(Progress) {})
	return err
}

// changeIndex does whatever is left to do until one index key lives alone, and
// returns its version.
func (k *Keeper) changeIndex(ctx context.Context, tell func(Progress)) (int64, error) {
	list, err := k.indexes(ctx)
	if err != nil {
		return 0, err
	}
	newest := list[len(list)-1]
	if newest.Filled.IsZero() {
		if err := k.fillIndex(ctx, newest.Version, tell); err != nil {
			return 0, err
		}
	}
	for _, old := range list[:len(list)-1] {
		if !old.Gone.IsZero() {
			continue
		}
		if err := k.endIndex(ctx, old.Version, newest.Version); err != nil {
			return 0, err
		}
	}
	return newest.Version, k.db.ScrubDue(ctx)
}

// fillIndex computes the hashes of what was there before a key began.
func (k *Keeper) fillIndex(ctx context.Context, version int64, tell func(Progress)) error {
	var all int64
	err := k.db.View(ctx, func(v *store.View) (err error) {
		all, err = v.CountIndexed()
		return err
	})
	for over := false; err == nil && !over; {
		var page store.Filled
		err = k.calmly(ctx, func(t *store.Tx) (err error) {
			page, err = t.FillIndex(version, k.indexPage())
			return err
		})
		if over = page.Over; err == nil {
			tell(Progress{Done: page.Done, All: max(all, page.Done)})
		}
	}
	return err
}

// endIndex leaves an old key, takes its hashes away and destroys it.
func (k *Keeper) endIndex(ctx context.Context, old, present int64) error {
	if err := k.patient(ctx, system, func(t *store.Tx) error { return t.LeaveIndex(present) }); err != nil {
		return err
	}
	var at store.IndexPlace
	for over := false; !over; {
		from := at
		err := k.calmly(ctx, func(t *store.Tx) (err error) {
			at, over, err = t.ClearIndex(old, from, k.indexPage())
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := k.db.InTx(ctx, system, func(t *store.Tx) error { return t.EndIndex(old) }); err != nil {
		return err
	}
	k.log.InfoContext(ctx, "an index key was destroyed", "version", old)
	return nil
}

// indexPage is how many values one transaction of a change takes: on SQLite so
// few that nobody waits for long.
func (k *Keeper) indexPage() int {
	if k.db.Shared() {
		return 128
	}
	return 32
}

// calmly changes something and rests for half as long as that took.
func (k *Keeper) calmly(ctx context.Context, fn func(*store.Tx) error) error {
	began := time.Now()
	if err := k.db.InTx(ctx, system, fn); err != nil {
		return err
	}
	return rest(ctx, time.Since(began)/2)
}

// patient does a step that waits for whoever uses the index keys.
func (k *Keeper) patient(ctx context.Context, who ledger.Actor, fn func(*store.Tx) error) (err error) {
	for range heldTries {
		if err = k.db.InTx(ctx, who, fn); !errors.Is(err, store.ErrIndexHeld) {
			return err
		}
		if err := rest(ctx, time.Second); err != nil {
			return err
		}
	}
	return err
}

func (k *Keeper) indexes(ctx context.Context) (list []store.IndexKey, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		list, err = v.IndexKeys()
		return err
	})
	return list, err
}

// IndexKey is a key of the blind indexes.
type IndexKey struct {
	store.IndexKey
	State IndexState
	All   int64 // values to be looked at, while it is Filling
}

// IndexState says what a key of the blind indexes is doing.
type IndexState int

// The states of an index key, in their order.
const (
	Filling   IndexState = iota // what was there before it gets its hashes
	Hashing                     // every hash is there
	Replaced                    // a newer one is Filling, and this one is used till then
	Clearing                    // its hashes are taken away
	Destroyed                   // it is gone
)

var indexStateNames = [...]string{"filling", "hashing", "replaced", "clearing", "destroyed"}

// String is one word.
func (s IndexState) String() string { return indexStateNames[s] }

// ListIndexes tells of every index key, oldest first.
func (k *Keeper) ListIndexes(ctx context.Context) ([]IndexKey, error) {
	list, err := k.indexes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list index keys: %w", err)
	}
	var out []IndexKey
	for i, key := range list {
		one := IndexKey{IndexKey: key, State: Hashing}
		switch {
		case !key.Gone.IsZero():
			one.State = Destroyed
		case !key.Left.IsZero():
			one.State = Clearing
		case i < len(list)-1:
			one.State = Replaced
		case key.Filled.IsZero():
			one.State = Filling
			err = k.db.View(ctx, func(v *store.View) (err error) {
				one.All, err = v.CountIndexed()
				return err
			})
		}
		out = append(out, one)
	}
	return out, err
}

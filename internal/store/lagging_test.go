package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestOnlyWorkThatMayBeLostDoesNotWaitForTheDisk: and what comes after it does.
func TestOnlyWorkThatMayBeLostDoesNotWaitForTheDisk(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		who := ledger.System("test")
		var waits []bool
		look := func(t *store.Tx) error {
			w, err := t.WaitsForTheDisk()
			waits = append(waits, w)
			return err
		}
		err := errors.Join(s.DB.InTx(noCtx, who, look), s.DB.InLaggingTx(noCtx, who, look), s.DB.InLaggingTx(noCtx, who, look), s.DB.InTx(noCtx, who, look))
		if err != nil {
			t.Fatal(err)
		}
		if len(waits) != 4 || !waits[0] || waits[1] || waits[2] || !waits[3] {
			t.Errorf("got %v, want only the second and the third not to wait", waits)
		}
	})
}

// TestWorkThatMayBeLostDragsNobodyAlong: who comes while it is carried out does
// not share its COMMIT, which tells nothing.
func TestWorkThatMayBeLostDragsNobodyAlong(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	who := ledger.System("test")
	var group sync.WaitGroup
	var waits bool
	err := s.DB.InLaggingTx(noCtx, who, func(lagging *store.Tx) error {
		group.Go(func() {
			err := s.DB.InTx(noCtx, who, func(tx *store.Tx) (err error) {
				waits, err = tx.WaitsForTheDisk()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		for s.DB.Waiting() == 0 {
		}
		return set(lagging, "lagging")
	})
	group.Wait()
	if err != nil || !waits {
		t.Errorf("got %v, waiting for the disk %v; want it to be waited for", err, waits)
	}
	if !isSet(t, s, "lagging") {
		t.Error("the lagging work is lost without a crash")
	}
}

// TestRewrappingMakesWayForWhoWaits: with one writer a page ends early, and what
// is left of it comes later.
func TestRewrappingMakesWayForWhoWaits(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	cup := s.Product(t, "cup", 900, shoptest.Counted(50))
	for range 12 {
		s.Ready(t, cup.ID, 1)
	}
	epoch, err := s.Ring.NewEpoch(noCtx, s.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.DB.NoteEpoch(noCtx, ledger.System("test"), epoch), s.Ring.Use(epoch)); err != nil {
		t.Fatal(err)
	}
	var list []store.Wrapped
	view(t, s, func(v *store.View) (err error) {
		list, err = v.WrapsBefore(epoch, nil, 100)
		return err
	})
	for i, w := range list {
		if list[i].Moved, err = s.Ring.Rewrapper().Rewrap(w.Owner, w.Wrap); err != nil {
			t.Fatal(err)
		}
	}
	var first int
	errs := gather(t, s, func(t *store.Tx) error { return set(t, "somebody") },
		func(t *store.Tx) (err error) {
			first, err = t.Rewrap(list)
			return err
		})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if first == 0 || first >= len(list) {
		t.Errorf("got %d of %d while somebody waits, want some", first, len(list))
	}
	var rest int
	err = s.DB.InLaggingTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
		rest, err = t.Rewrap(list[first:])
		return err
	})
	if err != nil || first+rest != len(list) {
		t.Errorf("got %d and then %d, %v; want all %d", first, rest, err, len(list))
	}
	view(t, s, func(v *store.View) error {
		left, err := v.WrapsBefore(epoch, nil, 100)
		if err == nil && len(left) > 0 {
			t.Errorf("got %d left under the old epoch, want none", len(left))
		}
		return err
	})
}

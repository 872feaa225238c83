package keylife_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var ada = ledger.OS("ada")

func keeper(s *shoptest.Shop) *keylife.Keeper {
	return keylife.New(s.DB, s.Ring, 0, slog.New(slog.DiscardHandler))
}

// states reads the list as "1 waiting 0, 2 sealing 7".
func states(t *testing.T, k *keylife.Keeper) string {
	t.Helper()
	list, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for i, e := range list {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%d %v", e.ID, e.State)
	}
	return out
}

func want(t *testing.T, k *keylife.Keeper, wanted string) {
	t.Helper()
	if got := states(t, k); got != wanted {
		t.Errorf("epochs: got %q, want %q", got, wanted)
	}
}

// bought places and pays for an order of Ada's.
func bought(t *testing.T, s *shoptest.Shop, key string) checkout.Placed {
	t.Helper()
	p, err := s.Place(s.Ready(t, s.Product(t, "bowl-"+key, 3900, shoptest.Counted(50)).ID, 1), key)
	if err == nil {
		err = s.Approve(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reads checks that what Ada typed opens.
func reads(t *testing.T, db *store.DB, p checkout.Placed) {
	t.Helper()
	var d order.Details
	err := db.View(t.Context(), func(v *store.View) (err error) {
		d, err = v.OrderDetails(p.Order.Owner, p.Order.ID)
		return err
	})
	if err != nil || d.Name.Reveal() != "Ada Lovelace" {
		t.Errorf("an order's name: %v, %v", d, err)
	}
}

func tend(t *testing.T, k *keylife.Keeper) {
	t.Helper()
	if err := k.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnEpochLivesAMonthAndTheWindow(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := keeper(s)
		old := bought(t, s, "old")
		tend(t, k)
		want(t, k, "1 sealing")
		s.Clock.Move(keylife.EpochLasts - time.Hour)
		tend(t, k)
		want(t, k, "1 sealing")
		s.Clock.Move(time.Hour)
		tend(t, k)
		want(t, k, "1 waiting, 2 sealing")
		s.Clock.Move(keylife.Window - time.Hour)
		tend(t, k) // the next month has begun meanwhile
		want(t, k, "1 waiting, 2 waiting, 3 sealing")
		s.Clock.Move(time.Hour)
		tend(t, k)
		want(t, k, "1 finished, 2 waiting, 3 sealing")
		if list := s.Ring.Epochs(); len(list) != 2 || list[0].ID != 2 {
			t.Errorf("in the key store: %v", list)
		}
		reads(t, s.DB, old)
		s.Reopen(t)
		reads(t, s.DB, old)
		raw := s.Raw(t)
		for action, n := range map[string]int64{"keys.begun": 3, "keys.closed": 1, "keys.destroyed": 1} {
			if got := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = '`+action+`'`); got != n {
				t.Errorf("events %s: got %d, want %d", action, got, n)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE epoch < 3 AND wrap IS NOT NULL`); n != 0 {
			t.Errorf("%d dossiers under old epochs", n)
		}
	})
}

// TestShreddingClosesEveryOldEpochAtOnce: a wrap that a thief copied before it
// opens nothing any more with the key store of after it.
func TestShreddingClosesEveryOldEpochAtOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := keeper(s)
		p := bought(t, s, "one")
		stolen := copied(t, s, 2)
		if _, err := k.Rotate(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		var told keylife.Progress
		n, err := k.Shred(t.Context(), ada, func(p keylife.Progress) { told = p })
		if err != nil || n != 2 || told.Done == 0 || told.Done != told.All {
			t.Fatalf("destroyed %d epochs, told %+v, %v", n, told, err)
		}
		want(t, k, "1 finished, 2 finished, 3 sealing")
		reads(t, s.DB, p)
		now, err := seal.Open(t.Context(), s.Keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range stolen {
			if _, err := now.Unwrap(w.Owner, w.Wrap); !errors.Is(err, seal.ErrEpochUnknown) {
				t.Errorf("a copied wrap of %s: %v", w.Owner.Purpose, err)
			}
		}
	})
}

// copied reads the wraps that are stored now under epochs before the given one.
func copied(t *testing.T, s *shoptest.Shop, before seal.EpochID) (list []store.Wrapped) {
	t.Helper()
	err := s.DB.View(t.Context(), func(v *store.View) (err error) {
		list, err = v.WrapsBefore(before, nil, 1000)
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("%d wraps, %v", len(list), err)
	}
	return list
}

// fails is a key store that fails when it is told to.
type fails struct {
	*seal.Memory
	add, destroy error
}

func (f *fails) Add(ctx context.Context, e seal.Epoch) error {
	return errors.Join(f.add, f.Memory.Add(ctx, e))
}

func (f *fails) Destroy(ctx context.Context, id seal.EpochID) error {
	if f.destroy != nil {
		return f.destroy
	}
	return f.Memory.Destroy(ctx, id)
}

// TestWhatWasCutOffGoesOn cuts a rotation and a destruction off between the key
// store and the database.
func TestWhatWasCutOffGoesOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s, "one")
		stored := &fails{Memory: s.Keys}
		open := func() *keylife.Keeper {
			ring, err := seal.Open(t.Context(), stored)
			if err != nil {
				t.Fatal(err)
			}
			s.Ring = ring
			s.Reopen(t)
			return keeper(s)
		}
		k := open()
		// The key store has kept the key, and the program ends before it hears so.
		stored.add = errors.New("killed")
		if _, err := k.Rotate(t.Context(), ada); err == nil {
			t.Fatal("rotated")
		}
		want(t, k, "1 sealing")
		stored.add = nil
		k = open()
		want(t, k, "1 leaving, 2 sealing")
		tend(t, k)
		want(t, k, "1 waiting, 2 sealing")
		// The database has decided, and the key store is not there.
		s.Clock.Move(keylife.Window)
		stored.destroy = errors.New("killed")
		if err := k.Tend(t.Context()); err == nil {
			t.Error("destroyed without the key store")
		}
		want(t, k, "1 ending, 2 waiting, 3 sealing")
		stored.destroy = nil
		k = open()
		tend(t, k)
		want(t, k, "1 finished, 2 waiting, 3 sealing")
		reads(t, s.DB, p)
	})
}

// TestNothingIsSealedUnderAnEpochThatCouldNotBeSaved: a recovery file that can't
// be written holds up the new epoch and not the shop; later it goes on by itself.
func TestNothingIsSealedUnderAnEpochThatCouldNotBeSaved(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := keeper(s)
		full := errors.New("disk full")
		var held []seal.EpochID
		k.Saving(func(ctx context.Context) error {
			list, err := s.Keys.Load(ctx)
			held = nil
			for _, e := range list {
				held = append(held, e.ID)
			}
			return errors.Join(full, err)
		})
		if _, err := k.Rotate(t.Context(), ada); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		if s.Ring.Sealing() != 1 || len(held) != 2 {
			t.Errorf("epoch %d is in use, and %v were to be saved", s.Ring.Sealing(), held)
		}
		if err := k.Tend(t.Context()); !errors.Is(err, full) || s.Ring.Sealing() != 1 {
			t.Errorf("epoch %d is in use, %v", s.Ring.Sealing(), err)
		}
		reads(t, s.DB, bought(t, s, "meanwhile"))
		full = nil
		tend(t, k)
		want(t, k, "1 waiting, 2 sealing")
		// What is destroyed is taken out of the file too.
		s.Clock.Move(keylife.Window)
		tend(t, k)
		tend(t, k)
		if len(held) != 2 || held[0] != 2 {
			t.Errorf("saved %v, want no destroyed epoch", held)
		}
	})
}

func TestAKeyStoreThatDoesNotFitIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := keeper(s)
		bought(t, s, "one")
		if _, err := k.Rotate(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		list, err := s.Keys.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open := func(epochs ...seal.Epoch) error {
			ring, err := seal.Open(t.Context(), seal.NewMemory(epochs...))
			if err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(t.Context(), store.Config{Database: s.Database, Ring: ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
			if err == nil {
				db.Close()
			}
			return err
		}
		var missing *store.MissingEpochs
		if err := open(list[0]); !errors.As(err, &missing) || len(missing.IDs) != 1 || missing.IDs[0] != 2 {
			t.Errorf("an older copy of the key file: %v", err)
		}
		if err := open(list[0], seal.Epoch{ID: 2, Key: seal.NewEpochKey(), Created: list[1].Created}); !errors.Is(err, store.ErrForeignKeys) {
			t.Errorf("another key under the same number: %v", err)
		}
		if err := open(list...); err != nil {
			t.Errorf("the right ones: %v", err)
		}
	})
}

// TestTheShopServesWhileItIsRewrapped buys and ends carts while everything is
// re-wrapped again and again: nothing is lost, nothing that was destroyed returns.
func TestTheShopServesWhileItIsRewrapped(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := keeper(s)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5000))
		var over atomic.Bool
		var group sync.WaitGroup
		placed := make([][]checkout.Placed, 3)
		for w := range placed {
			group.Go(func() {
				for n := 0; !over.Load() && n < 200; n++ {
					p, err := s.Place(s.Ready(t, cup.ID, 1), fmt.Sprintf("k-%d-%d", w, n))
					if err != nil {
						t.Error(err)
						return
					}
					placed[w] = append(placed[w], p)
				}
			})
		}
		for range 8 {
			if _, err := k.Rotate(t.Context(), ada); err != nil {
				t.Error(err)
			}
			if err := k.Rewrap(t.Context(), keylife.Swift, func(keylife.Progress) {}); err != nil {
				t.Error(err)
			}
		}
		over.Store(true)
		group.Wait()
		if err := k.Rewrap(t.Context(), keylife.Swift, func(keylife.Progress) {}); err != nil {
			t.Error(err)
		}
		n := 0
		for _, list := range placed {
			for _, p := range list {
				reads(t, s.DB, p)
				n++
			}
		}
		raw := s.Raw(t)
		if old := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE epoch < 9 AND state <> 'destroyed'`); old != 0 || n == 0 {
			t.Errorf("%d orders; %d dossiers under old epochs", n, old)
		}
		if back := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE state = 'destroyed' AND wrap IS NOT NULL`); back != 0 {
			t.Errorf("%d destroyed keys are back", back)
		}
	})
}

package keylife_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// node is another node on a shop's PostgreSQL, with the same key store.
func node(t *testing.T, s *shoptest.Shop) (*store.DB, *seal.Ring) {
	t.Helper()
	ring, err := seal.Open(t.Context(), s.Keys)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Database: s.Database, Ring: ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, ring
}

func wisher(t *testing.T, n int) contact.Email {
	t.Helper()
	e, err := contact.ParseEmail(fmt.Sprintf("wisher%d@example.com", n))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// wished checks that the n-th wish opens on a node.
func wished(t *testing.T, db *store.DB, id string, n int) {
	t.Helper()
	err := db.View(t.Context(), func(v *store.View) error {
		w, err := v.Wish(id)
		if err == nil && !w.Email.Equal(wisher(t, n)) {
			t.Errorf("wish %d: another e-mail opened", n)
		}
		return err
	})
	if err != nil {
		t.Errorf("wish %d: %v", n, err)
	}
}

// TestANodeThatHeardOfNoEpochSealsUnderNoneThatIsShredded: one node shreds again and
// again. The other one is busy, so that it never asks what the first does, and seals
// all the while. Nobody there meets an error, and everything opens in the end.
func TestANodeThatHeardOfNoEpochSealsUnderNoneThatIsShredded(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	other, ring := node(t, s)
	var over atomic.Bool
	var group sync.WaitGroup
	const hands = 3
	made := [hands][]string{}
	for h := range hands {
		group.Go(func() {
			for n := h; !over.Load(); n += hands {
				id := store.NewID()
				err := other.InTx(context.Background(), ledger.System("test"), func(tx *store.Tx) error {
					return tx.NewWish(id, catalog.VariantID("jug"), wisher(t, n))
				})
				if err != nil {
					t.Errorf("wish %d: %v", n, err)
					return
				}
				made[h] = append(made[h], id)
			}
		})
	}
	k := keeper(s)
	for range 3 {
		if n, err := k.Shred(t.Context(), ada, func(keylife.Progress) {}); err != nil || n != 1 {
			t.Errorf("got %d epochs destroyed, %v, want the one before", n, err)
		}
		followed(t, other, ring, s.Ring.Sealing())
		time.Sleep(store.ReloadEvery) // no node is made to ask its key store more often
	}
	over.Store(true)
	group.Wait()
	fresh, _ := node(t, s)
	for h, list := range made {
		if len(list) == 0 {
			t.Errorf("hand %d made no wish", h)
		}
		for i, id := range list {
			wished(t, fresh, id, h+i*hands)
		}
	}
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE epoch < $1 AND state <> 'destroyed'`, int64(s.Ring.Sealing())); n != 0 {
		t.Errorf("%d dossiers are under epochs that were shredded", n)
	}
}

// followed waits until another node has come to an epoch, by sealing alone.
func followed(t *testing.T, db *store.DB, ring *seal.Ring, epoch seal.EpochID) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ring.Sealing() != epoch; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the other node seals under epoch %d, want %d", ring.Sealing(), epoch)
		}
	}
}

// TestShreddingWaitsForWhoSealsNow: another node has sealed something and not
// committed yet. Its epoch is left only after that, so the value is re-wrapped.
func TestShreddingWaitsForWhoSealsNow(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	other, ring := node(t, s)
	raw := s.Raw(t)
	id, shredded, waits := store.NewID(), make(chan error, 1), false
	err := other.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		if err := tx.NewWish(id, catalog.VariantID("jug"), wisher(t, 1)); err != nil {
			return err
		}
		if _, err := tx.Wish(id); err != nil { // what travelled with it is there
			return err
		}
		go func() {
			_, err := keeper(s).Shred(context.Background(), ada, func(keylife.Progress) {})
			shredded <- err
		}()
		for !waits {
			select {
			case err := <-shredded:
				t.Errorf("the epoch was shredded under whoever sealed with it: %v", err)
				shredded <- err
				return nil
			case <-time.After(10 * time.Millisecond):
				waits = shoptest.One[int64](t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%epochs%'`) > 0
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-shredded; err != nil {
		t.Fatal(err)
	}
	if !waits || ring.Sealing() != 1 {
		t.Errorf("waited %v; the other node is at epoch %d", waits, ring.Sealing())
	}
	fresh, _ := node(t, s)
	wished(t, fresh, id, 1)
	wished(t, other, id, 1)
}

// TestNothingIsSealedUnderAnEpochThatWasLeft tries it where there is no newer one:
// it fails, says nothing of it to the shopper, and keeps nothing.
func TestNothingIsSealedUnderAnEpochThatWasLeft(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		before := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers`)
		for _, how := range []string{`UPDATE epochs SET left_at = 1`, `UPDATE epochs SET left_at = 0, closed_at = 1`, `DELETE FROM epochs`} {
			shoptest.Do(t, raw, how)
			err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
				return tx.NewWish(store.NewID(), catalog.VariantID("jug"), wisher(t, 1))
			})
			if err == nil {
				t.Errorf("%s: something was sealed", how)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers`); n != before {
			t.Errorf("%d dossiers were kept", n-before)
		}
	})
}

// TestSeveralNodesShareAKeyStore: a node meets a dossier under an epoch that it
// has not heard of, and uses the new one from then on or from its next Meet.
func TestSeveralNodesShareAKeyStore(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	other, ring := node(t, s)
	here, there := keeper(s), keylife.New(other, ring, 0, slog.New(slog.DiscardHandler))
	if _, err := here.Rotate(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	reads(t, other, bought(t, s, "after"))
	if ring.Sealing() != 1 {
		t.Errorf("the other node uses epoch %d unasked", ring.Sealing())
	}
	if err := there.Meet(t.Context()); err != nil || ring.Sealing() != 2 {
		t.Errorf("after it met: epoch %d, %v", ring.Sealing(), err)
	}
	// Both rotate at once, again and again: every epoch is noted once, none is lost.
	var group sync.WaitGroup
	for _, k := range []*keylife.Keeper{here, there} {
		group.Go(func() {
			for n := 0; n < 5; {
				if _, err := k.Rotate(t.Context(), ada); err == nil {
					n++
				} else if !strings.Contains(err.Error(), "there already") {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	tend(t, here)
	if err := there.Meet(t.Context()); err != nil {
		t.Error(err)
	}
	list, err := here.List(t.Context())
	if err != nil || len(list) < 7 || list[len(list)-1].State != keylife.Sealing {
		t.Errorf("%d epochs, %v", len(list), err)
	}
	reads(t, other, bought(t, s, "last"))
}

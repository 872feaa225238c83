package keylife_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestTheIndexKeyIsReplacedWhileTheShopServes: from two nodes on PostgreSQL, one
// of which has loaded its keys before, pairs of people race for one mailbox, and
// others are erased. Each mailbox gets one account, and nobody who was erased is
// found by either key.
func TestTheIndexKeyIsReplacedWhileTheShopServes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCast(t, s)
		there := another(t, s)
		var orders []checkout.Placed
		for n := range 40 {
			orders = append(orders, c.buy(t, parsed(t, fmt.Sprintf("buyer%d@example.com", n))))
		}
		var over atomic.Bool
		var group sync.WaitGroup
		made := 0
		group.Go(func() {
			for n := 0; !over.Load() && n < 400; n++ {
				raced(t, []*store.DB{s.DB, there}, parsed(t, fmt.Sprintf("racer%d@example.com", n)))
				made = n + 1
			}
		})
		group.Go(func() {
			for i, o := range orders {
				if i%2 == 0 {
					continue
				}
				err := there.InTx(t.Context(), ada, func(tx *store.Tx) error {
					list, err := tx.DossiersOf(o.Order.Owner)
					for _, d := range list {
						err = errors.Join(err, tx.Erase(d.DueDossier))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		k := keeper(s)
		for want := range int64(3) {
			version, began, err := k.RotateIndex(t.Context(), ada, func(keylife.Progress) {})
			if err != nil || !began || version != want+2 {
				t.Errorf("got version %d, begun %v, %v, want %d", version, began, err, want+2)
			}
		}
		over.Store(true)
		group.Wait()
		if _, _, err := k.RotateIndex(t.Context(), ada, func(keylife.Progress) {}); err != nil {
			t.Error(err)
		}
		for query, want := range map[string]int64{
			`SELECT count(*) FROM directory WHERE kind = 'account'`:                                 int64(made),
			`SELECT count(*) FROM accounts`:                                                         int64(made),
			`SELECT count(*) FROM directory WHERE kind IN ('account', 'provider') AND version <> 5`: 0,
			`SELECT count(*) FROM identities`:                                                       20,
			`SELECT count(*) FROM identities WHERE version <> 5`:                                    0,
			`SELECT count(*) FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier WHERE d.state = 'open'`: 20,
			`SELECT count(*) FROM code_uses WHERE customer IS NOT NULL`:                                                              20,
			`SELECT count(*) FROM code_uses WHERE customer_even IS NOT NULL`:                                                         0,
			`SELECT count(*) FROM directory WHERE kind = 'provider'`:                                                                 20,
		} {
			if got := shoptest.One[int64](t, c.raw, query); got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
		for n := range made {
			err := there.View(t.Context(), func(v *store.View) error {
				_, err := v.AccountOf(parsed(t, fmt.Sprintf("racer%d@example.com", n)), false)
				return err
			})
			if err != nil {
				t.Errorf("racer %d: %v", n, err)
			}
		}
		t.Logf("%d mailboxes raced for", made)
	})
}

// TestNobodyWritesByAnIndexKeyOfBefore: a node that has asked which keys live
// holds a change up until it has written; one that asks later writes both. A look
// that went on meanwhile is made again.
func TestNobodyWritesByAnIndexKeyOfBefore(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	there := another(t, s)
	early, late := parsed(t, "early@example.com"), parsed(t, "late@example.com")
	begin := func(tx *store.Tx) error { _, err := tx.BeginIndex(); return err }
	err := there.InTx(t.Context(), ada, func(tx *store.Tx) error {
		if _, err := tx.AccountOf(early, false); !errors.Is(err, store.ErrNoAccount) {
			return err
		}
		if err := s.DB.InTx(t.Context(), ada, begin); !errors.Is(err, store.ErrIndexHeld) {
			t.Errorf("got %v, want %v", err, store.ErrIndexHeld)
		}
		return tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: early})
	})
	if err != nil {
		t.Fatal(err)
	}
	inTx(t, s.DB, begin)
	inTx(t, there, func(tx *store.Tx) error {
		return tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: late})
	})
	raw := s.Raw(t)
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM directory WHERE version = 2`); n != 1 {
		t.Errorf("got %d accounts by the new key, want the later one", n)
	}
	looks := 0
	err = there.View(t.Context(), func(v *store.View) error {
		looks++
		if _, err := v.AccountOf(late, false); err != nil {
			return err
		}
		if looks == 1 {
			if err := keeper(s).TendIndex(t.Context()); err != nil {
				return err
			}
		}
		_, err := v.AccountOf(early, false)
		return err
	})
	if err != nil || looks != 2 {
		t.Errorf("got %v after %d looks, want the account by the second", err, looks)
	}
}

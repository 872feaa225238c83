package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Statements that nobody waits for may travel with the next one or with
// COMMIT. Nobody can tell from what is kept, nor from what is refused.
func TestAStatementThatTravelsLaterFailsItsTransactionAllTheSame(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 2500, shoptest.Counted(5))
		b := s.Basket(t, bowl.ID, 1)
		raw := s.Raw(t)
		lines := func() int64 {
			return shoptest.One[int64](t, raw, `SELECT SUM(quantity) FROM cart_lines WHERE owner = $1`, string(b.ID))
		}
		events := shoptest.One[int64](t, raw, `SELECT count(*) FROM events`)
		for name, row := range map[string]struct {
			want fault.Kind
			do   func(*store.Tx) error
		}{
			"the last statement changes no row": {fault.NotFound, func(t *store.Tx) error {
				if err := t.AddToCart(b.ID, bowl.ID, 1); err != nil {
					return err
				}
				return t.RemoveLine(b.ID, "no such line")
			}},
			"one before the last changes no row": {fault.Invalid, func(t *store.Tx) error {
				if err := t.AddToCart(b.ID, "no such thing", 1); err != nil {
					return err
				}
				return t.AddToCart(b.ID, bowl.ID, 1)
			}},
			"one changes no row and a question follows": {fault.Invalid, func(t *store.Tx) error {
				if err := t.AddToCart(b.ID, bowl.ID, cart.MaxQuantity); err != nil {
					return err
				}
				_, err := t.CartLines(b.ID)
				return err
			}},
			"a row asked for before is another's": {fault.NotFound, func(t *store.Tx) error {
				if _, err := t.CartLater(b.ID, "another's token", anyCart); err != nil {
					return err
				}
				if err := t.AddToCart(b.ID, bowl.ID, 1); err != nil {
					return err
				}
				_, err := t.CartLines(b.ID)
				return err
			}},
			"a row asked for last is another's": {fault.NotFound, func(t *store.Tx) error {
				if err := t.AddToCart(b.ID, bowl.ID, 1); err != nil {
					return err
				}
				_, err := t.CartLater(b.ID, "another's token", anyCart)
				return err
			}},
			"there is no such row, nor what leans on it": {fault.NotFound, func(t *store.Tx) error {
				if _, err := t.CartLater("no such cart", b.Token, anyCart); err != nil {
					return err
				}
				return t.AddToCart("no such cart", bowl.ID, 1)
			}},
			"a row is there but does not pass": {fault.CartClosed, func(t *store.Tx) error {
				closed := func(store.CartRow) error { return fault.New(fault.CartClosed, "Closed.") }
				if _, err := t.CartLater(b.ID, b.Token, closed); err != nil {
					return err
				}
				return t.AddToCart(b.ID, bowl.ID, 1)
			}},
			"an event has been written": {fault.NotFound, func(t *store.Tx) error {
				if err := t.Event("test.happened", "", "", ""); err != nil {
					return err
				}
				return t.SetQuantity(b.ID, "no such line", 2)
			}},
		} {
			err := s.DB.InTx(context.Background(), ledger.System("test"), row.do)
			if !fault.Is(err, row.want) {
				t.Errorf("%s: got %v, want %s", name, err, row.want)
			}
			if n := lines(); n != 1 {
				t.Errorf("%s: the cart has %d units, want 1", name, n)
			}
		}
		inTx(t, s, func(t *store.Tx) error {
			c, err := t.CartLater(b.ID, b.Token, anyCart)
			if err != nil {
				return err
			}
			if err := t.AddToCart(b.ID, bowl.ID, 1); err != nil {
				return err
			}
			if _, err := t.CartLines(b.ID); err != nil {
				return err
			}
			if c.State != cart.Open || c.ExpiresAt.IsZero() {
				return fmt.Errorf("got %+v, want the row by now", c)
			}
			return nil
		})
		if n := lines(); n != 2 {
			t.Errorf("the cart has %d units, want the one that travelled with a row that may be opened", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events`); n != events {
			t.Errorf("got %d events, want %d: a transaction that failed wrote some", n, events)
		}
		// Two of the same id: the engine itself refuses the second.
		again := store.Payment{ID: store.NewID(), Owner: string(b.ID), Order: "o", Attempt: 1, Provider: "bank", Status: "open", Amount: bowl.Price}
		err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error {
			if err := t.NewPayment(again); err != nil {
				return err
			}
			return t.NewPayment(again)
		})
		if err == nil {
			t.Error("the same payment was kept twice")
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM payments`); n != 0 {
			t.Errorf("got %d payments of a transaction that failed, want none", n)
		}
		if err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error { return t.NewPayment(again) }); err != nil {
			t.Errorf("after a refused one: %v", err)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM payments`); n != 1 {
			t.Errorf("got %d payments, want the one that travelled with COMMIT", n)
		}
	})
}

func anyCart(store.CartRow) error { return nil }

package checkout_test

import (
	"context"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestACrashBetweenACardsHoldAndItsOrder stops Place once a gift card's part is held,
// as a power cut would. The repeat finds that part, and spends it once; a repeat that
// can't be had as it was seen gives it back.
func TestACrashBetweenACardsHoldAndItsOrder(t *testing.T) {
	// begun is a cart with a card that pays 20.00 of 43.90, whose order was cut off.
	begun := func(t *testing.T, s *shoptest.Shop) (shoptest.Basket, credit.ID, order.ID) {
		t.Helper()
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 1)
		card, code, err := s.Desk.IssueCard(noCtx, ledger.OS("test"), euros(2000), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		try(t, s, b, code.Reveal())
		id := order.ID(store.NewID())
		for _, step := range []func(t *store.Tx) error{
			func(t *store.Tx) error { _, err := t.BeginOrder(b.ID, "key-1", []byte("{}"), id); return err },
			func(t *store.Tx) error {
				return t.Reserve(bowl.ID, id, store.Payer{Cart: string(b.ID)}, 1, t.Now().Add(15*time.Minute))
			},
			func(t *store.Tx) error {
				return t.HoldCredit(credit.Part{ID: card.ID, Kind: credit.Card, Amount: euros(2000)}, id, string(b.ID), t.Now().Add(15*time.Minute))
			},
		} {
			if err := s.DB.InTx(noCtx, ledger.Guest(string(b.ID)), step); err != nil {
				t.Fatal(err)
			}
		}
		s.Reopen(t)
		s.Clock.Move(31 * time.Second)
		return b, card.ID, id
	}
	left := func(t *testing.T, s *shoptest.Shop, card credit.ID, balance, held int64) {
		t.Helper()
		c, err := s.Desk.ShowCredit(context.Background(), card)
		if err != nil || c.Balance != euros(balance) || c.Held != euros(held) {
			t.Errorf("%v are left and %v held, %v, want %d and %d", c.Balance, c.Held, err, balance, held)
		}
	}
	t.Run("and the shopper tries again", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			b, card, id := begun(t, s)
			p := place(t, s, b, "key-1")
			if p.Order.ID != id || p.Order.Due() != euros(2390) || len(p.Order.Credits) != 1 {
				t.Errorf("got order %s with %v to pay and %v, want the one that was begun, with the card", p.Order.ID, p.Order.Due(), p.Order.Credits)
			}
			left(t, s, card, 0, 2000)
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
			left(t, s, card, 0, 0)
			verified(t, s)
		})
	})
	t.Run("and the price has moved", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			b, card, _ := begun(t, s)
			s.Product(t, "bowl", 1000, shoptest.Counted(1)) // now the card pays less
			if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Changed) {
				t.Fatalf("got %v, want to be shown it first", err)
			}
			left(t, s, card, 2000, 0)
			if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || c.State != cart.Open || c.Due() != euros(0) {
				t.Errorf("%v are left to pay, %v", c.Due(), err)
			}
			p := place(t, s, b, "key-1")
			s.Run(t)
			wantStatus(t, s, p, order.Paid)
			left(t, s, card, 510, 0)
			verified(t, s)
		})
	})
	t.Run("and nobody comes back", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			_, card, _ := begun(t, s)
			s.Clock.Move(16 * time.Minute)
			if _, err := s.Desk.SweepHolds(noCtx); err != nil {
				t.Fatal(err)
			}
			left(t, s, card, 2000, 0)
			verified(t, s)
		})
	})
}

// verified adds all credit up again.
func verified(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	if r, err := s.DB.VerifyCredit(noCtx); err != nil || len(r.Wrong) != 0 {
		t.Errorf("got %v, %v", r.Wrong, err)
	}
}

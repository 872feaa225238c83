package checkout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestAGuestBuys(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 2)
		p, err := s.Place(b, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		if p.Order.Status != order.Pending || p.Order.Totals.Total.Minor() != 7800+490 {
			t.Fatalf("got %s for %v, want a pending order for 82.90", p.Order.Status, p.Order.Totals.Total)
		}
		if got := p.Order.Totals.Tax.Minor(); got != 1245+78 {
			t.Errorf("got tax %d, want 1323: 19 %% contained in 78.00 and in 4.90", got)
		}
		if !strings.HasPrefix(p.Payment.RedirectURL, "https://bank.test/") {
			t.Errorf("got redirect %q, want the bank", p.Payment.RedirectURL)
		}
		if got := s.Stock(t, bowl.ID); got.Held != 2 || got.OnHand != 5 {
			t.Errorf("got stock %+v, want 2 held of 5", got)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Order(t, p); got.Status != order.Paid {
			t.Errorf("got %s, want paid", got.Status)
		}
		if got := s.Stock(t, bowl.ID); got.Held != 0 || got.OnHand != 3 {
			t.Errorf("got stock %+v, want 3 left and none held", got)
		}
		letters := s.Letters.All()
		if len(letters) != 1 || letters[0].To != "ada@example.com" || !strings.Contains(letters[0].Text, string(p.Order.Number)) {
			t.Fatalf("got %d letters, want one to Ada about %s", len(letters), p.Order.Number)
		}
	})
}

func TestTheSameKeyGivesTheSameOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		first, err := s.Place(b, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Place(b, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		if !again.Replayed || again.Order.ID != first.Order.ID || again.Token != first.Token || again.Payment != first.Payment {
			t.Errorf("got %+v, want the first order again", again)
		}
		if _, err := s.Place(b, "key-2"); !fault.Is(err, fault.CartClosed) {
			t.Errorf("got %v, want the cart closed for another key", err)
		}
		if got := s.Stock(t, bowl.ID); got.Held != 1 {
			t.Errorf("got %d held, want 1", got.Held)
		}
	})
}

func TestAHoldThatEndsGivesEverythingBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 1)
		p, err := s.Place(b, "key-1")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := s.Order(t, p); got.Status != order.Cancelled {
			t.Errorf("got %s, want cancelled", got.Status)
		}
		if got := s.Stock(t, bowl.ID); got.Held != 0 || got.OnHand != 1 {
			t.Errorf("got stock %+v, want the unit back", got)
		}
		again, err := s.Place(b, "key-2")
		if err != nil {
			t.Fatalf("the cart should be open again: %v", err)
		}
		if again.Order.ID == p.Order.ID {
			t.Error("got the cancelled order, want another one")
		}
	})
}

func TestALatePaymentTakesTheGoodsAfresh(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		p, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(16 * time.Minute)
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Order(t, p); got.Status != order.Paid {
			t.Errorf("got %s, want paid: the goods were still there", got.Status)
		}
		if got := s.Stock(t, bowl.ID); got.Held != 0 || got.OnHand != 0 {
			t.Errorf("got stock %+v, want it sold", got)
		}
	})
}

func TestALatePaymentIsPaidBackWhenTheGoodsAreGone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		late, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(context.Background()); err != nil {
			t.Fatal(err)
		}
		quick, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(quick); err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(late); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Order(t, late); got.Status != order.Cancelled {
			t.Errorf("got %s, want cancelled", got.Status)
		}
		ref := s.Bank.Say(late, 1, payment.Approved).Ref
		if got := s.Bank.Refunded(ref); got != late.Order.Totals.Total {
			t.Errorf("got %v paid back, want %v", got, late.Order.Totals.Total)
		}
		if got := s.Stock(t, bowl.ID); got.OnHand != 0 || got.Held != 0 {
			t.Errorf("got stock %+v, want one sold", got)
		}
	})
}

package checkout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestAPaymentWhoseCallBackWasLostIsAskedFor(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(2))
		paid, err := s.Place(s.Ready(t, bowl.ID, 1), "key")
		if err != nil {
			t.Fatal(err)
		}
		unpaid, err := s.Place(s.Ready(t, bowl.ID, 1), "key")
		if err != nil {
			t.Fatal(err)
		}
		s.Bank.Decide(s.Bank.Say(paid, 1, payment.Approved))
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(context.Background()); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Order(t, paid).Status; got != order.Paid {
			t.Errorf("got %s, want paid: the bank has the money", got)
		}
		if got := s.Order(t, unpaid).Status; got != order.Cancelled {
			t.Errorf("got %s, want cancelled: the bank knows of no money", got)
		}
		if got := s.Stock(t, bowl.ID); got.OnHand != 1 || got.Held != 0 {
			t.Errorf("got stock %+v, want one sold and one back", got)
		}
		for _, l := range s.Letters.All() {
			if strings.Contains(l.Subject, string(paid.Order.Number)) && strings.Contains(strings.ToLower(l.Subject), "cancel") {
				t.Errorf("got the letter %q about an order that is paid", l.Subject)
			}
		}
	})
}

func TestABankThatIsAwayIsAskedOnceAPass(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
	for range 3 {
		if _, err := s.Place(s.Ready(t, bowl.ID, 1), "key"); err != nil {
			t.Fatal(err)
		}
	}
	s.Bank.Down = true
	s.Clock.Move(16 * time.Minute)
	if _, err := s.Desk.SweepHolds(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.Bank.Asked(); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
	if got := s.Stock(t, bowl.ID); got.Held != 0 {
		t.Errorf("got %d held, want all back", got.Held)
	}
}

package checkout_test

import (
	"context"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// Two copies of a late approval both find the order cancelled. The second one
// goes on only after the first has paid and its goods are taken.
func TestALateApprovalDeliveredTwiceTakesTheGoodsOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, err := s.Place(s.Ready(t, bowl.ID, 1), "key")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(16 * time.Minute)
		n := s.Bank.Say(p, 1, payment.Approved)
		first, late1, err1 := s.Desk.SettleFirst(ctx, n)
		second, late2, err2 := s.Desk.SettleFirst(ctx, n)
		if err1 != nil || err2 != nil || !late1 || !late2 {
			t.Fatalf("got %v %v, %v %v, want both late", late1, err1, late2, err2)
		}
		if err := s.Desk.SettleLate(ctx, first); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.Desk.SettleLate(ctx, second); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		s.Clock.Move(20 * time.Minute)
		if _, err := s.Desk.SweepHolds(ctx); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Stock(t, bowl.ID); got.OnHand != 4 || got.Held != 0 {
			t.Errorf("got stock %+v, want 4 left and none held: one was sold", got)
		}
	})
}

// A crash between holding and ordering must not make the buyer of the last
// unit wait for their own hold to end.
func TestARepeatIsNotRefusedByItsOwnHold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 1)
		in := checkout.PlaceInput{Key: "key", Request: []byte("{}")}
		if err := s.Desk.HoldOnly(ctx, b.ID, b.Token, in); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(31 * time.Second)
		p, err := s.Desk.Place(ctx, b.ID, b.Token, in)
		if err != nil {
			t.Fatalf("got %v, want the order", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Stock(t, bowl.ID); got.OnHand != 0 || got.Held != 0 {
			t.Errorf("got stock %+v, want the last one sold", got)
		}
	})
}

// A repeat says what the first answer said, also after the order was paid.
func TestARepeatSaysTheSameAfterPayment(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 1)
		first, err := s.Place(b, "key")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(first); err != nil {
			t.Fatal(err)
		}
		again, err := s.Place(b, "key")
		if err != nil {
			t.Fatal(err)
		}
		if !again.Replayed || again.Order.Status != first.Order.Status || again.Payment != first.Payment || again.Token != first.Token {
			t.Errorf("got %s %+v, want %s %+v", again.Order.Status, again.Payment, first.Order.Status, first.Payment)
		}
		if again.Now.Status != order.PaymentApproved || again.Now.RedirectURL != "" {
			t.Errorf("got %+v now, want it approved and nowhere to go", again.Now)
		}
	})
}

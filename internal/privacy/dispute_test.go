package privacy_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestADisputeIsDecidedFirst: whoever disputes a payment and asks to be erased is
// kept until the bank has decided, by erasure and by retention, and then goes.
func TestADisputeIsDecidedFirst(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		for _, step := range []func() error{
			func() error { return s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{Tracking: "T-1"}) },
			func() error { return s.Desk.Deliver(noCtx, clerk, p.Order.Number) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		s.Run(t)
		says := func(outcome payment.Outcome) {
			n := s.Bank.Say(p, 1, outcome)
			n.About, n.Reason = "dispute-1", order.DisputeFraud
			if err := s.Desk.Settle(noCtx, "bank", n); err != nil {
				t.Fatal(err)
			}
		}
		says(payment.Disputed)
		r := o.erase(t, privacy.Options{})
		if r.State != store.Running {
			t.Fatalf("got %+v, want it begun and not done", r)
		}
		if d := details(t, s, p); d.ShipTo.IsZero() {
			t.Error("what answers the dispute is gone")
		}
		says(payment.DisputeLost)
		s.Clock.Move(privacy.LookAgain + time.Minute)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.State != store.Done {
			t.Errorf("got %+v, want it done", got)
		}
		if d := details(t, s, p); !d.ShipTo.IsZero() || !d.Email.IsZero() {
			t.Error("the dispute is decided, and the person still there")
		}
	})
}

// TestWhoOwesMoneyIsErasedWhenItHasCome: goods went before their money, and their
// buyer asks to be erased. Who owes what is kept until it has come.
func TestWhoOwesMoneyIsErasedWhenItHasCome(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		owed := func(paidAt int64) {
			t.Helper()
			shoptest.Do(t, s.Raw(t), `UPDATE orders SET on_account = TRUE, status = 'delivered', paid_at = $2 WHERE id = $1`, string(p.Order.ID), paidAt)
		}
		owed(0)
		r := o.erase(t, privacy.Options{})
		if r.State != store.Running {
			t.Fatalf("got %+v, want it begun and not done", r)
		}
		if d := details(t, s, p); d.ShipTo.IsZero() || d.Name.IsZero() {
			t.Error("nobody knows any more who owes the money")
		}
		owed(s.DB.Now().UnixMilli())
		s.Clock.Move(privacy.LookAgain + time.Minute)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.State != store.Done {
			t.Errorf("got %+v, want it done", got)
		}
	})
}

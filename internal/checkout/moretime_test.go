package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestWhoNeedsLongerGetsMoreTime extends the hold of fifteen minutes ten times,
// and is told no at the end that was told from the start.
func TestWhoNeedsLongerGetsMoreTime(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		limit := s.Desk.HoldLimit(p.Order)
		if want := p.Order.PlacedAt.Add(11 * 15 * time.Minute); !limit.Equal(want) {
			t.Fatalf("got the limit %v, want %v", limit, want)
		}
		if _, err := s.Desk.MoreTime(noCtx, p.Order.Number, "a guess"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a guess at the token got %v, want not found", err)
		}
		for n := range 10 {
			s.Clock.Move(14 * time.Minute)
			for range 2 { // a double click
				v, err := s.Desk.MoreTime(noCtx, p.Order.Number, p.Token)
				if err != nil {
					t.Fatalf("the %d. time: %v", n+1, err)
				}
				if left := v.Order.HoldUntil.Sub(s.DB.Now()); left > 15*time.Minute || left < 14*time.Minute {
					t.Fatalf("the %d. time: got %v, want another quarter of an hour", n+1, left)
				}
			}
			if _, err := s.Desk.SweepHolds(noCtx); err != nil {
				t.Fatal(err)
			}
			wantStatus(t, s, p, order.Pending)
			wantStock(t, s, bowl.ID, 1, 1)
		}
		if got := events(t, s, "order.kept", p.Order.ID); got != 10 {
			t.Errorf("got %d events, want 10: a double click is one act", got)
		}
		// Who keeps asking does not keep the last bowl for ever.
		for s.DB.Now().Before(limit) {
			if _, err := s.Desk.MoreTime(noCtx, p.Order.Number, p.Token); err != nil && !fault.Is(err, fault.Conflict) {
				t.Fatal(err)
			}
			s.Clock.Move(5 * time.Minute)
		}
		if _, err := s.Desk.MoreTime(noCtx, p.Order.Number, p.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("after the limit: got %v, want a conflict", err)
		}
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 1, 0)
	})
}

func TestAHoldThatEndedIsNotExtended(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(2))
		late := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.MoreTime(noCtx, late.Order.Number, late.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("a hold that ended: got %v, want a conflict", err)
		}
		paid := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		if err := s.Approve(paid); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.MoreTime(noCtx, paid.Order.Number, paid.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("a paid order: got %v, want a conflict", err)
		}
	})
}

// TestTheMoreTimeCanBePaidIn: the bank's page of before has ended, so there is a
// new one; and both being paid costs nobody twice.
func TestTheMoreTimeCanBePaidIn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		s.Clock.Move(10 * time.Minute)
		if _, err := s.Desk.MoreTime(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		first, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token)
		if err != nil || first.Payment.RedirectURL != p.Payment.RedirectURL {
			t.Fatalf("got %v, %v, want the page that is open still", first.Payment, err)
		}
		s.Clock.Move(10 * time.Minute)
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentExpired || v.Payment.RedirectURL != "" {
			t.Errorf("got %v, %v, want no way to a page that has ended", v.Payment, err)
		}
		second, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token)
		if err != nil || second.Payment.RedirectURL == "" || second.Payment.RedirectURL == p.Payment.RedirectURL {
			t.Fatalf("got %v, %v, want a new page", second.Payment, err)
		}
		if err := s.Desk.Settle(noCtx, "bank", s.Bank.Say(p, 2, payment.Approved)); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Settle(noCtx, "bank", s.Bank.Say(p, 1, payment.Approved)); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantStock(t, s, bowl.ID, 4, 0)
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); got != p.Order.Totals.Total {
			t.Errorf("got %v paid back of the second payment, want all of it", got)
		}
	})
}

// TestACrashBetweenOrderAndHoldIsMended lets only the order know of the new end.
func TestACrashBetweenOrderAndHoldIsMended(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		raw := s.Raw(t)
		end := p.Order.HoldUntil.Add(15 * time.Minute).UnixMilli()
		shoptest.Do(t, raw, `UPDATE orders SET hold_until = $2 WHERE id = $1`, string(p.Order.ID), end)
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Pending)
		wantStock(t, s, bowl.ID, 1, 1)
		if got := shoptest.One[int64](t, raw, `SELECT expires_at FROM holds WHERE order_id = $1`, string(p.Order.ID)); got != end {
			t.Errorf("the hold ends at %d, want %d as the order says", got, end)
		}
		if n, err := s.Desk.SweepHolds(noCtx); n != 0 || err != nil {
			t.Errorf("the next sweep looks at %d orders (%v), want none", n, err)
		}
	})
}

package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

var clerk = ledger.OS("clerk")

func TestAnUnpaidOrderIsGivenUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 2)
		p := place(t, s, b, "key-1")
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, "a guess"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a guess at the token got %v, want not found", err)
		}
		for range 2 { // doing it again changes nothing
			v, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
			if err != nil || v.Order.Status != order.Cancelled || v.Order.Why != order.ByCustomer || v.Payment.RedirectURL != "" {
				t.Fatalf("got %v, %v", v, err)
			}
		}
		wantStock(t, s, bowl.ID, 5, 0)
		if n := events(t, s, "order.cancelled", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want 1", n)
		}
		s.Run(t)
		if got := s.Letters.All(); len(got) != 1 || !strings.Contains(got[0].Text, "You asked us to cancel it") {
			t.Errorf("got %d letters, want the one that says who cancelled", len(got))
		}
		// The bank's page was still open: what is paid there comes back.
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		if s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref) != p.Order.Totals.Total {
			t.Errorf("the money stayed with the bank")
		}
		wantStock(t, s, bowl.ID, 5, 0)
		// The cart is open, and can be ordered again.
		again := place(t, s, b, "key-2")
		if err := s.Approve(again); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Cancel(noCtx, again.Order.Number, again.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("cancelling a paid order got %v, want a conflict", err)
		}
		wantStatus(t, s, again, order.Paid)
	})
}

func TestAnOrderGivenUpAfterItsHoldEndedIsNotPaidForLate(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 2), "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			v, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
			if err != nil || v.Order.Status != order.Cancelled || v.Order.Why != order.ByCustomer {
				t.Fatalf("got %v because of %q, %v", v.Order.Status, v.Order.Why, err)
			}
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 5, 0)
		if s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref) != p.Order.Totals.Total {
			t.Errorf("the money stayed with the bank")
		}
	})
}

func TestOfCancellingAndPayingOneWins(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(100))
		paid, cancelled := 0, 0
		for i := range 20 {
			p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
			errs := atOnce(2, func(n int) error {
				if n == i%2 {
					_, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
					return err
				}
				return s.Approve(p)
			})
			s.Run(t)
			refund := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref)
			switch s.Order(t, p).Status {
			case order.Paid:
				paid++
				if refund.Minor() != 0 || !fault.Is(errs[i%2], fault.Conflict) {
					t.Errorf("paid, and %v came back; cancelling got %v", refund.Minor(), errs[i%2])
				}
			case order.Cancelled:
				cancelled++
				if refund != p.Order.Totals.Total {
					t.Errorf("cancelled, and %d of %d came back", refund.Minor(), p.Order.Totals.Total.Minor())
				}
			default:
				t.Errorf("the order is %s", s.Order(t, p).Status)
			}
		}
		wantStock(t, s, bowl.ID, int64(100-paid), 0)
		t.Logf("%d paid, %d cancelled", paid, cancelled)
	})
}

func TestStaffTakeAnOrderToItsDoor(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		n := p.Order.Number
		if err := s.Desk.Pack(noCtx, clerk, n); !fault.Is(err, fault.Conflict) {
			t.Errorf("packing an unpaid order got %v, want a conflict", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.Desk.Pack(noCtx, clerk, n); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{Tracking: strings.Repeat("x", 101)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a number too long got %v", err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{Carrier: "Moor Post", Tracking: "TRACK-MARK-77"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("sending it twice got %v, want a conflict", err)
		}
		s.Run(t)
		letters := s.Letters.All()
		if last := letters[len(letters)-1]; !strings.Contains(last.Text, "Moor Post") || !strings.Contains(last.Text, "TRACK-MARK-77") {
			t.Errorf("the letter does not tell the parcel:\n%s", last.Text)
		}
		before := count(t, s, `SELECT MIN(destroy_after) FROM dossiers WHERE case_id = $1 AND purpose = 'courier'`, string(p.Order.ID))
		s.Clock.Move(48 * time.Hour)
		if err := s.Desk.Deliver(noCtx, clerk, n); err != nil {
			t.Fatal(err)
		}
		o := s.Order(t, p)
		if o.Status != order.Delivered || o.Times.Paid.IsZero() || o.Times.Packed.IsZero() || o.Times.Shipped.IsZero() || o.Times.Delivered.Sub(o.Times.Shipped) < 48*time.Hour {
			t.Errorf("got %s with %+v", o.Status, o.Times)
		}
		after := count(t, s, `SELECT MIN(destroy_after) FROM dossiers WHERE case_id = $1 AND purpose = 'courier'`, string(p.Order.ID))
		if want := o.Times.Delivered.AddDate(0, 0, 30).UnixMilli(); after != want || after >= before {
			t.Errorf("the courier's folder ends at %d, want %d, thirty days after the day it arrived", after, want)
		}
		for _, action := range []string{"order.packed", "order.shipped", "order.delivered"} {
			if got := count(t, s, `SELECT count(*) FROM events WHERE action = $1 AND actor = 'os:clerk'`, action); got != 1 {
				t.Errorf("%d events say that the clerk did %s", got, action)
			}
		}
	})
}

func TestMoneyGoesBackOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("refunding an unpaid order got %v, want a conflict", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		won := 0
		for _, err := range atOnce(10, func(int) error { return s.Desk.Refund(noCtx, clerk, p.Order.Number) }) {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		s.Run(t)
		if won == 0 {
			t.Error("nobody could refund")
		}
		wantStatus(t, s, p, order.Refunded)
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); got != p.Order.Totals.Total {
			t.Errorf("%d came back, want %d", got.Minor(), p.Order.Totals.Total.Minor())
		}
		if n := events(t, s, "payment.refunded", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want 1", n)
		}
		letters := 0
		for _, l := range s.Letters.All() {
			if strings.Contains(l.Text, "We have given back") {
				letters++
			}
		}
		if letters != 1 {
			t.Errorf("got %d letters about it, want 1", letters)
		}
	})
}

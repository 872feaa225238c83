package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestANoticeMustFitItsOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl, pin := s.Product(t, "bowl", 3900, shoptest.Counted(5)), s.Product(t, "pin", 1, shoptest.Counted(5))
		dear := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		cheap := place(t, s, s.Ready(t, pin.ID, 1), "key-1")
		usd, err := money.ParseCurrency("USD")
		if err != nil {
			t.Fatal(err)
		}
		total := dear.Order.Totals.Total
		for _, row := range []struct {
			name      string
			bend      func(*payment.Notice)
			wantEvent int64
		}{
			{"the cheap order's session for the dear one", func(n *payment.Notice) { n.Ref = s.Bank.Say(cheap, 1, payment.Approved).Ref }, 0},
			{"for another order", func(n *payment.Notice) { n.OrderID = string(cheap.Order.ID) }, 1},
			{"for less", func(n *payment.Notice) { n.Amount = money.Of(total.Minor()-1, total.Currency()) }, 1},
			{"for more", func(n *payment.Notice) { n.Amount = money.Of(total.Minor()+1, total.Currency()) }, 1},
			{"for nothing", func(n *payment.Notice) { n.Amount = money.Amount{} }, 1},
			{"in another currency", func(n *payment.Notice) { n.Amount = money.Of(total.Minor(), usd) }, 1},
			{"for another attempt", func(n *payment.Notice) { n.Attempt = 2 }, 1},
			{"of play money", func(n *payment.Notice) { n.Mode = payment.ModeLive }, 1},
			{"of no mode", func(n *payment.Notice) { n.Mode = "" }, 1},
			{"paid to somebody else", func(n *payment.Notice) { n.Account = "theirs" }, 1},
			{"of an unknown session", func(n *payment.Notice) { n.Ref = "ref-unknown" }, 0},
			{"of no session", func(n *payment.Notice) { n.Ref = "" }, 0},
			{"declined, for another amount", func(n *payment.Notice) {
				n.Outcome, n.Amount = payment.Declined, money.Of(1, total.Currency())
			}, 1},
		} {
			before := events(t, s, "payment.mismatch", dear.Order.ID)
			n := s.Bank.Say(dear, 1, payment.Approved)
			row.bend(&n)
			if err := settle(s, n); err == nil {
				t.Errorf("%s: a notice was accepted", row.name)
			}
			if got := events(t, s, "payment.mismatch", dear.Order.ID) - before; got != row.wantEvent {
				t.Errorf("%s: got %d events, want %d", row.name, got, row.wantEvent)
			}
			wantStatus(t, s, dear, order.Pending)
			wantStatus(t, s, cheap, order.Pending)
			if n := count(t, s, `SELECT count(*) FROM payments WHERE status <> 'open'`); n != 0 {
				t.Errorf("%s: a payment has moved", row.name)
			}
		}
		if err := s.Desk.Settle(noCtx, "otherbank", s.Bank.Say(dear, 1, payment.Approved)); !fault.Is(err, fault.NotFound) {
			t.Errorf("another provider's notice got %v, want not found", err)
		}
		wantStatus(t, s, dear, order.Pending)
		if n := s.Run(t); n != 0 {
			t.Errorf("%d jobs came of refused notices", n)
		}
		wantStock(t, s, bowl.ID, 5, 1)
	})
}

func TestDeclinedThenApproved(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		for range 2 {
			if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
				t.Fatal(err)
			}
		}
		wantStatus(t, s, p, order.Pending)
		wantStock(t, s, bowl.ID, 5, 1)
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentDeclined {
			t.Errorf("got %s, %v, want declined", v.Payment.Status, err)
		}
		// The bank thinks again: its last word counts.
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantStock(t, s, bowl.ID, 4, 0)
		// A declined notice that comes after does not unpay it.
		if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Paid)
	})
}

// TestPayingAnotherWay keeps the order and what is held for it. The first page is
// ended, and when it was paid on all the same, one payment goes back.
func TestPayingAnotherWay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if _, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, "second"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a way that is not offered: got %v", err)
		}
		second := s.SecondBank(t)
		for range 2 { // two clicks are one
			v, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, "second")
			if err != nil || v.Payment.Status != order.PaymentOpen || v.Payment.RedirectURL == p.Payment.RedirectURL {
				t.Fatalf("got %+v, %v", v.Payment, err)
			}
		}
		s.Run(t)
		first := s.Bank.Say(p, 1, payment.Approved)
		if !s.Bank.Closed(first.Ref) {
			t.Error("the first page still takes a payment")
		}
		if got := s.Order(t, p); got.PaymentMethod != "second" || count(t, s, `SELECT count(*) FROM payments`) != 2 {
			t.Errorf("it is paid by %s, in %d attempts", got.PaymentMethod, count(t, s, `SELECT count(*) FROM payments`))
		}
		wantStock(t, s, bowl.ID, 5, 1)
		if err := s.Desk.Settle(noCtx, "second", second.Say(p, 2, payment.Approved)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Paid)
		if err := settle(s, first); err != nil { // in the very last moment
			t.Fatal(err)
		}
		s.Run(t)
		if back := s.Bank.Refunded(first.Ref); back != p.Order.Totals.Total || !second.Refunded(second.Say(p, 2, payment.Approved).Ref).IsZero() {
			t.Errorf("%v of the first went back, want all of it and nothing of the second", back)
		}
		wantStock(t, s, bowl.ID, 4, 0)
		// What each notice meant is in the journal, and its words are not.
		if n := count(t, s, `SELECT SUM(times) FROM notices`); n != 2 {
			t.Errorf("the journal has %d notices, want 2", n)
		}
		if n := count(t, s, `SELECT count(*) FROM notices WHERE outcome = 'approved' AND result = 'returned'`); n != 1 {
			t.Errorf("the journal does not say that one was paid back")
		}
	})
}

// TestAPageThatEnded: the provider says so before the hold has ended. The order
// stays, and can be tried again.
func TestAPageThatEnded(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		for range 2 {
			if err := settle(s, s.Bank.Say(p, 1, payment.Expired)); err != nil {
				t.Fatal(err)
			}
		}
		wantStatus(t, s, p, order.Pending)
		wantStock(t, s, bowl.ID, 5, 1)
		if v, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentOpen || v.Payment.RedirectURL == p.Payment.RedirectURL {
			t.Fatalf("got %+v, %v, want another page", v.Payment, err)
		}
		if err := settle(s, s.Bank.Say(p, 2, payment.Approved)); err != nil {
			t.Fatal(err)
		}
		if err := settle(s, s.Bank.Say(p, 2, payment.Expired)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Paid)
	})
}

// TestThePageOfAGivenUpOrderIsEnded, so that nobody pays there any more.
func TestThePageOfAGivenUpOrderIsEnded(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		ref := s.Bank.Say(p, 1, payment.Approved).Ref
		if s.Bank.Closed(ref) {
			t.Error("the page was ended by nobody")
		}
		s.Clock.Move(20 * time.Minute)
		s.Run(t)
		if !s.Bank.Closed(ref) {
			t.Error("the page still takes a payment")
		}
		wantStatus(t, s, p, order.Cancelled)
	})
}

func TestPayingAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		same, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token)
		if err != nil || same.Payment != p.Payment {
			t.Errorf("got %+v, %v, want the page that is still open", same.Payment, err)
		}
		if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
			t.Fatal(err)
		}
		for _, err := range atOnce(8, func(int) error { _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); return err }) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM payments`); n != 2 {
			t.Errorf("got %d attempts, want 2: eight clicks are one", n)
		}
		if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, "wrong"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a wrong token got %v, want not found", err)
		}
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want no more paying once the hold has ended", err)
		}
	})
}

// TestALatePaymentOfAForgottenOrder comes when nobody knows any more where the
// goods should go.
func TestALatePaymentOfAForgottenOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		s.Clock.Move(31 * 24 * time.Hour)
		retain(t, s)
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 5, 0)
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); got != p.Order.Totals.Total {
			t.Errorf("got %v paid back, want all of it", got)
		}
	})
}

// TestALatePaymentAfterOrderingAgain: the shopper has paid the second order of
// the same cart, so the first payment goes back.
func TestALatePaymentAfterOrderingAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		first := place(t, s, b, "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		second := place(t, s, b, "key-2")
		if err := s.Approve(second); err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(first); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, first, order.Cancelled)
		wantStatus(t, s, second, order.Paid)
		wantStock(t, s, bowl.ID, 4, 0)
		if got := s.Bank.Refunded(s.Bank.Say(first, 1, payment.Approved).Ref); got != first.Order.Totals.Total {
			t.Errorf("got %v paid back, want the first payment", got)
		}
	})
}

func TestAPaidOrderLeavesNothingInTheCart(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM cart_details`); n != 0 {
			t.Errorf("%d carts still hold details", n)
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND wrap IS NOT NULL`); n != 0 {
			t.Errorf("%d carts still have a key", n)
		}
		if d, err := s.Desk.Details(noCtx, b.ID, b.Token); err != nil || !d.Email.IsZero() {
			t.Errorf("got %v, %v, want nothing left", d, err)
		}
	})
}

// TestAHoldHeldAfreshOutlivesASweep: a sweep that looked before must not take
// away what was held anew since.
func TestAHoldHeldAfreshOutlivesASweep(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		id := order.ID(store.NewID())
		reserve := func(end time.Time) {
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Reserve(bowl.ID, id, store.Payer{Cart: "owner"}, 2, end) })
			if err != nil {
				t.Fatal(err)
			}
		}
		then := s.DB.Now()
		reserve(then)
		reserve(then.Add(time.Minute))
		release := func(before time.Time) {
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.ReleaseEnded(bowl.ID, id, before) })
			if err != nil {
				t.Fatal(err)
			}
		}
		release(then)
		wantStock(t, s, bowl.ID, 5, 2)
		release(then.Add(time.Minute))
		wantStock(t, s, bowl.ID, 5, 0)
	})
}

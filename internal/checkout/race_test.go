package checkout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestAHundredBuyersOfTheLastOne(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		baskets := make([]shoptest.Basket, 100)
		atOnce(10, func(i int) error {
			for n := range 10 {
				baskets[10*i+n] = s.Ready(t, bowl.ID, 1)
			}
			return nil
		})
		orders := make([]checkout.Placed, len(baskets))
		won := 0
		for i, err := range atOnce(len(baskets), func(i int) (err error) {
			orders[i], err = s.Place(baskets[i], "key-1")
			return err
		}) {
			switch {
			case err == nil:
				won++
				if err := s.Approve(orders[i]); err != nil {
					t.Error(err)
				}
			case !fault.Is(err, fault.OutOfStock):
				t.Errorf("buyer %d got %v, want an order or to be told that there is none left", i, err)
			}
		}
		s.Run(t)
		if n := count(t, s, `SELECT count(*) FROM orders`); won != 1 || n != 1 {
			t.Errorf("got %d winners and %d orders, want 1", won, n)
		}
		wantStock(t, s, bowl.ID, 0, 0)
		if n := count(t, s, `SELECT count(*) FROM holds`); n != 0 {
			t.Errorf("%d holds are left", n)
		}
	})
}

func TestTwentyCopiesOfANoticeAreOne(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 2), "key-1")
		for _, err := range atOnce(20, func(int) error { return s.Approve(p) }) {
			if err != nil {
				t.Errorf("a copy got %v, want the same thanks as the first", err)
			}
		}
		s.Run(t)
		if err := s.Approve(p); err != nil { // and one more, a day later
			t.Error(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantStock(t, s, bowl.ID, 3, 0)
		if n := len(s.Letters.All()); n != 1 {
			t.Errorf("got %d letters, want 1", n)
		}
		if n := events(t, s, "order.paid", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want one transition", n)
		}
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); !got.IsZero() {
			t.Errorf("%v was paid back", got)
		}
	})
}

func TestTwentyCopiesOfALateNoticeAreOne(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(2))
		p := place(t, s, s.Ready(t, bowl.ID, 2), "key-1")
		s.Clock.Move(16 * time.Minute)
		atOnce(20, func(i int) error {
			if i%4 == 0 {
				_, err := s.Desk.SweepHolds(noCtx)
				return err
			}
			return s.Approve(p)
		})
		if err := s.Approve(p); err != nil { // providers ask again until they are thanked
			t.Fatal(err)
		}
		for s.Run(t) > 0 {
		}
		if paid := s.Order(t, p).Status == order.Paid; !paid {
			t.Error("the order is not paid, though its goods were still there")
		}
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); !got.IsZero() {
			t.Errorf("the order is paid and %v was paid back", got)
		}
		wantStock(t, s, bowl.ID, 0, 0)
		if n := events(t, s, "order.paid", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want one transition", n)
		}
	})
}

func TestTwoApprovedAttemptsPayOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
			t.Fatal(err)
		}
		again, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token)
		if err != nil || again.Payment.RedirectURL == p.Payment.RedirectURL {
			t.Fatalf("got %+v, %v, want another page to pay on", again.Payment, err)
		}
		for _, err := range atOnce(20, func(i int) error { return settle(s, s.Bank.Say(p, 1+i%2, payment.Approved)) }) {
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		for attempt := range 2 {
			if err := settle(s, s.Bank.Say(p, 1+attempt, payment.Approved)); err != nil {
				t.Error(err)
			}
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantStock(t, s, bowl.ID, 4, 0)
		back := 0
		for attempt := range 2 {
			if got := s.Bank.Refunded(s.Bank.Say(p, 1+attempt, payment.Approved).Ref); !got.IsZero() {
				back++
				if got != p.Order.Totals.Total {
					t.Errorf("%v was paid back, want %v", got, p.Order.Totals.Total)
				}
			}
		}
		if back != 1 {
			t.Errorf("%d payments were paid back, want the other one", back)
		}
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentApproved {
			t.Errorf("got payment %s, %v, want approved shown for a paid order", v.Payment.Status, err)
		}
		if n := len(s.Letters.All()); n != 1 {
			t.Errorf("got %d letters, want 1", n)
		}
	})
}

func TestTwoKeysForOneCartMakeOneOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		for range 5 {
			b := s.Ready(t, bowl.ID, 1)
			won := 0
			for _, err := range atOnce(4, func(i int) error {
				_, err := s.Place(b, fmt.Sprintf("key-%d", i))
				return err
			}) {
				switch {
				case err == nil:
					won++
				case !fault.Is(err, fault.CartClosed):
					t.Errorf("got %v, want an order or a closed cart", err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM orders WHERE cart = $1`, string(b.ID)); won != 1 || n != 1 {
				t.Errorf("got %d winners and %d orders, want 1", won, n)
			}
		}
		wantStock(t, s, bowl.ID, 50, 5)
	})
}

func TestOneKeyAtTheSameTimeMakesOneOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		b := s.Ready(t, bowl.ID, 1)
		ids := make([]order.ID, 8)
		for i, err := range atOnce(8, func(i int) error {
			p, err := s.Place(b, "key-1")
			ids[i] = p.Order.ID
			return err
		}) {
			if err != nil && !fault.Is(err, fault.InProgress) {
				t.Errorf("request %d got %v, want the order or to be asked to wait", i, err)
			}
		}
		p := place(t, s, b, "key-1")
		for _, id := range ids {
			if id != "" && id != p.Order.ID {
				t.Errorf("got orders %s and %s for one key", id, p.Order.ID)
			}
		}
		wantStock(t, s, bowl.ID, 50, 1)
	})
}

func TestACartChangedWhileItIsOrdered(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1000))
		sold := int64(0)
		for n := range 10 {
			b := s.Ready(t, bowl.ID, 1)
			c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
			if err != nil {
				t.Fatal(err)
			}
			var p checkout.Placed
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					time.Sleep(time.Duration(n) * 300 * time.Microsecond)
					_, err = s.Desk.SetQuantity(noCtx, b.ID, b.Token, c.Lines[0].ID, 7)
					return err
				}
				p, err = s.Place(b, "key-1")
				return err
			})
			if errs[0] != nil && !fault.Is(errs[0], fault.CartClosed) {
				t.Errorf("the change got %v, want done or a closed cart", errs[0])
			}
			if errs[1] != nil && !fault.Is(errs[1], fault.Changed) {
				t.Errorf("the order got %v, want an order or to look again", errs[1])
			}
			if errs[1] == nil {
				// What was ordered is what is held and what is to be paid.
				q := p.Order.Lines[0].Quantity
				if p.Order.Totals.Total.Minor() != q*3900+490 {
					t.Errorf("got %v for %d, want the two to fit", p.Order.Totals.Total, q)
				}
				sold += q
			}
			wantStock(t, s, bowl.ID, 1000, sold)
		}
	})
}

package checkout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// card issues a gift card and returns its id and its code.
func card(t shoptest.T, s *shoptest.Shop, minor int64) (credit.ID, string) {
	t.Helper()
	c, code, err := s.Desk.IssueCard(noCtx, ledger.OS("test"), euros(minor), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID, code.Reveal()
}

// wantCredit checks what is left of a credit and what is held, and that all books
// add up.
func wantCredit(t testing.TB, s *shoptest.Shop, id credit.ID, balance, held int64) {
	t.Helper()
	c, err := s.Desk.ShowCredit(noCtx, id)
	if err != nil {
		t.Fatal(err)
	}
	if c.Balance != euros(balance) || c.Held != euros(held) {
		t.Errorf("%v left and %v held, want %v and %v", c.Balance, c.Held, euros(balance), euros(held))
	}
	wantEven(t, s)
}

func wantEven(t testing.TB, s *shoptest.Shop) {
	t.Helper()
	if r, err := s.DB.VerifyCredit(noCtx); err != nil || len(r.Wrong) > 0 {
		t.Errorf("the books do not add up: %v %v", r.Wrong, err)
	}
}

func TestACardPaysAPartAndTheBankTheRest(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 3000)
		b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
		without, err := s.Desk.Cart(noCtx, b.ID, b.Token)
		if err != nil {
			t.Fatal(err)
		}
		c := try(t, s, b, strings.ToLower(code))
		if c.Totals != without.Totals || c.Due() != euros(1490) || len(c.Credits) != 1 || c.Credits[0].Amount != euros(3000) {
			t.Fatalf("a card is a means of payment and no lower price: %+v, due %v", c.Totals, c.Due())
		}
		p := place(t, s, b, "key-1")
		wantCredit(t, s, id, 0, 3000)
		if n := count(t, s, `SELECT SUM(amount) FROM payments WHERE order_id = $1`, string(p.Order.ID)); n != 1490 {
			t.Errorf("the bank is asked for %d, want what is left", n)
		}
		whole := s.Bank.Say(p, 1, payment.Approved)
		whole.Amount = p.Order.Totals.Total
		if err := settle(s, whole); !fault.Is(err, fault.Conflict) {
			t.Errorf("a notice about another amount was taken: %v", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantCredit(t, s, id, 0, 0)
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 4490 {
			t.Errorf("the books have %d, want the whole price", net+tax)
		}
		if text := s.Letters.All()[0].Text; !strings.Contains(text, "−€30.00") || !strings.Contains(text, "Left to pay: €14.90") || strings.Contains(text, code) {
			t.Errorf("the letter says:\n%s", text)
		}
	})
}

func TestAnOrderThatCreditCoversNeedsNoBank(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 10_000)
		s.Bank.Down = true
		b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
		try(t, s, b, code)
		p := place(t, s, b, "key-1")
		if p.Order.Status != order.Paid || p.Payment.Status != order.PaymentApproved || p.Payment.RedirectURL != "" {
			t.Errorf("got %s, %+v", p.Order.Status, p.Payment)
		}
		again := place(t, s, b, "key-1")
		if !again.Replayed || again.Order.Number != p.Order.Number {
			t.Errorf("a repeat gave %+v", again)
		}
		s.Run(t)
		wantCredit(t, s, id, 10_000-4490, 0)
		wantStatus(t, s, p, order.Paid)
		if n := count(t, s, `SELECT count(*) FROM payments`); n != 0 {
			t.Errorf("%d payments were begun", n)
		}
		if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("paid twice: %v", err)
		}
	})
}

// TestFortyOrdersForOneCard: what it has is spent once, whoever is first, and who
// was too slow is told before anything happens.
func TestFortyOrdersForOneCard(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 10_000)
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(99))
		baskets := make([]shoptest.Basket, 40)
		for i := range baskets {
			baskets[i] = s.Ready(t, bowl.ID, 1)
			try(t, s, baskets[i], code)
		}
		orders := make([]checkout.Placed, len(baskets))
		covered := 0
		for i, err := range atOnce(len(baskets), func(i int) (err error) {
			orders[i], err = s.Place(baskets[i], "key-1")
			return err
		}) {
			switch {
			case err == nil && orders[i].Order.Status == order.Paid:
				covered++
			case err == nil || !fault.Is(err, fault.Changed):
				t.Errorf("buyer %d got %s, %v; want to be told what is left to pay", i, orders[i].Order.Status, err)
			}
		}
		if covered != 2 {
			t.Errorf("%d orders of 44.90 were paid with 100.00, want 2", covered)
		}
		s.Run(t)
		wantCredit(t, s, id, 10_000-2*4490, 0)
		// One of the others takes what is left, and pays the rest.
		for i, p := range orders {
			if p.Order.ID != "" {
				continue
			}
			p = place(t, s, baskets[i], "key-2")
			if p.Order.Due() != euros(4490-1020) {
				t.Errorf("due %v", p.Order.Due())
			}
			break
		}
		wantCredit(t, s, id, 0, 1020)
	})
}

func TestCreditComesBackWhenAnOrderIsNotPaid(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 3000)
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		for _, c := range []struct {
			why string
			end func(p checkout.Placed)
		}{
			{"its hold ended", func(checkout.Placed) {
				s.Clock.Move(checkout.HoldTime + time.Minute)
				if _, err := s.Desk.SweepHolds(noCtx); err != nil {
					t.Fatal(err)
				}
			}},
			{"it was cancelled", func(p checkout.Placed) {
				if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
					t.Fatal(err)
				}
			}},
		} {
			b := s.Ready(t, bowl.ID, 1)
			try(t, s, b, code)
			p := place(t, s, b, "key-1")
			wantCredit(t, s, id, 0, 3000)
			c.end(p)
			s.Run(t)
			wantStatus(t, s, p, order.Cancelled)
			wantCredit(t, s, id, 3000, 0)
			if got, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || got.Due() != euros(1490) {
				t.Errorf("%s: the cart opens again with %v due, %v", c.why, got.Due(), err)
			}
		}
		// Held, and the order never came: it just ends.
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return t.HoldCredit(credit.Part{ID: id, Amount: euros(500)}, "no order", "no cart", t.Now().Add(time.Minute))
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(time.Hour)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		wantCredit(t, s, id, 3000, 0)
	})
}

// TestALatePaymentNeedsItsCredit: an order whose hold has ended is revived when the
// card still has what it was to pay; else all that the bank took goes back.
func TestALatePaymentNeedsItsCredit(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 3000)
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		late := func() checkout.Placed {
			b := s.Ready(t, bowl.ID, 1)
			try(t, s, b, code)
			p := place(t, s, b, "key-1")
			s.Clock.Move(checkout.HoldTime + time.Minute)
			if _, err := s.Desk.SweepHolds(noCtx); err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := late()
		other := s.Ready(t, bowl.ID, 1)
		try(t, s, other, code)
		spent := place(t, s, other, "key-1")
		for _, err := range atOnce(5, func(int) error { return s.Approve(first) }) {
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		s.Run(t)
		wantStatus(t, s, first, order.Cancelled)
		if got := s.Bank.Refunded(s.Bank.Say(first, 1, payment.Approved).Ref); got != euros(1490) {
			t.Errorf("%v went back, want all that the bank took", got)
		}
		wantCredit(t, s, id, 0, 3000)
		if _, err := s.Desk.Cancel(noCtx, spent.Order.Number, spent.Token); err != nil {
			t.Fatal(err)
		}
		second := late()
		for _, err := range atOnce(5, func(int) error { return s.Approve(second) }) {
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		s.Run(t)
		wantStatus(t, s, second, order.Paid)
		wantCredit(t, s, id, 0, 0)
	})
}

func TestACardThatGivesNothingIsAWrongCode(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		empty, gone, old := []string{}, []string{}, []string{}
		for range 2 {
			_, code := card(t, s, 4490)
			b := s.Ready(t, bowl.ID, 1)
			try(t, s, b, code)
			place(t, s, b, "key-1")
			empty = append(empty, code)
			id, code := card(t, s, 100)
			if err := s.Desk.CancelCredit(noCtx, ledger.OS("test"), id); err != nil {
				t.Fatal(err)
			}
			gone = append(gone, code)
			_, last, err := s.Desk.IssueCard(noCtx, ledger.OS("test"), euros(100), s.DB.Now().Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			old = append(old, last.Reveal())
		}
		s.Clock.Move(time.Minute)
		b := s.Ready(t, bowl.ID, 1)
		answers := map[string]bool{}
		for _, word := range append(append(append([]string{credit.NewCode().Reveal(), "K7Q2M-9F3XA-TB4NC-8WZ00", "SUMMER24"}, empty...), gone...), old...) {
			_, err := s.Desk.TryCode(noCtx, b.ID, b.Token, word)
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Invalid {
				t.Fatalf("%q is answered with %v", word, err)
			}
			answers[fmt.Sprint(f.Kind, f.Text, f.Problems)] = true
		}
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || len(c.Credits) != 0 || c.Due() != euros(4490) {
			t.Errorf("the cart has %+v, %v", c.Credits, err)
		}
		_, code := card(t, s, 100)
		other := s.Ready(t, bowl.ID, 1)
		if _, err := s.Desk.TryCode(noCtx, b.ID, other.Token, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("another's cart answers %v", err)
		}
	})
}

// TestWhatACardPaysIsSeenBeforeItIsOrdered: it was spent elsewhere since the page
// was shown, so the button says so once.
func TestWhatACardPaysIsSeenBeforeItIsOrdered(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		_, code := card(t, s, 5000)
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		b, other := s.Ready(t, bowl.ID, 1), s.Ready(t, bowl.ID, 1)
		try(t, s, b, code)
		try(t, s, other, code)
		place(t, s, other, "key-1")
		if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Changed) {
			t.Errorf("ordered at another amount than was shown: %v", err)
		}
		if p := place(t, s, b, "key-2"); p.Order.Due() != euros(4490-510) {
			t.Errorf("due %v", p.Order.Due())
		}
	})
}

func TestCardsGoOutAndAreFew(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
		var c cart.Cart
		var last credit.ID
		for range credit.MaxTogether {
			id, code := card(t, s, 100)
			c, last = try(t, s, b, code), id
			c = try(t, s, b, code) // again: it is there once
		}
		if len(c.Credits) != credit.MaxTogether || c.Due() != euros(4490-500) {
			t.Errorf("%d cards, due %v", len(c.Credits), c.Due())
		}
		_, code := card(t, s, 100)
		if _, err := s.Desk.TryCode(noCtx, b.ID, b.Token, code); !fault.Is(err, fault.Conflict) {
			t.Errorf("a sixth card: %v", err)
		}
		if c, err := s.Desk.DropCode(noCtx, b.ID, b.Token, string(last)); err != nil || len(c.Credits) != credit.MaxTogether-1 {
			t.Errorf("%d are left, %v", len(c.Credits), err)
		}
		if c, err := s.Desk.DropCode(noCtx, b.ID, b.Token, ""); err != nil || len(c.Credits) != 0 || c.Due() != euros(4490) {
			t.Errorf("%+v are left, %v", c.Credits, err)
		}
	})
}

func TestStoreCreditIsItsAccounts(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ada := newAccount(t, s, "ada@example.com")
		bob := newAccount(t, s, "bob@example.com")
		email, _ := contact.ParseEmail("ada@example.com")
		for range 2 {
			if _, err := s.Desk.IssueTo(noCtx, ledger.OS("test"), email, euros(1500)); err != nil {
				t.Fatal(err)
			}
		}
		b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
		if _, err := s.Desk.UseAccountCredit(noCtx, b.ID, b.Token, bob); !fault.Is(err, fault.Conflict) {
			t.Errorf("who has no credit paid with it: %v", err)
		}
		c, err := s.Desk.UseAccountCredit(noCtx, b.ID, b.Token, ada)
		if err != nil || c.Due() != euros(1490) {
			t.Fatalf("due %v, %v", c.Due(), err)
		}
		// Whoever else has the cart pays with money of their own.
		as := func(account string) context.Context {
			return abuse.With(noCtx, &abuse.Caller{Account: func() string { return account }})
		}
		for _, other := range []string{"", bob} {
			if _, err := s.Desk.Place(as(other), b.ID, b.Token, checkout.PlaceInput{Key: "key-0" + other, Request: []byte("{}")}); !fault.Is(err, fault.Changed) {
				t.Errorf("%q ordered with another's credit: %v", other, err)
			}
		}
		p, err := s.Desk.Place(as(ada), b.ID, b.Token, checkout.PlaceInput{Key: "key-1", Request: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		v, err := s.Desk.AccountCredit(noCtx, ada)
		if err != nil || !v.Balance.IsZero() || len(v.Acts) != 3 || v.Acts[0].Doing != credit.Hold || v.Acts[0].Number != string(p.Order.Number) {
			t.Errorf("its history is %+v, %v", v.Acts, err)
		}
		if v, err := s.Desk.AccountCredit(noCtx, bob); err != nil || !v.Balance.IsZero() || len(v.Acts) != 0 {
			t.Errorf("another's history is %+v, %v", v.Acts, err)
		}
	})
}

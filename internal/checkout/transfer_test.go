package checkout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

const day = 24 * time.Hour

// withTransfer opens the shop with a bank account as a second way to pay.
func withTransfer(t *testing.T, s *shoptest.Shop, waiting int) {
	t.Helper()
	p, err := transfer.New(transfer.Config{Payee: "Test Shop", IBAN: "DE89370400440532013000", Days: 7, Open: waiting, Mode: payment.ModeTest})
	if err != nil {
		t.Fatal(err)
	}
	s.Offer(t, p)
}

// byTransfer places an order that a transfer pays, and returns what a shopper is told.
func byTransfer(t *testing.T, s *shoptest.Shop, variant catalog.Variant, key string) (checkout.Placed, checkout.Transfer) {
	t.Helper()
	p, err := s.PlaceWith(s.Ready(t, variant.ID, 1), key, transfer.Name)
	if err != nil {
		t.Fatal(err)
	}
	if p.Now.Transfer == nil || p.Now.RedirectURL != "" {
		t.Fatalf("got %+v, want the account and no page to pay on", p.Now)
	}
	return p, *p.Now.Transfer
}

// comes is a line of a statement: so much money with this reference.
func comes(t *testing.T, s *shoptest.Shop, ref string, minor int64, mark string) checkout.Arrival {
	t.Helper()
	got, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: ref, Amount: money.Of(minor, euro(t)), Mark: mark})
	if err != nil {
		t.Fatal(err)
	}
	return got.Arrival
}

func euro(t *testing.T) money.Currency {
	t.Helper()
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATransferPaysAnOrderDaysLater(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, how := byTransfer(t, s, bowl, "key")
		if how.IBAN != "DE89370400440532013000" || how.Payee != "Test Shop" {
			t.Errorf("got %+v", how)
		}
		if left := how.Until.Sub(s.Clock.Now()); left < 7*day-time.Minute || left > 7*day {
			t.Errorf("the goods are kept for %v, want 7 days", left)
		}
		s.Run(t)
		letters := s.Letters.All()
		if len(letters) != 1 {
			t.Fatalf("got %d letters, want the one with the account", len(letters))
		}
		for _, part := range []string{payment.Fours(how.Reference), "DE89 3704 0044 0532 0130 00", "Test Shop", "€43.90"} {
			if !strings.Contains(letters[0].Text, part) || !strings.Contains(letters[0].HTML, part) {
				t.Errorf("the letter lacks %q", part)
			}
		}
		s.Clock.Move(6 * day)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		if o := s.Order(t, p); o.Status != order.Pending || s.Stock(t, bowl.ID).Held != 1 {
			t.Fatalf("after six days it is %s, with %d held", o.Status, s.Stock(t, bowl.ID).Held)
		}
		for name, try := range map[string]struct {
			minor int64
			want  checkout.Arrival
		}{"a cent less": {4389, checkout.ArrivedTooLittle}, "a cent more": {4391, checkout.ArrivedTooMuch}} {
			if got := comes(t, s, how.Reference, try.minor, name); got != try.want {
				t.Errorf("%s: got %s, want %s", name, got, try.want)
			}
		}
		got, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: how.Reference, Amount: money.Of(4390, euro(t)), Account: "GB29NWBK60161331926819"})
		if err != nil || got.Arrival != checkout.ArrivedElsewhere {
			t.Errorf("on another account: got %+v, %v", got, err)
		}
		chf, err := money.ParseCurrency("CHF")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: how.Reference, Amount: money.Of(4390, chf)}); err != nil || got.Arrival != checkout.ArrivedOtherMoney {
			t.Errorf("in another currency: got %+v, %v", got, err)
		}
		if got := comes(t, s, "RF18539007547034", 4390, "x"); got != checkout.ArrivedUnknown {
			t.Errorf("another reference: got %s", got)
		}
		if o := s.Order(t, p); o.Status != order.Pending {
			t.Fatalf("what did not fit has made it %s", o.Status)
		}

		if got := comes(t, s, how.Reference, 4390, "line 1"); got != checkout.ArrivedPaid {
			t.Fatalf("got %s, want it paid", got)
		}
		s.Run(t)
		if o := s.Order(t, p); o.Status != order.Paid || s.Stock(t, bowl.ID).OnHand != 4 || s.Stock(t, bowl.ID).Held != 0 {
			t.Errorf("got %s, stock %+v", o.Status, s.Stock(t, bowl.ID))
		}
		// The same file again, a second transfer, and a person's word afterwards.
		for mark, want := range map[string]checkout.Arrival{"line 1": checkout.ArrivedBefore, "line 2": checkout.ArrivedTwice, "": checkout.ArrivedBefore} {
			if got := comes(t, s, how.Reference, 4390, mark); got != want {
				t.Errorf("again with mark %q: got %s, want %s", mark, got, want)
			}
		}
		if n := s.Run(t); n != 0 {
			t.Errorf("%d jobs came of repetitions", n)
		}
	})
}

func TestALineInTwentyImportsAtOncePaysOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, how := byTransfer(t, s, bowl, "key")
		s.Run(t)
		got := make([]checkout.Arrival, 20)
		for i, err := range atOnce(len(got), func(i int) error {
			r, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: how.Reference, Amount: p.Order.Totals.Total, Mark: "line 1"})
			got[i] = r.Arrival
			return err
		}) {
			if err != nil {
				t.Errorf("import %d: %v", i, err)
			}
		}
		paid := 0
		for _, a := range got {
			if a == checkout.ArrivedPaid {
				paid++
			}
		}
		s.Run(t)
		if paid != 1 || s.Stock(t, bowl.ID).OnHand != 4 {
			t.Errorf("%d of 20 say they paid it, %d left: %v", paid, s.Stock(t, bowl.ID).OnHand, got)
		}
		if n := events(t, s, "order.paid", p.Order.ID); n != 1 {
			t.Errorf("it was paid %d times", n)
		}
	})
}

// The days pass and nothing comes: the goods go back, and the letter is kind. Money
// that comes after all gets the goods while there are any, else a person owes it.
func TestATransferThatComesTooLate(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(2))
		first, how := byTransfer(t, s, bowl, "key-1")
		second, how2 := byTransfer(t, s, bowl, "key-2")
		s.Run(t)
		s.Clock.Move(7*day + time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if o := s.Order(t, first); o.Status != order.Cancelled || s.Stock(t, bowl.ID).Held != 0 {
			t.Fatalf("got %s, %d held", o.Status, s.Stock(t, bowl.ID).Held)
		}
		letters := s.Letters.All()
		if last := letters[len(letters)-1].Text; !strings.Contains(last, "you owe us nothing") {
			t.Errorf("the letter is not kind: %s", last)
		}
		if got := comes(t, s, how.Reference, 4390, "line 1"); got != checkout.ArrivedPaid {
			t.Fatalf("while there are goods: got %s", got)
		}
		s.Run(t)
		buyer := place(t, s, s.Ready(t, bowl.ID, 1), "key-3") // the last one goes
		if err := s.Approve(buyer); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := comes(t, s, how2.Reference, 4390, "line 2"); got != checkout.ArrivedOwed {
			t.Fatalf("without goods: got %s", got)
		}
		if n := s.Run(t); n != 0 {
			t.Errorf("%d jobs pretend to pay back", n)
		}
		owed, err := s.Desk.Owed(noCtx)
		if err != nil || len(owed) != 1 || owed[0].Number != second.Order.Number || owed[0].Reference != how2.Reference {
			t.Fatalf("got %+v, %v", owed, err)
		}
		if got := comes(t, s, how2.Reference, 4390, "line 2"); got != checkout.ArrivedBefore {
			t.Errorf("the same line again: got %s", got)
		}
		if err := s.Desk.Returned(noCtx, clerk, how.Reference); !fault.Is(err, fault.Conflict) {
			t.Errorf("what was paid for is no debt: got %v", err)
		}
		if err := s.Desk.Returned(noCtx, clerk, how2.Reference); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Returned(noCtx, clerk, how2.Reference); !fault.Is(err, fault.Conflict) {
			t.Errorf("sent back twice: got %v", err)
		}
		if owed, err := s.Desk.Owed(noCtx); err != nil || len(owed) != 0 {
			t.Errorf("got %+v, %v", owed, err)
		}
		if n := s.Run(t); n != 1 {
			t.Errorf("got %d jobs, want the letter", n)
		}
	})
}

// Nobody but a person sends money back, and the shop says so before it notes it.
func TestARefundOfATransferIsDoneByHand(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, how := byTransfer(t, s, bowl, "key")
		number := p.Order.Number
		if err := s.Desk.RefundedByHand(noCtx, clerk, number, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("before any money came: got %v", err)
		}
		if got := comes(t, s, how.Reference, 4390, "line 1"); got != checkout.ArrivedPaid {
			t.Fatal(got)
		}
		if err := s.Desk.Refund(noCtx, clerk, number); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Text, "by hand") {
			t.Errorf("got %v, want it said plainly", err)
		}
		if o := s.Order(t, p); o.Status != order.Paid {
			t.Errorf("it is %s", o.Status)
		}
		part := money.Of(1000, euro(t))
		if err := s.Desk.RefundedByHand(noCtx, clerk, number, &part); err != nil {
			t.Fatal(err)
		}
		more := money.Of(3391, euro(t))
		if err := s.Desk.RefundedByHand(noCtx, clerk, number, &more); !fault.Is(err, fault.Conflict) {
			t.Errorf("more than is left: got %v", err)
		}
		if err := s.Desk.RefundedByHand(noCtx, clerk, number, nil); err != nil {
			t.Fatal(err)
		}
		if o := s.Order(t, p); o.Status != order.Refunded {
			t.Errorf("it is %s", o.Status)
		}
		card := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		if err := s.Approve(card); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.RefundedByHand(noCtx, clerk, card.Order.Number, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("by hand, of what a service has: got %v", err)
		}
	})
}

// A shopper changes their mind between card and transfer. The goods are kept as long
// as the way to pay needs, and no longer by changing to and fro.
func TestFromCardToTransferAndBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key")
		s.Clock.Move(5 * time.Minute)
		v, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, transfer.Name)
		if err != nil || v.Payment.Transfer == nil {
			t.Fatalf("got %+v, %v", v.Payment, err)
		}
		if got := v.Payment.Transfer.Until.Sub(p.Order.PlacedAt); got != 7*day {
			t.Errorf("kept for %v from the order on, want 7 days", got)
		}
		s.Clock.Move(day)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		if s.Order(t, p).Status != order.Pending || s.Stock(t, bowl.ID).Held != 1 {
			t.Fatal("the goods are not held any more")
		}
		back, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, "bank")
		if err != nil || back.Payment.RedirectURL == "" || back.Payment.Transfer != nil {
			t.Fatalf("got %+v, %v", back.Payment, err)
		}
		if q := s.Bank.Opened(back.Payment.RedirectURL); q.ExpiresAt.After(s.Clock.Now().Add(checkout.HoldTime)) {
			t.Errorf("the page to pay on is open until %v", q.ExpiresAt)
		}
		// The transfer was on its way already: it pays the order, and the page is closed.
		if got := comes(t, s, v.Payment.Transfer.Reference, 4390, "line"); got != checkout.ArrivedPaid {
			t.Errorf("got %s", got)
		}
	})
}

// Whoever orders and never pays can't take everything off the shelves for a week.
func TestOnlySoManyOrdersWaitForATransfer(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 2)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		byTransfer(t, s, bowl, "key-1")
		_, how := byTransfer(t, s, bowl, "key-2")
		b := s.Ready(t, bowl.ID, 1)
		_, err := s.PlaceWith(b, "key-3", transfer.Name)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Problems[0].Field != "payment_method" {
			t.Fatalf("got %v, want the way to pay refused", err)
		}
		if got := s.Stock(t, bowl.ID).Held; got != 2 {
			t.Errorf("%d are held, want 2", got)
		}
		card, err := s.PlaceWith(b, "key-4", "bank") // another way is open all the same
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.PayWith(noCtx, card.Order.Number, card.Token, transfer.Name); !fault.Is(err, fault.Invalid) {
			t.Errorf("by a detour: got %v", err)
		}
		comes(t, s, how.Reference, 4390, "line")
		byTransfer(t, s, bowl, "key-5") // one has paid, so there is room
	})
}

// Nobody calls back for a bank: what claims to is refused on every road.
func TestNobodyCallsBackForATransfer(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	withTransfer(t, s, 100)
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
	cheap := s.Product(t, "cup", 100, shoptest.Counted(5))
	p, how := byTransfer(t, s, bowl, "key-1")
	_, other := byTransfer(t, s, cheap, "key-2")
	n := payment.Notice{ID: "x", Ref: other.Reference, OrderID: string(p.Order.ID), Attempt: 1, Outcome: payment.Approved, Amount: p.Order.Totals.Total, Mode: payment.ModeTest, Account: how.IBAN}
	if err := s.Desk.Settle(context.Background(), transfer.Name, n); !fault.Is(err, fault.Conflict) {
		t.Errorf("the reference of a cheap order for a dear one: got %v", err)
	}
	if s.Order(t, p).Status != order.Pending {
		t.Error("it was paid")
	}
}

// TestARepeatedOrderByTransferTellsTheSame: whoever lost the first answer gets it
// again as it was, also when the money has come or the time has ended.
func TestARepeatedOrderByTransferTellsTheSame(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		first, err := s.PlaceWith(b, "key", transfer.Name)
		if err != nil {
			t.Fatal(err)
		}
		how := *first.Payment.Transfer
		if how.Amount != first.Order.Totals.Total || how.Amount.Minor() != 4390 {
			t.Errorf("got %v to send, want the total", how.Amount)
		}
		again := func(when string) {
			t.Helper()
			p, err := s.PlaceWith(b, "key", transfer.Name)
			if err != nil || !p.Replayed || p.Payment.Transfer == nil || !p.Payment.Transfer.Until.Equal(how.Until) {
				t.Fatalf("%s: got %+v, %v", when, p.Payment, err)
			}
			got := *p.Payment.Transfer
			if got.Until = how.Until; got != how {
				t.Errorf("%s: got %+v, want %+v", when, got, how)
			}
		}
		again("at once")
		comes(t, s, how.Reference, 4390, "line-1")
		again("once it is paid")
		if v, err := s.Desk.Order(noCtx, first.Order.Number, first.Token); err != nil || v.Payment.Transfer != nil {
			t.Errorf("a paid order asks for money: %+v, %v", v.Payment, err)
		}
	})
}

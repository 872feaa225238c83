package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestMoneyIsTakenWhenTheGoodsAreSent(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		if q := s.Bank.Opened(p.Payment.RedirectURL); !q.Authorize {
			t.Error("the bank was asked to take the money at once")
		}
		wantStatus(t, s, p, order.Paid)
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentApproved || !v.Payment.Reserved {
			t.Errorf("got %+v, %v, want it approved and reserved", v.Payment, err)
		}
		if lines, _, _ := journalOf(t, s, p.Order.ID); lines != 0 {
			t.Error("the books have money that did not come")
		}
		if _, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("an invoice of money that did not come: %v", err)
		}
		if err := s.Desk.Pack(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantTaken(t, s, ref, 0)
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.Run(t)
		}
		wantTaken(t, s, ref, 4390)
		wantStatus(t, s, p, order.Shipped)
		if lines, net, tax := journalOf(t, s, p.Order.ID); lines != 1 || net+tax != 4390 {
			t.Errorf("the books have %d lines and %d, want one sale", lines, net+tax)
		}
		if _, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token); err != nil {
			t.Errorf("the invoice: %v", err)
		}
		if got := attempt(t, s, p); got.Capture != store.Captured || got.CaptureAmount != p.Order.Totals.Total {
			t.Errorf("got %+v", got)
		}
		// From here it is an order like others.
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		if got := s.Bank.Refunded(ref); got != p.Order.Totals.Total {
			t.Errorf("%v went back", got)
		}
		said := ""
		for _, l := range s.Letters.All() {
			said += l.Text
		}
		if !strings.Contains(said, "Your bank has reserved €43.90") || strings.Contains(said, "it is paid") {
			t.Errorf("the letters say %s", said)
		}
		for _, e := range []string{"payment.authorized", "payment.capturing", "payment.captured"} {
			if n := count(t, s, `SELECT count(*) FROM events WHERE action = $1`, e); n != 1 {
				t.Errorf("%d events %s, want 1", n, e)
			}
		}
	})
}

// TestAPartIsTakenAndTheRestGoesFree: what goes back before the money is taken makes
// less of it, nothing moves for that, and the books agree.
func TestAPartIsTakenAndTheRestGoesFree(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		number := p.Order.Number
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(1000)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		usd, _ := money.ParseCurrency("USD")
		for what, part := range map[string]money.Amount{"more than is left": euros(3391), "all that was reserved": euros(4390), "nothing": euros(0), "less": euros(-1), "dollars": money.Of(100, usd)} {
			if err := s.Desk.Capture(noCtx, clerk, number, &part); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", what, err)
			}
		}
		for what, back := range map[string]checkout.Back{"as credit": {ToCredit: true}, "by hand": {ByHand: true}} {
			if err := s.Desk.GiveBack(noCtx, clerk, number, back); !fault.Is(err, fault.Conflict) {
				t.Errorf("given back %s: got %v, want a conflict", what, err)
			}
		}
		part := euros(3000)
		if err := s.Desk.Capture(noCtx, clerk, number, &part); err != nil {
			t.Fatal(err)
		}
		for what, again := range map[string]*money.Amount{"the same": &part, "all": nil} {
			if err := s.Desk.Capture(noCtx, clerk, number, again); !fault.Is(err, fault.Conflict) {
				t.Errorf("once more, %s: got %v, want a conflict", what, err)
			}
		}
		wantTaken(t, s, ref, 3000)
		if back := s.Bank.Refunded(ref); !back.IsZero() {
			t.Errorf("%v moved", back)
		}
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 3000 {
			t.Errorf("the books have %d, want 3000", net+tax)
		}
		if err := s.Desk.Ship(noCtx, clerk, number, checkout.Parcel{}); err != nil {
			t.Errorf("sending the rest: %v", err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(3001)); !fault.Is(err, fault.Conflict) {
			t.Errorf("more than was taken: got %v", err)
		}
		if err := s.Desk.Refund(noCtx, clerk, number); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Refunded)
		if back := s.Bank.Refunded(ref); back != euros(3000) {
			t.Errorf("%v went back, want what was taken", back)
		}
		if _, net, tax := journalOf(t, s, p.Order.ID); net != 0 || tax != 0 {
			t.Errorf("the books have %d + %d left", net, tax)
		}
		s.Run(t)
		wantAgreed(t, s)
	})
}

// TestACaptureSurvivesWhateverHappens: the bank is down, its answer is lost after it
// took the money, the shop is killed in between.
func TestACaptureSurvivesWhateverHappens(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		number := p.Order.Number
		s.Bank.Down = true
		if err := s.Desk.Capture(noCtx, clerk, number, nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the bank is down: got %v", err)
		}
		// What is given back now waits until it is known which of the two it is.
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(500)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a refund amid it: got %v", err)
		}
		s.Bank.Down, s.Bank.Forgetful = false, true
		if err := s.Desk.Capture(noCtx, clerk, number, nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("its answer was lost: got %v", err)
		}
		s.Bank.Forgetful = false
		if got := attempt(t, s, p); got.Capture != store.Capturing {
			t.Errorf("it is %s here", got.Capture)
		}
		s.Reopen(t) // killed: only the jobs remember
		s.Clock.Move(2 * time.Minute)
		for range 3 {
			s.RunAll(t)
			s.Clock.Move(2 * time.Minute)
		}
		wantTaken(t, s, ref, 4390)
		if back := s.Bank.Refunded(ref); back != euros(500) {
			t.Errorf("%v went back, want 5.00", back)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 3890 {
			t.Errorf("the books have %d", net+tax)
		}
		wantAgreed(t, s)
	})
}

// TestARefundMeetsACapture: many of both at once. It is one or the other of each
// amount, and never both.
func TestARefundMeetsACapture(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		for i, err := range atOnce(16, func(i int) error {
			switch i % 4 {
			case 0:
				return s.Desk.Capture(noCtx, clerk, p.Order.Number, nil)
			case 1:
				part := euros(int64(3000 + i))
				return s.Desk.Capture(noCtx, clerk, p.Order.Number, &part)
			case 2:
				return s.Desk.Refund(noCtx, clerk, p.Order.Number)
			}
			return s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(int64(400+i)))
		}) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%d: %v", i, err)
			}
		}
		for range 4 {
			s.Clock.Move(2 * time.Minute)
			s.RunAll(t)
		}
		booksAgree(t, s, p, ref)
		wantAgreed(t, s)
	})
}

// TestSomebodyTakesItAtTheBank: what a merchant does there, beside the shop, is found
// out, and never given back twice.
func TestSomebodyTakesItAtTheBank(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		if err := s.Bank.Capture(noCtx, payment.CaptureRequest{Ref: ref, OrderID: string(p.Order.ID), Amount: euros(4000)}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Desk.Reconcile(noCtx, s.DB.Now().Add(-time.Hour))
		if err != nil || len(got.Differences) != 1 || got.Differences[0].Text != "taken there, only reserved here" {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("let go: got %v, want to be told to look", err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded) // 3.90 of it was never taken
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if back := s.Bank.Refunded(ref); back != euros(4000) {
			t.Errorf("%v went back, want what was taken", back)
		}
		booksAgree(t, s, p, ref)
		wantAgreed(t, s)
	})
}

// TestAPromiseIsNoPayment: an attempt that was to be paid at once is not settled by
// the word that money is reserved.
func TestAPromiseIsNoPayment(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		if err := settle(s, s.Reserve(p, 1)); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want a mismatch", err)
		}
		wantStatus(t, s, p, order.Pending)
	})
}

// TestWhatGoesAtOnceIsPaidAtOnce: a file is there when it is paid, so its money is too.
func TestWhatGoesAtOnceIsPaidAtOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.TakeLater(t)
		b := s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1)
		eur, _ := money.ParseCurrency("EUR")
		save(t, s, catalog.Product{Handle: "song", Title: "Song", Published: true, Variants: []catalog.Variant{{SKU: "SONG", Price: money.Of(119, eur), CompareAt: money.Zero(eur), Virtual: true}}})
		var song catalog.Product
		if err := s.DB.View(noCtx, func(v *store.View) (err error) { song, err = v.ProductByHandle("song"); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, song.Variants[0].ID, 1); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		if s.Bank.Opened(p.Payment.RedirectURL).Authorize {
			t.Error("the bank was asked to reserve the money only")
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Paid)
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != p.Order.Totals.Total.Minor() {
			t.Errorf("the books have %d", net+tax)
		}
	})
}

// TestCreditPaysAndTheRestIsReserved: nothing of the reserved part is taken, and what
// credit paid is sold and booked.
func TestCreditPaysAndTheRestIsReserved(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.TakeLater(t)
		b := s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1)
		_, code, err := s.Desk.IssueCard(noCtx, ledger.OS("test"), euros(2000), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.TryCode(noCtx, b.ID, b.Token, code.Reveal()); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		n := s.Reserve(p, 1)
		s.Bank.Decide(n)
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(2390)); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantTaken(t, s, n.Ref, 0)
		if at := attempt(t, s, p); at.Capture != store.Released {
			t.Errorf("it is %s", at.Capture)
		}
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 2000 {
			t.Errorf("the books have %d, want what the card paid", net+tax)
		}
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Errorf("what the card has paid is sent: %v", err)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Refunded)
		if _, net, tax := journalOf(t, s, p.Order.ID); net != 0 || tax != 0 {
			t.Errorf("the books have %d + %d left", net, tax)
		}
	})
}

package checkout_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// bought is a paid order with a total of 43.90, and the bank's name for it.
func bought(t *testing.T, s *shoptest.Shop) (checkout.Placed, string) {
	t.Helper()
	p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	return p, s.Bank.Say(p, 1, payment.Approved).Ref
}

func TestPartsGoBackUntilNothingIsLeft(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		number := p.Order.Number
		usd, _ := money.ParseCurrency("USD")
		for name, part := range map[string]money.Amount{"nothing": euros(0), "less": euros(-1), "more than was paid": euros(4391), "dollars": money.Of(100, usd)} {
			if err := s.Desk.RefundPart(noCtx, clerk, number, part); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", name, err)
			}
		}
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(1000)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		// What is left of it goes on its way.
		if err := s.Desk.Ship(noCtx, clerk, number, checkout.Parcel{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(390)); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		for what, err := range map[string]error{"packed": s.Desk.Pack(noCtx, clerk, number), "sent again": s.Desk.Ship(noCtx, clerk, number, checkout.Parcel{}), "given back twice over": s.Desk.RefundPart(noCtx, clerk, number, euros(3001))} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", what, err)
			}
		}
		if err := s.Desk.Deliver(noCtx, clerk, number); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Refund(noCtx, clerk, number); err != nil { // the rest
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Refunded)
		if got := s.Bank.Refunded(ref); got != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v", got, p.Order.Totals.Total)
		}
		if lines, net, tax := journalOf(t, s, p.Order.ID); lines != 4 || net != 0 || tax != 0 {
			t.Errorf("the books have %d lines and %d + %d left, want a sale, three refunds and nothing", lines, net, tax)
		}
		if err := s.Desk.Refund(noCtx, clerk, number); !fault.Is(err, fault.Conflict) {
			t.Errorf("once more: got %v", err)
		}
		s.Run(t)
		said := ""
		for _, l := range s.Letters.All() {
			said += l.Text
		}
		for _, amount := range []string{"€10.00", "€3.90", "€30.00"} {
			if strings.Count(said, "We have given back "+amount) != 1 {
				t.Errorf("no letter, or more than one, says %s", amount)
			}
		}
	})
}

// TestRefundsInAHurryNeverGiveMoreThanWasPaid: many at once, of many sizes.
func TestRefundsInAHurryNeverGiveMoreThanWasPaid(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		for i, err := range atOnce(20, func(i int) error { return s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(int64(300+i))) }) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("refund %d: %v", i, err)
			}
		}
		back := s.Bank.Refunded(ref)
		if back.Cmp(p.Order.Totals.Total) > 0 || back.Minor() < 4390-320 {
			t.Errorf("%v went back of %v", back, p.Order.Totals.Total)
		}
		if n := count(t, s, `SELECT SUM(amount) FROM refunds WHERE state = 'done'`); n != back.Minor() {
			t.Errorf("we say %d, the bank says %v", n, back)
		}
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 4390-back.Minor() {
			t.Errorf("the books have %d left, want %d", net+tax, 4390-back.Minor())
		}
	})
}

// TestARefundSurvivesWhateverHappens: the bank is down, its answer is lost after
// it paid, it refuses, the shop is killed in between. Money goes back once or not
// at all, and what a refused one had taken is free again.
func TestARefundSurvivesWhateverHappens(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		s.Bank.Refusing = true
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(4390)); !fault.Is(err, fault.Conflict) {
			t.Errorf("refused: got %v", err)
		}
		wantStatus(t, s, p, order.Paid)
		s.Bank.Refusing, s.Bank.Down = false, true
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(1000)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the bank is down: got %v", err)
		}
		wantStatus(t, s, p, order.Paid)
		s.Bank.Down, s.Bank.Forgetful = false, true
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(3390)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("its answer was lost: got %v", err)
		}
		s.Bank.Forgetful = false
		s.Reopen(t) // killed: only the jobs remember
		s.Clock.Move(2 * time.Minute)
		for range 3 {
			s.Run(t)
		}
		wantStatus(t, s, p, order.Refunded)
		if got := s.Bank.Refunded(ref); got != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v", got, p.Order.Totals.Total)
		}
		if n := count(t, s, `SELECT count(*) FROM refunds WHERE state = 'done'`); n != 2 {
			t.Errorf("%d refunds are done, want 2", n)
		}
		if _, net, tax := journalOf(t, s, p.Order.ID); net+tax != 0 {
			t.Errorf("the books have %d left", net+tax)
		}
	})
}

// TestARefundMeetsItsCapture: whoever is first, no more goes back than came in.
func TestARefundMeetsItsCapture(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		for i, err := range atOnce(12, func(i int) error {
			if i%2 == 0 {
				return s.Approve(p)
			}
			return s.Desk.Refund(noCtx, clerk, p.Order.Number)
		}) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%d: %v", i, err)
			}
		}
		s.Run(t)
		status, back := s.Order(t, p).Status, s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref)
		if status != order.Paid && status != order.Refunded || (status == order.Refunded) != (back == p.Order.Totals.Total) {
			t.Errorf("the order is %s, and %v went back", status, back)
		}
	})
}

// freeOrder is an order with nothing to pay.
func freeOrder(t *testing.T, s *shoptest.Shop) checkout.Placed {
	t.Helper()
	offer(t, s, discount.Code{Word: "ALLOFIT", Kind: discount.Percentage, Rate: money.Whole}, discount.Code{Word: "FREEPOST", Kind: discount.FreeDelivery})
	b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
	try(t, s, b, "ALLOFIT")
	try(t, s, b, "FREEPOST")
	return place(t, s, b, "key-1")
}

// TestAnOrderOfNothingIsGivenBack: no provider is asked, and it has its credit note.
func TestAnOrderOfNothingIsGivenBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := freeOrder(t, s)
		for _, err := range atOnce(5, func(int) error { return s.Desk.Refund(noCtx, clerk, p.Order.Number) }) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		wantStatus(t, s, p, order.Refunded)
		s.Run(t)
		if notes := notesOf(t, s, p); len(notes) != 1 || notes[0].Part() {
			t.Errorf("got the credit notes %+v, want one of all", notes)
		}
		if n := count(t, s, `SELECT count(*) FROM refunds`); n != 1 {
			t.Errorf("got %d refunds, want 1", n)
		}
	})
}

// TestPartsInTheBooksAddUp: whatever the taxes and the parts, the journal has left
// what was not given back, and no class of tax goes below nothing.
func TestPartsInTheBooksAddUp(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	n := 0
	checks(t, shoptest.Tenth(300))
	rapid.Check(t, func(r *rapid.T) {
		n++
		v, w := taxed(r, s, "a-"+strconv.Itoa(n), rapid.Int64Range(1, 99_999).Draw(r, "price"), ""), taxed(r, s, "b-"+strconv.Itoa(n), rapid.Int64Range(0, 999).Draw(r, "other"), "reduced")
		b := s.Ready(r, v.ID, rapid.Int64Range(1, 5).Draw(r, "quantity"))
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, w.ID, 1); err != nil {
			r.Fatal(err)
		}
		p, err := s.Place(b, "key-1")
		if err != nil {
			r.Fatal(err)
		}
		if err := s.Approve(p); err != nil {
			r.Fatal(err)
		}
		left := p.Order.Totals.Total.Minor()
		for left > 0 {
			part := rapid.Int64Range(1, left).Draw(r, "part")
			if err := s.Desk.RefundPart(noCtx, ledger.OS("test"), p.Order.Number, euros(part)); err != nil {
				r.Fatal(err)
			}
			left -= part
			if _, net, tax := journalOf(r, s, p.Order.ID); net+tax != left || net < 0 || tax < 0 {
				r.Fatalf("the books have %d + %d left, want %d", net, tax, left)
			}
		}
		if got := s.Order(r, p).Status; got != order.Refunded {
			r.Fatalf("the order is %s", got)
		}
		s.RunAll(r)
		papersAgree(r, s, p)
	})
}

// TestTheBanksWordIsHeldAgainstOurs: each kind of difference is found, and what
// agrees is not one.
func TestTheBanksWordIsHeldAgainstOurs(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(9))
		var all []checkout.Placed
		for i := range 4 {
			all = append(all, place(t, s, s.Ready(t, bowl.ID, 1), "key-"+strconv.Itoa(i)))
		}
		agreed, unheard, unpaid, back := all[0], all[1], all[2], all[3]
		for _, p := range []checkout.Placed{agreed, unpaid, back} {
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []checkout.Placed{agreed, unheard, back} {
			s.Bank.Decide(s.Bank.Say(p, 1, payment.Approved))
		}
		for _, p := range []checkout.Placed{agreed, back} {
			if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(100)); err != nil {
				t.Fatal(err)
			}
		}
		// The merchant gives back at the bank, beside the shop.
		if err := s.Bank.Refund(noCtx, payment.RefundRequest{ID: "by hand", Ref: s.Bank.Say(back, 1, payment.Approved).Ref, Amount: euros(50)}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Desk.Reconcile(noCtx, s.DB.Now().Add(-time.Hour))
		if err != nil || got.Asked != 4 || got.Silent != 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
		texts := map[order.Number]string{}
		for _, d := range got.Differences {
			texts[d.Number] += d.Text
		}
		want := map[order.Number]string{unheard.Order.Number: "paid there, open here", unpaid.Order.Number: "approved here, not paid there", back.Order.Number: "€1.50 given back there, €1.00 here"}
		if len(texts) != len(want) {
			t.Errorf("got %v", texts)
		}
		for n, text := range want {
			if texts[n] != text {
				t.Errorf("got %q, want %q", texts[n], text)
			}
		}
		s.Bank.Down = true
		if got, err := s.Desk.Reconcile(noCtx, s.DB.Now().Add(-time.Hour)); err != nil || got.Silent != 4 || len(got.Differences) != 0 {
			t.Errorf("the bank is down: got %+v, %v", got, err)
		}
		wantStatus(t, s, unheard, order.Pending) // it changes nothing
	})
}

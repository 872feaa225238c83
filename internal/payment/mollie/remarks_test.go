package mollie

import (
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What Mollie tells after a payment was settled reaches the owners as Stripe's word
// does: once each, however often it is told.
func TestWhatMollieTellsLater(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p, owner := c.buy("bowl"), ledger.OS("owner")
		const ref = "tr_0000000001"
		hears := func() {
			t.Helper()
			for range 3 {
				if err := c.hears(ref); err != nil {
					t.Fatal(err)
				}
			}
		}
		stand := func(want ...string) {
			t.Helper()
			list, err := c.desk.ConcernsOf(t.Context(), p.Order.Number)
			if err != nil || len(list) != len(want) {
				t.Fatalf("got %+v, %v, want %v", list, err, want)
			}
			for i, one := range list {
				if got := string(one.Kind) + " " + one.Amount.Decimal() + " " + one.Ending; got != want[i] {
					t.Errorf("got %q, want %q", got, want[i])
				}
			}
		}
		c.decides(ref, "paid")
		hears()
		c.stands(p, order.Paid)
		stand()
		part := money.Of(1000, p.Order.Totals.Total.Currency())
		if err := c.desk.RefundPart(t.Context(), owner, p.Order.Number, part); err != nil {
			t.Fatal(err)
		}
		hears() // it is under way, which is nothing to act on
		stand()
		c.bank.set(func() { c.bank.refunds[ref][0]["status"] = "failed" })
		hears()
		stand("refund 10.00 ")
		if seen, err := c.desk.SeeConcerns(t.Context(), owner, p.Order.Number); err != nil || seen != 1 {
			t.Errorf("got %d, %v", seen, err)
		}
		hears() // the same again opens nothing
		stand("refund 10.00 seen")

		var chargeback map[string]any
		c.bank.set(func() { chargeback = c.bank.takeBack(ref, "20.00") })
		hears()
		stand("refund 10.00 seen", "dispute 20.00 ")
		if err := c.desk.Refund(t.Context(), owner, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("given back beside a chargeback: got %v", err)
		}
		c.bank.set(func() { chargeback["reversedAt"] = "2026-11-20T09:13:37+00:00" })
		hears()
		stand("refund 10.00 seen", "dispute 20.00 won")
		// Another one stands, and nobody at Mollie says of it that it is lost.
		c.bank.set(func() { c.bank.takeBack(ref, "5.00") })
		hears()
		if seen, err := c.desk.SeeConcerns(t.Context(), owner, p.Order.Number); err != nil || seen != 1 {
			t.Errorf("got %d, %v", seen, err)
		}
		hears()
		stand("refund 10.00 seen", "dispute 20.00 won", "dispute 5.00 seen")
		if err := c.desk.Refund(t.Context(), owner, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("given back beside a lost one: got %v", err)
		}
		for outcome, want := range map[payment.Outcome]int64{payment.Disputed: 1, payment.DisputeWon: 1, payment.RefundFailed: 1} {
			if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM notices WHERE outcome = $1 AND result = $2`, string(outcome), store.NoticeTaken); n != want {
				t.Errorf("%d lines in the journal of notices for %s, want %d", n, outcome, want)
			}
		}
		for kind, want := range map[string]int64{"concern.dispute.raised": 2, "concern.dispute.won": 1, "concern.dispute.seen": 1, "concern.refund.raised": 1, "refund.failed": 1} {
			if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = $1`, kind); n != want {
				t.Errorf("%d events %s, want %d", n, kind, want)
			}
		}
	})
}

// A remark that is not of this shop, or not whole, is taken by nobody.
func TestWhatIsToldLaterMustBeWhole(t *testing.T) {
	d := newDouble(t)
	s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	d.set(func() { d.decide(s.Ref, "paid"); d.takeBack(s.Ref, "48.00") })
	list, err := d.provider.Remarks(t.Context(), s.Ref)
	if err != nil || len(list) != 1 || list[0].Outcome != payment.Disputed || list[0].About != "chb_1" || list[0].OrderID != "order-1" || !list[0].AnswerBy.IsZero() {
		t.Fatalf("got %+v, %v, want one dispute", list, err)
	}
	for name, harm := range map[string]func(paid, chargeback map[string]any){
		"of another shop":    func(p, _ map[string]any) { p["metadata"] = map[string]any{"cartkeep_shop": "https://other.example"} },
		"of another profile": func(p, _ map[string]any) { p["profileId"] = "pfl_other" },
		"of another mode":    func(p, _ map[string]any) { p["mode"] = "live" },
		"of another payment": func(p, _ map[string]any) { p["id"] = "tr_other" },
		"no amount":          func(_, c map[string]any) { c["amount"] = nil },
		"below nothing":      func(_, c map[string]any) { c["amount"] = map[string]any{"currency": "EUR", "value": "-1.00"} },
		"no id":              func(_, c map[string]any) { c["id"] = "" },
		"another thing's id": func(_, c map[string]any) { c["id"] = "re_1" },
	} {
		d := newDouble(t)
		s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
		if err != nil {
			t.Fatal(err)
		}
		d.set(func() { d.decide(s.Ref, "paid"); harm(d.payments[s.Ref], d.takeBack(s.Ref, "48.00")) })
		if list, err := d.provider.Remarks(t.Context(), s.Ref); err == nil || list != nil || !errors.Is(err, payment.ErrNotice) && !errors.Is(err, payment.ErrIgnored) {
			t.Errorf("%s: got %+v, %v", name, list, err)
		}
	}
	d.set(func() { d.payments[s.Ref]["amountChargedBack"] = d.taken[s.Ref][0]["amount"]; d.taken[s.Ref] = nil })
	if list, err := d.provider.Remarks(t.Context(), s.Ref); !errors.Is(err, payment.ErrNotice) {
		t.Errorf("a sum, and not a word of which: got %+v, %v", list, err)
	}
	if _, err := d.provider.Remarks(t.Context(), "../refunds"); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("no payment's name: got %v", err)
	}
}

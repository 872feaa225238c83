package mollie

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// all answers as docs.mollie.com/reference/list-all-chargebacks says: the newest first,
// from the one that is named, which is among them.
func (d *double) all(q url.Values, what string, of map[string][]map[string]any) (int, []byte) {
	var every []map[string]any
	for _, list := range of {
		every = append(every, list...)
	}
	name := func(e map[string]any) string { return fmt.Sprint(e["createdAt"], e["paymentId"], e["id"]) }
	slices.SortFunc(every, func(a, b map[string]any) int { return cmp.Compare(name(b), name(a)) })
	limit, _ := strconv.Atoi(q.Get("limit"))
	if limit < 1 || limit > 250 {
		return refuse(400, "The limit is invalid")
	}
	if from := q.Get("from"); from != "" {
		every = every[max(0, slices.IndexFunc(every, func(e map[string]any) bool { return e["id"] == from })):]
	}
	links := map[string]any{"self": map[string]any{"href": "x"}, "previous": nil, "next": nil}
	if len(every) > limit {
		links["next"] = map[string]any{"href": fmt.Sprintf("https://api.mollie.com/v2/%s?limit=%d&from=%s", what, limit, every[limit]["id"])}
		every = every[:limit]
	}
	return show(200, map[string]any{"count": len(every), "_embedded": map[string]any{what: every}, "_links": links})
}

// TestAChargebackWhoseCallBackWasLost is a concern when the shop asks, once; so is a
// refund that failed, and that a chargeback was reversed months later.
func TestAChargebackWhoseCallBackWasLost(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		recall := func(want checkout.Recalled) {
			t.Helper()
			if got, err := c.desk.Recall(t.Context()); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		kinds := func(p checkout.Placed, want ...string) {
			t.Helper()
			list, err := c.desk.ConcernsOf(t.Context(), p.Order.Number)
			if err != nil || len(list) != len(want) {
				t.Fatalf("got %d concerns, %v, want %v", len(list), err, want)
			}
			for i, one := range list {
				if got := string(one.Kind) + " " + one.Ending; got != want[i] {
					t.Errorf("got %q, want %q", got, want[i])
				}
			}
		}
		p, q := c.buy("bowl"), c.buy("cup")
		const first, second = "tr_0000000001", "tr_0000000002"
		for _, ref := range []string{first, second} {
			c.decides(ref, "paid")
			if err := c.hears(ref); err != nil {
				t.Fatal(err)
			}
		}
		c.stands(q, order.Paid)
		recall(checkout.Recalled{})
		if n := len(c.bank.requests("GET", "?embed=refunds,chargebacks")); n != 0 {
			t.Errorf("%d payments were read of which nothing was said", n)
		}
		owner := ledger.OS("owner")
		if err := c.desk.RefundPart(t.Context(), owner, q.Order.Number, money.Of(1000, q.Order.Totals.Total.Currency())); err != nil {
			t.Fatal(err)
		}
		var chargeback map[string]any
		c.bank.set(func() {
			chargeback = c.bank.takeBack(first, "20.00")
			c.bank.refunds[second][0]["status"] = "failed"
		})
		recall(checkout.Recalled{Told: 2, New: 2})
		recall(checkout.Recalled{Told: 2})
		kinds(p, "dispute ")
		kinds(q, "refund ")
		if err := c.desk.Refund(t.Context(), owner, p.Order.Number); !fault.Is(err, fault.Conflict) || len(c.bank.refunds[first]) != 0 {
			t.Errorf("a refund beside it: %v", err)
		}
		// After months it is old, until it is reversed.
		s.Clock.Move(100 * 24 * time.Hour)
		c.bank.move(100 * 24 * time.Hour)
		recall(checkout.Recalled{})
		c.bank.set(func() { chargeback["reversedAt"] = c.bank.stamp() })
		recall(checkout.Recalled{Told: 1, New: 1})
		kinds(p, "dispute won")
	})
}

// TestWhatIsFoundAgainAtMollieIsJudged: of another shop on the profile it is nothing to this
// one; of another mode or profile, or not of the agreed form, nobody takes it.
func TestWhatIsFoundAgainAtMollieIsJudged(t *testing.T) {
	opened := func() (*double, string) {
		d := newDouble(t)
		s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
		if err != nil {
			t.Fatal(err)
		}
		d.set(func() { d.decide(s.Ref, "paid") })
		return d, s.Ref
	}
	ago := time.Now().Add(-24 * time.Hour)
	for name, row := range map[string]struct {
		harm   func(paid, chargeback map[string]any)
		unread int
		fails  bool
	}{
		"of another shop":    {harm: func(p, _ map[string]any) { p["metadata"] = map[string]any{"cartkeep_shop": "https://other.example"} }},
		"of another profile": {harm: func(p, _ map[string]any) { p["profileId"] = "pfl_other" }, unread: 1},
		"of another mode":    {harm: func(p, _ map[string]any) { p["mode"] = "live" }, unread: 1},
		"of no payment":      {harm: func(_, c map[string]any) { c["paymentId"] = "tr_gone" }, unread: 1},
		"no payment's name":  {harm: func(_, c map[string]any) { c["paymentId"] = "../methods" }, fails: true},
		"no time":            {harm: func(_, c map[string]any) { c["createdAt"] = nil }, fails: true},
	} {
		d, ref := opened()
		d.set(func() { row.harm(d.payments[ref], d.takeBack(ref, "48.00")) })
		got, err := d.provider.Recall(t.Context(), ago)
		if (err != nil) != row.fails || got.Unread != row.unread || len(got.Notices) != 0 {
			t.Errorf("%s: got %d, %d unread, %v", name, len(got.Notices), got.Unread, err)
		}
	}
	d, _ := opened()
	d.set(func() { d.fail = []int{200, 503} })
	if _, err := d.provider.Recall(t.Context(), ago); err == nil {
		t.Error("a list that did not come was taken for an empty one")
	}
}

// TestOnePaymentThatCantBeReadHidesNoOther: Mollie's answer about one stays of no use, day
// after day, and what was said of the others later is taken up.
func TestOnePaymentThatCantBeReadHidesNoOther(t *testing.T) {
	d := newDouble(t)
	ago := d.now().Add(-time.Hour)
	for i := range 3 {
		s, err := d.provider.Open(t.Context(), d.request(fmt.Sprint("order-", i), 1))
		if err != nil {
			t.Fatal(err)
		}
		d.set(func() {
			d.decide(s.Ref, "paid")
			d.takeBack(s.Ref, "1.00")["id"] = fmt.Sprintf("chb_%d", i)
			d.ahead += time.Minute
			if i == 0 {
				d.payments[s.Ref]["amount"] = "nothing"
			}
		})
	}
	got, err := d.provider.Recall(t.Context(), ago)
	if err == nil || len(got.Notices) != 2 || got.Notices[1].About != "chb_2" {
		t.Errorf("got %d, %v, want the two others and that one is missing", len(got.Notices), err)
	}
}

// TestWhatChangedLongAfterItWasMadeIsFoundAtMollie: a list goes by when a thing was made. A
// refund fails weeks later, and a chargeback is reversed months later.
func TestWhatChangedLongAfterItWasMadeIsFoundAtMollie(t *testing.T) {
	for name, row := range map[string]struct {
		days int
		make func(d *double, ref string) (change func())
		want payment.Outcome
	}{
		"a refund that failed": {days: 55, want: payment.RefundFailed, make: func(d *double, ref string) func() {
			q := d.request("order-1", 1)
			if err := d.provider.Refund(t.Context(), payment.RefundRequest{ID: "refund-1", Ref: ref, OrderID: q.OrderID, Amount: q.Amount}); err != nil {
				t.Fatal(err)
			}
			return func() { d.refunds[ref][0]["status"] = "failed" }
		}},
		"a chargeback that was reversed": {days: 200, want: payment.DisputeWon, make: func(d *double, ref string) func() {
			var taken map[string]any
			d.set(func() { taken = d.takeBack(ref, "1.00") })
			return func() { taken["reversedAt"] = d.stamp() }
		}},
	} {
		d := newDouble(t)
		s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
		if err != nil {
			t.Fatal(err)
		}
		d.set(func() { d.decide(s.Ref, "paid") })
		change := row.make(d, s.Ref)
		d.move(time.Duration(row.days) * 24 * time.Hour)
		d.set(change)
		got, err := d.provider.Recall(t.Context(), d.now().AddDate(0, 0, -checkout.RecallDays))
		if err != nil || len(got.Notices) != 1 || got.Notices[0].Outcome != row.want {
			t.Errorf("%s, after %d days: got %+v, %v", name, row.days, got.Notices, err)
		}
	}
}

// TestMuchIsFoundAgainAtMollieInBounds: list after list, never elsewhere than at Mollie, and
// what is left is told.
func TestMuchIsFoundAgainAtMollieInBounds(t *testing.T) {
	d := newDouble(t)
	taking := func(from, to int) {
		for i := from; i < to; i++ {
			s, err := d.provider.Open(t.Context(), d.request(fmt.Sprint("order-", i), 1))
			if err != nil {
				t.Fatal(err)
			}
			d.set(func() {
				d.decide(s.Ref, "paid")
				c := d.takeBack(s.Ref, "1.00")
				c["id"] = fmt.Sprintf("chb_%d", i)
				d.ahead += time.Second
			})
		}
	}
	ago := d.now().Add(-time.Hour)
	taking(0, 150)
	got, err := d.provider.Recall(t.Context(), ago)
	if err != nil || len(got.Notices) != 150 || got.Left || got.Notices[0].About != "chb_0" {
		t.Fatalf("got %d, %v, left %v", len(got.Notices), err, got.Left)
	}
	taking(150, 310)
	got, err = d.provider.Recall(t.Context(), ago)
	if err != nil || len(got.Notices) != 200 || !got.Left || got.Notices[199].About != "chb_309" {
		t.Errorf("got %d, %v, left %v, want the newest two hundred", len(got.Notices), err, got.Left)
	}
	if n := len(d.requests("GET", "/v2/chargebacks?from=chb_59&limit=250")); n != 1 {
		t.Errorf("the second page was asked for %d times, want once", n)
	}
}

package mollie

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// counter is a shop whose only way to pay is Mollie.
type counter struct {
	*shoptest.Shop
	t    *testing.T
	bank *double
	desk *checkout.Desk
}

func newCounter(t *testing.T, s *shoptest.Shop) *counter {
	t.Helper()
	c := &counter{Shop: s, t: t, bank: newDouble(t)}
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.providers", Name) })
	if err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
	c.desk, err = checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{c.bank.provider}, Origin: shop})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *counter) buy(handle string) checkout.Placed {
	c.t.Helper()
	b := c.Ready(c.t, c.Product(c.t, handle, 3900, shoptest.Counted(2)).ID, 1)
	p, err := c.desk.Place(c.t.Context(), b.ID, b.Token, checkout.PlaceInput{Key: "key-" + handle, Request: []byte("{}")})
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// hears has a call-back about a payment arrive.
func (c *counter) hears(id string) error {
	c.t.Helper()
	r, body := ping(id)
	ref, err := c.bank.provider.Named(r, body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Clock.Move(2 * time.Second) // one payment is asked about once a second
	return c.desk.Ping(c.t.Context(), Name, ref)
}

func (c *counter) stands(p checkout.Placed, want order.Status) {
	c.t.Helper()
	if got := c.Order(c.t, p).Status; got != want {
		c.t.Errorf("the order is %s, want %s", got, want)
	}
}

func (c *counter) decides(id, status string) {
	c.bank.set(func() { c.bank.decide(id, status) })
}

// A purchase, a decline, another try, a part and then the rest given back.
func TestAPurchaseThroughMollie(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p := c.buy("bowl")
		if got := p.Payment.RedirectURL; got != "https://www.mollie.com/checkout/select-method/0000000001" {
			t.Fatalf("the shopper is sent to %s", got)
		}
		const first, second = "tr_0000000001", "tr_0000000002"
		if err := c.hears(first); err != nil { // still open
			t.Fatal(err)
		}
		c.stands(p, order.Pending)
		c.decides(first, "failed")
		if err := c.hears(first); err != nil {
			t.Fatal(err)
		}
		c.stands(p, order.Pending)
		v, err := c.desk.PayAgain(t.Context(), p.Order.Number, p.Token)
		if err != nil || !strings.HasSuffix(v.Payment.RedirectURL, second[3:]) {
			t.Fatalf("another try: %+v, %v", v.Payment, err)
		}
		c.decides(second, "paid")
		for range 3 {
			if err := c.hears(second); err != nil {
				t.Fatal(err)
			}
		}
		c.stands(p, order.Paid)
		part := money.Of(1000, p.Order.Totals.Total.Currency())
		if err := c.desk.RefundPart(t.Context(), ledger.OS("owner"), p.Order.Number, part); err != nil {
			t.Fatal(err)
		}
		c.stands(p, order.PartiallyRefunded)
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); err != nil {
			t.Fatal(err)
		}
		c.stands(p, order.Refunded)
		if got, err := c.bank.provider.PaidBack(t.Context(), second); err != nil || got != p.Order.Totals.Total {
			t.Errorf("%v went back, %v", got, err)
		}
		r, err := c.desk.Reconcile(t.Context(), s.Clock.Now().AddDate(0, 0, -1))
		if err != nil || r.Silent != 0 || len(r.Differences) != 0 {
			t.Errorf("got %+v, %v, want all to agree", r, err)
		}
	})
}

// What Mollie prints on the payer's statement begins with what the shop tells shoppers, and
// is told from other orders.
func TestMolliePrintsWhatTheShopTold(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	for descriptor, want := range map[string]string{"EXAMPLE SHOP": "EXAMPLE SHOP ", "": "Order "} {
		err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error { return t.Set("shop.descriptor", descriptor) })
		if err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		p := c.buy("bowl" + strings.ToLower(want[:3]))
		at := fmt.Sprintf("tr_%010d", len(c.bank.payments))
		if got := c.bank.payments[at]["description"]; got != want+string(p.Order.Number) || len(want)+len(p.Order.Number) > 255 {
			t.Errorf("%q: the statement says %q", descriptor, got)
		}
	}
}

// A genuine payment of Mollie's pays no other order, not for less, and not for
// another profile, whoever names it.
func TestAnotherOrdersPaymentAtMollieIsNotTaken(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p, q := c.buy("bowl"), c.buy("cup")
	const first = "tr_0000000001"
	type object = map[string]any
	for name, harm := range map[string]object{
		"less":                   {"amount": object{"currency": "EUR", "value": "0.01"}},
		"another currency":       {"amount": object{"currency": "USD", "value": "43.90"}},
		"the other order's name": {"metadata": object{"cartkeep_shop": shop, "cartkeep_order": string(q.Order.ID), "cartkeep_attempt": "1"}},
		"another attempt":        {"metadata": object{"cartkeep_shop": shop, "cartkeep_order": string(p.Order.ID), "cartkeep_attempt": "2"}},
		"another shop":           {"metadata": object{"cartkeep_shop": "https://evil.example", "cartkeep_order": string(p.Order.ID), "cartkeep_attempt": "1"}},
		"another profile":        {"profileId": "pfl_other"},
		"another mode":           {"mode": "live"},
	} {
		was := object{}
		c.bank.set(func() {
			c.bank.decide(first, "paid")
			for k, v := range harm {
				was[k], c.bank.payments[first][k] = c.bank.payments[first][k], v
			}
		})
		if err := c.hears(first); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: got %v, want that it does not fit", name, err)
		}
		c.stands(p, order.Pending)
		c.stands(q, order.Pending)
		c.bank.set(func() {
			for k, v := range was {
				c.bank.payments[first][k] = v
			}
		})
	}
	if err := c.hears(first); err != nil {
		t.Fatal(err)
	}
	c.stands(p, order.Paid)
}

// The call-back never came, and another order's page is ended.
func TestNobodyCalledBackFromMollie(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p, q := c.buy("bowl"), c.buy("cup")
	c.decides("tr_0000000001", "paid")
	s.Clock.Move(16 * time.Minute)
	if _, err := c.desk.SweepHolds(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.stands(p, order.Paid)
	c.stands(q, order.Cancelled)
	s.Clock.Move(2 * time.Minute)
	var jobs []store.Job
	if err := s.DB.View(t.Context(), func(v *store.View) (err error) { jobs, err = v.DueJobs(100); return err }); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Kind == checkout.JobAsk {
			if err := c.desk.Jobs()[j.Kind](t.Context(), j); err != nil {
				t.Error(err)
			}
		}
	}
	c.bank.set(func() {
		if got := c.bank.payments["tr_0000000002"]["status"]; got != "canceled" {
			t.Errorf("the page of the order that was given up is %v", got)
		}
	})
	if err := c.hears("tr_0000000002"); err != nil {
		t.Fatal(err)
	}
	c.stands(q, order.Cancelled)
}

package stripe

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// counter is a shop whose only way to pay is Stripe.
type counter struct {
	*shoptest.Shop
	t    *testing.T
	bank *bank
	desk *checkout.Desk
}

func newCounter(t *testing.T, s *shoptest.Shop) *counter {
	t.Helper()
	c := &counter{Shop: s, t: t, bank: newBank(t)}
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

// hears has a call-back arrive, so often.
func (c *counter) hears(times int, body []byte) {
	c.t.Helper()
	for range times {
		n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body)
		if err == nil {
			err = c.desk.Settle(c.t.Context(), Name, n)
		}
		if err != nil {
			c.t.Fatalf("a genuine call-back: %v", err)
		}
	}
}

func (c *counter) stands(p checkout.Placed, want order.Status) {
	c.t.Helper()
	if got := c.Order(c.t, p).Status; got != want {
		c.t.Errorf("the order is %s, want %s", got, want)
	}
}

// TestAPurchaseThroughStripe is a purchase, a decline, another try and a refund,
// each request judged by stripe-mock.
func TestAPurchaseThroughStripe(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p := c.buy("bowl")
		if got := p.Payment.RedirectURL; got != "https://checkout.stripe.com/c/pay/cs_test_1#a-long-secret" {
			t.Fatalf("the shopper is sent to %s", got)
		}
		c.hears(2, c.bank.decide("cs_test_1", "checkout.session.async_payment_failed", false))
		c.stands(p, order.Pending)
		v, err := c.desk.PayAgain(t.Context(), p.Order.Number, p.Token)
		if err != nil || v.Payment.RedirectURL == p.Payment.RedirectURL {
			t.Fatalf("another try: %+v, %v", v.Payment, err)
		}
		c.hears(3, c.bank.decide("cs_test_2", "checkout.session.completed", true))
		c.stands(p, order.Paid)
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); err != nil {
			t.Fatal(err)
		}
		c.stands(p, order.Refunded)
		if got := c.bank.refunded["pi_2"]; got != p.Order.Totals.Total.Minor() {
			t.Errorf("%d went back, want %v", got, p.Order.Totals.Total)
		}
	})
}

// challenged is what Stripe says while a bank asks the shopper to prove who pays, and
// when that proof failed.
func (c *counter) challenged(ref, kind, status string) []byte {
	c.t.Helper()
	c.bank.mu.Lock()
	session := c.bank.sessions[ref]
	session["payment_intent"] = "pi_" + strings.TrimPrefix(ref, "cs_test_")
	object := c.bank.intentOf(session, map[string]any{"last_payment_error": nil})
	if kind == "payment_intent.payment_failed" {
		object["last_payment_error"] = map[string]any{"code": "payment_intent_authentication_failure",
			"payment_method": map[string]any{"card": map[string]any{"fingerprint": "Xt5EWLLDS7FJjR1c"}}}
	}
	object["status"] = status
	c.bank.mu.Unlock()
	return c.bank.says(kind, object)
}

// shrugs has a genuine call-back arrive that decides nothing.
func (c *counter) shrugs(body []byte) {
	c.t.Helper()
	for range 2 {
		if n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body); !errors.Is(err, payment.ErrIgnored) {
			c.t.Errorf("got %+v, %v, want that it decides nothing", n, err)
		}
	}
}

// TestABankThatAsksTheShopperFirst: while a bank waits for its challenge, nothing is
// decided, whoever calls and whoever asks. When it failed the order may be paid again,
// and when it was passed it is paid.
func TestABankThatAsksTheShopperFirst(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p := c.buy("bowl")
		ref := c.ref(p)
		undecided := func(when string) {
			t.Helper()
			c.stands(p, order.Pending)
			if n, decided, err := c.bank.provider.Find(t.Context(), ref); err != nil || decided {
				t.Errorf("%s: asked, Stripe said %+v, decided %v, %v, want nothing decided", when, n, decided, err)
			}
		}
		c.shrugs(c.challenged(ref, "payment_intent.requires_action", "requires_action"))
		undecided("while the bank waits")

		c.hears(2, c.challenged(ref, "payment_intent.payment_failed", "requires_payment_method"))
		undecided("after the challenge failed")
		again, err := c.desk.PayAgain(t.Context(), p.Order.Number, p.Token)
		if err != nil || again.Payment.RedirectURL != p.Payment.RedirectURL {
			t.Fatalf("got %+v, %v, want the page, which takes another card", again.Payment, err)
		}

		c.shrugs(c.challenged(ref, "payment_intent.requires_action", "requires_action"))
		c.shrugs(c.bank.decide(ref, "checkout.session.completed", false)) // the page is through, the bank is not
		undecided("while the bank waits once more")
		c.hears(2, c.bank.decide(ref, "checkout.session.async_payment_succeeded", true))
		c.stands(p, order.Paid)
		n, decided, err := c.bank.provider.Find(t.Context(), ref)
		if err != nil || !decided || n.Outcome != payment.Approved {
			t.Errorf("asked after the challenge was passed: %+v, %v, %v", n, decided, err)
		}
	})
}

// TestAnotherOrdersPaymentIsNotTaken: genuine call-backs, each about something else.
func TestAnotherOrdersPaymentIsNotTaken(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p, q := c.buy("bowl"), c.buy("cup")
	ours := c.bank.sessions["cs_test_1"]
	for name, harm := range map[string]func(map[string]any){
		"less":                   func(s map[string]any) { s["amount_total"] = int64(1) },
		"another currency":       func(s map[string]any) { s["currency"] = "usd" },
		"the other order's name": func(s map[string]any) { s["metadata"].(map[string]any)[metaOrder] = string(q.Order.ID) },
		"another attempt":        func(s map[string]any) { s["metadata"].(map[string]any)[metaAttempt] = "2" },
	} {
		was := map[string]any{"amount_total": ours["amount_total"], "currency": ours["currency"],
			"metadata": map[string]any{metaShop: shop, metaOrder: string(p.Order.ID), metaAttempt: "1"}}
		harm(ours)
		body := c.bank.decide("cs_test_1", "checkout.session.completed", true)
		for k, v := range was {
			ours[k] = v
		}
		n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body)
		if err != nil {
			t.Fatalf("%s: it is genuine: %v", name, err)
		}
		if err := c.desk.Settle(t.Context(), Name, n); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: got %v, want that it does not fit", name, err)
		}
		c.stands(p, order.Pending)
		c.stands(q, order.Pending)
	}
}

// TestNobodyCalledBack: the shop asks when the hold has ended, and ends the page
// of an order that was not paid.
func TestNobodyCalledBack(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p, q := c.buy("bowl"), c.buy("cup")
	c.bank.decide("cs_test_1", "checkout.session.completed", true)
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
	if got := c.bank.sessions["cs_test_2"]["status"]; got != "expired" {
		t.Errorf("the page of the order that was given up is %v", got)
	}
	c.hears(1, c.bank.event("checkout.session.expired", c.bank.sessions["cs_test_2"]))
	c.stands(q, order.Cancelled)
}

package stripe

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

const publishable = "pk_test_0123456789abcdefghij"

// embedding is the bank's provider with fields for a page of the shop.
func (b *bank) embedding() *Provider {
	b.t.Helper()
	c := b.provider.c
	c.PublishableKey, c.Account = publishable, ""
	p, err := New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func TestFieldsAreOffUntilAKeyIsGiven(t *testing.T) {
	if _, on := newBank(t).provider.Embed(); on {
		t.Error("fields are there though nobody switched them on")
	}
	for _, bad := range []string{"pk_live_0123456789abcdefghij", key, "pk_test_", "pk_test_0123456789abcdef' *", "0123456789abcdefghij"} {
		if _, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop, PublishableKey: bad}); err == nil {
			t.Errorf("a publishable key %q is taken", bad)
		} else if strings.Contains(err.Error(), bad) && bad == key {
			t.Error("the error shows the secret key")
		}
	}
}

// TestThePageWithStripesFieldsLoadsFromStripeAlone: the hosts are Stripe's documented
// ones, written out, and no header gets a wildcard or a keyword by them.
func TestThePageWithStripesFieldsLoadsFromStripeAlone(t *testing.T) {
	p, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop, PublishableKey: publishable})
	if err != nil {
		t.Fatal(err)
	}
	e, on := p.Embed()
	if !on || e.Script != "https://js.stripe.com/dahlia/stripe.js" || e.Key != publishable || e.Who != "Stripe" || !strings.Contains(e.Reason, "no hash") {
		t.Errorf("got %+v, %v", e, on)
	}
	h, err := gate.EmbedHeaders(true, gate.Sources{Scripts: e.Scripts, Frames: e.Frames, Connects: e.Connects, Forms: []string{p.Origin()}})
	if err != nil {
		t.Fatal(err)
	}
	want := "default-src 'none'; script-src 'self' https://js.stripe.com; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self' https://api.stripe.com; " +
		"frame-src https://js.stripe.com https://hooks.stripe.com; form-action 'self' https://checkout.stripe.com; frame-ancestors 'none'; base-uri 'none'; " +
		"require-trusted-types-for 'script'; trusted-types default; report-uri /reports"
	if got := h["content-security-policy"]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAPurchaseByFieldsOnOurPage: the session is asked of Stripe without a page there, its
// secret is asked when the page is shown, and the call-back is compared and settled like
// any other. The way by Stripe's page stays open.
func TestAPurchaseByFieldsOnOurPage(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	fields := c.bank.embedding()
	var err error
	if c.desk, err = checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{fields}, Origin: shop}); err != nil {
		t.Fatal(err)
	}
	b := c.Ready(t, c.Product(t, "bowl", 3900, shoptest.Counted(2)).ID, 1)
	p, err := c.desk.Place(t.Context(), b.ID, b.Token, checkout.PlaceInput{Key: "key", Here: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := shop + "/checkout/card?order=" + string(p.Order.Number); p.Payment.RedirectURL != want {
		t.Errorf("the shopper is sent to %s, want %s", p.Payment.RedirectURL, want)
	}
	asked := c.bank.asks("/v1/checkout/sessions")[0].form
	if asked.Get("ui_mode") != "elements" || asked.Get("return_url") == "" || asked.Has("success_url") || asked.Has("cancel_url") || asked.Get("line_items[0][price_data][unit_amount]") == "" {
		t.Errorf("Stripe is asked for %v", asked)
	}
	f, err := c.desk.Fields(t.Context(), p.Order.Number, p.Token)
	if err != nil || f.Secret != "cs_test_1_secret_abc" || f.Key != publishable {
		t.Fatalf("the page gets key %q, %v", f.Key, err)
	}
	if _, err := c.desk.Fields(t.Context(), p.Order.Number, p.Token+"x"); err == nil {
		t.Error("somebody else's token opens the fields")
	}
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM payments WHERE here`); n != 1 {
		t.Errorf("%d attempts are on a page of ours", n)
	}

	// By Stripe's page after all, and back.
	v, err := c.desk.PayWith(t.Context(), p.Order.Number, p.Token, Name)
	if err != nil || !strings.HasPrefix(v.Payment.RedirectURL, "https://checkout.stripe.com/") {
		t.Fatalf("got %s, %v", v.Payment.RedirectURL, err)
	}
	if _, err := c.desk.Fields(t.Context(), p.Order.Number, p.Token); err == nil {
		t.Error("an attempt with a page at Stripe has fields here")
	}
	if v, err = c.desk.PayHere(t.Context(), p.Order.Number, p.Token, Name); err != nil || !strings.HasPrefix(v.Payment.RedirectURL, shop) {
		t.Fatalf("got %s, %v", v.Payment.RedirectURL, err)
	}
	c.hears(2, c.bank.decide("cs_test_3", "checkout.session.completed", true))
	c.stands(p, order.Paid)
	if _, err := c.desk.Fields(t.Context(), p.Order.Number, p.Token); err == nil {
		t.Error("a paid order can be paid again")
	}
}

// TestTheSecretIsOfOneOpenSession: not of a page at Stripe, not of an ended one.
func TestTheSecretIsOfOneOpenSession(t *testing.T) {
	b := newBank(t)
	p, ctx := b.embedding(), context.Background()
	q := b.request("order-1", 1)
	q.Here = true
	s, err := p.Open(ctx, q)
	if err != nil || s.URL != "" {
		t.Fatalf("got %q, %v, want no page at Stripe", s.URL, err)
	}
	if got, err := p.Secret(ctx, s.Ref); err != nil || !strings.HasPrefix(got, s.Ref) {
		t.Errorf("got %v", err)
	}
	q.Here = false
	if _, err := p.Open(ctx, q); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("the same attempt with a page there: got %v, want ErrRefused", err)
	}
	at, err := p.Open(ctx, b.request("order-2", 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, ref := range map[string]string{"of a page at Stripe": at.Ref, "of nothing": "cs_test_99", "of no session": "pi_1"} {
		if got, err := p.Secret(ctx, ref); !errors.Is(err, payment.ErrRefused) || got != "" {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
	if err := p.Close(ctx, s.Ref); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Secret(ctx, s.Ref); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("of one that has ended: got %v", err)
	}
}

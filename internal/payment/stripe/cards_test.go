package stripe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// asks returns what was asked of a path of Stripe, in order.
func (b *bank) asks(path string) (out []asked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.asked {
		if a.path == path && a.method == "POST" {
			out = append(out, a)
		}
	}
	return out
}

// TestACardIsKeptAtStripe: a purchase that keeps a card and one that uses it. Stripe is
// told of no person, and both are settled by the same comparison as any other.
func TestACardIsKeptAtStripe(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	ctx := c.member()
	buy := func(key, cards string) checkout.Placed {
		t.Helper()
		b := c.Ready(t, c.Product(t, key, 3900, shoptest.Counted(2)).ID, 1)
		p, err := c.desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: key, Cards: cards, Fresh: true})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	kept := buy("bowl", store.CardKeep)
	c.hears(2, c.bank.decide("cs_test_1", "checkout.session.completed", true))
	c.stands(kept, order.Paid)
	used := buy("cup", store.CardKept)
	buy("jug", store.CardKeep)

	people := c.bank.asks("/v1/customers")
	if len(people) != 1 || !slices.Equal(slices.Collect(maps.Keys(people[0].form)), []string{"metadata[cartkeep_shop]"}) {
		t.Errorf("Stripe was asked for %d customers and told more than whose shop it is: %v", len(people), people)
	}
	pages := c.bank.asks("/v1/checkout/sessions")
	for i, keep := range []string{"on_session", "", "on_session"} {
		f := pages[i].form
		var offered []string
		for name, values := range f {
			if strings.HasPrefix(name, "saved_payment_method_options") {
				offered = append(offered, values...)
			}
		}
		slices.Sort(offered)
		want := []string{"always", "limited"}
		if keep != "" {
			want = nil // a page that keeps a card offers none of those that are kept
		}
		if f.Get("customer") != "cus_1" || f.Get("payment_intent_data[setup_future_usage]") != keep || !slices.Equal(offered, want) {
			t.Errorf("page %d was asked for with %v", i+1, f)
		}
		if f.Has("customer_email") {
			t.Error("Stripe was told an address")
		}
	}

	// A payment by a kept card that does not fit is no payment.
	ours := c.bank.sessions["cs_test_2"]
	ours["amount_total"] = int64(1)
	body := c.bank.decide("cs_test_2", "checkout.session.completed", true)
	n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body)
	if err == nil {
		err = c.desk.Settle(t.Context(), Name, n)
	}
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("less was paid: got %v, want that it does not fit", err)
	}
	c.stands(used, order.Pending)
	ours["amount_total"] = used.Order.Due().Minor()
	c.hears(1, c.bank.event("checkout.session.completed", ours))
	c.stands(used, order.Paid)
}

// TestACustomerOfAnotherShopIsNotOurs: several shops may share an account at Stripe.
func TestACustomerOfAnotherShopIsNotOurs(t *testing.T) {
	b := newBank(t)
	other, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: "another", KeepCards: true, API: b.url, Client: b.provider.c.Client, Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	theirs, err := b.provider.Customer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Forget(ctx, theirs, ""); err == nil {
		t.Error("another shop's customer counts as forgotten")
	}
	if _, err := b.provider.Cards(ctx, theirs); err != nil {
		t.Errorf("another shop took our customer away: %v", err)
	}
	off, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop})
	if err != nil {
		t.Fatal(err)
	}
	if _, more := off.Keeps(); more {
		t.Error("cards are kept though nobody switched it on")
	}
}

// TestNoFormThatKeepsACardOffersOne: neither Stripe's page nor its fields on a page of ours.
func TestNoFormThatKeepsACardOffersOne(t *testing.T) {
	b := newBank(t)
	p := b.embedding()
	ada, err := p.Customer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, here := range []bool{false, true} {
		for j, keep := range []bool{false, true} {
			q := b.request("order", 2*i+j+1)
			q.Customer, q.Keep, q.Here = ada, keep, here
			if _, err := p.Open(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			pages := b.asks("/v1/checkout/sessions")
			form := pages[len(pages)-1].form
			if form.Has("saved_payment_method_options[allow_redisplay_filters][0]") == keep || form.Get("customer") != "cus_1" {
				t.Errorf("here %v, keep %v: asked for with %v", here, keep, form)
			}
		}
	}
}

// TestAnotherKeyDoesNotTakeCardsForForgotten: in an afternoon of test mode, with the key of
// another account, or while Stripe refuses for a reason of its own, nothing is there, and
// that says nothing about what is kept.
func TestAnotherKeyDoesNotTakeCardsForForgotten(t *testing.T) {
	b := newBank(t)
	ctx := t.Context()
	live := b.provider.c
	live.Key, live.Mode, live.Account = "sk_live_0123456789abcdefghij", payment.ModeLive, ""
	another := b.provider.c
	another.Account = "acct_another"
	for name, c := range map[string]Config{"of live mode": live, "of another account": another} {
		then, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		word := then.wordFor("cus_unknown_here")
		if _, err := b.provider.Cards(ctx, word); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: got %v, want an error that leaves it open", name, err)
		}
		if err := b.provider.Forget(ctx, word, ""); err == nil {
			t.Errorf("%s: what was kept counts as forgotten", name)
		}
		q := b.request("order", 1)
		q.Customer = word
		if _, err := b.provider.Open(ctx, q); err == nil {
			t.Errorf("%s: a page was opened", name)
		}
	}
	ada, err := b.provider.Customer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{400, 402, 422} {
		b.mu.Lock()
		b.fail = append(b.fail, func(w http.ResponseWriter) {
			_, body := refuse(status, "parameter_invalid")
			w.WriteHeader(status)
			w.Write(body)
		})
		b.mu.Unlock()
		if err := b.provider.Forget(ctx, ada, ""); err == nil {
			t.Errorf("refused with %d, and she counts as forgotten", status)
		}
	}
	if _, err := b.provider.Cards(ctx, ada); err != nil {
		t.Errorf("she is there: %v", err)
	}
	if err := b.provider.Forget(ctx, b.provider.wordFor("cus_99"), ""); err != nil {
		t.Errorf("who is not there under the same key is gone: %v", err)
	}
}

// TestAnOrderOutlivesItsCustomerAtStripe: the merchant deletes her in the dashboard. Stripe
// then refuses her page, under its own key, and opens one without her under another.
func TestAnOrderOutlivesItsCustomerAtStripe(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		ctx := c.member()
		b := c.Ready(t, c.Product(t, "bowl", 3900, shoptest.Counted(2)).ID, 1)
		p, err := c.desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: "bowl", Cards: store.CardKeep, Fresh: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error {
			_, err := t.Link(abuse.Of(ctx).Customer(), p.Order.Owner, "signed-in")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c.hears(1, c.bank.decide("cs_test_1", "checkout.session.async_payment_failed", false))
		c.bank.mu.Lock()
		c.bank.people["cus_1"] = nil
		c.bank.mu.Unlock()
		v, err := c.desk.PayAgain(ctx, p.Order.Number, p.Token)
		if err != nil || !strings.Contains(v.Payment.RedirectURL, "/cs_test_2#") {
			t.Fatalf("got %+v, %v", v.Payment, err)
		}
		pages := c.bank.asks("/v1/checkout/sessions")
		if len(pages) != 3 {
			t.Fatalf("%d pages were asked for, want 3", len(pages))
		}
		for i, want := range []string{"cus_1", "cus_1", ""} {
			if got, key := pages[i].form.Get("customer"), pages[i].header.Get("Idempotency-Key"); got != want || !strings.HasSuffix(key, fmt.Sprint("-", i+1)) {
				t.Errorf("page %d was asked for %q under %s", i+1, got, key)
			}
		}
		if all, err := c.desk.Keepers(ctx, abuse.Of(ctx).Customer()); err != nil || len(all) != 0 {
			t.Errorf("%d words for her are kept, %v", len(all), err)
		}
		c.hears(2, c.bank.decide("cs_test_2", "checkout.session.completed", true))
		c.stands(p, order.Paid)
	})
}

// member is Ada with an account, and a context that she calls in.
func (c *counter) member() context.Context {
	c.t.Helper()
	mail, err := contact.ParseEmail(shoptest.Ada().Email)
	if err != nil {
		c.t.Fatal(err)
	}
	a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: mail}
	if err := c.DB.InTx(c.t.Context(), ledger.System("test"), func(t *store.Tx) error { return t.NewAccount(a) }); err != nil {
		c.t.Fatal(err)
	}
	return abuse.With(c.t.Context(), &abuse.Caller{Account: func() string { return a.ID }})
}

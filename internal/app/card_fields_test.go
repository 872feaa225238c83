package app

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestThePageWithCardFieldsIsLookedAtToo: with Stripe's fields switched on the shop visits
// that page as well, has the one foreign script in its inventory with owner and reason,
// and finds it foreign on every other page.
func TestThePageWithCardFieldsIsLookedAtToo(t *testing.T) {
	ctx := context.Background()
	s, w, in := watchedWith(t, func(set *Settings) {
		set.PaymentMode, set.StripeKey, set.StripeSecret, set.StripePublishable = "test", "sk_test_0123456789abcdefghij", "whsec_0123456789abcdefghijklmnopqrstuv", "pk_test_0123456789abcdefghij"
	})
	err := s.vault.db.InTx(ctx, ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.providers", "sandbox stripe") })
	if err != nil {
		t.Fatal(err)
	}
	s.vault.db.ForgetSettings()
	look(t, w, store.PagesClean)

	rules, err := w.Rules(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const theirs = "https://js.stripe.com/dahlia/stripe.js"
	at := slices.IndexFunc(rules.Inventory, func(e paymentpage.Entry) bool { return e.Path == theirs })
	if at < 0 {
		t.Fatal("Stripe's script is not in the inventory")
	}
	if e := rules.Inventory[at]; e.Owner != "Stripe" || e.Page != "/checkout/card" || !strings.Contains(e.Reason, "no hash") {
		t.Errorf("the inventory says %+v", e)
	}
	visitor, err := w.Visitor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := visitor.Visit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, one := range seen {
		if slices.Contains(one.Items, paymentpage.Item{Kind: paymentpage.Script, What: theirs}) {
			pages = append(pages, one.Page)
		}
	}
	if !slices.Equal(pages, []string{"/checkout/card"}) {
		t.Errorf("Stripe's script is on %v", pages)
	}

	on := func(page string, change func(h http.Header, body []byte) []byte) func(string, http.Header, []byte) []byte {
		return func(path string, h http.Header, body []byte) []byte {
			if path == page {
				return change(h, body)
			}
			return body
		}
	}
	more := func(what string) func(http.Header, []byte) []byte {
		return func(_ http.Header, body []byte) []byte {
			return bytes.Replace(body, []byte("</head>"), []byte(what+"</head>"), 1)
		}
	}
	policy := func(from, to string) func(http.Header, []byte) []byte {
		return func(h http.Header, body []byte) []byte {
			h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), from, to, 1))
			return body
		}
	}
	for name, change := range map[string]func(string, http.Header, []byte) []byte{
		"Stripe's script on the checkout":    on("/checkout", more(`<script src="`+theirs+`"></script>`)),
		"another script of Stripe's host":    on("/checkout/card", more(`<script src="https://js.stripe.com/v1/"></script>`)),
		"a script of another host beside it": on("/checkout/card", more(`<script src="https://cdn.evil.example/a.js"></script>`)),
		"a wildcard":                         on("/checkout/card", policy("https://js.stripe.com;", "https://*.js.stripe.com;")),
		"a keyword":                          on("/checkout/card", policy("script-src 'self'", "script-src 'self' 'unsafe-inline'")),
		"no Trusted Types":                   on("/checkout/card", policy("; require-trusted-types-for 'script'", "")),
	} {
		in.change = change
		v := look(t, w, store.PagesForeign)
		if len(v.Found) == 0 {
			t.Errorf("%s: nothing is told", name)
		}
	}
	in.change = nil
	look(t, w, store.PagesClean)
}

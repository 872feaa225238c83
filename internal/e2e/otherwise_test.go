package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestAShopperPaysOtherwiseInABrowser buys by bank transfer, on delivery and on
// invoice, by hand: what to do comes on the order's page, and the money as the
// merchant notes it.
func TestAShopperPaysOtherwiseInABrowser(t *testing.T) {
	for _, view := range []browser.View{{Width: browser.Narrow, NoScript: true}, {Width: browser.Wide, Dark: true}} {
		t.Run(name(view), func(t *testing.T) {
			h := newHome(t, "")
			h.env = append(h.env, "CARTKEEP_PAYMENT_MODE=test", "CARTKEEP_TRANSFER_PAYEE=Corner Shop", "CARTKEEP_TRANSFER_IBAN=DE89370400440532013000",
				"CARTKEEP_ON_DELIVERY_LIMIT=500.00", "CARTKEEP_ON_DELIVERY_COUNTRIES=DE", "CARTKEEP_INVOICE_LIMIT=500.00", "CARTKEEP_INVOICE_COUNTRIES=DE")
			s := h.start(t)
			file := filepath.Join(t.TempDir(), "methods.toml")
			if err := os.WriteFile(file, []byte("[payment]\nmethods = [\"sandbox\", \"transfer\", \"on-delivery\", \"invoice\"]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s.must(t, "settings", "import", file)
			b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
			v := &visitor{t: t, shop: s, view: view, Page: b.Page(t, view)}

			v.choosesHowToPay("transfer")
			v.expect(v.Text("h1"), "One step is left")
			v.expect(v.Text("main"), "DE89 3704 0044 0532 0130 00")
			v.shot("order-transfer")
			at := v.URL()
			amount, reference := strings.TrimPrefix(v.Text("#transfer strong"), "€"), v.Text("#transfer div:last-child code")
			s.must(t, "payments", "received", reference, amount)
			v.Open(at)
			v.expect(v.Text("h1"), "paid")

			for _, how := range []string{"on-delivery", "invoice"} {
				v.choosesHowToPay(how)
				v.shot("order-" + how)
				v.expect(v.URL(), s.origin+"/orders/")
			}
			eventually(t, 10*time.Second, "a letter for each", func() bool { return len(s.letters(t)) >= 3 })
			v.wasLeftAlone()
		})
	}
}

// choosesHowToPay fills a cart and orders, up to the order's page.
func (v *visitor) choosesHowToPay(how string) {
	v.t.Helper()
	v.Open(v.shop.origin + "/products/nesting-bowls")
	v.Submit(".add .btn")
	v.status(v.Submit("a[href='/checkout']"), 200)
	v.fillsIn()
	v.status(v.Submit("#details .go .btn"), 200)
	v.shot("review-" + how)
	v.Click("input[value='" + how + "']")
	v.status(v.Submit("#pay .btn"), 200)
}

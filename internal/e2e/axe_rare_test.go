package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestNoRarePageHasABarrierThatAxeFinds walks to the states that few shoppers
// see: what was found by a guess, what is sold out, a cart with everything in
// it, the till step by step, what is not sent by post, an order that somebody
// looks up, another site, the letters.
func TestNoRarePageHasABarrierThatAxeFinds(t *testing.T) {
	s := demo(t, "")
	site := blog(t, s)
	s.trusts(t, site.URL)
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")), site.Certificate())
	i := &inspector{visitor: &visitor{t: t, shop: s, Page: b.Page(t, browser.View{Still: true})}, script: axe(t), seen: map[string]bool{}}
	words := filepath.Join(t.TempDir(), "words.toml")
	if err := os.WriteFile(words, []byte("[terms]\nmust_tick = true\n[seller]\nname = \"Hazelmott\"\naddress = \"\"\"\n1 Pan Lane\n10115 Berlin\"\"\"\nvat = \"DE123456788\"\n"+shopWords), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "settings", "import", words)
	i.goods(t)
	i.fullCart()
	i.stepwise()
	i.lookedUp(t)
	i.notByPost(t)
	i.fromTheBlog(site.URL)
	i.letters()
	t.Logf("%d pages in %d views", i.pages, len(axeViews()))
}

// goods looks at lists and products in the states that a full shelf hides.
func (i *inspector) goods(t *testing.T) {
	i.visit("search with a typo", "/search?q=ketle", 200)
	i.visit("filters in use", "/?max=40&available=1&sort=price-asc", 200)
	i.visit("filters that nothing fits", "/?min=90000", 200)
	i.Open(i.shop.origin + "/?min=ten")
	i.look("filters with a mistake")
	i.visit("sold out", "/products/half-hour-glass", 200)
	i.Fill("#wish #email", "ada")
	i.status(i.Submit("#wish .btn"), 422)
	i.look("wish with a mistake")
	for _, line := range []string{"reduced,A reduced thing,REDUCED,20.00,", "reduced,A reduced thing,REDUCED,15.00,20.00"} {
		file := filepath.Join(t.TempDir(), "reduced.csv")
		if err := os.WriteFile(file, []byte("Handle,Title,Variant SKU,Variant Price,Variant Compare At Price\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		i.shop.must(t, "import", "products", file)
	}
	eventually(t, 10*time.Second, "the reduction", func() bool {
		i.Open(i.shop.origin + "/products/reduced")
		return i.Has(".cost s")
	})
	i.look("reduced")
	i.visit("an address that takes no GET", "/cart/clear", 405)
}

// fullCart looks at a cart with lines, one saved for later, and an estimate.
func (i *inspector) fullCart() {
	for _, handle := range []string{"reduced", "whistling-kettle", "nesting-bowls"} {
		i.Open(i.shop.origin + "/products/" + handle)
		i.Submit(".add .btn")
	}
	i.Click("form[action$='/save'] button")
	eventually(i.t, 10*time.Second, "a thing is saved", func() bool { return !i.Has("[aria-busy]") && i.Has(".later") })
	i.Choose("#estimate-country", "FR")
	i.Click(".estimate .btn")
	eventually(i.t, 10*time.Second, "the estimate", func() bool { return !i.Has("[aria-busy]") && strings.Contains(i.Text(".totals"), "France") })
	i.look("cart with everything")
}

// stepwise goes through the till in three steps and forgets the terms.
func (i *inspector) stepwise() {
	i.visit("checkout step 1", "/checkout?step=1", 200)
	i.Fill("#email", "ada@example.com")
	i.Submit("#details .go .btn")
	i.expect(i.Text("main"), "Step 2")
	i.look("checkout step 2")
	i.Submit("#details .go .btn")
	i.look("checkout step 2 with mistakes")
	i.Choose("#shipping_address-address_country", "DE")
	for field, text := range map[string]string{"#name": "Ada Lovelace", "#shipping_address-street_address": "12 Analytical Way",
		"#shipping_address-postal_code": "10115", "#shipping_address-address_locality": "Berlin"} {
		i.Fill(field, text)
	}
	i.Submit("#details .go .btn")
	i.expect(i.Text("main"), "Step 3")
	browser.Eval[bool](i.Page, "document.querySelectorAll('#details details').forEach(d => d.open = true) === undefined")
	i.look("checkout step 3 unfolded")
	i.Fill("#gift_name", "Byron Lovelace")
	i.Fill("#gift_message", "Many happy returns")
	i.Fill("#note", "Ring twice")
	i.Fill("#order_note", "No plastic, please")
	i.status(i.Submit("#details .go .btn"), 200)
	i.expect(i.URL(), "/checkout/review")
	i.status(i.Submit("#pay .btn"), 422)
	i.look("review without the tick")
	i.Click("#accept_terms")
	i.Submit("#pay .btn")
	i.status(i.Submit("button[value=approved]"), 200)
	i.expect(i.Text("h1"), "paid")
}

// lookedUp follows the order that stands open: sent, looked up by a code, given back.
func (i *inspector) lookedUp(t *testing.T) {
	path := i.path()
	number := strings.TrimPrefix(path, "/orders/")
	i.shop.must(t, "order", "ship", number, "--carrier", "Moor Post", "--tracking", "MP 0012 3456")
	i.visit("order sent", path, 200)
	i.visit("invoice", path+"/invoice", 200)
	i.visit("find an order", "/find-order", 200)
	i.status(i.Submit("#details .btn"), 422)
	i.look("find an order with mistakes")
	i.Fill("#number", number)
	i.Fill("#email", "ada@example.com")
	i.status(i.Submit("#details .btn"), 200)
	i.look("code")
	i.Fill("#code", "12")
	i.status(i.Submit("main form .btn"), 422)
	i.look("code with a mistake")
	code := ""
	eventually(t, 10*time.Second, "the code in the outbox", func() bool {
		for _, l := range i.shop.letters(t) {
			if found := regexp.MustCompile(`\b\d{4} ?\d{4}\b`).FindString(l.Text); strings.Contains(l.Subject, "code") && found != "" {
				code = found
			}
		}
		return code != ""
	})
	i.Fill("#code", code)
	i.status(i.Submit("main form .btn"), 200)
	i.expect(i.Text("main"), "12 Analytical Way")
	i.look("order with its people")
	i.visit("invoice with its buyer", path+"/invoice", 200)
	i.shop.must(t, "refund", number)
	eventually(t, 10*time.Second, "the money went back", func() bool {
		i.Open(i.shop.origin + path)
		return i.Has("a[href*='/credit-notes/']")
	})
	i.look("order given back")
	i.status(i.Submit("a[href*='/credit-notes/']"), 200)
	i.look("credit note")
}

// notByPost buys two copies of what has one licence key left, and loads the file.
func (i *inspector) notByPost(t *testing.T) {
	i.shop.sellsKnots(t, "over, under, through", "KNOT-AAAA-1")
	eventually(t, 10*time.Second, "the book", func() bool { return i.Open(i.shop.origin+"/products/knots") == 200 })
	i.look("product that no parcel brings")
	i.Fill("#quantity", "2")
	i.Submit(".add .btn")
	i.Open(i.shop.origin + "/checkout")
	i.look("checkout without a parcel")
	i.fillsIn()
	i.Submit("#details .go .btn")
	i.look("review without a parcel")
	i.Click("#accept_terms")
	i.Submit("#pay .btn")
	i.status(i.Submit("button[value=approved]"), 200)
	path := i.path()
	eventually(t, 15*time.Second, "file and key", func() bool {
		i.Open(i.shop.origin + path)
		return i.Has("a[href^='/downloads/']") && strings.Contains(i.HTML(), "KNOT-AAAA-1")
	})
	i.look("order with a download and a key")
	file := browser.Eval[string](i.Page, "document.querySelector(\"a[href^='/downloads/']\").getAttribute('href')")
	i.visit("download", file, 200)
	db := i.shop.raw(t)
	shoptest.Do(t, db, `UPDATE downloads SET left_over = 0`)
	db.Close()
	i.visit("download that ended", file, 200)
}

// fromTheBlog fills a cart on another site and comes over with it, while there
// is one in the shop.
func (i *inspector) fromTheBlog(site string) {
	i.Open(i.shop.origin + "/products/whistling-kettle")
	i.Submit(".add .btn")
	i.Open(site + "/")
	i.scope = `{include: [["cartkeep-button"], ["cartkeep-cart"]]}`
	eventually(i.t, 10*time.Second, "the button", func() bool {
		return browser.Eval[bool](i.Page, "!!document.querySelector('cartkeep-button').shadowRoot?.querySelector('.go')")
	})
	i.look("another site")
	browser.Eval[bool](i.Page, "document.querySelector('cartkeep-button').shadowRoot.querySelector('.go').click() || true")
	eventually(i.t, 10*time.Second, "a line", func() bool {
		return browser.Eval[bool](i.Page, "!!document.querySelector('cartkeep-cart').shadowRoot.querySelector('li')")
	})
	i.look("another site with a cart")
	i.scope = ""
	browser.Eval[bool](i.Page, "document.querySelector('cartkeep-cart').shadowRoot.querySelector('form button').click() || true")
	eventually(i.t, 10*time.Second, "the choice", func() bool {
		return browser.Eval[bool](i.Page, "location.pathname === '/cart/adopt' && document.readyState === 'complete'")
	})
	i.look("two carts")
}

// letters looks at each letter as a mail program shows it.
func (i *inspector) letters() {
	i.status(i.Open(i.shop.outbox+"/previews"), 200)
	i.look("letters")
	pages := browser.Eval[[]string](i.Page, "[...document.querySelectorAll('article a')].map(a => a.href)")
	if len(pages) < 4 {
		i.t.Errorf("got %d letters", len(pages))
	}
	// A mail program brings the landmarks; the letter is what lies between them.
	i.scope = `"[role=article]"`
	for n, page := range pages {
		// Where it lies no script may run, axe's included; so its words go elsewhere.
		got, err := i.shop.client.Get(page)
		if err != nil {
			i.t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		got.Body.Close()
		if err != nil || got.StatusCode != 200 {
			i.t.Fatalf("%s: got %d, %v", page, got.StatusCode, err)
		}
		i.Open("data:text/html;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(body))
		i.look(fmt.Sprint("letter ", n))
	}
}

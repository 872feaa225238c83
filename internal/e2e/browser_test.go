package e2e

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestAShopperBuysInABrowser walks the whole way by hand: with and without
// scripts, on a telephone and on a desk, in the light and in the dark.
func TestAShopperBuysInABrowser(t *testing.T) {
	for _, view := range []browser.View{
		{Width: browser.Narrow, NoScript: true},
		{Width: browser.Narrow, Dark: true},
		{Width: browser.Wide},
		{Width: browser.Wide, NoScript: true, Dark: true},
	} {
		t.Run(name(view), func(t *testing.T) {
			s := demo(t, "") // each their own: four times the same declined cards look like a thief's
			b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
			v := &visitor{t: t, shop: s, view: view, Page: b.Page(t, view)}
			v.looksAround()
			v.fillsTheCart()
			v.mistypesAtTheTill()
			v.orders()
			v.changesTheirMind()
			v.pays()
			v.readsTheLetter()
			v.getsTheMoneyBack()
			v.wasLeftAlone()
			if code := s.stop(); code != 0 {
				t.Errorf("got exit %d after SIGTERM, want 0\n%s", code, s.said)
			}
		})
	}
}

func name(v browser.View) string {
	script, light := "script", "light"
	if v.NoScript {
		script = "noscript"
	}
	if v.Dark {
		light = "dark"
	}
	return fmt.Sprintf("%d-%s-%s", v.Width, light, script)
}

// visitor is somebody with a browser in front of the shop.
type visitor struct {
	*browser.Page
	t    *testing.T
	shop *shop
	view browser.View
}

// shot looks at a page: nothing sticks out at the side, and a picture is kept.
func (v *visitor) shot(what string) {
	v.t.Helper()
	if over := browser.Eval[int64](v.Page, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		v.t.Errorf("%s: %d pixels stick out at the side", what, over)
	}
	v.Shot(what + "-" + name(v.view))
}

func (v *visitor) expect(got, want string) {
	v.t.Helper()
	if !strings.Contains(got, want) {
		v.t.Fatalf("at %s: got %q, want %q in it", v.URL(), got, want)
	}
}

func (v *visitor) status(got, want int) {
	v.t.Helper()
	if got != want {
		v.t.Fatalf("at %s: got status %d, want %d", v.URL(), got, want)
	}
}

func (v *visitor) looksAround() {
	s := v.shop
	for _, page := range []struct {
		name, path string
		status     int
	}{
		{"home", "/", 200}, {"collection", "/collections/kitchen", 200}, {"search", "/search?q=kettle", 200}, {"search-nothing", "/search?q=zeppelin", 200}, {"privacy", "/privacy", 200},
		{"admin", "/admin", 200}, {"cart-empty", "/cart", 200}, {"404", "/nothing/here", 404}, {"order-missing", "/orders/AAAAAAAAAA", 404},
	} {
		v.status(v.Open(s.origin+page.path), page.status)
		v.shot(page.name)
	}
	v.status(v.Open(s.origin+"/"), 200)
	v.status(v.Submit("ul.shelf li:first-child a"), 200)
	v.shot("product")
	if strings.Count(v.HTML(), "application/ld+json") != 1 {
		v.t.Error("the product page has no JSON-LD")
	}
}

func (v *visitor) fillsTheCart() {
	v.Submit(".add .btn")
	v.expect(v.URL(), "/cart")
	v.expect(v.Text("#count"), "1")
	v.Open(v.shop.origin + "/products/nesting-bowls")
	v.Submit(".add .btn")
	v.expect(v.Text("#count"), "2")
	v.shot("cart")
}

func (v *visitor) mistypesAtTheTill() {
	v.status(v.Submit("a[href='/checkout']"), 200)
	v.shot("checkout")
	typed := map[string]string{
		"#email": "ada.example.com", "#name": "Zoë O’Brien-Müller", "#shipping_address-street_address": "12 Analytical Way\nBackyard",
		"#shipping_address-postal_code": "1", "#shipping_address-address_locality": "Berlin", "#phone": "+49 30 1234567",
	}
	for field, text := range typed {
		v.Fill(field, text)
	}
	v.Choose("#shipping_address-address_country", "DE")
	v.status(v.Submit("#details .go .btn"), 422)
	v.shot("checkout-errors")
	for field, text := range typed {
		if got := strings.ReplaceAll(v.Value(field), "\r", ""); got != text {
			v.t.Errorf("%s after the mistake: got %q, want %q as typed", field, got, text)
		}
	}
	if got := v.Value("#shipping_address-address_country"); got != "DE" {
		v.t.Errorf("country after the mistake: got %q, want DE", got)
	}
	for _, field := range []string{"#email-wrong", "#shipping_address-postal_code-wrong", "#wrong a[href='#email']", "#wrong a[href='#shipping_address-postal_code']"} {
		if !v.Has(field) {
			v.t.Errorf("the mistake is not named at %s", field)
		}
	}
	if v.Has("#name-wrong") {
		v.t.Error("the name is blamed, and nothing is wrong with it")
	}
	v.Fill("#email", "zoe@example.com")
	v.Fill("#shipping_address-postal_code", "10115")
}

func (v *visitor) orders() {
	v.status(v.Submit("#details .go .btn"), 200)
	v.expect(v.URL(), "/checkout/review")
	v.expect(v.Text("main"), "Zoë O’Brien-Müller")
	v.shot("review")
	v.status(v.Submit("#pay .btn"), 200)
	v.expect(v.URL(), v.shop.bank+"/pay/")
	v.shot("sandbox")
}

// changesTheirMind walks away, comes back, is declined and comes back again.
func (v *visitor) changesTheirMind() {
	v.status(v.Submit("button[value=abandoned]"), 200)
	v.expect(v.URL(), v.shop.origin+"/orders/")
	v.expect(v.Text("h1"), "One step is left")
	v.shot("order-pending")
	v.status(v.Submit("#pay .btn"), 200)
	v.expect(v.URL(), v.shop.bank+"/pay/")
	v.status(v.Submit("button[value=declined]"), 200)
	v.expect(v.URL(), v.shop.origin+"/orders/")
	v.expect(v.Text("h1"), "did not go through")
	v.shot("order-declined")
	v.status(v.Submit("#pay .btn"), 200)
}

func (v *visitor) pays() {
	v.expect(v.URL(), v.shop.bank+"/pay/")
	v.status(v.Submit("button[value=challenge]"), 200)
	v.shot("sandbox-challenge")
	v.status(v.Submit("button[value=approved]"), 200)
	v.expect(v.URL(), v.shop.origin+"/orders/")
	v.expect(v.Text("h1"), "paid")
	v.shot("order-paid")
	for _, personal := range []string{"Zoë", "zoe@example.com", "Analytical"} {
		if strings.Contains(v.HTML(), personal) {
			v.t.Errorf("the order page says %q, and is open to whoever has the link", personal)
		}
	}
	for _, c := range v.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HTTPOnly {
			v.t.Errorf("cookie %s is not __Host-, secure and out of reach for scripts", c.Name)
		}
	}
	v.Open(v.shop.origin + "/cart")
	v.expect(v.Text("h1"), "empty")
}

func (v *visitor) readsTheLetter() {
	number := ""
	eventually(v.t, 10*time.Second, "the letter in the outbox", func() bool {
		list := v.shop.letters(v.t)
		for _, l := range list {
			if _, rest, ok := strings.Cut(l.Text, "/orders/"); ok && l.To == "zoe@example.com" {
				number = strings.Fields(rest)[0]
			}
		}
		return number != ""
	})
	v.status(v.Open(v.shop.outbox), 200)
	v.shot("outbox")
	v.expect(v.Text("main"), "zoe@example.com")
	v.status(v.Submit("article a[href^='"+v.shop.origin+"/orders/"+number+"']"), 200)
	v.expect(v.Text("h1"), "paid")
	if strings.Contains(v.URL(), "token") {
		v.t.Errorf("the token of the letter stays in the address: %s", v.URL())
	}
}

// getsTheMoneyBack looks at the order once more, after the shop gave it back.
func (v *visitor) getsTheMoneyBack() {
	address, total := v.URL(), v.Text("dl.totals dd.sum")
	if total == "" || strings.Contains(v.Text("dl.totals"), "Given back") {
		v.t.Fatalf("before anything went back, the order says %q", v.Text("dl.totals"))
	}
	v.shop.must(v.t, "refund", address[strings.LastIndexByte(address, '/')+1:])
	v.status(v.Open(address), 200)
	v.expect(v.Text("h1"), "Your money is on its way back")
	v.expect(strings.Join(strings.Fields(v.Text("dl.totals")), " "), "Given back "+total)
	v.shot("order-refunded")
}

// wasLeftAlone checks what the browser noticed on the way.
func (v *visitor) wasLeftAlone() {
	complaints := v.Complaints()
	slices.Sort(complaints)
	for _, c := range slices.Compact(complaints) {
		// A 404 and the form's 422 were asked for.
		if !strings.Contains(c, "the server responded with a status of 4") {
			v.t.Errorf("the browser complains: %s", c)
		}
	}
	for _, r := range v.Requests() {
		u, err := url.Parse(r)
		if err != nil || (u.Host != "" && !strings.HasPrefix(r, v.shop.origin+"/") && !strings.HasPrefix(r, v.shop.bank+"/")) {
			v.t.Errorf("a third party was asked: %s", r)
		}
	}
}

package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// strict is the policy of the shop. What the script does must get by with it.
const strict = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// counter is the till of these tests: one line whose quantity can change, and
// a count of the orders placed.
type counter struct {
	set     *Set
	samples map[string]Page
	teapots atomic.Int64
	placed  atomic.Int64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", strict)
	switch {
	case strings.HasPrefix(r.URL.Path, PathAssets):
		c.set.Assets(http.NotFoundHandler()).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/pictures/"):
		body, err := os.ReadFile("../../demo" + r.URL.Path)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Write(body)
	case r.Method == "POST" && strings.HasPrefix(r.URL.Path, PathCart):
		var n int64
		for _, d := range r.PostFormValue(FieldQuantity) {
			n = n*10 + int64(d-'0')
		}
		c.teapots.Store(n)
		http.Redirect(w, r, PathCart, http.StatusSeeOther)
	case r.URL.Path == PathCart:
		p := c.samples["cart"].(Cart)
		p.Cart.Lines = append([]cart.Line(nil), p.Cart.Lines...)
		if n := c.teapots.Load(); n == 0 {
			p.Cart.Lines = p.Cart.Lines[1:]
			p.Flash = Flash{Text: "The teapot is out of the cart.", Undo: Undo{"v", 1}}
		} else {
			p.Cart.Lines[0].Quantity = n
		}
		p.CartCount = p.Cart.Count()
		c.set.Render(w, p)
	case r.Method == "POST" && r.URL.Path == PathReview:
		c.placed.Add(1)
		time.Sleep(300 * time.Millisecond)
		c.set.Render(w, c.samples["order-paid"])
	case r.URL.Path == PathReview:
		c.set.Render(w, c.samples["review"])
	default:
		p, ok := c.samples[strings.Trim(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		c.set.Render(w, p)
	}
}

func open(t *testing.T) (*counter, *browser.Browser, string) {
	t.Helper()
	c := &counter{set: shop(t, nil), samples: samples(t)}
	c.teapots.Store(1)
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	return c, browser.Start(t, server.Certificate()), server.URL
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestCartChangesWithoutReload(t *testing.T) {
	c, b, url := open(t)
	p := b.Page(t, browser.View{})
	p.Open(url + PathCart)
	browser.Eval[bool](p, "window.stayed = true")
	p.Click("#n-l1-more")
	eventually(t, "two teapots in the shop", func() bool { return c.teapots.Load() == 2 })
	eventually(t, "the new count is shown", func() bool { return p.Text("#count") == "6" })
	if !browser.Eval[bool](p, "window.stayed === true") {
		t.Error("the page was loaded again")
	}
	if got := browser.Eval[string](p, "document.getElementById('news').textContent"); !strings.Contains(got, "€136.90") {
		t.Errorf("the live region says %q", got)
	}
	if got := browser.Eval[string](p, "document.activeElement.id"); got != "n-l1-more" {
		t.Errorf("the focus went to %q", got)
	}
	browser.Eval[string](p, "document.getElementById('n-l1').value = ''")
	p.Fill("#n-l1", "0")
	p.Click("h1")
	eventually(t, "the line is gone and can come back", func() bool { return p.Has(".flash button") && !p.Has("#n-l1") })
	if got := p.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}
}

func TestCartChangesWithoutScripts(t *testing.T) {
	c, b, url := open(t)
	p := b.Page(t, browser.View{NoScript: true, Width: browser.Narrow})
	p.Open(url + PathCart)
	browser.Eval[string](p, "document.getElementById('n-l1').value = ''")
	p.Fill("#n-l1", "3")
	if got := p.Submit("form.count button"); got != 200 || c.teapots.Load() != 3 {
		t.Errorf("status %d, teapots %d", got, c.teapots.Load())
	}
	p.Shot("page-cart-noscript")
}

func TestPayingTwiceInOneBreathSendsOnce(t *testing.T) {
	c, b, url := open(t)
	p := b.Page(t, browser.View{})
	p.Open(url + PathReview)
	browser.Eval[bool](p, `(() => { const b = document.querySelector("#pay .btn"); b.click(); b.click(); b.click(); return true })()`)
	eventually(t, "an order", func() bool { return c.placed.Load() > 0 })
	eventually(t, "the order page", func() bool { return p.Has(".road") })
	if got := c.placed.Load(); got != 1 {
		t.Errorf("sent %d times", got)
	}
}

func TestCheckoutHelpsWhileTyping(t *testing.T) {
	_, b, url := open(t)
	p := b.Page(t, browser.View{})
	p.Open(url + "/checkout")
	p.Fill("#email", "ada@")
	p.Click("#name")
	p.Wait("#email-wrong")
	if got := browser.Eval[string](p, "document.getElementById('email').getAttribute('aria-describedby')"); got != "email-wrong email-use" {
		t.Errorf("described by %q", got)
	}
	browser.Eval[string](p, "document.getElementById('email').value = ''")
	p.Fill("#email", "ada@example.com")
	if p.Has("#email-wrong") {
		t.Errorf("a mended mistake is still shown: %q", p.Value("#email"))
	}
	p.Click("#name")
	p.Wait(".field.fine #email")

	if browser.Eval[bool](p, "document.getElementById('shipping_address-address_region').checkVisibility()") {
		t.Error("Germany is asked for a state")
	}
	browser.Eval[bool](p, `(() => { const s = document.getElementById("shipping_address-address_country"); s.value = "US"; s.dispatchEvent(new Event("change", {bubbles: true})); return true })()`)
	p.Wait("#shipping_address-address_region")
	if got := p.Text("label[for=shipping_address-postal_code]"); got != "ZIP code required" {
		t.Errorf("the label is %q", got)
	}
	if got := p.Text("#shipping_address-postal_code-hint"); got != "Like 10001" {
		t.Errorf("the hint is %q", got)
	}
	if got := p.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}

	// The form of a postcode follows the country, and a mended one gets its tick.
	blur := func(id, typed string, wrong bool) {
		t.Helper()
		browser.Eval[bool](p, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.focus(); e.value = %q;
			e.dispatchEvent(new Event("input", {bubbles: true})); e.blur(); return true })()`, id, typed))
		if got := p.Has("#" + id + "-wrong"); got != wrong {
			t.Errorf("%s = %q: blamed %v, want %v", id, typed, got, wrong)
		}
		if got := p.Has(".field.fine #" + id); got == wrong {
			t.Errorf("%s = %q: ticked %v, want %v", id, typed, got, !wrong)
		}
	}
	code := "shipping_address-postal_code"
	blur(code, "1011", true)
	if got := p.Text("#" + code + "-wrong"); got != "Please check this. It should look like 10001." {
		t.Errorf("got %q", got)
	}
	for _, right := range []string{"10001", "10001-1234", "１０００１", "1ooo1", "US 10001"} {
		blur(code, right, false)
	}
	blur("name", "!!", true)
	blur("name", "Ж", false)
	blur("phone", "ring me", true)
	blur("phone", "+49 (30) 123-45 67", false)

	p.Open(url + "/checkout-wrong")
	if got := browser.Eval[string](p, "document.activeElement.id"); got != "wrong" {
		t.Errorf("the focus is on %q, want the summary of mistakes", got)
	}
}

func TestVariantsShowTheirPrice(t *testing.T) {
	_, b, url := open(t)
	p := b.Page(t, browser.View{})
	p.Open(url + "/product-prices")
	p.Click(".chips label:nth-child(2)")
	eventually(t, "its own price", func() bool { return p.Text("#price") == "€64.00" && p.Text("#stock") == "3 left" })
}

// Pictures of every page on a desk at night, for a person's eyes.
func TestEveryPageOnAWideScreen(t *testing.T) {
	c, b, url := open(t)
	p := b.Page(t, browser.View{Dark: true})
	for name := range c.samples {
		p.Open(url + "/" + name)
		if got := browser.Eval[int64](p, "document.documentElement.scrollWidth"); got > browser.Wide {
			t.Errorf("%s is %d pixels wide", name, got)
		}
		p.Shot("wide-" + name)
	}
}

// At 320 pixels nothing may need sideways scrolling (that is also 400 % zoom
// of a usual window), and everything to press is big enough for a thumb.
func TestEveryPageFitsASmallScreen(t *testing.T) {
	c, b, url := open(t)
	p := b.Page(t, browser.View{Width: 320, NoScript: true})
	for name := range c.samples {
		p.Open(url + "/" + name)
		if got := browser.Eval[int64](p, "document.documentElement.scrollWidth"); got > 320 {
			t.Errorf("%s is %d pixels wide", name, got)
		}
		small := browser.Eval[string](p, `[...document.querySelectorAll("main :is(a, button, input:not([type=hidden],[type=radio]), select, summary), .mast :is(a, button, input), .foot a")]
			.filter((e) => e.checkVisibility() && e.closest(".off, .skip, small, .prose") === null)
			.filter((e) => { const r = e.getBoundingClientRect(); return r.height < 24 || r.width < 24 })
			.map((e) => e.outerHTML.slice(0, 80)).join("\n")`)
		if small != "" {
			t.Errorf("%s: too small to press:\n%s", name, small)
		}
		p.Shot("small-" + name)
		if got := p.Complaints(); len(got) > 0 {
			t.Fatalf("%s: the browser complains: %v", name, got)
		}
	}
}

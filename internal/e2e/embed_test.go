package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// trusts writes the setting embed.origins of a running shop.
func (s *shop) trusts(t testing.TB, origins ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "embed.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[embed]\norigins = [\"%s\"]\n", strings.Join(origins, `", "`)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "settings", "import", file)
}

const friend = "https://blog.example"

func TestOnlyExactOriginsReachTheShopAndOnlyItsGoodsAndCarts(t *testing.T) {
	s := demo(t, "")
	s.trusts(t, friend, "https://blog.example:8443", "http://localhost:8090")
	c := s.cart(s.product("nesting-bowls").Variants[0].ID, 1)
	secret := "Cart-Token: " + c.Token
	type road struct {
		method, path, body string
		open               bool
	}
	roads := []road{
		{"GET", "/api/v1/products?limit=1", "", true},
		{"GET", "/api/v1/products/nesting-bowls", "", true},
		{"GET", "/api/v1/carts/" + c.ID, "", true},
		{"POST", "/api/v1/carts", "{}", true},
		{"POST", "/api/v1/carts/" + c.ID + "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, c.variant(s)), true},
		{"PATCH", "/api/v1/carts/" + c.ID + "/lines/" + c.line(s), `{"quantity":2}`, true},
		{"POST", "/api/v1/carts/" + c.ID + "/hand-over", "{}", true},
		{"PUT", "/api/v1/carts/" + c.ID + "/checkout", ada().json(), false},
		{"GET", "/api/v1/carts/" + c.ID + "/shipping-methods?country=DE", "", false},
		{"POST", "/api/v1/carts/" + c.ID + "/orders", "{}", false},
		{"GET", "/api/v1/orders/ABCDEFGH", "", false},
		{"POST", "/api/v1/orders/ABCDEFGH/payments", "{}", false},
		{"GET", "/cart", "", false},
		{"GET", "/checkout", "", false},
		{"POST", "/cart/lines", "", false},
		{"GET", "/admin", "", false},
	}
	strangers := []string{"https://evil.example", "null", "", "*", "http://blog.example", "https://blog.example.evil.example", "https://evilblog.example",
		"https://blog.example.", "https://blog.example:444", "https://www.blog.example", "https://blog.example/", "https://BLOG.example", "https://blog.exampl",
		"https://blog.example https://evil.example", "https://blog.example@evil.example", "https://127.0.0.1", "http://localhost:8091", "https://localhost:8090", "file://"}
	for _, origin := range append(strangers, friend, "https://blog.example:8443", "http://localhost:8090") {
		known := origin == friend || origin == "https://blog.example:8443" || origin == "http://localhost:8090"
		for _, road := range roads {
			for _, pre := range []bool{false, true} {
				if pre && origin == "" {
					continue
				}
				method, body := road.method, road.body
				headers := []string{"Origin: " + origin, "Sec-Fetch-Site: cross-site", secret}
				if pre {
					method, body, headers = "OPTIONS", "", []string{"Origin: " + origin, "Access-Control-Request-Method: " + road.method, "Access-Control-Request-Headers: cart-token"}
				}
				got := s.ask(method, road.path, body, headers...)
				where := fmt.Sprintf("%s %s (asking for %s) from %q", method, road.path, road.method, origin)
				allowed, want := got.header.Get("Access-Control-Allow-Origin"), ""
				if known && road.open {
					want = origin
				}
				if allowed != want {
					t.Errorf("%s: got Access-Control-Allow-Origin %q, want %q", where, allowed, want)
				}
				if road.open && !strings.Contains(strings.Join(got.header["Vary"], ","), "Origin") {
					t.Errorf("%s: got Vary %q: a cache would mix origins", where, got.header["Vary"])
				}
				if got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: got credentials allowed", where)
				}
				if got.header.Get("X-Frame-Options") != "DENY" || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Errorf("%s: may be shown in a frame", where)
				}
				switch {
				case pre && known && road.open:
					if got.status != 204 || got.header.Get("Access-Control-Allow-Methods") != road.method ||
						got.header.Get("Access-Control-Allow-Headers") != "Cart-Token, Content-Type" || got.header.Get("Access-Control-Max-Age") == "" {
						t.Errorf("%s: got %d %v", where, got.status, got.header)
					}
				case pre:
				case known && road.open:
					if got.status >= 300 {
						t.Errorf("%s: got %d %s", where, got.status, got.body)
					}
				case origin != "" && road.method != "GET" && got.status != 403:
					t.Errorf("%s: got %d, want 403", where, got.status)
				}
			}
		}
	}
}

// line is the id of the one line of a cart; variant is what lies there.
func (c apiCart) line(s *shop) string    { return c.now(s).Lines[0].ID }
func (c apiCart) variant(s *shop) string { return c.now(s).Lines[0].VariantID }
func (c apiCart) now(s *shop) (now apiCart) {
	s.want(200, "GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token).into(s.t, &now)
	return now
}

// handOver posts a cart as a page of another origin does: without cookies. The
// redirect is followed with them.
func (b *browserless) handOver(origin string, c apiCart) answer { return b.handOverWith("", origin, c) }

func (b *browserless) handOverWith(pass, origin string, c apiCart) answer {
	b.t.Helper()
	body := encode(map[string][]string{"cart": {c.ID}, "token": {c.Token}, "pass": {pass}})
	return b.keep(b.ask("POST", "/cart/adopt", body, "Origin: "+origin, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Content-Type: application/x-www-form-urlencoded"))
}

func TestACartComesOverFromAnotherOrigin(t *testing.T) {
	s := demo(t, "")
	s.trusts(t, friend)
	bowls, kettles := s.product("nesting-bowls"), s.product("whistling-kettle")
	bowl, kettle := bowls.Variants[0].ID, kettles.Variants[0].ID

	t.Run("and its old token is dead at once", func(t *testing.T) {
		b, c := &browserless{shop: s}, s.cart(bowl, 3)
		got := b.handOver(friend, c)
		if got.status != 303 || got.header.Get("Location") != "/cart/adopt" || got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Fatalf("got %d %v", got.status, got.header)
		}
		if strings.Contains(fmt.Sprint(got.header["Set-Cookie"]), c.Token) {
			t.Error("the token was not replaced")
		}
		// Who planted the cart can do nothing with it any more.
		for _, try := range [][3]string{{"GET", "", ""}, {"POST", "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, bowl)},
			{"PUT", "/checkout", ada().json()}, {"POST", "/orders", "{}"}} {
			s.want(404, try[0], "/api/v1/carts/"+c.ID+try[1], try[2], "Cart-Token: "+c.Token, "Idempotency-Key: planted")
		}
		if again := b.handOver(friend, c); again.status != 404 {
			t.Errorf("the old token handed over again: got %d, want 404", again.status)
		}
		if got := b.get("/cart/adopt"); got.status != 303 || got.header.Get("Location") != "/checkout" {
			t.Fatalf("got %d to %q, want to be at the till", got.status, got.header.Get("Location"))
		}
		if got := b.get("/checkout"); got.status != 200 || !strings.Contains(got.body, bowls.Title) {
			t.Errorf("got %d, want the till with the bowls", got.status)
		}
	})

	t.Run("from no other origin", func(t *testing.T) {
		for _, origin := range []string{"https://evil.example", "null", "https://blog.example.evil.example", "http://blog.example"} {
			b, c := &browserless{shop: s}, s.cart(bowl, 1)
			if got := b.handOver(origin, c); got.status != 403 || len(b.cookies) > 0 {
				t.Errorf("%s: got %d and cookies %v, want 403", origin, got.status, b.cookies)
			}
			c.now(s) // its token lives
		}
		// The trusted origin may post to this address alone.
		for _, path := range []string{"/cart/adopt/choice", "/cart/lines", "/cart/clear", "/checkout", "/checkout/review"} {
			s.want(403, "POST", path, "", "Origin: "+friend, "Sec-Fetch-Site: cross-site")
		}
	})

	t.Run("from a page that hides its origin by a pass and a question", func(t *testing.T) {
		pass := func(c apiCart) string {
			var got struct{ Pass string }
			s.want(200, "POST", "/api/v1/carts/"+c.ID+"/hand-over", "{}", "Cart-Token: "+c.Token, "Origin: "+friend).into(t, &got)
			return got.Pass
		}
		b, c, other := &browserless{shop: s}, s.cart(bowl, 1), s.cart(bowl, 1)
		good := pass(c)
		end, mac, _ := strings.Cut(good, ".")
		for _, bad := range []string{"", ".", "0." + mac, end + "1." + mac, end + ".", good + "A", pass(other)} {
			if got := b.handOverWith(bad, "null", c); got.status != 403 || len(b.cookies) > 0 {
				t.Errorf("%q: got %d and cookies %v, want 403", bad, got.status, b.cookies)
			}
		}
		if got := b.handOverWith(good, "https://evil.example", c); got.status != 403 {
			t.Errorf("a pass opened the door to another origin: got %d", got.status)
		}
		if got := b.handOverWith(good, "null", c); got.status != 303 || got.header.Get("Location") != "/cart/adopt" {
			t.Fatalf("got %d %v", got.status, got.header)
		}
		s.want(404, "GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token) // who made it is out
		if again := b.handOverWith(good, "null", c); again.status != 404 && again.status != 403 {
			t.Errorf("the pass again: got %d", again.status)
		}
		// Anybody can say null and get a pass, so the cart is a question first.
		if got := b.get("/cart/adopt"); got.status != 200 || !strings.Contains(got.body, "Is this your cart?") || !strings.Contains(got.body, bowls.Title) || b.cookies["__Host-cart"] != "" {
			t.Fatalf("got %d, want a question and no cart yet\n%s", got.status, got.body)
		}
		if b.post("/cart/adopt/choice", "cart_choice", "new"); b.cookies["__Host-cart"] == "" {
			t.Error("said yes and got no cart")
		}
		no := &browserless{shop: s}
		no.handOverWith(pass(other), "null", other)
		no.post("/cart/adopt/choice", "cart_choice", "here")
		if no.cookies["__Host-cart"] != "" || no.cookies["__Host-adopt"] != "" {
			t.Errorf("said no and has %v", no.cookies)
		}
	})

	t.Run("never with somebody's details", func(t *testing.T) {
		b, c := &browserless{shop: s}, s.cart(bowl, 1)
		s.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", ada().json(), "Cart-Token: "+c.Token)
		got := b.handOver(friend, c)
		if got.status != 422 || len(b.cookies) > 0 || strings.Contains(got.body, "Ada") {
			t.Errorf("got %d and cookies %v, want 422", got.status, b.cookies)
		}
	})

	t.Run("never over a cart that is here", func(t *testing.T) {
		for choice, want := range map[string]string{"new": bowls.Title, "here": kettles.Title} {
			b, c := &browserless{shop: s}, s.cart(bowl, 2)
			b.post("/cart/lines", "variant_id", kettle, "quantity", "1")
			before := b.cookies["__Host-cart"]
			b.handOver(friend, c)
			asked := b.get("/cart/adopt")
			if asked.status != 200 || !strings.Contains(asked.body, bowls.Title) || !strings.Contains(asked.body, kettles.Title) || b.cookies["__Host-cart"] != before {
				t.Fatalf("got %d, want both carts to choose from", asked.status)
			}
			if got := b.post("/cart/adopt/choice", "cart_choice", ""); got.header.Get("Location") != "/cart/adopt" || b.cookies["__Host-cart"] != before {
				t.Errorf("no choice: got %d to %q", got.status, got.header.Get("Location"))
			}
			b.post("/cart/adopt/choice", "cart_choice", choice)
			if got := b.get("/cart"); !strings.Contains(got.body, want) || b.cookies["__Host-adopt"] != "" {
				t.Errorf("%s: the cart has no %s", choice, want)
			}
		}
	})

	t.Run("and junk is no cart", func(t *testing.T) {
		for _, c := range []apiCart{{}, {ID: "x", Token: "y"}, {ID: strings.Repeat("0", 36), Token: strings.Repeat("a", 43)}} {
			b := &browserless{shop: s}
			if got := b.handOver(friend, c); got.status != 404 || len(b.cookies) > 0 {
				t.Errorf("%v: got %d", c, got.status)
			}
		}
	})
}

// blog is a page of another origin, as strict as pages get.
func blog(t testing.TB, s *shop) *httptest.Server {
	t.Helper()
	return blogWith(t, s, "strict-origin-when-cross-origin")
}

// blogWith is a blog whose pages tell others where they are as policy says.
func blogWith(t testing.TB, s *shop, policy string) *httptest.Server {
	t.Helper()
	snippet := s.must(t, "embed", "nesting-bowls")
	for _, want := range []string{`src="` + s.origin + `/embed/cartkeep.`, `integrity="sha384-`, `crossorigin="anonymous"`, `<a href="` + s.origin + `/products/nesting-bowls"`} {
		if !strings.Contains(snippet, want) {
			t.Fatalf("the snippet lacks %s:\n%s", want, snippet)
		}
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; img-src data:; script-src %[1]s; connect-src %[1]s; form-action %[1]s; base-uri 'none'; "+
			"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'", s.origin))
		w.Header().Set("Referrer-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">`+
			`<link rel="icon" href="data:,"><title>A blog</title><h1>My bowls</h1>`+snippet)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestTheButtonAndTheCartOnAnotherOrigin(t *testing.T) {
	s := demo(t, "")
	page := blog(t, s)
	chromium := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")), page.Certificate())
	in := func(element string) string { return "document.querySelector('" + element + "').shadowRoot" }

	t.Run("not before the origin is allowed", func(t *testing.T) {
		tab := chromium.Page(t, browser.View{})
		tab.Open(page.URL + "/")
		tab.Wait("cartkeep-button a")
		if browser.Eval[bool](tab, "!!customElements.get('cartkeep-button')") {
			t.Error("the script runs on a page that the shop does not know")
		}
	})
	s.trusts(t, page.URL)

	t.Run("without scripts there is a link", func(t *testing.T) {
		tab := chromium.Page(t, browser.View{Width: browser.Narrow, NoScript: true})
		tab.Open(page.URL + "/")
		if got := tab.Submit("cartkeep-button a"); got != 200 || tab.URL() != s.origin+"/products/nesting-bowls" {
			t.Errorf("got %d at %s", got, tab.URL())
		}
	})

	t.Run("with scripts there is a cart", func(t *testing.T) {
		tab := chromium.Page(t, browser.View{Width: browser.Narrow})
		tab.Open(page.URL + "/")
		until := func(what, expression string) {
			t.Helper()
			for end := time.Now().Add(15 * time.Second); !browser.Eval[bool](tab, "!!("+expression+")"); time.Sleep(30 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: not in time; the cart says %q, the browser %q", what, browser.Eval[string](tab, in("cartkeep-cart")+".textContent"), tab.Complaints())
				}
			}
		}
		button, cart := in("cartkeep-button"), in("cartkeep-cart")
		until("the button", button+".querySelector('.go')")
		bowl := s.product("nesting-bowls")
		if got := browser.Eval[string](tab, button+".querySelector('[part=price]').textContent"); !strings.Contains(got, fmt.Sprintf("%d.%02d", bowl.Variants[0].Price.Amount/100, bowl.Variants[0].Price.Amount%100)) {
			t.Errorf("got price %q, want the shop's %v", got, bowl.Variants[0].Price)
		}
		browser.Eval[bool](tab, button+".querySelector('.go').click() || true")
		until("the line", cart+".querySelector('li')")
		until("the word", button+".querySelector('[role=status]').textContent.includes('is in the cart')")
		browser.Eval[bool](tab, `(n => { n.value = 3; n.dispatchEvent(new Event("change")); return true })(`+cart+`.querySelector("li input"))`)
		total := fmt.Sprintf("%d.%02d", 3*bowl.Variants[0].Price.Amount/100, 3*bowl.Variants[0].Price.Amount%100)
		until("the total of three", cart+".querySelector('[part=total]').textContent.includes('"+total+"')")
		until("the total said aloud", cart+".querySelector('[role=status]').textContent.includes('"+total+"')")
		if got := browser.Eval[string](tab, cart+".querySelector('h2').textContent"); got != "Cart (3)" {
			t.Errorf("got heading %q", got)
		}
		if wide := browser.Eval[int64](tab, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%d pixels stick out", wide)
		}
		tab.Shot("embed-390")
		tab.Look(browser.View{Width: browser.Narrow, Dark: true})
		tab.Shot("embed-390-dark")
		tab.Open(page.URL + "/") // the cart is there again
		until("the cart again", cart+".querySelector('[part=total]')")

		browser.Eval[bool](tab, cart+".querySelector('form button').click() || true")
		until("the till", "location.pathname === '/checkout' && document.readyState === 'complete'")
		if got := tab.HTML(); !strings.HasPrefix(tab.URL(), s.origin+"/") || !strings.Contains(got, bowl.Title) {
			t.Errorf("at %s: the till has no bowls", tab.URL())
		}
		for _, address := range tab.Requests() {
			if strings.Contains(address, "token") {
				t.Errorf("a token stands in an address: %s", address)
			}
		}
		tab.Open(page.URL + "/")
		until("an empty cart, since it moved", cart+".querySelector('section') && !"+cart+".querySelector('li')")
		for _, complaint := range tab.Complaints() {
			if !strings.Contains(complaint, "404") { // the cart that moved is not found by its old token, as it should be
				t.Errorf("the browser complains: %s", complaint)
			}
		}
	})
}

// A careful page tells nobody where its visitors come from. Its cart comes over
// all the same, after a question.
func TestACartComesFromAPageThatHidesItsOrigin(t *testing.T) {
	s := demo(t, "")
	page := blogWith(t, s, "no-referrer")
	s.trusts(t, page.URL)
	chromium := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")), page.Certificate())
	tab := chromium.Page(t, browser.View{})
	tab.Open(page.URL + "/")
	until := func(what, expression string) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); !browser.Eval[bool](tab, "!!("+expression+")"); time.Sleep(30 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not in time; at %s, the browser says %q", what, tab.URL(), tab.Complaints())
			}
		}
	}
	until("the button", "document.querySelector('cartkeep-button').shadowRoot.querySelector('.go')")
	browser.Eval[bool](tab, "document.querySelector('cartkeep-button').shadowRoot.querySelector('.go').click() || true")
	until("the line", "document.querySelector('cartkeep-cart').shadowRoot.querySelector('li')")
	// From the quantity straight to the button: the new one comes along.
	browser.Eval[bool](tab, `(cart => {
		const n = cart.querySelector("li input");
		n.value = 4;
		n.dispatchEvent(new Event("change"));
		cart.querySelector("form button").click();
		return true;
	})(document.querySelector("cartkeep-cart").shadowRoot)`)
	until("the question", "location.pathname === '/cart/adopt' && document.readyState === 'complete'")
	if got := tab.HTML(); !strings.Contains(got, "Is this your cart?") || !strings.Contains(got, "× 4</span>") {
		t.Errorf("at %s: no question about four bowls", tab.URL())
	}
	tab.Submit("form[action='/cart/adopt/choice'] button")
	if got := tab.HTML(); !strings.HasSuffix(tab.URL(), "/checkout") || !strings.Contains(got, s.product("nesting-bowls").Title) {
		t.Errorf("at %s: the till has no bowls", tab.URL())
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestAttacksOnData are those of docs/attacks.md under "Whose data", by their
// numbers there. A owns things, B is another shopper, G a guest without any.
func TestAttacksOnData(t *testing.T) { withAttacks(t, dataAttacks) }

// secretOfA is what nobody but A may ever read.
func secretsOfA(p apiPlaced) []string {
	return []string{p.Order.Token, "ada@example.com", "Lovelace", "Analytical Way", "1234567", "10115"}
}

// silent checks that an answer holds nothing of A.
func silent(t testing.TB, where string, got answer, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(got.body, s) || strings.Contains(fmt.Sprint(got.header), s) {
			t.Errorf("%s tells %q", where, s)
		}
	}
}

var dataAttacks = []attack{
	{"18 another's order", func(t *testing.T, a *attacked) {
		v := a.cheap().ID
		of := a.buy(v, 1, ada())
		theirs := a.buy(v, 1, person{Email: "bob@example.org", Name: "Bob", Address: ada().Address})
		db := a.raw(t)
		defer db.Close()
		var id string
		if err := db.QueryRow(`SELECT id FROM orders WHERE number = $1`, of.Order.Number).Scan(&id); err != nil {
			t.Fatal(err)
		}
		unknown := withoutReference(t, a.ask("GET", "/api/v1/orders/AAAAA-AAAAA", "", "Order-Token: "+theirs.Order.Token).body)
		secrets := secretsOfA(of)
		for who, token := range map[string]string{"B": theirs.Order.Token, "G": "", "with a made-up one": strings.Repeat("A", 43), "cut short": of.Order.Token[:42], "of another case": strings.ToUpper(of.Order.Token)} {
			for _, name := range []string{of.Order.Number, strings.ToLower(of.Order.Number), strings.ReplaceAll(of.Order.Number, "-", ""), id} {
				for _, path := range []string{"", "/payments"} {
					method := map[string]string{"": "GET", "/payments": "POST"}[path]
					got := a.ask(method, "/api/v1/orders/"+name+path, "", "Order-Token: "+token)
					problem(t, got, 404, "not-found")
					silent(t, who+" by API", got, secrets)
					if path == "" && withoutReference(t, got.body) != unknown {
						t.Errorf("%s: got %s, want what an unknown number gets", who, got.body)
					}
				}
			}
			b := &browserless{shop: a.shop, cookies: map[string]string{"__Host-order-" + of.Order.Number: token, "__Host-order-" + theirs.Order.Number: theirs.Order.Token}}
			for _, path := range []string{"/orders/" + of.Order.Number, "/orders/" + of.Order.Number + "?token=" + token, "/orders/" + id} {
				got := b.get(path)
				if got.status != 404 {
					t.Errorf("%s at %s: got %d, want 404", who, path, got.status)
				}
				silent(t, who+" by page", got, secrets[1:])
			}
			if got := b.post("/orders/" + of.Order.Number + "/payments"); got.status != 404 {
				t.Errorf("%s pays again: got %d, want 404", who, got.status)
			}
		}
		// Even A's own token shows nothing personal: links are passed on.
		silent(t, "the API with the token", a.ask("GET", "/api/v1/orders/"+of.Order.Number, "", "Order-Token: "+of.Order.Token), secrets[1:])
		b := &browserless{shop: a.shop}
		b.get("/orders/" + of.Order.Number + "?token=" + of.Order.Token)
		got := b.get("/orders/" + of.Order.Number)
		if got.status != 200 {
			t.Errorf("A's own page: got %d, want 200", got.status)
		}
		silent(t, "A's own page", got, secrets[1:])
	}},
	{"19 another's cart, line and address", func(t *testing.T, a *attacked) {
		// Every call of the API with every wrong token is TestTokensOpenNothingButTheirOwn.
		v := a.dear().ID
		of, theirs := a.cart(v, 1), a.cart(v, 1)
		a.want(200, "PUT", "/api/v1/carts/"+of.ID+"/checkout", ada().json(), "Cart-Token: "+of.Token)
		line := a.cartNow(of).Lines[0].ID
		for _, method := range []string{"PATCH", "DELETE"} {
			problem(t, a.ask(method, "/api/v1/carts/"+theirs.ID+"/lines/"+line, map[string]string{"PATCH": `{"quantity":9}`, "DELETE": ""}[method], "Cart-Token: "+theirs.Token), 404, "not-found")
		}
		for _, cookie := range []string{of.ID + "." + theirs.Token, theirs.ID + "." + of.Token, of.ID + "." + strings.Repeat("A", 43), of.ID + ".", of.ID} {
			b := &browserless{shop: a.shop, cookies: map[string]string{"__Host-cart": cookie}}
			for _, path := range []string{"/cart", "/checkout", "/checkout/review"} {
				silent(t, path+" with "+cookie[:8]+"…", b.get(path), append(secretsOfA(apiPlaced{})[1:], line))
			}
			b.post("/cart/lines/"+line, "quantity", "9")
			b.post("/cart/clear")
			b.post("/checkout", person{Email: "eve@example.org", Name: "Eve", Address: ada().Address}.form()...)
			b.post("/checkout/review")
		}
		b := &browserless{shop: a.shop, cookies: map[string]string{"__Host-cart": theirs.ID + "." + theirs.Token}}
		b.post("/cart/lines/"+line, "quantity", "9")
		now := a.cartNow(of)
		if len(now.Lines) != 1 || now.Lines[0].Quantity != 1 || !now.Checkout.Complete {
			t.Errorf("A's cart: got %+v, want it untouched", now)
		}
		if now := a.cartNow(theirs); len(now.Lines) != 1 || now.Lines[0].Quantity != 1 || now.Checkout.Complete {
			t.Errorf("B's cart: got %+v, want it untouched by what was tried on A's line", now)
		}
	}},
	{"20 a secret by a side door", func(t *testing.T, a *attacked) {
		who := ada()
		who.Email = "countess@lovelace.example" // Ada's usual one is the example that forms give
		p := a.buy(a.dear().ID, 1, who)
		c := a.cart(a.dear().ID, 1)
		a.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", who.json(), "Cart-Token: "+c.Token)
		a.quiet(t)
		secrets := append(slices.DeleteFunc(secretsOfA(p), func(s string) bool { return s == ada().Email }), p.Order.Number, c.ID, c.Token, who.Email)
		g := &browserless{shop: a.shop}
		seen, queue := map[string]bool{}, []string{"/", "/robots.txt", "/sitemap.xml", "/privacy", "/admin", "/cart", "/search?q=" + p.Order.Number, "/search?q=Lovelace", "/nothing", "/checkout", "/checkout/review",
			"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/outbox", "/api/v1/openapi.json", "/api/v1/products?limit=100", "/api/v1/products?q=" + p.Order.Number, "/api/v1/carts", "/api/v1/orders",
			"/api/v1/carts/" + c.ID, "/.well-known/security.txt", "/.well-known/gpc.json", "/.well-known/cartkeep/checkpoint", "/.well-known/cartkeep/ledger-key", "/api/v1/ledger/inclusion?index=1&size=2", "/api/v1/ledger/consistency?from=1&to=2"}
		for len(queue) > 0 && len(seen) < 300 {
			path := queue[0]
			queue = queue[1:]
			if seen[path] {
				continue
			}
			seen[path] = true
			got := g.get(path)
			asked := secrets
			if strings.Contains(path, "q=") || strings.Contains(path, c.ID) {
				asked = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return strings.Contains(path, s) }) // it repeats what was asked for
			}
			silent(t, path, got, asked)
			for _, kind := range []string{`href="`, `src="`, `srcset="`, `action="`} {
				for _, part := range strings.Split(got.body, kind)[1:] {
					link, _, _ := strings.Cut(part, `"`)
					link = strings.Fields(strings.ReplaceAll(link, "&amp;", "&") + " ")[0]
					if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
						queue = append(queue, link)
					}
				}
			}
		}
		if len(seen) < 60 {
			t.Errorf("looked at %d addresses only", len(seen))
		}
		t.Logf("%d public addresses, none of A's %d secrets", len(seen), len(secrets))
	}},
	{"22 members that make somebody more than they are", func(t *testing.T, a *attacked) {
		v := a.cheap().ID
		c := a.cart(v, 1)
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		line := a.cartNow(c).Lines[0].ID
		placed := a.place(a.cart(v, 1), ada(), "22")
		members := []string{"role", "is_admin", "verified", "group", "customer_id", "balance", "status", "id", "token", "owner", "state", "order_id", "expires_at", "__proto__", "constructor"}
		for _, member := range members {
			for _, value := range []string{`"owner"`, "true", "1", "{}", "null"} {
				with := func(body string) string {
					return strings.Replace(strings.Replace(body, "{", fmt.Sprintf("{%q:%s,", member, value), 1), ",}", "}", 1)
				}
				for _, call := range []struct{ method, path, body, token string }{
					{"POST", "/api/v1/carts", "{}", "X: x"}, {"POST", path + "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v), mine}, {"PATCH", path + "/lines/" + line, `{"quantity":1}`, mine},
					{"PUT", path + "/checkout", ada().json(), mine}, {"POST", path + "/orders", "{}", mine},
					{"POST", "/api/v1/orders/" + placed.Order.Number + "/payments", "{}", "Order-Token: " + placed.Order.Token},
				} {
					problem(t, a.ask(call.method, call.path, with(call.body), call.token, "Idempotency-Key: 22"), 422, "invalid")
				}
				inner, _ := json.Marshal(ada().Address)
				problem(t, a.ask("PUT", path+"/checkout", strings.Replace(ada().json(), string(inner), with(string(inner)), 1), mine), 422, "invalid")
			}
		}
		if now := a.cartNow(c); len(now.Lines) != 1 || now.Lines[0].Quantity != 1 || now.Checkout.Complete {
			t.Errorf("the cart: got %+v, want it untouched", now)
		}
		a.unpaid(t, placed)
		b := &browserless{shop: a.shop}
		var extra []string
		for _, m := range members {
			extra = append(extra, m, "paid")
		}
		b.post("/cart/lines", append([]string{"variant_id", v, "quantity", "1"}, extra...)...)
		b.post("/checkout", append(ada().form(), extra...)...)
		number := b.orders(t, extra...)
		got := a.ask("GET", "/api/v1/orders/"+number, "", "Order-Token: "+b.cookies["__Host-order-"+number])
		var o apiOrder
		got.into(t, &o)
		if o.Order.Status != "pending" {
			t.Errorf("the order by form: got %q, want pending", o.Order.Status)
		}
	}},
	{"26 a computer that others use too", func(t *testing.T, a *attacked) {
		v := a.cheap().ID
		b := &browserless{shop: a.shop}
		b.post("/cart/lines", "variant_id", v, "quantity", "1")
		b.post("/checkout", ada().form()...)
		old := map[string]string{}
		for name, value := range b.cookies {
			old[name] = value
		}
		personal := secretsOfA(apiPlaced{})[1:]
		for _, path := range []string{"/cart", "/checkout", "/checkout/review"} {
			got := b.get(path)
			if !strings.Contains(got.header.Get("Cache-Control"), "no-store") {
				t.Errorf("%s: got Cache-Control %q, want no-store: the back button shows what was kept", path, got.header.Get("Cache-Control"))
			}
		}
		if got := b.post("/cart/clear"); got.status != 303 || !strings.Contains(got.header.Get("Clear-Site-Data"), `"cache"`) {
			t.Fatalf("clearing: got %d and Clear-Site-Data %q, want 303 and the cache cleared", got.status, got.header.Get("Clear-Site-Data"))
		}
		if len(b.cookies) > 1 { // the word about what happened, for the next page
			t.Errorf("the browser still has %d cookies", len(b.cookies))
		}
		for name, who := range map[string]*browserless{"the same browser": b, "the old cookie, kept by somebody": {shop: a.shop, cookies: old}} {
			for _, path := range []string{"/cart", "/checkout", "/checkout/review"} {
				silent(t, name+" at "+path, who.get(path), personal)
			}
		}
		id, token, _ := strings.Cut(old["__Host-cart"], ".")
		problem(t, a.ask("GET", "/api/v1/carts/"+id, "", "Cart-Token: "+token), 404, "not-found")
	}},
}

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestEveryAnswerCarriesTheStrictHeaders(t *testing.T) {
	s := demo(t, "")
	asset := ""
	if _, rest, ok := strings.Cut(s.want(200, "GET", "/", "").body, `href="/assets/`); ok {
		asset = "/assets/" + rest[:strings.IndexByte(rest, '"')]
	}
	c := s.cart(s.products()[0].Variants[0].ID, 1)
	for _, row := range []struct {
		method, path, body string
		status             int
		cached             bool
		headers            []string
	}{
		{"GET", "/", "", 200, true, nil}, {"GET", "/products/whistling-kettle", "", 200, true, nil}, {"GET", asset, "", 200, true, nil},
		{"GET", "/pictures/whistling-kettle.svg", "", 200, true, nil}, {"GET", "/cart", "", 200, false, nil}, {"GET", "/privacy", "", 200, true, nil}, {"GET", "/admin", "", 200, true, nil},
		{"GET", "/nothing", "", 404, false, nil}, {"DELETE", "/cart", "", 405, false, nil}, {"GET", "/orders/AAAAA-AAAAA", "", 404, false, nil},
		{"GET", "/healthz", "", 200, false, nil}, {"GET", "/readyz", "", 200, false, nil}, {"GET", "/robots.txt", "", 200, true, nil},
		{"GET", "/.well-known/cartkeep/checkpoint", "", 200, true, nil}, {"GET", "/.well-known/cartkeep/ledger-key", "", 200, true, nil},
		{"GET", "/api/v1/products", "", 200, true, nil}, {"GET", "/api/v1/openapi.json", "", 200, true, nil}, {"GET", "/api/v1/carts/" + c.ID, "", 200, false, []string{"Cart-Token: " + c.Token}},
		{"GET", "/api/v1/nothing", "", 404, false, nil}, {"PUT", "/api/v1/products", "{}", 405, false, nil}, {"POST", "/api/v1/carts", "{", 400, false, nil},
		{"POST", "/api/v1/carts", strings.Repeat(" ", 10<<20), 413, false, nil}, {"POST", "/cart/lines", strings.Repeat("a", 10<<20), 413, false, []string{"Content-Type: application/x-www-form-urlencoded", "Origin: " + s.origin}},
		{"POST", "/cart/lines", "variant_id=x", 403, false, []string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}},
		{"GET", "//orders/AAAAA-AAAAA?token=x", "", 404, false, nil}, {"GET", "/api/v1//products", "", 404, false, nil}, {"GET", "/assets/none.css", "", 404, false, nil},
		{"OPTIONS", "/cart", "", 405, false, nil}, {"OPTIONS", "/api/v1/carts", "", 405, false, nil},
		{"POST", "/payments/sandbox/notices", "{}", 400, false, nil}, {"GET", "/payments/sandbox/notices", "", 405, false, nil},
	} {
		a, err := s.try(row.method, row.path, row.body, row.headers...)
		if err != nil {
			t.Errorf("%s %s: %v", row.method, row.path, err)
			continue
		}
		where := fmt.Sprintf("%s %s", row.method, row.path)
		if a.status != row.status {
			t.Errorf("%s: got %d, want %d", where, a.status, row.status)
		}
		h := a.header
		policy := h.Get("Content-Security-Policy")
		parts := []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action", "require-trusted-types-for 'script'"}
		if strings.HasPrefix(row.path, "/pictures/") {
			parts = []string{"default-src 'none'", "sandbox"} // a drawing opened by itself runs nothing at all
		}
		for _, part := range parts {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", where, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %q is loose", where, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %s %q, want %q", where, name, got, want)
			}
		}
		if h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS on a loopback name reaches every port of it", where)
		}
		if !row.cached && !strings.Contains(h.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: got Cache-Control %q, want no-store", where, h.Get("Cache-Control"))
		}
		if h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
			t.Errorf("%s: says what serves it", where)
		}
		if row.status == 405 && h.Get("Allow") == "" {
			t.Errorf("%s: 405 without Allow", where)
		}
	}
}

// TestJunkLocksNobodyOut floods the shop with made-up tokens from one network,
// and buys from it meanwhile.
func TestJunkLocksNobodyOut(t *testing.T) {
	s := demo(t, "")
	placed := s.place(s.cart(s.products()[0].Variants[0].ID, 1), ada(), "k")
	path := "/orders/" + placed.Order.Number
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 750 {
				junk := fmt.Sprintf("%040d", worker*1000+i)
				target, header := "/api/v1"+path, "Order-Token: "+junk
				if i%2 == 0 {
					target, header = path+"?token="+junk, "Accept: text/html"
				}
				a, err := s.try("GET", target, "", header)
				if err != nil || (a.status != 404 && a.status != 429) {
					t.Errorf("junk: got %d, %v, want 404 or 429", a.status, err)
					return
				}
			}
		})
	}
	group.Wait()
	limited := s.ask("GET", "/api/v1"+path, "", "Order-Token: "+strings.Repeat("x", 43))
	problem(t, limited, 429, "rate-limited")
	if after := limited.header.Get("Retry-After"); len(after) != 1 || after < "1" || after > "3" {
		t.Errorf("got Retry-After %q, want a few seconds at most", after)
	}
	if o := s.order(placed); o.Order.Status != "pending" {
		t.Errorf("got %q, want the order shown to who holds its token", o.Order.Status)
	}
	if a := s.ask("GET", path+"?token="+placed.Order.Token, ""); a.status != 303 {
		t.Errorf("the mailed link: got %d, want 303", a.status)
	}
	s.buy(s.products()[0].Variants[0].ID, 1, ada())
}

func TestRatesHoldWithoutTheExemption(t *testing.T) {
	h := newHome(t, "")
	h.env = nil
	s := h.start(t)
	var mu sync.Mutex
	var limited *answer
	made := 0
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				a, err := s.try("POST", "/api/v1/carts", "{}")
				mu.Lock()
				if err == nil && a.status == 201 {
					made++
				}
				if err == nil && a.status == 429 && limited == nil {
					limited = &a
				}
				stop := limited != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	group.Wait()
	if limited == nil {
		t.Fatalf("made %d carts and was never limited", made)
	}
	problem(t, *limited, 429, "rate-limited")
	if after := limited.header.Get("Retry-After"); after == "" || after == "0" {
		t.Errorf("got Retry-After %q, want seconds", after)
	}
	if !strings.Contains(limited.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("429 lacks the policy")
	}
	if a := s.ask("GET", "/products/whistling-kettle", ""); a.status != 200 {
		t.Errorf("who made too many carts can't look any more: got %d", a.status)
	}
	if strings.Contains(s.said.String(), "free from request rates") {
		t.Error("an exemption is told of, and there is none")
	}
}

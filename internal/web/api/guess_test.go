package api_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Two networks behind a trusted proxy, which is the test itself. Both are free
// from request rates, as a load test is, so that the junk comes as fast as it can.
const (
	guesser   = "X-Forwarded-For: 192.0.2.7"
	neighbour = "X-Forwarded-For: 192.0.2.99"
	stranger  = "X-Forwarded-For: 198.51.100.7"
)

func newGuessedShop(t *testing.T) *shop {
	t.Helper()
	any4 := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return newShopBehind(t, gate.Config{TrustedProxies: local, Exempt: any4})
}

// TestJunkLocksNobodyOut floods every call that a token opens; nobody who holds
// a good one notices.
func TestJunkLocksNobodyOut(t *testing.T) {
	cart, number := "/api/v1/carts/"+adasCart, "/api/v1/orders/"+adasOrder
	s := newGuessedShop(t)
	kinds := map[int]int{}
	var last reply
	for i := range 3000 {
		junk := fmt.Sprintf("Token: guess-%040d", i)
		switch i % 4 {
		case 0:
			last = s.ask(t, "GET", cart, "", guesser, "Cart-"+junk)
		case 1:
			last = s.ask(t, "GET", number, "", guesser, "Order-"+junk)
		case 2:
			last = s.ask(t, "POST", cart+"/orders", "{}", guesser, "Cart-"+junk, "Idempotency-Key: k")
		case 3:
			last = s.ask(t, "POST", number+"/payments", "{}", guesser, "Order-"+junk)
		}
		kinds[last.status]++
	}
	if kinds[404]+kinds[429] != 3000 || kinds[429] < 2000 {
		t.Errorf("got %v, want 404 for the first and 429 for most", kinds)
	}
	last.problem(t, 429, "rate-limited")
	if after, err := strconv.Atoi(last.header.Get("Retry-After")); err != nil || after < 1 || after > 3 {
		t.Errorf("got Retry-After %q, want a few seconds at most", last.header.Get("Retry-After"))
	}
	for i, from := range []string{guesser, neighbour, stranger} {
		for _, c := range []struct {
			method, path, body, token string
			want                      int
		}{
			{"GET", cart, "", "Cart-Token: ", 200}, {"PATCH", cart + "/lines/" + bowl, `{"quantity":2}`, "Cart-Token: ", 200},
			{"DELETE", cart + "/lines/gone", "", "Cart-Token: ", 404}, {"POST", cart + "/orders", "{}", "Cart-Token: ", 201}, {"GET", number, "", "Order-Token: ", 200},
			{"POST", number + "/payments", "{}", "Order-Token: ", 200},
		} {
			if got := s.ask(t, c.method, c.path, c.body, from, c.token+adasToken, fmt.Sprint("Idempotency-Key: ", i)); got.status != c.want {
				t.Errorf("%s %s %s: got %d %s, want %d for a good token", from, c.method, c.path, got.status, got.body, c.want)
			}
		}
	}
	if got := s.ask(t, "GET", cart, "", stranger, "Cart-Token: mistyped-"+adasToken); got.status != http.StatusNotFound {
		t.Errorf("got %d for a mistake on another network, want 404", got.status)
	}
}

// TestGoodTokensCountAsOrders: who may order is still held to the rate of
// orders, unless freed from it.
func TestGoodTokensCountAsOrders(t *testing.T) {
	s := newShop(t)
	for i := range abuse.Orders.Burst() + 100 {
		got := s.ask(t, "POST", "/api/v1/orders/"+adasOrder+"/payments", "{}", "Order-Token: "+adasToken)
		if got.status == http.StatusTooManyRequests && i >= abuse.Orders.Burst() {
			got.problem(t, 429, "rate-limited")
			return
		}
		if got.status != 200 {
			t.Fatalf("attempt %d: got %d, want 200", i, got.status)
		}
	}
	t.Error("got no end of attempts, want 429")
}

func TestAnOrderThatCannotBePaidAnyMoreHasChanged(t *testing.T) {
	s := newShop(t)
	s.desk.unpayable = fault.New(fault.Conflict, "This order can't be paid any more.")
	s.ask(t, "POST", "/api/v1/orders/"+adasOrder+"/payments", "{}", "Order-Token: "+adasToken).problem(t, 409, "changed")
}

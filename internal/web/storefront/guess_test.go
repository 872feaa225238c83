package storefront

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// from sends a request as if it came from an address.
func (s *stall) from(address, method, path, cookie string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, s.server.URL+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = address + ":4000"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	s.server.Config.Handler.ServeHTTP(w, r)
	return w
}

// TestJunkLocksNobodyOut: a flood of made-up links and cookies from a network
// is refused there and noticed nowhere else.
func TestJunkLocksNobodyOut(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, mug)))
	placed := s.placed(t, b)
	number := string(placed.Order.Number)
	mine, path := orderCookie+number+"="+placed.Token, "/orders/"+number
	next := s.shopper(t) // somebody about to order
	review := s.toReview(t, next, mug)
	cart := "__Host-cart=" + next.cookies()["__Host-cart"]
	const guesser, neighbour, stranger = "192.0.2.7", "192.0.2.99", "198.51.100.7"

	kinds := map[int]int{}
	for i := range 3000 {
		junk := fmt.Sprintf("%043d", i)
		switch i % 3 {
		case 0:
			kinds[s.from(guesser, "GET", path+"?token="+junk, "", nil).Code]++
		case 1:
			kinds[s.from(guesser, "POST", path+"/payments", orderCookie+number+"="+junk, url.Values{}).Code]++
		case 2:
			// A cart that has ended looks just like this: nobody is punished.
			ended := "__Host-cart=018f2e6a-0000-7000-8000-000000000001." + junk
			if got := s.from(guesser, "POST", "/checkout/review", ended, url.Values{}); got.Code != 303 || got.Header().Get("Location") != "/cart" {
				t.Fatalf("got %d for a cart that has ended, want 303 to the empty one", got.Code)
			}
		}
	}
	if kinds[404]+kinds[429] != 2000 || kinds[429] < 1500 {
		t.Errorf("got %v, want 404 for the first and 429 for most", kinds)
	}
	junk := s.from(guesser, "GET", path+"?token="+strings.Repeat("x", 43), "", nil)
	if after, err := strconv.Atoi(junk.Header().Get("Retry-After")); junk.Code != 429 || err != nil || after < 1 || after > 3 {
		t.Errorf("got %d, Retry-After %q, want 429 and a few seconds at most", junk.Code, junk.Header().Get("Retry-After"))
	}
	for _, c := range []struct {
		name, from, method, path, cookie string
		form                             url.Values
		want                             int
	}{
		{"her order", neighbour, "GET", path, mine, nil, 200},
		{"her order, in the guesser's place", guesser, "GET", path, mine, nil, 200},
		{"the link in her letter", neighbour, "GET", path + "?token=" + placed.Token, "", nil, 303},
		{"paying again", neighbour, "POST", path + "/payments", mine, url.Values{}, 303},
		{"the next order", neighbour, "POST", "/checkout/review", cart, pay(review), 303},
		{"a cart", neighbour, "GET", "/cart", cart, nil, 200},
		{"a cart that has ended", neighbour, "GET", "/cart", "__Host-cart=018f2e6a-0000-7000-8000-000000000001." + strings.Repeat("x", 43), nil, 200},
		{"a mistyped link elsewhere", stranger, "GET", path + "?token=" + strings.Repeat("x", 43), "", nil, http.StatusNotFound},
		{"her order elsewhere", stranger, "GET", path, mine, nil, 200},
	} {
		if got := s.from(c.from, c.method, c.path, c.cookie, c.form); got.Code != c.want {
			t.Errorf("%s: got %d, want %d\n%s", c.name, got.Code, c.want, mainOf(got.Body.String()))
		}
	}
	if o := s.placed(t, b); o.Order.Number != placed.Order.Number {
		t.Errorf("got order %s, want %s", o.Order.Number, number)
	}
	if got := next.get("/checkout/review"); !strings.HasPrefix(got.path, "/orders/") {
		t.Errorf("got %s, want the next order made", got.path)
	}
}

// TestAnOrdersCodeIsCountedLikeEveryOther: after five that are
// wrong even the right one has to wait.
func TestAnOrdersCodeIsCountedLikeEveryOther(t *testing.T) {
	s := open(t)
	p := bought(t, s, s.shopper(t))
	b := s.shopper(t)
	b.post("/find-order", url.Values{"number": {string(p.Order.Number)}, "email": {"ada@lovelace.example"}}).is(200)
	code := s.Code(t, "ada@lovelace.example")
	if code == "" {
		t.Fatal("no code was mailed")
	}
	for range 5 {
		b.post("/find-order/code", url.Values{"code": {"12"}}).is(422)
	}
	if got := b.post("/find-order/code", url.Values{"code": {code}}).is(429).not("Ada Lovelace"); got.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	s.Clock.Move(time.Minute)
	b.post("/find-order/code", url.Values{"code": {code}}).is(200, "Ada Lovelace")
}

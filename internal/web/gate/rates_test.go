package gate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// clock stands still until it is moved.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.nanos.Load()) }
func (c *clock) move(d time.Duration) { c.nanos.Add(int64(d)) }

// knock sends a request from an address and returns the answer.
func knock(h http.Handler, from string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = from
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func empty(http.ResponseWriter, *http.Request) {}

func TestAFloodIsToldWhenToComeBack(t *testing.T) {
	c := newClock()
	h := New(Config{Now: c.now}).Wrap(http.HandlerFunc(empty))
	for i := range abuse.General.Burst() {
		if got := knock(h, "192.0.2.7:1"); got.Code != 200 {
			t.Fatalf("request %d: got %d, want 200", i, got.Code)
		}
	}
	got := knock(h, "192.0.2.99:1") // a neighbour in the same /24
	if got.Code != 429 {
		t.Fatalf("got %d, want 429", got.Code)
	}
	seconds, err := strconv.Atoi(got.Header().Get("Retry-After"))
	if err != nil || seconds < 1 {
		t.Fatalf("got Retry-After %q, want whole seconds", got.Header().Get("Retry-After"))
	}
	if got := knock(h, "192.0.3.7:1"); got.Code != 200 {
		t.Errorf("got %d for somebody else, want 200", got.Code)
	}
	c.move(time.Duration(seconds) * time.Second)
	if got := knock(h, "192.0.2.7:1"); got.Code != 200 {
		t.Errorf("got %d after the time that was told, want 200", got.Code)
	}
}

func TestNeighbourhoods(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.255", true},
		{"192.0.2.1", "192.0.3.1", false},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::1", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"::ffff:192.0.2.1", "192.0.2.9", true},
		{"::c000:201", "192.0.2.1", false},
	} {
		a, b := neighbours(plain(netip.MustParseAddr(c.a))), neighbours(plain(netip.MustParseAddr(c.b)))
		if (a == b) != c.same {
			t.Errorf("%s and %s: got %v and %v, want same %v", c.a, c.b, a, b, c.same)
		}
	}
}

func TestWhoTheClientIs(t *testing.T) {
	trusted, err := ParsePrefixes("10.0.0.0/8, 2001:db8:ff::/48 127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.7:1", nil, "192.0.2.7"},
		{"a stranger's header is not believed", "192.0.2.7:1", []string{"198.51.100.1"}, "192.0.2.7"},
		{"one proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"the left is the client's own invention", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"two lines", "10.0.0.1:1", []string{"203.0.113.9", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"rotated rubbish", "10.0.0.1:1", []string{"198.51.100.1, rubbish"}, "10.0.0.1"},
		{"rubbish behind a proxy", "10.0.0.1:1", []string{"198.51.100.1, , 10.0.0.2"}, "10.0.0.2"},
		{"all trusted", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"with a port", "127.0.0.1:1", []string{"[2001:db8:1::5]:443"}, "2001:db8:1::5"},
		{"mapped", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"IPv6 proxy", "[2001:db8:ff::1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"no header", "10.0.0.1:1", nil, "10.0.0.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, line := range c.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		if got := clientOf(r, trusted); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
	if _, err := ParsePrefixes("10.0.0.0/8, all"); err == nil {
		t.Error("got a word accepted as a network")
	}
}

func FuzzClientOf(f *testing.F) {
	f.Add("10.0.0.1:1", "198.51.100.1, 10.0.0.2")
	f.Add("", ",,,[::1%eth0]:x")
	trusted, _ := ParsePrefixes("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := clientOf(r, trusted)
		if direct := clientOf(r, nil); got != direct && !contains(trusted, direct) {
			t.Errorf("got %v for peer %v, want a stranger's header ignored", got, direct)
		}
		neighbours(got)
	})
}

var errNothing = fault.Missing("Nothing.")

// TestJunkLocksNobodyOut is the review's attack: thousands of made-up tokens
// from one network, which others share.
func TestJunkLocksNobodyOut(t *testing.T) {
	c := newClock()
	exempt, _ := ParsePrefixes("192.0.2.0/24") // from request rates, so that only the failures count
	g := New(Config{Now: c.now, Exempt: exempt})
	h := g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Token") != "good" {
			g.Refuse(w, r, g.Missed(r, errNothing))
		}
	}))
	refused := 0
	for i := range 3000 {
		c.move(time.Second / 4000)
		got := knock(h, "192.0.2.7:1", "Token", "junk")
		if got.Code == 429 {
			refused++
		} else if got.Code != 404 {
			t.Fatalf("guess %d: got %d, want 404 or 429", i, got.Code)
		}
		if i%100 == 0 {
			if good := knock(h, "192.0.2.9:1", "Token", "good"); good.Code != 200 {
				t.Fatalf("after %d guesses: got %d for a neighbour whose token is good, want 200", i, good.Code)
			}
		}
	}
	if refused < 3000-abuse.Misses.Burst()-5 {
		t.Errorf("got %d guesses refused of 3000, want all beyond the limit", refused)
	}
	if got := knock(h, "198.51.100.7:1", "Token", "junk"); got.Code != 404 {
		t.Errorf("got %d for a mistake on another network, want 404", got.Code)
	}
	got := knock(h, "192.0.2.7:1", "Token", "junk")
	if after, err := strconv.Atoi(got.Header().Get("Retry-After")); err != nil || got.Code != 429 || after < 1 || after > 3 {
		t.Fatalf("got %d, Retry-After %q, want 429 and a few seconds at most", got.Code, got.Header().Get("Retry-After"))
	}
	c.move(3 * time.Second)
	if got := knock(h, "192.0.2.7:1", "Token", "junk"); got.Code != 404 {
		t.Errorf("got %d a few seconds later, want 404: the flood is not owed for", got.Code)
	}
}

func TestExemptionIsNotForFailures(t *testing.T) {
	exempt, _ := ParsePrefixes("198.51.100.0/24")
	proxies, _ := ParsePrefixes("10.0.0.1")
	c := newClock()
	g := New(Config{Now: c.now, Exempt: exempt, TrustedProxies: proxies})
	var err error
	h := g.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err = g.Missed(r, errNothing)
		if g.Allow(r, abuse.Carts) != nil {
			t.Error("got an exempt client refused a cart")
		}
	}))
	for i := range 1000 {
		if got := knock(h, "10.0.0.1:1", "X-Forwarded-For", "198.51.100.7"); got.Code != 200 {
			t.Fatalf("request %d: got %d, want an exempt client to pass", i, got.Code)
		}
	}
	if !fault.Is(err, fault.RateLimited) {
		t.Errorf("got %v, want failures to count for everybody", err)
	}
}

func TestAForgedHeaderExemptsNobody(t *testing.T) {
	exempt, _ := ParsePrefixes("198.51.100.0/24")
	c := newClock()
	h := New(Config{Now: c.now, Exempt: exempt}).Wrap(http.HandlerFunc(empty))
	for i := range abuse.General.Burst() + 1 {
		got := knock(h, "192.0.2.7:1", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i%250))
		want := 200
		if i == abuse.General.Burst() {
			want = 429
		}
		if got.Code != want {
			t.Fatalf("request %d: got %d, want %d whatever the header says", i, got.Code, want)
		}
	}
}

func TestManyStrangersDoNotFillTheMemory(t *testing.T) {
	c := newClock()
	g := New(Config{Now: c.now, MaxBuckets: 160})
	h := g.Wrap(http.HandlerFunc(empty))
	for range abuse.General.Burst() + 10 {
		knock(h, "192.0.2.7:1")
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				knock(h, fmt.Sprintf("[2001:db8:%x:%x::1]:1", worker, i))
			}
		})
	}
	wg.Wait()
	if size := g.rates.size(); size > 160 {
		t.Errorf("got %d buckets, want at most 160", size)
	}
	if got := knock(h, "192.0.2.7:1"); got.Code != 429 {
		t.Errorf("got %d, want the flooder remembered while others came and went", got.Code)
	}
}

func TestParallelRequestsShareOneBucket(t *testing.T) {
	c := newClock()
	g := New(Config{Now: c.now})
	var passed atomic.Int64
	h := g.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if g.Allow(r, abuse.Orders) == nil {
			passed.Add(1)
		}
	}))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				knock(h, "192.0.2.7:1")
			}
		})
	}
	wg.Wait()
	if passed.Load() != int64(abuse.Orders.Burst()) {
		t.Errorf("got %d orders through, want %d", passed.Load(), abuse.Orders.Burst())
	}
}

func TestANewDayForgetsYesterdaysKey(t *testing.T) {
	c := newClock()
	g := New(Config{Now: c.now})
	client := netip.MustParseAddr("192.0.2.7")
	before := g.rates.day.Load().name(client, "")
	if before != g.rates.day.Load().name(netip.MustParseAddr("192.0.2.8"), "") {
		t.Error("got two names for one neighbourhood")
	}
	g.rates.bucket(abuse.General, client, "")
	c.move(25 * time.Hour)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { g.rates.bucket(abuse.General, client, "") })
	}
	wg.Wait()
	if g.rates.day.Load().name(client, "") == before || g.rates.size() != 1 {
		t.Errorf("got %d buckets, want one under a new key", g.rates.size())
	}
}

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// TestTheDatabaseGoesAwayAndComesBack stops PostgreSQL under a shop with
// people in it and starts it again: pages say so kindly, what was being saved
// waits, and nobody has to start the shop again.
func TestTheDatabaseGoesAwayAndComesBack(t *testing.T) {
	server, database := pg.Apart(t)
	s := demo(t, database)
	v := s.product("whistling-kettle").Variants[0].ID
	b := &browserless{shop: s}
	b.post("/cart/lines", "variant_id", v, "quantity", "1")
	c := s.cart(v, 1)
	placed := s.place(s.cart(v, 1), ada(), "before")

	if err := server.Away(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/products/whistling-kettle", "/search?q=kettle", "/cart", "/checkout", "/collections/kitchen"} {
		began := time.Now()
		a := b.get(path)
		if a.status != 503 && (a.status != 200 || !strings.HasPrefix(path, "/products")) {
			t.Errorf("%s without a database: got %d, want 503", path, a.status)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s without a database: took %v, want an answer soon", path, took)
		}
		if a.status == 503 && (!strings.Contains(a.body, "</html>") || !strings.Contains(a.body, a.header.Get("Cartkeep-Reference")) || a.header.Get("Retry-After") == "") {
			t.Errorf("%s: got %.300q, want a page with a reference, and when to come again", path, a.body)
		}
		for _, inner := range []string{"SQL", "postgres", "dial", ".go:", "127.0.0.1"} {
			if strings.Contains(a.body, inner) {
				t.Errorf("%s tells a stranger about %q", path, inner)
			}
		}
	}
	problem(t, s.ask("GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token), 503, "unavailable")
	if a := s.ask("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("alive: got %d, want 200", a.status)
	}
	if a := s.ask("GET", "/readyz", ""); a.status != 503 {
		t.Errorf("ready: got %d, want 503", a.status)
	}

	// What is being saved meanwhile waits for the database and is saved once.
	waiting := make(chan answer, 1)
	go func() {
		a, err := s.try("POST", "/api/v1/carts/"+c.ID+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":2}`, v), "Cart-Token: "+c.Token)
		if err != nil {
			t.Error(err)
		}
		waiting <- a
	}()
	time.Sleep(300 * time.Millisecond)
	if err := server.Back(); err != nil {
		t.Fatal(err)
	}
	if a := <-waiting; a.status != 201 {
		t.Errorf("saving across the outage: got %d %.200s, want 201", a.status, a.body)
	}
	eventually(t, 10*time.Second, "the shop is ready again by itself", func() bool { return s.ask("GET", "/readyz", "").status == 200 })
	var after apiCart
	s.want(200, "GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token).into(t, &after)
	if len(after.Lines) != 1 || after.Lines[0].Quantity != 3 {
		t.Errorf("the cart: got %+v, want one and two of the kettle, once", after.Lines)
	}
	if a := b.get("/cart"); a.status != 200 || !strings.Contains(a.body, "kettle") {
		t.Errorf("the shopper's cart: got %d, want it as it was", a.status)
	}
	s.bankSays(*placed.Payment.RedirectURL, "approved")
	if got := s.order(placed).Order.Status; got != "paid" {
		t.Errorf("the order placed before: got %q, want paid", got)
	}
	s.quiet(t)
	if out := s.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
		t.Errorf("ledger verify: got %q, want ok", out)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("got exit %d, want 0", code)
	}
}

// pause is the longest time between two orders that were acknowledged.
func (w *witness) pause() (longest time.Duration) {
	var at []time.Time
	for _, p := range w.list {
		if !p.at.IsZero() {
			at = append(at, p.at)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := 1; i < len(at); i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	return longest
}

// TestAFailoverIsAPauseAndNoOrderIsLost kills the primary of a synchronous pair
// while people buy, and promotes the standby. Who got an order has it, nobody
// has two, and repeating a request that was not answered gives the same order.
func TestAFailoverIsAPauseAndNoOrderIsLost(t *testing.T) {
	for round := range shoptest.Tenth(10) {
		t.Run(fmt.Sprint(round), failover)
	}
}

func failover(t *testing.T) {
	pair := pg.StartPair(t)
	if _, err := pair.Primary.Database(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	h := newHome(t, pair.URL("shop"))
	h.env = append(h.env, "CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128") // each buyer has a network
	s := h.start(t)
	variants := crashVariants(t, s)

	w, stop := &witness{}, make(chan struct{})
	var buyers sync.WaitGroup
	var cut atomic.Int64
	for n := range crashBuyers {
		buyers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				variant := variants[plenty]
				if rand.IntN(3) == 0 {
					variant = variants[scarce]
				}
				if s.hurried(w, variant, fmt.Sprintf("f%d-%d", n, i)) {
					continue
				}
				cut.Add(1)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Duration(500+rand.IntN(1000)) * time.Millisecond)
	if err := pair.Primary.Kill(); err != nil {
		t.Fatal(err)
	}
	// As long as somebody who watches the primary needs to be sure.
	watching := time.Second
	time.Sleep(watching)
	if err := pair.Promote(context.Background()); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	time.Sleep(2 * time.Second)
	close(stop)
	buyers.Wait()

	after := 0
	for _, p := range w.list {
		if p.at.After(promoted) {
			after++
		}
	}
	if after == 0 {
		t.Fatalf("nobody could buy after the standby took over\n%s", s.said)
	}
	s.again(w)
	w.settle(s)
	h.endLeases(t)
	s.quiet(t)
	if code := s.stop(); code != 0 {
		t.Errorf("got exit %d, want 0\n%s", code, s.said)
	}
	w.count(t, h, variants)
	t.Logf("failover: %d attempts, pause %v of which %v were waiting to promote, %d cut off meanwhile, %d purchases after it",
		len(w.list), w.pause().Round(10*time.Millisecond), watching, cut.Load(), after)
	if w.pause() > watching+15*time.Second {
		t.Errorf("the pause took %v, want some seconds after the %v until the standby was promoted", w.pause(), watching)
	}
}

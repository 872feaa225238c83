package e2e

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// The goods of the kill matrix: one of which there is plenty, and one that
// sells out on the way.
const (
	plenty, scarce        = "crash-mug", "crash-vase"
	plentyStock, fewStock = 1_000_000, 25
	crashBuyers           = 4
)

// How much is looked at after a kill: a little each time, everything now and
// then and at the end.
const (
	kills      = 500
	lookBack   = 16 // purchases that are repeated after each kill
	wholeEvery = 50 // kills
)

// purchase is one attempt to buy as the shopper's side remembers it.
type purchase struct {
	cart, token, key string
	from             string    // the header that says which network it comes from
	placed           apiPlaced // acknowledged with 201, when Number is set
	approved         bool      // the bank answered the approval with its redirect
	at               time.Time // when the order was acknowledged during a rush
}

// witness is the shoppers' side: what they were told must be what is kept.
type witness struct {
	mu   sync.Mutex
	list []*purchase
}

func (w *witness) add(p *purchase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, p)
}

// TestKillingTheServerLosesAndDoublesNothing ends the real server with SIGKILL
// between place and settle and while others buy in parallel, again and again on
// one database. After each kill the newest purchases are looked at, now and
// then all of them, and at the end everything is counted.
func TestKillingTheServerLosesAndDoublesNothing(t *testing.T) {
	rounds := 4
	if soak() {
		rounds = kills
	}
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		h.env = append(h.env, "CARTKEEP_HOLD=24h", // longer than the matrix takes
			"CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128") // each buyer has a network and a mailbox
		s := h.start(t)
		variants := crashVariants(t, s)
		w := &witness{}
		for round := 1; round <= rounds; round++ {
			between := s.ready(variants[plenty], fmt.Sprint("between-", round))
			s.order1(between)
			w.add(between)
			s.rush(w, variants, round)
			h.endLeases(t)
			s = h.start(t)
			// The payment page that was open before goes on working.
			s.approve(between)
			if got := s.order(between.placed).Order.Status; got != "paid" {
				t.Fatalf("round %d: the order placed before the kill is %q, want paid", round, got)
			}
			s.again(w)
			w.quick(t, h, variants)
			if round%wholeEvery == 0 {
				w.settle(s)
				h.verified(t)
				t.Logf("after %d kills: %d attempts, everything acknowledged is there and the ledger verifies", round, len(w.list))
			}
			if t.Failed() {
				t.Fatalf("round %d went wrong, see above", round)
			}
		}
		w.settle(s)
		s.quiet(t)
		if code := s.stop(); code != 0 {
			t.Errorf("got exit %d, want 0\n%s", code, s.said)
		}
		w.count(t, h, variants)
		t.Logf("%d kills", rounds)
	})
}

// crashVariants imports the goods of the matrix and returns what they are sold as.
func crashVariants(t *testing.T, s *shop) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crash.csv")
	if err := os.WriteFile(file, []byte(crashGoods()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "import", "products", file)
	return map[string]string{plenty: s.product(plenty).Variants[0].ID, scarce: s.product(scarce).Variants[0].ID}
}

func crashGoods() string {
	const row = "%s,A %[1]s,<p>For breaking.</p>,Nobody,Kitchen,,true,Title,Default Title,SKU-%[1]s,100,shopify,%d,deny,manual,10.00,true,true\n"
	return "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price,Variant Requires Shipping,Variant Taxable\n" +
		fmt.Sprintf(row, plenty, plentyStock) + fmt.Sprintf(row, scarce, fewStock)
}

// ready makes a cart that can be ordered.
func (s *shop) ready(variant, key string) *purchase {
	s.t.Helper()
	c := s.cart(variant, 1)
	s.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", ada().json(), "Cart-Token: "+c.Token)
	return &purchase{cart: c.ID, token: c.Token, key: key, from: "X-Forwarded-For: 10.250.0.7"}
}

// order1 orders a ready cart, which has to work.
func (s *shop) order1(p *purchase) {
	s.t.Helper()
	s.want(201, "POST", "/api/v1/carts/"+p.cart+"/orders", "{}", "Cart-Token: "+p.token, "Idempotency-Key: "+p.key).into(s.t, &p.placed)
}

// approve lets the bank say yes, which has to work.
func (s *shop) approve(p *purchase) {
	s.t.Helper()
	if a := s.bankSays(*p.placed.Payment.RedirectURL, "approved"); a.status != http.StatusSeeOther {
		s.t.Fatalf("approve: got %d, want 303", a.status)
	}
	p.approved = true
}

// rush lets buyers buy in parallel and kills the server among them.
func (s *shop) rush(w *witness, variants map[string]string, round int) {
	stop := make(chan struct{})
	var buyers sync.WaitGroup
	for b := range crashBuyers {
		buyers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				variant := variants[plenty]
				if rand.IntN(3) == 0 {
					variant = variants[scarce]
				}
				if !s.hurried(w, variant, fmt.Sprintf("r%d-b%d-n%d", round, b, n)) {
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(20+rand.IntN(500)) * time.Millisecond)
	s.kill()
	close(stop)
	buyers.Wait()
}

// hurried buys until the server is gone, and writes down only what was
// acknowledged. It reports whether the server still answers.
func (s *shop) hurried(w *witness, variant, key string) bool {
	p, who := &purchase{key: key, from: fmt.Sprintf("X-Forwarded-For: 10.%d.%d.7", rand.IntN(250), rand.IntN(250))}, ada()
	who.Email = key + "@example.com"
	a, err := s.try("POST", "/api/v1/carts", "{}")
	var c apiCart
	if err != nil || a.status != 201 || !a.read(&c) {
		return false
	}
	p.cart, p.token = c.ID, c.Token
	mine := "Cart-Token: " + c.Token
	if _, err := s.try("POST", "/api/v1/carts/"+c.ID+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, variant), mine); err != nil {
		return false
	}
	if _, err := s.try("PUT", "/api/v1/carts/"+c.ID+"/checkout", who.json(), mine, p.from); err != nil {
		return false
	}
	w.add(p) // from here on an order may come to be without our knowing
	a, err = s.try("POST", "/api/v1/carts/"+c.ID+"/orders", "{}", mine, "Idempotency-Key: "+key, p.from)
	if err != nil {
		return false
	}
	if a.status != 201 {
		return true
	}
	if !a.read(&p.placed) {
		s.t.Errorf("order %s: got %q, want JSON", p.key, a.body)
		return false
	}
	p.at = time.Now()
	if rand.IntN(4) == 0 {
		return true // left unpaid
	}
	a, err = s.try("POST", *p.placed.Payment.RedirectURL, "outcome=approved", "Content-Type: application/x-www-form-urlencoded")
	if err == nil && a.status == http.StatusSeeOther {
		p.approved = true
	}
	return err == nil
}

// again repeats the newest orders with their keys, as a client does that got no
// answer: the same order comes back, and never a second one.
func (s *shop) again(w *witness) {
	s.t.Helper()
	for _, p := range w.list[max(0, len(w.list)-lookBack):] {
		a := s.ask("POST", "/api/v1/carts/"+p.cart+"/orders", "{}", "Cart-Token: "+p.token, "Idempotency-Key: "+p.key, p.from)
		var placed apiPlaced
		switch {
		case a.status == 201:
			a.into(s.t, &placed)
			if before := p.placed.Order; before.Number != "" && (before.Number != placed.Order.Number || before.Token != placed.Order.Token) {
				s.t.Errorf("repeating %s gave order %s, want %s", p.key, placed.Order.Number, before.Number)
			}
			p.placed.Order = placed.Order
			if placed.Payment.RedirectURL != nil {
				p.placed.Payment = placed.Payment
			}
		case p.placed.Order.Number != "":
			s.t.Errorf("repeating %s: got %d %s, want order %s again", p.key, a.status, a.body, p.placed.Order.Number)
		case a.status != 409 && a.status != 422:
			s.t.Errorf("repeating %s: got %d %s, want 201, 409 or 422", p.key, a.status, a.body)
		}
	}
}

// quick is what must be true at any moment, however the last one ended.
func (w *witness) quick(t *testing.T, h home, variants map[string]string) {
	t.Helper()
	db := h.raw(t)
	defer db.Close()
	one := func(query string, args ...any) int64 { t.Helper(); return shoptest.One[int64](t, db, query, args...) }
	if n := one(`SELECT COUNT(*) FROM (SELECT cart FROM orders GROUP BY cart HAVING COUNT(*) > 1) AS d`); n != 0 {
		t.Errorf("got %d carts with two orders, want none", n)
	}
	for handle, v := range variants {
		// One statement each, because the shop is at work.
		if n := one(`SELECT COUNT(*) FROM stock WHERE variant = $1 AND (on_hand < held OR held < 0 OR held <> (SELECT COALESCE(SUM(quantity), 0) FROM holds WHERE variant = $1))`, v); n != 0 {
			t.Errorf("%s: stock and holds do not agree", handle)
		}
	}
}

// verified asks the ledger.
func (h home) verified(t testing.TB) {
	t.Helper()
	if out := h.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
		t.Errorf("ledger verify: got %q, want ok", out)
	}
}

// settle checks that what was acknowledged is kept, and that what the bank
// said yes to is paid.
func (w *witness) settle(s *shop) {
	s.t.Helper()
	for _, p := range w.list {
		if p.placed.Order.Number == "" {
			continue
		}
		if p.approved {
			eventually(s.t, 20*time.Second, "order "+p.placed.Order.Number+" approved before a kill is paid", func() bool { return s.order(p.placed).Order.Status == "paid" })
			continue
		}
		if got := s.order(p.placed).Order.Status; got != "pending" && got != "paid" {
			s.t.Errorf("order %s: got %q, want pending or paid", p.placed.Order.Number, got)
		}
	}
}

// raw opens the database as somebody would who has the file or the password.
func (h home) raw(t testing.TB) *sql.DB {
	t.Helper()
	at := shoptest.Shop{Database: h.database, Dir: h.dir}
	if at.Database == "" {
		at.Database = filepath.Join(h.dir, "shop.db")
	}
	return at.Raw(t)
}

// endLeases lets the next start take up at once what the killed server had
// begun. By itself it does so when the leases have ended, and the long test
// waits for that.
func (h home) endLeases(t testing.TB) {
	t.Helper()
	if soak() {
		return
	}
	db := h.raw(t)
	shoptest.Do(t, db, `UPDATE jobs SET lease_until = 0`)
	db.Close()
}

// quiet waits until the shop has no more work to do.
func (s *shop) quiet(t testing.TB) {
	t.Helper()
	db := s.raw(t)
	within := 20 * time.Second
	if soak() {
		within = 3 * time.Minute // leases end by themselves
	}
	eventually(t, within, "every job is done", func() bool {
		// payment.ask is due when a payment page has ended, long after the test.
		return shoptest.One[int64](t, db, `SELECT COUNT(*) FROM jobs WHERE kind LIKE 'stock.%' OR kind LIKE 'mail.%' OR (kind LIKE 'payment.%' AND kind <> 'payment.ask')`) == 0
	})
	db.Close()
}

// count is the audit: it reads the tables of the stopped shop and compares.
func (w *witness) count(t *testing.T, h home, variants map[string]string) {
	t.Helper()
	db := h.raw(t)
	one := func(query string, args ...any) int64 { t.Helper(); return shoptest.One[int64](t, db, query, args...) }

	acknowledged := 0
	for _, p := range w.list {
		if p.placed.Order.Number == "" {
			continue
		}
		acknowledged++
		if n := one(`SELECT COUNT(*) FROM orders WHERE cart = $1`, p.cart); n != 1 {
			t.Errorf("purchase %s: got %d orders, want the one that was acknowledged", p.key, n)
		}
	}
	orders, paid := one(`SELECT COUNT(*) FROM orders`), one(`SELECT COUNT(*) FROM orders WHERE status = 'paid'`)
	if doubled := one(`SELECT COUNT(*) FROM (SELECT cart FROM orders GROUP BY cart HAVING COUNT(*) > 1) AS d`); doubled != 0 {
		t.Errorf("got %d carts with two orders, want none", doubled)
	}
	if int64(acknowledged) > orders {
		t.Errorf("got %d orders kept, want at least the %d acknowledged", orders, acknowledged)
	}
	if n := one(`SELECT COUNT(*) FROM payments WHERE status = 'approved'`); n != paid {
		t.Errorf("got %d approved payments for %d paid orders", n, paid)
	}
	for handle, stock := range map[string]int64{plenty: plentyStock, scarce: fewStock} {
		v := variants[handle]
		sold := one(`SELECT COALESCE(SUM(l.quantity), 0) FROM order_lines l JOIN orders o ON o.owner = l.owner AND o.id = l.order_id WHERE l.variant = $1 AND o.status = 'paid'`, v)
		pending := one(`SELECT COALESCE(SUM(l.quantity), 0) FROM order_lines l JOIN orders o ON o.owner = l.owner AND o.id = l.order_id WHERE l.variant = $1 AND o.status = 'pending'`, v)
		onHand, held := one(`SELECT on_hand FROM stock WHERE variant = $1`, v), one(`SELECT held FROM stock WHERE variant = $1`, v)
		holds := one(`SELECT COALESCE(SUM(quantity), 0) FROM holds WHERE variant = $1`, v)
		orphans := one(`SELECT COUNT(*) FROM holds WHERE variant = $1 AND order_id NOT IN (SELECT id FROM orders WHERE status = 'pending')`, v)
		if onHand+sold != stock {
			t.Errorf("%s: got %d on hand and %d sold, want %d together", handle, onHand, sold, stock)
		}
		if held != holds || holds-orphans != pending || onHand < held {
			t.Errorf("%s: got held %d, holds %d (of them %d without an order), pending %d, on hand %d; want them to agree", handle, held, holds, orphans, pending, onHand)
		}
		t.Logf("%s: stock %d = %d on hand + %d sold; %d held for %d pending, %d orphaned holds that expire", handle, stock, onHand, sold, held, pending, orphans)
	}
	// Letters are counted as rows: a letter for each paid order, in its dossier.
	if n := one(`SELECT COUNT(*) FROM outbox`); n != paid {
		t.Errorf("got %d letters, want one for each of the %d paid orders", n, paid)
	}
	if n := one(`SELECT COUNT(*) FROM (SELECT dossier FROM outbox GROUP BY dossier HAVING COUNT(*) > 1) AS d`); n != 0 {
		t.Errorf("%d orders got their letter twice", n)
	}
	h.verified(t)
	t.Logf("%d attempts, %d acknowledged, %d orders kept, %d paid, none lost, none doubled", len(w.list), acknowledged, orders, paid)
}

package e2e

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// moved is what the make-believe bank's own journal says of one session.
type moved struct {
	captures, refunds int
	captured, back    int64
}

// bankSaw reads that journal: it is on disk before the shop is answered.
func (h home) bankSaw(t testing.TB) map[string]moved {
	t.Helper()
	f, err := os.Open(filepath.Join(h.dir, "sandbox.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]moved{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			Kind   string `json:"kind"`
			Ref    string `json:"ref"`
			Amount struct {
				Amount int64 `json:"amount"`
			} `json:"amount"`
		}
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // being written at this moment
		}
		m := out[r.Ref]
		switch r.Kind {
		case "captured":
			m.captures, m.captured = m.captures+1, m.captured+r.Amount.Amount
		case "refunded":
			m.refunds, m.back = m.refunds+1, m.back+r.Amount.Amount
		}
		out[r.Ref] = m
	}
	return out
}

// deeds is how many captures and refunds the bank has carried out in all.
func (h home) deeds(t testing.TB) (n int) {
	t.Helper()
	for _, m := range h.bankSaw(t) {
		n += m.captures + m.refunds
	}
	return n
}

// TestKillingTheShopAmidACaptureOrARefundMovesMoneyOnce ends the shop with SIGKILL
// while it takes reserved money, and then while it gives that back: every other time
// at once when the bank has carried it out, between the bank's word and ours, and else
// at a random moment. Asked again, each happens once; bank, shop and books agree.
func TestKillingTheShopAmidACaptureOrARefundMovesMoneyOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		h.env = append(h.env, "CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
		s := h.start(t)
		variants := crashVariants(t, s)
		later := filepath.Join(t.TempDir(), "later.toml")
		if err := os.WriteFile(later, []byte("[payment]\ncapture = \"when-sent\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must(t, "settings", "import", later)
		between, orders := 0, shoptest.Tenth(50)
		for i := range orders {
			p := s.ready(variants[plenty], fmt.Sprint("order-", i))
			s.order1(p)
			s.approve(p)
			number := p.placed.Order.Number
			for _, deed := range []string{"capture", "refund"} {
				before := s.deeds(t)
				c := s.command(t, deed, number)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 {
					eventually(t, 30*time.Second, "the bank has carried it out", func() bool { return s.deeds(t) > before })
				} else {
					time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
				}
				s.kill()
				c.Wait()
				if done := s.deeds(t) > before; done && h.underWay(t, number, deed) {
					between++
				}
				h.endLeases(t)
				s = h.start(t)
				// Whoever got no answer asks again. Done before, it is refused.
				if out, errs, code := s.run(t, deed, number); code != 0 && code != 1 {
					t.Fatalf("%s again: exit %d\n%s%s", deed, code, out, errs)
				}
				eventually(t, 30*time.Second, "a "+deed+" is over", func() bool { return !h.underWay(t, number, deed) })
			}
			if got := s.order(p.placed).Order.Status; got != "refunded" {
				t.Errorf("order %d is %s, want refunded", i, got)
			}
		}
		if out, _, code := s.run(t, "payments", "reconcile"); code != 0 {
			t.Errorf("the shop and the bank differ:\n%s", out)
		}
		if code := s.stop(); code != 0 {
			t.Errorf("got exit %d, want 0\n%s", code, s.said)
		}
		seen := 0
		for ref, m := range h.bankSaw(t) {
			if m.captures != 1 || m.refunds != 1 || m.captured != m.back || m.captured == 0 {
				t.Errorf("of %.9s the bank took %d in %d captures and gave back %d in %d refunds", ref, m.captured, m.captures, m.back, m.refunds)
			}
			seen++
		}
		db := h.raw(t)
		defer db.Close()
		for what, want := range map[string]int64{
			`SELECT COUNT(*) FROM payments WHERE capture = 'captured' AND capture_amount = amount`: int64(orders),
			`SELECT COUNT(*) FROM refunds WHERE state = 'done' AND NOT untaken`:                    int64(orders),
			`SELECT COUNT(*) FROM refunds`:                                                                          int64(orders),
			`SELECT COALESCE(SUM(net) + SUM(tax), 0) FROM tax_journal`:                                              0,
			`SELECT COUNT(*) FROM (SELECT order_id FROM tax_journal WHERE kind = 'sale' GROUP BY order_id) AS sold`: int64(orders),
		} {
			if n := shoptest.One[int64](t, db, what); n != want {
				t.Errorf("%s: got %d, want %d", what, n, want)
			}
		}
		if seen != orders {
			t.Errorf("the bank knows %d sessions, want %d", seen, orders)
		}
		h.verified(t)
		t.Logf("%d kills, %d of them between the bank's word and ours", 2*orders, between)
	})
}

// underWay reports whether the shop has asked for a deed and does not know yet how
// that ended.
func (h home) underWay(t testing.TB, number, deed string) bool {
	t.Helper()
	db := h.raw(t)
	defer db.Close()
	query := `SELECT COUNT(*) FROM payments p JOIN orders o ON o.owner = p.owner AND o.id = p.order_id WHERE o.number = $1 AND p.capture = 'capturing'`
	if deed == "refund" {
		query = `SELECT COUNT(*) FROM refunds r JOIN orders o ON o.owner = r.owner AND o.id = r.order_id WHERE o.number = $1 AND r.state = 'asked'`
	}
	var n int64
	if err := db.QueryRow(query, strings.ToUpper(number)).Scan(&n); err != nil && err != sql.ErrNoRows {
		t.Fatal(err)
	}
	return n > 0
}

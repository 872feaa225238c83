package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAStrangerBuysThroughTheAPIAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		s := demo(t, database)
		catalogue := s.products()
		if len(catalogue) < 25 {
			t.Fatalf("got %d demo products, want about 30", len(catalogue))
		}
		p := s.buy(catalogue[0].Variants[0].ID, 2, ada())
		o := s.order(p)
		if len(o.Order.Lines) != 1 || o.Order.Lines[0].Quantity != 2 || o.Payment.Status != "approved" {
			t.Errorf("got %+v, want one approved line of two", o)
		}
		eventually(t, 10*time.Second, "a letter in the outbox", func() bool { return len(s.letters(t)) > 0 })
		l := s.letters(t)[0]
		if l.To != "ada@example.com" || !strings.Contains(l.Text, p.Order.Number) || l.Channel != "email" {
			t.Errorf("got letter to %q by %q with %q, want Ada's receipt for %s", l.To, l.Channel, l.Text, p.Order.Number)
		}
		if out := s.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
			t.Errorf("ledger verify: got %q, want ok", out)
		}
		if code := s.stop(); code != 0 {
			t.Errorf("got exit %d after SIGTERM, want 0\n%s", code, s.said)
		}
	})
}

func TestAHundredBuyersForTheLastOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		s := demo(t, database)
		file := filepath.Join(t.TempDir(), "last.csv")
		goods := "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price\n" +
			"the-last-one,The last one,Title,Default Title,LAST,shopify,1,deny,5.00\n"
		if err := os.WriteFile(file, []byte(goods), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must(t, "import", "products", file)
		variant := s.product("the-last-one").Variants[0].ID
		buyers := make([]*purchase, 100)
		for i := range buyers {
			buyers[i] = s.ready(variant, fmt.Sprint(i))
		}
		var mu sync.Mutex
		var won []apiPlaced
		var group sync.WaitGroup
		for _, p := range buyers {
			group.Go(func() {
				a, err := s.try("POST", "/api/v1/carts/"+p.cart+"/orders", "{}", "Cart-Token: "+p.token, "Idempotency-Key: "+p.key)
				if err != nil {
					t.Error(err)
					return
				}
				var placed apiPlaced
				switch {
				case a.status == 201 && a.read(&placed):
					mu.Lock()
					won = append(won, placed)
					mu.Unlock()
				case a.status != 409 || !strings.Contains(a.body, "/problems/out-of-stock"):
					t.Errorf("got %d %s, want an order or 409 out-of-stock", a.status, a.body)
				}
			})
		}
		group.Wait()
		if len(won) != 1 {
			t.Fatalf("got %d orders for the last one, want exactly one", len(won))
		}
		s.bankSays(*won[0].Payment.RedirectURL, "approved")
		s.quiet(t)
		if got := s.onHand(t, "the-last-one", 0); got.onHand != 0 || s.order(won[0]).Order.Status != "paid" {
			t.Errorf("got %d on hand, want none and the order paid", got.onHand)
		}
		if p := s.want(200, "GET", "/products/the-last-one", ""); !strings.Contains(p.body, "Sold out") && !strings.Contains(p.body, "sold out") {
			t.Error("the page does not say that it is sold out")
		}
	})
}

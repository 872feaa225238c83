package e2e

import (
	"strings"
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

package stripe

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestTheStatementSaysWhatTheShopTold: Stripe's account prints something else, and the
// merchant hears of it with the other differences, once for all payments.
func TestTheStatementSaysWhatTheShopTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		if err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error { return t.Set("shop.descriptor", "EXAMPLE SHOP") }); err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		open := c.buy("jug")
		c.paidAt("bowl", "cs_test_2")
		newest := c.paidAt("cup", "cs_test_3")
		for printed, differs := range map[string]bool{"EXAMPLE SHOP": false, "Example  Shop": false, "": false, "EXAMPLE": true, "EXAMPLE* SHOP": true, "SOMEBODY ELSE": true} {
			c.bank.mu.Lock()
			c.bank.prints = printed
			c.bank.mu.Unlock()
			got, err := c.desk.Reconcile(t.Context(), s.Clock.Now().Add(-time.Hour))
			if err != nil || got.Silent != 0 || (len(got.Differences) == 1) != differs || len(got.Differences) > 1 {
				t.Fatalf("%q: got %+v, %v", printed, got, err)
			}
			if differs && (got.Differences[0].Number != newest || !strings.Contains(got.Differences[0].Text, `"`+printed+`"`) || !strings.Contains(got.Differences[0].Text, `"EXAMPLE SHOP"`)) {
				t.Errorf("%q: got %+v", printed, got.Differences)
			}
		}
		if text, err := c.bank.provider.Printed(t.Context(), c.ref(open)); err != nil || text != "" {
			t.Errorf("of a page that nobody has paid on: got %q, %v", text, err)
		}
		c.bank.fail = append(c.bank.fail, func(w http.ResponseWriter) {
			status, body := refuse(http.StatusForbidden, "")
			w.WriteHeader(status)
			w.Write(body)
		})
		if _, err := c.bank.provider.Printed(t.Context(), c.ref(open)); err == nil {
			t.Error("of a session that can't be read it says something")
		}
	})
}

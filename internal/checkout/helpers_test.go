package checkout_test

import (
	"context"
	"flag"
	"log/slog"
	"strconv"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// noCtx is the context of what a test does beside its story.
var noCtx = context.Background()

// atOnce runs fn n times, all starting together, and returns what each gave.
func atOnce(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	group.Wait()
	return errs
}

// checks sets how many cases a property is tried with.
func checks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

func place(t *testing.T, s *shoptest.Shop, b shoptest.Basket, key string) checkout.Placed {
	t.Helper()
	p, err := s.Place(b, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func settle(s *shoptest.Shop, n payment.Notice) error { return s.Desk.Settle(noCtx, "bank", n) }

// count asks how many rows there are.
func count(t testing.TB, s *shoptest.Shop, query string, args ...any) int64 {
	t.Helper()
	return shoptest.One[int64](t, s.Raw(t), query, args...)
}

func events(t testing.TB, s *shoptest.Shop, action string, id order.ID) int64 {
	t.Helper()
	return count(t, s, `SELECT count(*) FROM events WHERE action = $1 AND (object = $2 OR object IN (SELECT id FROM payments WHERE order_id = $2))`, action, string(id))
}

func wantStatus(t *testing.T, s *shoptest.Shop, p checkout.Placed, want order.Status) {
	t.Helper()
	if got := s.Order(t, p); got.Status != want {
		t.Errorf("the order is %s, want %s", got.Status, want)
	}
}

func wantStock(t *testing.T, s *shoptest.Shop, v catalog.VariantID, onHand, held int64) {
	t.Helper()
	if got := s.Stock(t, v); got.OnHand != onHand || got.Held != held {
		t.Errorf("got %d in the house and %d held, want %d and %d", got.OnHand, got.Held, onHand, held)
	}
}

// retain lets retention pass, after an owner has seen that the time is right.
func retain(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	if _, err := privacy.Confirm(noCtx, s.DB, ledger.OS("owner")); err != nil {
		t.Fatal(err)
	}
	if _, err := privacy.Retention(noCtx, s.DB, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestSomethingForeignClosesTheCheckout, where the merchant wants it so: no order,
// no new page to pay on, until a look finds the pages in order. What was paid
// before is settled all the same.
func TestSomethingForeignClosesTheCheckout(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(9))
		pending := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		declined := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		if err := s.Desk.Settle(noCtx, "bank", s.Bank.Say(declined, 1, payment.Declined)); err != nil {
			t.Fatal(err)
		}
		found := func(outcome string) {
			t.Helper()
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
				_, err := t.KeepPageVisit(outcome, []string{"a script of https://evil.example"})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			s.DB.ForgetSettings()
		}
		found(store.PagesForeign)
		last := s.Ready(t, bowl.ID, 1)
		if _, err := s.Place(last, "key-3"); err != nil {
			t.Errorf("a merchant who did not ask for it: %v", err)
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.close_on_foreign", "true") }); err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		next := s.Ready(t, bowl.ID, 1)
		for _, outcome := range []string{store.PagesForeign, store.PagesUnknown} { // not to know is no way to open
			found(outcome)
			if _, err := s.Place(next, "key-4"); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: an order: %v, want that it is refused", outcome, err)
			}
			if _, err := s.Desk.PayAgain(noCtx, declined.Order.Number, declined.Token); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: another try: %v, want that it is refused", outcome, err)
			}
		}
		if err := s.Approve(pending); err != nil {
			t.Errorf("a payment of before: %v", err)
		}
		wantStatus(t, s, pending, order.Paid)
		found(store.PagesClean)
		if _, err := s.Place(next, "key-4"); err != nil {
			t.Errorf("the pages are in order: %v", err)
		}
	})
}

package checkout_test

import (
	"fmt"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// virtual is something that nothing is sent of, so that its price is all that is paid.
func virtual(t *testing.T, s *shoptest.Shop, handle string, price money.Amount) catalog.VariantID {
	t.Helper()
	save(t, s, catalog.Product{Handle: handle, Title: handle, Published: true, Variants: []catalog.Variant{{SKU: handle, Price: price, CompareAt: money.Zero(price.Currency()), Virtual: true}}})
	var p catalog.Product
	if err := s.DB.View(noCtx, func(v *store.View) (err error) { p, err = v.ProductByHandle(handle); return err }); err != nil {
		t.Fatal(err)
	}
	return p.Variants[0].ID
}

// TestWhatCardsAreTestedWithCountsForMore: each card comes from a network, with a cart and
// a mailbox of its own, so that only the breaker of everybody can notice. It goes off
// after fewer declines when they are of small amounts, and when they are of one card.
func TestWhatCardsAreTestedWithCountsForMore(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		dear, cheap := virtual(t, s, "dear", euros(501)), virtual(t, s, "cheap", euros(500))
		run := 0
		reaches := func(what catalog.VariantID, card func(i int) string) (n int) {
			t.Helper()
			run++
			for i := range 60 {
				p, err := tries(t, s, from(fmt.Sprintf("10.%d.%d.0/24", run, i), false, false), what, fmt.Sprintf("thief%d-%d@example.com", run, i))
				if friction(err) != abuse.None {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				n++
				d := s.Bank.Say(p, 1, payment.Declined)
				d.ID, d.Fingerprint = fmt.Sprint("n", run, "-", i), card(i)
				if err := settle(s, d); err != nil {
					t.Fatal(err)
				}
			}
			s.Clock.Move(24 * 60 * 60 * 1e9)
			return n
		}
		own := func(i int) string { return fmt.Sprint("card", i) }
		usual, small := reaches(dear, own), reaches(cheap, own)
		same := reaches(dear, func(int) string { return "the same card" })
		t.Logf("declines until friction: %d of usual amounts, %d of small ones, %d of one card", usual, small, same)
		if usual != 15 || small != 8 || same != 7 {
			t.Errorf("got %d, %d and %d, want 15, 8 and 7", usual, small, same)
		}
	})
}

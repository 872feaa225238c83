package storefront

import (
	"net/url"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Ada has the last page before the order open, and in another tab something
// about the order becomes different. The button of the old page says a sum,
// goods and an address, so it orders those or nothing.
func TestTheButtonOrdersWhatItsPageShows(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	cup := s.Product(t, "cup", 1950, shoptest.Counted(50)) // the sum of the mug
	change := func(field, value string) url.Values {
		form := ada()
		form.Set(field, value)
		return form
	}
	for name, other := range map[string]func(b *shopper){
		"more of it": func(b *shopper) { b.post("/cart/lines", put(mug, "4")) },
		"something else for the same money": func(b *shopper) {
			line := b.get("/cart").line()
			b.post("/cart/lines", put(cup, "1"))
			b.post(line, url.Values{"quantity": {"0"}})
		},
		"another address":  func(b *shopper) { b.post("/checkout", change("shipping_address.street_address", "9 Other Way")) },
		"another mailbox":  func(b *shopper) { b.post("/checkout", change("email", "bob@example.com")) },
		"words for a gift": func(b *shopper) { b.post("/checkout", change("gift_message", "Happy birthday")) },
		"other terms": func(*shopper) {
			err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error { return tx.SetText(store.TextTerms, "New terms.") })
			if err != nil {
				t.Fatal(err)
			}
			s.DB.ForgetSettings()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.shopper(t)
			b.post("/cart/lines", put(mug, "1"))
			old := b.post("/checkout", ada()).is(200, "€24.40")
			other(b)
			again := b.post("/checkout/review", pay(old)).is(409, "has changed since you last saw it")
			if to := b.post("/checkout/review", pay(again)); to.status != 303 {
				t.Errorf("the page that shows it: got %d, want 303 to the bank", to.status)
			}
		})
	}
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	b.post("/checkout", ada())
	if to := b.post("/checkout/review", pay(b.get("/checkout/review"))); to.status != 303 {
		t.Errorf("nothing changed: got %d, want 303 to the bank", to.status)
	}
}

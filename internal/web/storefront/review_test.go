package storefront

import (
	"net/url"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
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

// TestWhoeverHoldsEnoughSeesTheirOrderAgain: the page of the order comes back, says
// which thing and when to come again, and keeps what was chosen.
func TestWhoeverHoldsEnoughSeesTheirOrderAgain(t *testing.T) {
	s := openWith(t, func(s *shoptest.Shop, _ string) *checkout.Desk {
		s.SecondBank(t)
		return s.Desk
	})
	mug := s.Product(t, "mug", 1950, shoptest.Counted(10))
	plate := s.Product(t, "plate", 1950, shoptest.Counted(10))
	s.bring(t, "[texts]\nterms = \"What holds.\"\n[terms]\nmust_tick = true\n")
	for i, n := range []string{"4", "2"} {
		b := s.shopper(t)
		b.post("/cart/lines", put(plate, "1"))
		b.post("/cart/lines", put(mug, n))
		b.post("/checkout", ada())
		form := pay(b.get("/checkout/review").not(`aria-required="true" checked`))
		form.Set("accept_terms", "yes")
		if i == 0 {
			if got := b.post("/checkout/review", form); got.status != 303 {
				t.Fatalf("the first order: got %d", got.status)
			}
			continue
		}
		held := s.Stock(t, mug.ID).Held
		form.Set("payment_method", "second")
		got := b.post("/checkout/review", form).is(429, "Check and pay", "Much of “The mug” is being held", "You can try again in 15 minutes.", "Order and pay", "12 Analytical Way",
			`value="second" checked`, `value="yes" aria-required="true" checked`).not("The plate” is being held", `value="bank" checked`)
		if after := got.header.Get("Retry-After"); after == "" || after == "1" {
			t.Errorf("again after %q seconds", after)
		}
		if s.Stock(t, mug.ID).Held != held || s.Stock(t, plate.ID).Held != 1 {
			t.Error("the order that was refused holds something")
		}
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(t.Context()); err != nil {
			t.Fatal(err)
		}
		form = pay(got)
		form.Set("accept_terms", "yes")
		if to := b.post("/checkout/review", form); to.status != 303 {
			t.Errorf("later, with the form that was kept: got %d", to.status)
		}
	}
}

func TestAWaitIsSaidInWords(t *testing.T) {
	for wait, want := range map[time.Duration]string{time.Second: "in a minute", 90 * time.Second: "in 2 minutes", 2 * time.Hour: "in 120 minutes",
		150 * time.Minute: "in 3 hours", 48 * time.Hour: "in 48 hours", 6*24*time.Hour + 1: "in 7 days"} {
		if got := inWords(wait); got != want {
			t.Errorf("%s: got %q, want %q", wait, got, want)
		}
	}
}

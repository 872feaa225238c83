package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestTheProviderIsDown(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		s.Bank.Down = true
		for range 2 {
			if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("got %v, want to be asked to try again", err)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM orders WHERE status = 'pending'`); n != 1 {
			t.Fatalf("got %d orders, want the one that is kept", n)
		}
		wantStock(t, s, bowl.ID, 5, 1)
		s.Bank.Down = false
		p := place(t, s, b, "key-1")
		if !p.Replayed || p.Payment.RedirectURL == "" {
			t.Errorf("got %+v, want the kept order with a page to pay on", p)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		wantStock(t, s, bowl.ID, 4, 0)
	})
}

func TestAPriceThatMovedIsShownOnceMore(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		s.Product(t, "bowl", 4100, shoptest.Counted(5))
		if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Changed) {
			t.Fatalf("got %v, want to be shown the new price first", err)
		}
		wantStock(t, s, bowl.ID, 5, 0)
		p := place(t, s, b, "key-1")
		if p.Replayed || p.Order.Totals.Total.Minor() != 4100+490 {
			t.Errorf("got %v, want the new price", p.Order.Totals.Total)
		}
		// What was ordered stays at its price.
		s.Product(t, "bowl", 9900, shoptest.Counted(5))
		if got := s.Order(t, p).Totals.Total; got != p.Order.Totals.Total {
			t.Errorf("the order now costs %v", got)
		}
		if again := place(t, s, b, "key-1"); !again.Replayed || again.Order.Totals.Total != p.Order.Totals.Total {
			t.Errorf("got %+v, want the same order", again.Order)
		}
	})
}

func TestWhatIsGoneCannotBeOrdered(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, s *shoptest.Shop){
		"unpublished": func(t *testing.T, s *shoptest.Shop) { save(t, s, catalog.Product{Handle: "bowl", Title: "The bowl"}) },
		"variant gone": func(t *testing.T, s *shoptest.Shop) {
			save(t, s, catalog.Product{Handle: "bowl", Title: "The bowl", Published: true, Options: []string{"Size"}, Variants: []catalog.Variant{variant("L", 3900, 5)}})
		},
		"sold out": func(t *testing.T, s *shoptest.Shop) { s.Product(t, "bowl", 3900, shoptest.Counted(0)) },
		"held by another": func(t *testing.T, s *shoptest.Shop) {
			c := s.Product(t, "bowl", 3900, shoptest.Counted(1))
			place(t, s, s.Ready(t, c.ID, 1), "key-1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
				bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
				b := s.Ready(t, bowl.ID, 1)
				between(t, s)
				if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.OutOfStock) {
					t.Errorf("got %v, want to be told that it is gone", err)
				}
				if n := count(t, s, `SELECT count(*) FROM orders WHERE cart = $1`, string(b.ID)); n != 0 {
					t.Error("an order was made")
				}
				if n := count(t, s, `SELECT count(*) FROM holds WHERE owner = $1`, string(b.ID)); n != 0 {
					t.Error("something is held")
				}
				if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || c.State != cart.Open {
					t.Errorf("got %s, %v, want the cart still open", c.State, err)
				}
			})
		})
	}
}

func variant(value string, price, n int64) catalog.Variant {
	eur, _ := money.ParseCurrency("EUR")
	v := catalog.Variant{SKU: "SKU-" + value, Price: money.Of(price, eur), CompareAt: money.Zero(eur), Stock: shoptest.Counted(n)}
	if value != "" {
		v.Values = []string{value}
	}
	return v
}

func save(t *testing.T, s *shoptest.Shop, p catalog.Product) {
	t.Helper()
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SaveProduct(p) }); err != nil {
		t.Fatal(err)
	}
}

// TestACrashBetweenHoldAndOrder stops Place after its first two steps, as a
// power cut would.
func TestACrashBetweenHoldAndOrder(t *testing.T) {
	crash := func(t *testing.T, s *shoptest.Shop, b shoptest.Basket, v catalog.VariantID) order.ID {
		t.Helper()
		id := order.ID(store.NewID())
		err := s.DB.InTx(noCtx, ledger.Guest(string(b.ID)), func(t *store.Tx) error {
			_, err := t.BeginOrder(b.ID, "key-1", []byte("{}"), id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.DB.InTx(noCtx, ledger.Guest(string(b.ID)), func(t *store.Tx) error {
			return t.Reserve(v, id, store.Payer{Cart: string(b.ID)}, 1, t.Now().Add(checkout.HoldTime))
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	t.Run("and nobody comes back", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
			crash(t, s, s.Ready(t, bowl.ID, 1), bowl.ID)
			for _, step := range []struct {
				move time.Duration
				held int64
			}{{14 * time.Minute, 1}, {time.Minute + 10*time.Second, 1}, {30 * time.Second, 0}} {
				s.Clock.Move(step.move)
				if _, err := s.Desk.SweepHolds(noCtx); err != nil {
					t.Fatal(err)
				}
				wantStock(t, s, bowl.ID, 1, step.held)
			}
			place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		})
	})
	t.Run("and the shopper tries again", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			bowl := s.Product(t, "bowl", 3900, shoptest.Counted(3))
			b := s.Ready(t, bowl.ID, 1)
			id := crash(t, s, b, bowl.ID)
			if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.InProgress) {
				t.Fatalf("got %v, want to be asked to wait: the first try may still be alive", err)
			}
			s.Clock.Move(31 * time.Second)
			p := place(t, s, b, "key-1")
			if p.Order.ID != id {
				t.Errorf("got order %s, want the one that was begun, %s", p.Order.ID, id)
			}
			wantStock(t, s, bowl.ID, 3, 1)
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
			wantStock(t, s, bowl.ID, 2, 0)
		})
	})
	t.Run("after its hold was swept away", func(t *testing.T) {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
			b := s.Ready(t, bowl.ID, 1)
			crash(t, s, b, bowl.ID)
			s.Clock.Move(16 * time.Minute)
			if _, err := s.Desk.SweepHolds(noCtx); err != nil {
				t.Fatal(err)
			}
			place(t, s, b, "key-1")
			wantStock(t, s, bowl.ID, 1, 1)
		})
	})
}

func TestAnotherRequestUnderTheSameKey(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		place(t, s, b, "key-1")
		_, err := s.Desk.Place(noCtx, b.ID, b.Token, checkout.PlaceInput{Key: "key-1", Request: []byte(`{"payment_method":"bank"}`)})
		if !fault.Is(err, fault.IdempotencyMismatch) {
			t.Errorf("got %v, want a mismatch", err)
		}
		for _, key := range []string{"", strings.Repeat("k", 256)} {
			if _, err := s.Place(b, key); !fault.Is(err, fault.IdempotencyKeyMissing) {
				t.Errorf("a key of %d bytes got %v, want it refused", len(key), err)
			}
		}
	})
}

// TestNobodyElseOpensACart tries every act with a wrong token, another's token
// and after the end, and wants one answer for all.
func TestNobodyElseOpensACart(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		ada, other := s.Ready(t, bowl.ID, 1), s.Ready(t, bowl.ID, 1)
		c, err := s.Desk.Cart(noCtx, ada.ID, ada.Token)
		if err != nil {
			t.Fatal(err)
		}
		line := c.Lines[0].ID
		acts := map[string]func(b shoptest.Basket) error{
			"read":     func(b shoptest.Basket) error { _, err := s.Desk.Cart(noCtx, b.ID, b.Token); return err },
			"details":  func(b shoptest.Basket) error { _, err := s.Desk.Details(noCtx, b.ID, b.Token); return err },
			"add":      func(b shoptest.Basket) error { _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 1); return err },
			"set":      func(b shoptest.Basket) error { _, err := s.Desk.SetQuantity(noCtx, b.ID, b.Token, line, 2); return err },
			"remove":   func(b shoptest.Basket) error { _, err := s.Desk.RemoveLine(noCtx, b.ID, b.Token, line); return err },
			"clear":    func(b shoptest.Basket) error { return s.Desk.Clear(noCtx, b.ID, b.Token) },
			"accept":   func(b shoptest.Basket) error { _, err := s.Desk.Accept(noCtx, b.ID, b.Token); return err },
			"order of": func(b shoptest.Basket) error { _, _, err := s.Desk.OrderOf(noCtx, b.ID, b.Token); return err },
			"shipping": func(b shoptest.Basket) error {
				_, err := s.Desk.Shipping(noCtx, b.ID, b.Token, area.Place{Country: "DE"})
				return err
			},
			"save": func(b shoptest.Basket) error {
				_, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, shoptest.Ada())
				return err
			},
			// Of what a stranger typed nothing is told either.
			"save bad": func(b shoptest.Basket) error {
				_, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, checkout.DetailsInput{})
				return err
			},
			"place": func(b shoptest.Basket) error { _, err := s.Place(b, "key-1"); return err },
		}
		before := s.Dump(t)
		for who, b := range map[string]shoptest.Basket{
			"another's token": {ID: ada.ID, Token: other.Token}, "no token": {ID: ada.ID}, "a wrong one": {ID: ada.ID, Token: ada.Token[1:] + "A"},
			"an unknown cart": {ID: cart.ID(store.NewID()), Token: ada.Token}, "no cart": {Token: ada.Token},
			"no text": {ID: "\x00\xff", Token: "\x00\xff"},
		} {
			for act, do := range acts {
				if err := do(b); !fault.Is(err, fault.NotFound) {
					t.Errorf("%s with %s: got %v, want not found", act, who, err)
				}
			}
		}
		s.Clock.Move(cart.IdleAfter + time.Hour)
		for act, do := range acts {
			if err := do(ada); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s after the end: got %v, want not found", act, err)
			}
		}
		if s.Dump(t) != before {
			t.Error("a refused act has changed something")
		}
		// And a line of one's own cart only.
		s.Clock.Move(-cart.IdleAfter - time.Hour)
		if _, err := s.Desk.SetQuantity(noCtx, other.ID, other.Token, line, 2); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v for another's line, want not found", err)
		}
		if _, err := s.Desk.RemoveLine(noCtx, other.ID, other.Token, line); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v for another's line, want not found", err)
		}
	})
}

func TestAnOrderOpensWithItsTokenAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		ada, other := place(t, s, s.Ready(t, bowl.ID, 1), "key-1"), place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if v, err := s.Desk.Order(noCtx, ada.Order.Number, ada.Token); err != nil || v.Order.ID != ada.Order.ID {
			t.Fatalf("got %v, %v, want Ada's order", v.Order.ID, err)
		}
		_, unknown := s.Desk.Order(noCtx, "00000-00000", ada.Token)
		for who, token := range map[string]string{"another's": other.Token, "none": "", "cut": ada.Token[:20]} {
			if _, err := s.Desk.Order(noCtx, ada.Order.Number, token); !fault.Is(err, fault.NotFound) || err.Error() != unknown.Error() {
				t.Errorf("%s token: got %v, want what an unknown number gets", who, err)
			}
		}
	})
}

func TestACartLeftAloneEnds(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		left := s.Ready(t, bowl.ID, 1)
		place(t, s, left, "key-1")
		s.Clock.Move(29 * 24 * time.Hour)
		young := s.Ready(t, bowl.ID, 1)
		s.Clock.Move(2 * 24 * time.Hour)
		if n, err := s.Desk.SweepCarts(noCtx); err != nil || n != 1 {
			t.Fatalf("got %d, %v, want one cart ended", n, err)
		}
		for _, table := range []string{"carts", "cart_lines", "cart_details"} {
			if n := count(t, s, `SELECT count(*) FROM `+table+` WHERE owner = $1`, string(left.ID)); n != 0 {
				t.Errorf("%d rows of it are left in %s", n, table)
			}
			if n := count(t, s, `SELECT count(*) FROM `+table+` WHERE owner = $1`, string(young.ID)); n != 1 {
				t.Errorf("the young cart has %d rows in %s, want 1", n, table)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM idempotency`); n != 0 {
			t.Errorf("%d idempotency rows are left", n)
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE subject = $1 AND purpose = 'cart' AND wrap IS NOT NULL`, string(left.ID)); n != 0 {
			t.Error("its key is left")
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'cart.expired' AND subject = $1`, string(left.ID)); n != 1 {
			t.Errorf("got %d events, want one", n)
		}
	})
}

// TestDetailsLiveAsLongAsTheirCart: who comes back every other week finds what
// was typed.
func TestDetailsLiveAsLongAsTheirCart(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		b := s.Ready(t, bowl.ID, 1)
		for range 4 {
			s.Clock.Move(14 * 24 * time.Hour)
			if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 1); err != nil {
				t.Fatal(err)
			}
			retain(t, s)
		}
		p := place(t, s, b, "key-1")
		if got := p.Order.Lines[0].Quantity; got != 5 {
			t.Errorf("got %d, want 5", got)
		}
	})
}

func TestTypedValuesAreRefusedByName(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Basket(t, bowl.ID, 1)
		bad := checkout.DetailsInput{Email: "ada@", Name: "Ada\x00Lovelace", Phone: "12", Note: strings.Repeat("n", 501), ShippingMethod: "drone",
			ShipTo: contact.AddressFields{Street: "\u202e12", Locality: "", PostalCode: "ABC", Country: "DE"}, BillTo: &contact.AddressFields{Country: "XX"}}
		_, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, bad)
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("got %v, want the fields named", err)
		}
		named := map[string]bool{}
		for _, p := range fault.Of(err).Problems {
			named[p.Field] = true
		}
		for _, want := range []string{"email", "name", "phone", "note", "shipping_method", "shipping_address/street_address", "shipping_address/address_locality",
			"shipping_address/postal_code", "billing_address/address_country"} {
			if !named[want] {
				t.Errorf("%s is not named in %v", want, named)
			}
		}
		if strings.Contains(err.Error(), "Lovelace") || strings.Contains(err.Error(), "ada@") {
			t.Errorf("the refusal quotes what was typed: %v", err)
		}
		if n := count(t, s, `SELECT count(*) FROM cart_details`) + count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'cart'`); n != 0 {
			t.Errorf("%d rows were written for refused details", n)
		}
		if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want no order without details", err)
		}
	})
}

func TestQuantitiesStayInBounds(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, catalog.Stock{})
		b := s.Basket(t, bowl.ID, 990)
		for _, n := range []int64{-1, 0, 1000, 1 << 31, -1 << 63, 1<<63 - 1} {
			if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, n); !fault.Is(err, fault.Invalid) {
				t.Errorf("adding %d: got %v, want it refused", n, err)
			}
		}
		for range 3 {
			if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 10); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want no more than 999", err)
			}
		}
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, "no-such-thing", 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v for an unknown variant, want it refused", err)
		}
		if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || c.Count() != 990 {
			t.Errorf("got %d, %v, want 990", c.Count(), err)
		}
	})
}

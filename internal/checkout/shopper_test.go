package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// reprice changes what the first variant of a product costs.
func reprice(t *testing.T, s *shoptest.Shop, handle string, minor int64) {
	t.Helper()
	err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
		p, err := tx.ProductByHandle(handle)
		if err != nil {
			return err
		}
		p.Variants[0].Price = money.Of(minor, p.Variants[0].Price.Currency())
		return tx.SaveProduct(p)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsSavedForLaterIsInNoSumAndNoOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl, mug := s.Product(t, "bowl", 3900, shoptest.Counted(5)), s.Product(t, "mug", 1950, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 2)
		c, err := s.Desk.AddLine(noCtx, b.ID, b.Token, mug.ID, 3)
		if err != nil {
			t.Fatal(err)
		}
		line := c.Lines[1].ID
		if c, err = s.Desk.SaveLine(noCtx, b.ID, b.Token, line); err != nil {
			t.Fatal(err)
		}
		if len(c.Lines) != 1 || len(c.Saved) != 1 || c.Saved[0].Quantity != 3 || c.Totals.Items.Minor() != 7800 || c.Count() != 2 {
			t.Errorf("got %d lines, %d saved, items %s; want the mugs set aside", len(c.Lines), len(c.Saved), c.Totals.Items)
		}
		p := place(t, s, b, "key-1")
		if got := p.Order; len(got.Lines) != 1 || got.Lines[0].Variant != bowl.ID {
			t.Errorf("got %d lines ordered, want the bowl alone", len(got.Lines))
		}
		if held := s.Stock(t, mug.ID).Held; held != 0 {
			t.Errorf("got %d mugs held, want none for what is saved", held)
		}
	})
}

func TestWhatIsSavedForLaterComesBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
		b := s.Basket(t, mug.ID, 3)
		c, _ := s.Desk.Cart(noCtx, b.ID, b.Token)
		line := c.Lines[0].ID
		back := func(what string, want int64, fn func() (cart.Cart, error)) {
			t.Helper()
			if c, err := s.Desk.SaveLine(noCtx, b.ID, b.Token, line); err != nil || len(c.Lines) != 0 {
				t.Fatalf("got %d lines, %v, want it saved", len(c.Lines), err)
			}
			if _, err := s.Desk.SetQuantity(noCtx, b.ID, b.Token, line, 1); !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v, want no quantity set of what is not in the cart", err)
			}
			if c, err := fn(); err != nil || len(c.Saved) != 0 || c.Count() != want {
				t.Errorf("%s: got %d units, %d saved, %v; want %d in the cart", what, c.Count(), len(c.Saved), err, want)
			}
		}
		back("restored", 3, func() (cart.Cart, error) { return s.Desk.RestoreLine(noCtx, b.ID, b.Token, line) })
		back("added again", 1, func() (cart.Cart, error) { return s.Desk.AddLine(noCtx, b.ID, b.Token, mug.ID, 1) })

		// It ends with the cart, and a stranger moves nothing.
		other := s.Basket(t, mug.ID, 1)
		if _, err := s.Desk.SaveLine(noCtx, other.ID, other.Token, line); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want another's line not found", err)
		}
		if _, err := s.Desk.SaveLine(noCtx, b.ID, b.Token, line); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Clear(noCtx, b.ID, b.Token); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM cart_lines WHERE owner = $1`, string(b.ID)); n != 0 {
			t.Errorf("%d lines are left of a cart that was cleared", n)
		}
	})
}

func TestAChangedPriceIsShownAndMustBeAccepted(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl, mug := s.Product(t, "bowl", 3900, shoptest.Counted(9)), s.Product(t, "mug", 1950, shoptest.Counted(9))
		b := s.Ready(t, bowl.ID, 1)
		reprice(t, s, "bowl", 4200)
		// Another change of the cart does not accept it on the quiet.
		c, err := s.Desk.AddLine(noCtx, b.ID, b.Token, mug.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		if l := c.Lines[0]; !l.Changed() || l.Was.Minor() != 3900 || l.Unit.Minor() != 4200 || c.Lines[1].Changed() {
			t.Errorf("got %s, was %s; want the bowl's old price beside its new one", l.Unit, l.Was)
		}
		_, err = s.Place(b, "key-1")
		if !fault.Is(err, fault.Changed) || !strings.Contains(fault.Of(err).Text, "bowl was €39.00 and is now €42.00") {
			t.Fatalf("got %v, want the change named and the order refused", err)
		}
		if held := s.Stock(t, bowl.ID).Held; held != 0 {
			t.Errorf("got %d held, want none for a refused order", held)
		}
		// Told once, trying again is the shopper's word.
		place(t, s, b, "key-1")

		b = s.Ready(t, bowl.ID, 1)
		reprice(t, s, "bowl", 3500)
		if c, err = s.Desk.Accept(noCtx, b.ID, b.Token); err != nil || c.Lines[0].Changed() {
			t.Errorf("got changed %v, %v; want it accepted", c.Lines[0].Changed(), err)
		}
		place(t, s, b, "key-2")

		// Whoever adds one more has seen today's price.
		b = s.Ready(t, bowl.ID, 1)
		reprice(t, s, "bowl", 3600)
		if c, err = s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 1); err != nil || c.Lines[0].Changed() {
			t.Errorf("got changed %v, %v; want today's price seen", c.Lines[0].Changed(), err)
		}
	})
}

// wholeForm is a form with everything in it.
func wholeForm() checkout.DetailsInput {
	in := shoptest.Ada()
	in.Note, in.OrderNote = "The blue bell", "No plastic, please"
	in.GiftName, in.GiftMessage = "Byron Lovelace", "Many happy returns"
	return in
}

func TestAGiftHasADossierOfItsOwnThatEndsEarly(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Basket(t, bowl.ID, 1)
		if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, wholeForm()); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		read := func() (d order.Details) {
			t.Helper()
			if err := s.DB.View(noCtx, func(v *store.View) (err error) { d, err = v.OrderDetails(p.Order.Owner, p.Order.ID); return err }); err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := read()
		if d.Recipient().Reveal() != "Byron Lovelace" || d.GiftMessage.Reveal() != "Many happy returns" || d.OrderNote.Reveal() != "No plastic, please" || d.Name.Reveal() != "Ada Lovelace" {
			t.Error("the order has lost something that was typed")
		}
		ends := map[string]int64{}
		for _, purpose := range []personal.Purpose{personal.Gift, personal.Fulfilment, personal.CourierUse} {
			ends[string(purpose)] = shoptest.One[int64](t, s.Raw(t), `SELECT destroy_after FROM dossiers WHERE case_id = $1 AND purpose = $2`, string(p.Order.ID), string(purpose))
		}
		if ends["gift"] != ends["courier"] || ends["gift"] >= ends["fulfilment"] {
			t.Errorf("got ends %v, want the gift to end with the courier's part", ends)
		}
		// A cancelled order keeps none of it longer than a month.
		s.Clock.Move(checkout.HoldTime + time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		end := shoptest.One[int64](t, s.Raw(t), `SELECT destroy_after FROM dossiers WHERE case_id = $1 AND purpose = 'gift'`, string(p.Order.ID))
		if end > s.Clock.Now().AddDate(0, 1, 1).UnixMilli() {
			t.Error("a gift that was never sent is kept for longer than a month")
		}

		plain := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'gift' AND case_id = $1`, string(plain.Order.ID)); n != 0 {
			t.Errorf("got %d gift dossiers for an order that is none", n)
		}
	})
}

func TestAnUnfinishedFormIsKeptSealedAndLosesNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		typed := wholeForm()
		typed.Email, typed.ShipTo.PostalCode, typed.BillTo = "zyrqvalith at example", "ABC", &typed.ShipTo
		if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, typed); err != nil {
			t.Fatal(err)
		}
		got, err := s.Desk.Typed(noCtx, b.ID, b.Token)
		if err != nil || got.Email != typed.Email || got.ShipTo != typed.ShipTo || got.GiftMessage != typed.GiftMessage || got.BillTo == nil || *got.BillTo != typed.ShipTo {
			t.Errorf("got another form back, %v", err)
		}
		if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || c.Checkout.Complete {
			t.Error("an order could be made while the form is not finished")
		}
		if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want no order of an unfinished form", err)
		}
		if n := count(t, s, `SELECT count(*) FROM cart_details WHERE draft IS NOT NULL`); n != 1 {
			t.Fatalf("got %d drafts, want one", n)
		}
		// The first form that is whole takes its place.
		if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, wholeForm()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM cart_details WHERE draft IS NOT NULL`); n != 0 {
			t.Error("the draft stays beside the form that is whole")
		}
		got, err = s.Desk.Typed(noCtx, b.ID, b.Token)
		if err != nil || got.Email != "ada@example.com" || got.GiftName != "Byron Lovelace" || got.OrderNote != "No plastic, please" || got.BillTo != nil {
			t.Errorf("got another form than was saved, %v", err)
		}
		place(t, s, b, "key-1")
	})
}

func TestADraftIsTheFirstThingTyped(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		b := s.Basket(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1)
		if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, checkout.DetailsInput{Email: "ada@", ShipTo: shoptest.Ada().ShipTo}); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || c.Checkout.Country != "DE" || c.Checkout.ShippingMethod == "" || c.Totals.Shipping.IsZero() {
			t.Errorf("got %+v, %v; want delivery priced for the country typed", c.Checkout, err)
		}
		for range 3 {
			if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, checkout.DetailsInput{Name: "Ada"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE case_id = $1`, string(b.ID)); n != 1 {
			t.Errorf("got %d dossiers for one cart, want one", n)
		}
		other := s.Basket(t, s.Product(t, "mug", 1950, shoptest.Counted(5)).ID, 1)
		if err := s.Desk.KeepDraft(noCtx, b.ID, other.Token, checkout.DetailsInput{Name: "Eve"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want another's form shut", err)
		}
		if _, err := s.Desk.Typed(noCtx, b.ID, other.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want another's form shut", err)
		}
	})
}

func TestACardNumberIsNeverKept(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		b := s.Basket(t, s.Product(t, "bowl", 3900, catalog.Stock{}).ID, 1)
		for field, typeIn := range map[string]func(*checkout.DetailsInput, string){
			"name":                              func(in *checkout.DetailsInput, v string) { in.Name += v },
			"phone":                             func(in *checkout.DetailsInput, v string) { in.Phone = v },
			"note":                              func(in *checkout.DetailsInput, v string) { in.Note += "\n" + v },
			"order_note":                        func(in *checkout.DetailsInput, v string) { in.OrderNote += v },
			"gift_name":                         func(in *checkout.DetailsInput, v string) { in.GiftName += v },
			"gift_message":                      func(in *checkout.DetailsInput, v string) { in.GiftMessage += v },
			"shipping_address/street_address":   func(in *checkout.DetailsInput, v string) { in.ShipTo.Street += "\n" + v },
			"shipping_address/address_locality": func(in *checkout.DetailsInput, v string) { in.ShipTo.Locality += v },
			"billing_address/street_address": func(in *checkout.DetailsInput, v string) {
				bill := in.ShipTo
				bill.Street = v
				in.BillTo = &bill
			},
		} {
			in := wholeForm()
			typeIn(&in, " 4111 1111-1111 1111")
			_, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in)
			f := fault.Of(err)
			if !fault.Is(err, fault.Invalid) || len(f.Problems) != 1 || f.Problems[0].Field != field || !strings.Contains(f.Problems[0].Detail, "card number") {
				t.Errorf("%s: got %v, want it refused with a hint at the field", field, err)
			}
			if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			kept, err := s.Desk.Typed(noCtx, b.ID, b.Token)
			if err != nil {
				t.Fatal(err)
			}
			// What is kept is refused no more: the number is out of it.
			for _, p := range fault.Of(fieldsOf(kept)).Problems {
				if strings.Contains(p.Detail, "card number") {
					t.Errorf("%s: the number is in the draft", field)
				}
			}
			if kept.Email != in.Email || !strings.HasPrefix(kept.Note, "The blue bell") {
				t.Errorf("%s: something else was lost with the number", field)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM cart_details WHERE email IS NOT NULL`); n != 0 {
			t.Errorf("%d forms with a card number were saved", n)
		}
	})
}

func fieldsOf(in checkout.DetailsInput) error {
	_, err := checkout.ParseDetails(in)
	if err == nil {
		return fault.New(fault.Invalid, "")
	}
	return err
}

// A form so long that it can't be kept is refused; a step never goes on as if
// it had been.
func TestAFormIsKeptWholeOrRefused(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
	b := s.Basket(t, bowl.ID, 1)
	in := checkout.DetailsInput{Email: "ada@example.com", GiftMessage: strings.Repeat("<", 21000)}
	if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, in); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Desk.Typed(noCtx, b.ID, b.Token); err != nil || got.Email != in.Email || got.GiftMessage != in.GiftMessage {
		t.Errorf("got an e-mail of %d and a message of %d characters, %v; want all of it", len(got.Email), len(got.GiftMessage), err)
	}
	in.GiftMessage = strings.Repeat("x", 100<<10)
	if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, in); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v, want too large", err)
	}
}

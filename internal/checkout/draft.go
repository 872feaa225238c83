package checkout

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// maxDraft bounds a form that is not finished, in bytes. Whoever types by hand
// stays far below it.
const maxDraft = 96 << 10

// draft writes the form as it is sealed. One that is too long is refused aloud:
// a step that went on without it would lose all that was typed.
func (in DetailsInput) draft() (string, error) {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it stands in no page, and each < would take six bytes
	if err := e.Encode(in); err != nil {
		return "", err
	}
	if text.Len() > maxDraft {
		return "", fault.New(fault.TooLarge, "That is more than this form can keep. Please shorten what you typed.")
	}
	return text.String(), nil
}

// KeepDraft seals a checkout form as it was typed, so that nothing is lost
// while something in it is missing or wrong: over a step back, a page that was
// closed, or a day. It lives and ends with the cart. A card number is taken
// out first. Until the form is whole, no order is made of the cart.
func (d *Desk) KeepDraft(ctx context.Context, id cart.ID, token string, in DetailsInput) error {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	in.withoutCards()
	draft, err := in.draft()
	if err != nil {
		return err
	}
	return d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		if err := t.SaveDraft(id, draft, !row.Typed); err != nil {
			return err
		}
		was := row.Checkout
		row.Typed, row.Checkout.Complete = true, false
		lines, err := t.CartLines(id)
		if err != nil {
			return err
		}
		now, _ := cart.Apart(lines)
		if place := placeTyped(in.ShipTo); place.Country != "" {
			if k, err := d.pick(now, place, in, contact.VAT{}, s); err == nil {
				row.Checkout = k
			}
		}
		_, err = d.quote(t, row, was, lines, s)
		return err
	})
}

// Typed returns the checkout form of a cart, to be filled in further: as it was
// last typed, or from the details that were whole.
func (d *Desk) Typed(ctx context.Context, id cart.ID, token string) (DetailsInput, error) {
	var out DetailsInput
	err := d.db.View(ctx, func(v *store.View) error {
		row, err := v.Cart(id, token)
		if err != nil {
			return err
		}
		details, draft, err := v.Details(id)
		if err != nil {
			return err
		}
		out = DetailsInput{}
		if draft != "" && json.Unmarshal([]byte(draft), &out) == nil {
			return nil
		}
		out = typedFrom(details, row.Checkout)
		return nil
	})
	return out, err
}

func typedFrom(d order.Details, k cart.Checkout) DetailsInput {
	in := DetailsInput{Email: d.Email.Reveal(), Name: d.Name.Reveal(), Phone: d.Phone.Reveal(), Note: d.Note.Reveal(),
		ShipTo: d.ShipTo.Reveal(), ShippingMethod: k.ShippingMethod, Window: k.Window, VAT: d.VAT.Reveal(),
		OrderNote: d.OrderNote.Reveal(), GiftName: d.GiftName.Reveal(), GiftMessage: d.GiftMessage.Reveal()}
	if !d.BillTo.IsZero() {
		bill := d.BillTo.Reveal()
		in.BillTo = &bill
	}
	return in
}

// placeTyped is where an address that may be unfinished lies, as its country
// writes it; without a country it is nowhere.
func placeTyped(f contact.AddressFields) area.Place {
	if a, err := contact.ParseAddress(f); err == nil {
		f = a.Reveal()
	}
	c, _ := contact.CountryOf(strings.TrimSpace(f.Country))
	return area.Place{Country: c.Code, Region: strings.TrimSpace(f.Region), PostalCode: f.PostalCode}
}

// text is one thing typed, with the path of its field.
type text struct {
	field string
	value *string
}

// texts lists everything that a person types, whatever it is.
func (in *DetailsInput) texts() []text {
	out := []text{{"email", &in.Email}, {"name", &in.Name}, {"phone", &in.Phone}, {"note", &in.Note},
		{"vat_number", &in.VAT}, {"order_note", &in.OrderNote}, {"gift_name", &in.GiftName}, {"gift_message", &in.GiftMessage}}
	address := func(prefix string, a *contact.AddressFields) {
		out = append(out, text{prefix + "/street_address", &a.Street}, text{prefix + "/address_locality", &a.Locality},
			text{prefix + "/address_region", &a.Region}, text{prefix + "/postal_code", &a.PostalCode}, text{prefix + "/address_country", &a.Country})
	}
	address("shipping_address", &in.ShipTo)
	if in.BillTo != nil {
		bill := *in.BillTo // the caller's stays as it is
		in.BillTo = &bill
		address("billing_address", in.BillTo)
	}
	return out
}

// card reports whether a text holds a card's number.
func (t text) card() bool {
	if t.field == "phone" {
		return contact.CardInPhone(*t.value)
	}
	return contact.CardNumber(*t.value)
}

// withoutCards takes every card number out and returns the fields that had one.
func (in *DetailsInput) withoutCards() []string {
	var found []string
	for _, t := range in.texts() {
		if t.card() {
			found = append(found, t.field)
			*t.value = strings.TrimSpace(contact.WithoutCard(*t.value))
		}
	}
	return found
}

// tidy takes away what people paste around a value; see contact.TidyEmail.
func (in *DetailsInput) tidy() {
	in.Email, in.Phone = contact.TidyEmail(in.Email), contact.TidyPhone(in.Phone)
	in.Name, in.GiftName = contact.TidyLine(in.Name), contact.TidyLine(in.GiftName)
	in.ShipTo = contact.TidyAddress(in.ShipTo)
	if in.BillTo != nil {
		bill := contact.TidyAddress(*in.BillTo)
		in.BillTo = &bill
	}
}

// WithoutCards returns the form as it may be shown again and kept.
func (in DetailsInput) WithoutCards() DetailsInput {
	in.withoutCards()
	return in
}

package checkout

import (
	"context"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Shipping returns how the cart could be sent to a country, the cheapest first.
func (d *Desk) Shipping(ctx context.Context, id cart.ID, token, country, postalCode string) ([]ShippingOption, error) {
	country = strings.ToUpper(strings.TrimSpace(country))
	if _, ok := contact.CountryOf(country); !ok {
		return nil, fault.Field("country", "Choose a country.")
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.db.View(ctx, func(v *store.View) error { _, err := v.Cart(id, token); return err }); err != nil {
		return nil, err
	}
	return options(s, country), nil
}

func options(s store.Settings, country string) []ShippingOption {
	out := []ShippingOption{}
	for _, m := range s.Shipping.To(country) {
		price, _ := m.For(country)
		out = append(out, ShippingOption{ID: m.ID, Title: m.Title, Price: price})
	}
	return out
}

// ParseDetails reads what a shopper typed, and names every field that needs mending.
func ParseDetails(in DetailsInput) (order.Details, error) {
	var d order.Details
	var bad fault.Fields
	var err error
	for _, field := range in.withoutCards() {
		bad.Add(field, cardHint)
	}
	d.Email, err = contact.ParseEmail(in.Email)
	bad.Take("", err)
	d.Name, err = contact.ParseName(in.Name)
	bad.Take("", err)
	d.ShipTo, err = contact.ParseAddress(in.ShipTo)
	bad.Take("shipping_address", err)
	if in.BillTo != nil {
		d.BillTo, err = contact.ParseAddress(*in.BillTo)
		bad.Take("billing_address", err)
	}
	if strings.TrimSpace(in.Phone) != "" {
		d.Phone, err = contact.ParsePhone(in.Phone, in.ShipTo.Country)
		bad.Take("", err)
	}
	if strings.TrimSpace(in.Note) != "" {
		d.Note, err = contact.ParseNote(in.Note, order.MaxNote)
		bad.Take("", err)
	}
	if strings.TrimSpace(in.OrderNote) != "" {
		d.OrderNote, err = contact.ParseNote(in.OrderNote, order.MaxNote)
		bad.As("order_note", err)
	}
	if strings.TrimSpace(in.GiftName) != "" {
		d.GiftName, err = contact.ParseName(in.GiftName)
		bad.As("gift_name", err)
	}
	if strings.TrimSpace(in.GiftMessage) != "" {
		d.GiftMessage, err = contact.ParseNote(in.GiftMessage, order.MaxGift)
		bad.As("gift_message", err)
	}
	return d, bad.Err()
}

// cardHint stands at a field that a card number was typed into. The number is
// not in the form that is shown again.
const cardHint = "This looked like a card number, so we took it out. You give your card on the payment page, never here."

// SaveDetails parses and seals the checkout details and picks the delivery.
func (d *Desk) SaveDetails(ctx context.Context, id cart.ID, token string, in DetailsInput) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	// Whose cart it is comes first: a stranger learns nothing about the fields.
	if err := d.db.View(ctx, func(v *store.View) error { _, err := v.Cart(id, token); return err }); err != nil {
		return cart.Cart{}, err
	}
	details, err := ParseDetails(in)
	var bad fault.Fields
	bad.Take("", err)
	country := strings.ToUpper(strings.TrimSpace(in.ShipTo.Country))
	if !details.ShipTo.IsZero() {
		country = details.ShipTo.Reveal().Country
	}
	method, why := pickShipping(s, country, in.ShippingMethod)
	if _, known := contact.CountryOf(country); known && why != nil {
		bad.Take("", why)
	}
	if err := bad.Err(); err != nil {
		return cart.Cart{}, err
	}
	var c cart.Cart
	err = d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		if err := t.SaveDetails(id, details, !row.Typed); err != nil {
			return err
		}
		was := row.Checkout
		row.Typed = true
		row.Checkout = cart.Checkout{Complete: details.Complete(), Country: country, ShippingMethod: method}
		c, err = d.requote(t, row, was, s)
		return err
	})
	return c, err
}

// pickShipping returns the chosen way to a country, or the cheapest.
func pickShipping(s store.Settings, country, chosen string) (string, error) {
	all := options(s, country)
	if len(all) == 0 {
		return "", fault.Field("shipping_address/address_country", "We can't deliver to that country yet.")
	}
	if chosen == "" {
		return all[0].ID, nil
	}
	if !slices.ContainsFunc(all, func(o ShippingOption) bool { return o.ID == chosen }) {
		return "", fault.Field("shipping_method", "Choose one of the delivery methods for that country.")
	}
	return chosen, nil
}

// Details opens the details of a cart for the shopper who holds its token: to
// fill the form in again, and to review before paying.
func (d *Desk) Details(ctx context.Context, id cart.ID, token string) (order.Details, error) {
	var out order.Details
	err := d.db.View(ctx, func(v *store.View) error {
		if _, err := v.Cart(id, token); err != nil {
			return err
		}
		var err error
		out, _, err = v.Details(id)
		return err
	})
	return out, err
}

// Options returns the delivery methods to a country for the checkout form.
func (d *Desk) Options(ctx context.Context, country string) ([]ShippingOption, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return options(s, country), nil
}

package checkout

import (
	"context"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Shipping returns how the cart could be sent to a place, what brings it first
// and the cheapest of that first.
func (d *Desk) Shipping(ctx context.Context, id cart.ID, token string, to area.Place) ([]Option, error) {
	to, err := placeOf(to)
	if err != nil {
		return nil, err
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := d.linesNow(ctx, id, token)
	if err != nil {
		return nil, err
	}
	return d.options(lines, to, s)
}

// placeOf tidies where a cart might go, for a price before any details.
func placeOf(to area.Place) (area.Place, error) {
	to.Country = strings.ToUpper(strings.TrimSpace(to.Country))
	if _, ok := contact.CountryOf(to.Country); !ok {
		return to, fault.Field("country", "Choose a country.")
	}
	to.Region = strings.TrimSpace(to.Region)
	return to, nil
}

// Option is one way to send a cart to one place, with its price and the times
// that can be chosen now.
type Option struct {
	shipping.Option
	Windows []shipping.Window
}

// options are the ways to send lines to a place. An empty cart is told what
// one thing would cost.
func (d *Desk) options(lines []cart.Line, to area.Place, s store.Settings) ([]Option, error) {
	p, err := parcel(lines, s)
	if err != nil {
		return nil, err
	}
	p.Place = to
	out := []Option{}
	for _, o := range s.Shipping.For(p) {
		out = append(out, Option{o, o.Windows(d.db.Now(), s.Zone)})
	}
	return out, nil
}

// ParseDetails reads what a shopper typed, and names every field that needs mending.
func ParseDetails(in DetailsInput) (order.Details, error) {
	var d order.Details
	var bad fault.Fields
	var err error
	for _, field := range in.withoutCards() {
		bad.Add(field, cardHint)
	}
	in.tidy()
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
	if strings.TrimSpace(in.VAT) != "" {
		d.VAT, err = contact.ParseVAT(in.VAT)
		bad.Take("", err)
	}
	return d, bad.Err()
}

// cardHint stands at a field that a card number was typed into. The number is
// not in the form that is shown again.
const cardHint = "This looked like a card number, so we took it out. You give your card on the payment page, never here."

// linesNow returns what a cart's holder wants now, without what is saved for later.
func (d *Desk) linesNow(ctx context.Context, id cart.ID, token string) (lines []cart.Line, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		if _, err := v.Cart(id, token); err != nil {
			return err
		}
		lines, err = v.CartLines(id)
		lines, _ = cart.Apart(lines)
		return err
	})
	return lines, err
}

// SaveDetails parses and seals the checkout details and picks the delivery.
func (d *Desk) SaveDetails(ctx context.Context, id cart.ID, token string, in DetailsInput) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	in.tidy()
	details, wrong := ParseDetails(in)
	var c cart.Cart
	err = d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		// Whose cart it is came first: a stranger learns nothing about the fields.
		lines, err := t.CartLines(id)
		if err != nil {
			return err
		}
		now, _ := cart.Apart(lines)
		k, err := d.fits(now, in, details, wrong, s)
		if err != nil {
			return err
		}
		k.Complete = details.Complete()
		if err := t.SaveDetails(id, details, !row.Typed); err != nil {
			return err
		}
		was := row.Checkout
		row.Typed, row.Checkout = true, k
		c, err = d.quote(t, row, was, lines, s)
		return err
	})
	return c, err
}

// Check says what SaveDetails would refuse for a cart, and changes nothing.
func (d *Desk) Check(ctx context.Context, c cart.Cart, in DetailsInput) error {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	in.tidy()
	details, wrong := ParseDetails(in)
	_, err = d.fits(c.Lines, in, details, wrong, s)
	return err
}

// fits picks the delivery for a form, and names all that is wrong with both:
// wrong is what ParseDetails said of the form.
func (d *Desk) fits(lines []cart.Line, in DetailsInput, details order.Details, wrong error, s store.Settings) (cart.Checkout, error) {
	var bad fault.Fields
	bad.Take("", wrong)
	to := placeTyped(in.ShipTo)
	k, why := d.pick(lines, to, in, details.VAT, s)
	if to.Country != "" {
		bad.Take("", why)
	}
	return k, bad.Err()
}

// pick decides what a cart keeps of where it goes, and how: the way that was
// chosen, or the first one. Goods are never collected because nobody chose.
func (d *Desk) pick(lines []cart.Line, to area.Place, in DetailsInput, vat contact.VAT, s store.Settings) (cart.Checkout, error) {
	at := s.Tax.Place(to)
	k := cart.Checkout{Country: at.Country, Region: at.Region, Zone: s.Shipping.Zone(to), Reverse: s.Tax.Reverse(at, vat.Country())}
	if cart.Virtual(lines) {
		return k, nil
	}
	all, err := d.options(lines, to, s)
	switch {
	case err != nil:
		return k, err
	case len(all) == 0 && s.Shipping.Reaches(to.Country):
		return k, fault.Field("shipping_address/postal_code", "We can't deliver these things to that place. Please write to us, or take something out of the cart.")
	case len(all) == 0:
		return k, fault.Field("shipping_address/address_country", "We can't deliver to that country yet.")
	}
	chosen := all[0]
	if in.ShippingMethod != "" {
		i := slices.IndexFunc(all, func(o Option) bool { return o.ID == in.ShippingMethod })
		if i < 0 {
			return k, fault.Field("shipping_method", "Choose one of the delivery methods for that country.")
		}
		chosen = all[i]
	}
	k.ShippingMethod = chosen.ID
	k.Window, err = pickWindow(chosen, in.Window)
	return k, err
}

var errWindow = fault.Field("delivery_window", "That time can't be chosen any more. Please choose another one.")

// pickWindow returns the time that was chosen, or the first one there is.
func pickWindow(o Option, chosen string) (string, error) {
	switch {
	case len(o.Slots) == 0:
		return "", nil
	case slices.ContainsFunc(o.Windows, func(w shipping.Window) bool { return w.ID() == chosen }):
		return chosen, nil
	case chosen != "" || len(o.Windows) == 0:
		return "", errWindow
	}
	return o.Windows[0].ID(), nil
}

// DeliveryWords tells how and when an order comes: "By bicycle, Thursday
// 3 December, 18:00 to 21:00".
func DeliveryWords(s store.Settings, method, window string) string {
	m, _ := s.Shipping.Find(method)
	if w, ok := shipping.ParseWindow(window, s.Zone); ok && m.Title != "" {
		return m.Title + ", " + w.String()
	}
	return m.Title
}

// stillGoes says what is wrong with the delivery of a cart that is about to be
// ordered: goods were added since, or an hour has passed, or the shop changed
// its rates.
func (d *Desk) stillGoes(k cart.Checkout, lines []cart.Line, s store.Settings) error {
	if cart.Virtual(lines) {
		return nil
	}
	p, err := parcel(lines, s)
	if err != nil {
		return err
	}
	m, _ := s.Shipping.Find(k.ShippingMethod)
	if _, goes := s.Shipping.Price(k.ShippingMethod, k.Zone, p); !goes {
		return fault.Field("shipping_method", "What you chose for delivery does not fit any more. Please choose again.")
	}
	if len(m.Slots) == 0 {
		return nil
	}
	if now := shipping.Windows(m.Slots, d.db.Now(), s.Zone); !slices.ContainsFunc(now, func(w shipping.Window) bool { return w.ID() == k.Window }) {
		return errWindow
	}
	return nil
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

// Options returns how a cart could be sent, for the checkout form: what was
// typed so far may be anything.
func (d *Desk) Options(ctx context.Context, c cart.Cart, to contact.AddressFields) ([]Option, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return d.options(c.Lines, placeTyped(to), s)
}

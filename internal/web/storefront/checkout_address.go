package storefront

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// typeIn takes what a form says, whatever is wrong with it. A whole form says
// everything; a step leaves what it does not ask for as it was.
func typeIn(in *checkout.DetailsInput, form url.Values, whole bool) {
	take := func(field string, into *string) {
		if whole || form.Has(field) {
			*into = form.Get(field)
		}
	}
	address := func(prefix string, a *contact.AddressFields) {
		take(prefix+".street_address", &a.Street)
		take(prefix+".address_locality", &a.Locality)
		take(prefix+".address_region", &a.Region)
		take(prefix+".postal_code", &a.PostalCode)
		take(prefix+".address_country", &a.Country)
	}
	take(page.FieldEmail, &in.Email)
	take(page.FieldName, &in.Name)
	take(page.FieldPhone, &in.Phone)
	take(page.FieldNote, &in.Note)
	take(page.FieldOrderNote, &in.OrderNote)
	take(page.FieldGiftName, &in.GiftName)
	take(page.FieldGiftMessage, &in.GiftMessage)
	take(page.FieldShippingMethod, &in.ShippingMethod)
	take(page.FieldWindow+"."+in.ShippingMethod, &in.Window)
	take(page.FieldVAT, &in.VAT)
	address(page.FieldShipping, &in.ShipTo)

	// An empty billing address means that the bill goes where the goods go.
	var bill contact.AddressFields
	if in.BillTo != nil {
		bill = *in.BillTo
	}
	address(page.FieldBilling, &bill)
	in.BillTo = nil
	if strings.TrimSpace(bill.Street+bill.Locality+bill.Region+bill.PostalCode+bill.Country) != "" {
		in.BillTo = &bill
	}
}

// typedOf is the form as its page shows it.
func typedOf(in checkout.DetailsInput) page.Typed {
	t := page.Typed{Email: in.Email, Name: in.Name, Phone: in.Phone, Note: in.Note, ShipTo: in.ShipTo, ShippingMethod: in.ShippingMethod,
		VAT: in.VAT, Window: in.Window, OrderNote: in.OrderNote, GiftName: in.GiftName, GiftMessage: in.GiftMessage}
	if in.BillTo != nil {
		t.BillTo = *in.BillTo
	}
	return t
}

// methods returns the ways of delivery to the place typed.
func (s *Shop) methods(ctx context.Context, c cart.Cart, in checkout.DetailsInput) ([]page.Method, error) {
	options, err := s.desk.Options(ctx, c, in.ShipTo)
	if err != nil {
		return nil, err
	}
	out := make([]page.Method, 0, len(options))
	for _, o := range options {
		m := page.Method{ID: o.ID, Title: o.Title, Price: o.Price, Note: o.Estimate()}
		if o.Collected() {
			m.Note = strings.TrimSpace(strings.ReplaceAll(o.Pickup.Place, "\n", ", ") + ". " + o.Pickup.Hours)
		}
		for _, w := range o.Windows {
			m.Windows = append(m.Windows, page.Window{ID: w.ID(), Text: w.String()})
		}
		out = append(out, m)
	}
	return out, nil
}

// fitting drops a way of delivery that was shown for another country when the
// country typed leaves no choice: there is nothing to ask the shopper then.
func (s *Shop) fitting(ctx context.Context, c cart.Cart, in *checkout.DetailsInput) error {
	offered, err := s.methods(ctx, c, *in)
	if err == nil && len(offered) == 1 && !slices.ContainsFunc(offered, func(m page.Method) bool { return m.ID == in.ShippingMethod }) {
		in.ShippingMethod = ""
	}
	return err
}

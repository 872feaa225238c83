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

// typedIn takes the checkout form as it was typed, whatever is wrong with it.
func typedIn(form url.Values) page.Typed {
	return page.Typed{
		Email:          form.Get(page.FieldEmail),
		Name:           form.Get(page.FieldName),
		Phone:          form.Get(page.FieldPhone),
		Note:           form.Get(page.FieldNote),
		ShipTo:         addressIn(form, page.FieldShipping),
		BillTo:         addressIn(form, page.FieldBilling),
		ShippingMethod: form.Get(page.FieldShippingMethod),
	}
}

// addressIn takes the fields of one address.
func addressIn(form url.Values, prefix string) contact.AddressFields {
	return contact.AddressFields{
		Street:     form.Get(prefix + ".street_address"),
		Locality:   form.Get(prefix + ".address_locality"),
		Region:     form.Get(prefix + ".address_region"),
		PostalCode: form.Get(prefix + ".postal_code"),
		Country:    form.Get(prefix + ".address_country"),
	}
}

// input is what a typed form asks the till to save. An empty billing address
// means that the bill goes where the goods go.
func input(t page.Typed) checkout.DetailsInput {
	in := checkout.DetailsInput{Email: t.Email, Name: t.Name, Phone: t.Phone, Note: t.Note, ShipTo: t.ShipTo, ShippingMethod: t.ShippingMethod}
	if b := t.BillTo; strings.TrimSpace(b.Street+b.Locality+b.Region+b.PostalCode+b.Country) != "" {
		in.BillTo = &b
	}
	return in
}

// methods returns the ways of delivery to the place typed.
func (s *Shop) methods(ctx context.Context, c cart.Cart, t page.Typed) ([]page.Method, error) {
	options, err := s.desk.Options(ctx, c, t.ShipTo)
	if err != nil {
		return nil, err
	}
	out := make([]page.Method, 0, len(options))
	for _, o := range options {
		out = append(out, page.Method{ID: o.ID, Title: o.Title, Price: o.Price})
	}
	return out, nil
}

// fitting drops a way of delivery that was shown for another country when the
// country typed leaves no choice: there is nothing to ask the shopper then.
func fitting(t page.Typed, offered []page.Method) page.Typed {
	if len(offered) == 1 && !slices.ContainsFunc(offered, func(m page.Method) bool { return m.ID == t.ShippingMethod }) {
		t.ShippingMethod = ""
	}
	return t
}

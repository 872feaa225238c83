package checkout

import (
	"context"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Estimate is what a cart would cost with delivery, told before anybody is
// asked who they are.
type Estimate struct {
	Options  []Option    // what brings it first, the cheapest of that first
	Totals   cart.Totals // with the first one
	Codes    []discount.Applied
	Credits  []credit.Part
	ByPostal bool // the price in that country depends on the postcode
}

// Estimate says what delivery of a cart to a place would cost. It keeps nothing.
func (d *Desk) Estimate(ctx context.Context, c cart.Cart, to area.Place) (Estimate, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return Estimate{}, err
	}
	if to, err = placeOf(to); err != nil {
		return Estimate{}, err
	}
	e := Estimate{ByPostal: byPostal(s, to.Country)}
	if e.Options, err = d.options(c.Lines, to, s); err != nil {
		return e, err
	}
	k, err := d.pick(c.Lines, to, DetailsInput{}, contact.VAT{}, s)
	if err != nil {
		return e, err
	}
	row := store.CartRow{ID: c.ID, State: c.State, Checkout: k}
	for _, code := range c.Codes {
		row.Codes = append(row.Codes, code.Word)
	}
	for _, p := range c.Credits {
		row.Credits = append(row.Credits, store.CartCredit{ID: p.ID})
	}
	with, err := priced(row, c.Lines, s, d.db.Now())
	if err != nil {
		return e, err
	}
	err = d.db.View(ctx, func(v *store.View) error { return payWith(v, row, &with, "") })
	e.Totals, e.Codes, e.Credits = with.Totals, with.Codes, with.Credits
	return e, err
}

// byPostal reports whether some zone holds a part of a country by postcode.
func byPostal(s store.Settings, country string) bool {
	return slices.ContainsFunc(s.Shipping.Zones, func(z shipping.Zone) bool {
		return len(z.Postal) > 0 && slices.Contains(z.Countries, country)
	})
}

// SetEstimate remembers with the cart which country delivery is estimated for.
func (d *Desk) SetEstimate(ctx context.Context, id cart.ID, token, country string) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	known, ok := contact.CountryOf(strings.TrimSpace(country))
	if !ok {
		return cart.Cart{}, fault.Field("country", "Choose a country.")
	}
	var c cart.Cart
	err = d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		row.Estimate = known.Code
		if row, err = t.SaveCart(row); err != nil {
			return err
		}
		c, err = d.requote(t, row, row.Checkout, s)
		return err
	})
	return c, err
}

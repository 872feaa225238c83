package checkout

import (
	"fmt"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// priced puts a cart together and adds it up; what is saved for later is in
// no sum. Tax is rounded line by line,
// half to even, and delivery is taxed like goods; the sum of the rounded parts
// is the tax of the whole.
func priced(row store.CartRow, all []cart.Line, s store.Settings) (cart.Cart, error) {
	c := cart.Cart{ID: row.ID, State: row.State, OrderID: row.OrderID, Estimate: row.Estimate, Checkout: row.Checkout, ExpiresAt: row.ExpiresAt}
	c.Lines, c.Saved = cart.Apart(all)
	zero := money.Zero(s.Currency)
	t := cart.Totals{Items: zero, Discount: zero, Shipping: zero, Tax: zero, Total: zero, TaxIncluded: s.Tax.Included}
	parts := make([]money.Amount, 0, len(c.Lines)+1)
	var err error
	for _, l := range c.Lines {
		if t.Items, err = t.Items.Plus(l.Total); err != nil {
			return cart.Cart{}, fmt.Errorf("add up the cart: %w", err)
		}
		parts = append(parts, l.Total)
	}
	if m, ok := s.Shipping.Find(row.Checkout.ShippingMethod); ok && len(c.Lines) > 0 && row.Checkout.Country != "" {
		if price, goes := m.For(row.Checkout.Country); goes {
			t.Shipping = price
			parts = append(parts, price)
		}
	}
	for _, p := range parts {
		part, err := s.Tax.Of(p, row.Checkout.Country)
		if err != nil {
			return cart.Cart{}, fmt.Errorf("tax: %w", err)
		}
		if t.Tax, err = t.Tax.Plus(part); err != nil {
			return cart.Cart{}, fmt.Errorf("tax: %w", err)
		}
	}
	if t.Total, err = t.Items.Plus(t.Shipping); err != nil {
		return cart.Cart{}, fmt.Errorf("add up the cart: %w", err)
	}
	if !t.TaxIncluded {
		if t.Total, err = t.Total.Plus(t.Tax); err != nil {
			return cart.Cart{}, fmt.Errorf("add up the cart: %w", err)
		}
	}
	c.Totals = t
	return c, nil
}

// orderLines turns priced cart lines into the lines of an order.
func orderLines(c cart.Cart, s store.Settings) ([]order.Line, error) {
	out := make([]order.Line, 0, len(c.Lines))
	for _, l := range c.Lines {
		tax, err := s.Tax.Of(l.Total, c.Checkout.Country)
		if err != nil {
			return nil, fmt.Errorf("tax: %w", err)
		}
		out = append(out, order.Line{Variant: l.Variant, Handle: l.Handle, Title: l.Title, SKU: l.SKU, Quantity: l.Quantity,
			Unit: l.Unit, Total: l.Total, Tax: tax, TaxRate: s.Tax.Rate(c.Checkout.Country)})
	}
	return out, nil
}

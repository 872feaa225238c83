package checkout

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// priced puts a cart together and adds it up; how, says tax.Reckon. What is
// saved for later is in no sum.
func priced(row store.CartRow, all []cart.Line, s store.Settings, now time.Time) (cart.Cart, error) {
	c, _, err := reckoned(row, all, s, now)
	return c, err
}

// reckoned is priced with every part of the tax, as an order keeps it.
func reckoned(row store.CartRow, all []cart.Line, s store.Settings, now time.Time) (cart.Cart, tax.Reckoning, error) {
	c := cart.Cart{ID: row.ID, State: row.State, OrderID: row.OrderID, Estimate: row.Estimate, Checkout: row.Checkout, ExpiresAt: row.ExpiresAt}
	c.Lines, c.Saved = cart.Apart(all)
	k, zero := row.Checkout, money.Zero(s.Currency)
	bill := tax.Bill{Currency: s.Currency, At: tax.At{Country: k.Country, Region: k.Region, Reverse: k.Reverse && s.Tax.ReverseCharge}, Discount: zero, Delivery: zero,
		Items: make([]tax.Item, 0, len(c.Lines))}
	for _, l := range c.Lines {
		bill.Items = append(bill.Items, tax.Item{Total: l.Total, Class: l.TaxClass})
	}
	if len(c.Lines) > 0 && k.Zone != "" && k.ShippingMethod != "" {
		p, err := parcel(c.Lines, s)
		if err != nil {
			return cart.Cart{}, tax.Reckoning{}, err
		}
		if price, goes := s.Shipping.Price(k.ShippingMethod, k.Zone, p); goes {
			m, _ := s.Shipping.Find(k.ShippingMethod)
			bill.Delivery, bill.DeliveryClass = price, m.TaxClass
		}
	}
	if len(row.Codes) > 0 {
		var err error
		if c.Codes, err = takeOff(&bill, row.Codes, s, now); err != nil {
			return cart.Cart{}, tax.Reckoning{}, fmt.Errorf("price a cart: %w", err)
		}
	}
	r, err := s.Tax.Reckon(bill)
	if err != nil {
		return cart.Cart{}, tax.Reckoning{}, fmt.Errorf("price a cart: %w", err)
	}
	c.Totals = cart.Totals{Items: r.Items, Discount: bill.Discount, Shipping: r.Delivery, Tax: r.Tax, Total: r.Total, TaxIncluded: s.Tax.Included}
	return c, r, nil
}

// takeOff puts what codes take off into a bill.
func takeOff(bill *tax.Bill, words []string, s store.Settings, now time.Time) ([]discount.Applied, error) {
	b := discount.Basket{Items: money.Zero(s.Currency), Delivery: bill.Delivery, Day: discount.Day(now, s.Zone)}
	var err error
	for _, item := range bill.Items {
		if b.Items, err = b.Items.Plus(item.Total); err != nil {
			return nil, err
		}
	}
	r, err := s.Codes.Reckon(words, b)
	if err != nil {
		return nil, err
	}
	bill.Discount = r.Items
	bill.Delivery, err = bill.Delivery.Minus(r.Delivery)
	return r.Codes, err
}

// parcel is what of a cart is sent, without where to. Nothing of it is saved for
// later.
func parcel(lines []cart.Line, s store.Settings) (shipping.Parcel, error) {
	p := shipping.Parcel{Total: money.Zero(s.Currency), Virtual: cart.Virtual(lines)}
	var err error
	for _, l := range lines {
		if p.Total, err = p.Total.Plus(l.Total); err != nil {
			return p, fmt.Errorf("add up a parcel: %w", err)
		}
		if !l.Virtual {
			p.Grams += l.Grams * l.Quantity
		}
	}
	return p, nil
}

// orderLines turns priced cart lines into the lines of an order.
func orderLines(c cart.Cart, r tax.Reckoning) []order.Line {
	out := make([]order.Line, 0, len(c.Lines))
	for i, l := range c.Lines {
		out = append(out, order.Line{Variant: l.Variant, Handle: l.Handle, Title: l.Title, SKU: l.SKU, Quantity: l.Quantity,
			Unit: l.Unit, Total: l.Total, Tax: r.Lines[i].Tax, TaxRate: r.Lines[i].Rate, TaxClass: l.TaxClass})
	}
	return out
}

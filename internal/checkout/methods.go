package checkout

import (
	"context"
	"slices"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// payableAt is provider for what is left to pay: for nothing, none is needed.
func (d *Desk) payableAt(method string, c cart.Cart, s store.Settings) (string, error) {
	if c.Due().IsZero() {
		return "", nil
	}
	p, err := d.provider(method, s, func(p payment.Provider) bool { return takes(p, c) })
	if err != nil {
		return "", err
	}
	return p.Name(), nil
}

// takes reports whether a cart can be paid for this way. What is choosy takes no
// order that credit pays a part of: credit is spent when an order is paid, and those
// are sent before.
func takes(p payment.Provider, c cart.Cart) bool {
	choosy, ok := p.(payment.Choosy)
	return !ok || len(c.Credits) == 0 && choosy.Takes(c.Totals.Total, c.Checkout.Country, !c.Virtual())
}

// provider returns the payment service of a method, or the first enabled one, of
// those that will do.
func (d *Desk) provider(method string, s store.Settings, will func(payment.Provider) bool) (payment.Provider, error) {
	for _, name := range s.Providers {
		if p, ok := d.providers[name]; ok && (method == "" || method == name) && will(p) {
			return p, nil
		}
	}
	if method == "" {
		return nil, fault.New(fault.Unavailable, "This shop can't take payments right now.")
	}
	return nil, fault.Field("payment_method", "Choose one of the payment methods this shop offers.")
}

// MethodsFor returns the ways to pay that a cart may choose from.
func (d *Desk) MethodsFor(ctx context.Context, c cart.Cart) ([]payment.Provider, error) {
	all, err := d.Methods(ctx)
	return slices.DeleteFunc(all, func(p payment.Provider) bool { return !takes(p, c) }), err
}

// Methods returns the payment services a shopper may choose from.
func (d *Desk) Methods(ctx context.Context) ([]payment.Provider, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	var out []payment.Provider
	for _, name := range s.Providers {
		if p, ok := d.providers[name]; ok {
			out = append(out, p)
		}
	}
	return out, nil
}

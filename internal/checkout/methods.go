package checkout

import (
	"context"

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
	p, err := d.provider(method, s)
	if err != nil {
		return "", err
	}
	return p.Name(), nil
}

// provider returns the payment service of a method, or the first enabled one.
func (d *Desk) provider(method string, s store.Settings) (payment.Provider, error) {
	for _, name := range s.Providers {
		if p, ok := d.providers[name]; ok && (method == "" || method == name) {
			return p, nil
		}
	}
	if method == "" {
		return nil, fault.New(fault.Unavailable, "This shop can't take payments right now.")
	}
	return nil, fault.Field("payment_method", "Choose one of the payment methods this shop offers.")
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

package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// HerePath is the page with a payment service's card fields, for an order.
func HerePath(number order.Number) string {
	return "/checkout/card?" + url.Values{"order": {string(number)}}.Encode()
}

// embeds reports whether a service's card fields can stand on a page of the shop.
func (d *Desk) embeds(provider string) bool {
	e, is := d.providers[provider].(payment.Embedder)
	if !is {
		return false
	}
	_, on := e.Embed()
	return on
}

// Embedders are the services that the shop offers and whose card fields can stand on a
// page of it.
func (d *Desk) Embedders(ctx context.Context) (out []payment.Embedder, err error) {
	all, err := d.Methods(ctx)
	for _, p := range all {
		if d.embeds(p.Name()) {
			out = append(out, p.(payment.Embedder))
		}
	}
	return out, err
}

// Fields is what a page with card fields shows.
type Fields struct {
	Order    order.Order
	Provider string
	payment.Embedding
	Secret string // opens the one session, and is kept nowhere
}

// errElsewhere: there are no fields to type into, and the order's page says what else.
var errElsewhere = fault.New(fault.Conflict, "This order is not paid on this page.")

// Fields returns what the page with the card fields of an order needs, to who holds the
// order. The error is fault.Conflict where it is not to be paid so, or not any more.
func (d *Desk) Fields(ctx context.Context, number order.Number, token string) (out Fields, err error) {
	var p store.Payment
	account := abuse.Of(ctx).Customer()
	var at PaymentView
	err = d.db.View(ctx, func(v *store.View) error {
		if out.Order, err = d.opened(v, number, token); err != nil {
			return err
		}
		if p, err = lastPayment(v, out.Order); err == nil {
			at, err = d.viewFor(v, out.Order, p, account)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	e, is := d.providers[p.Provider].(payment.Embedder)
	if !is || !p.Here || p.Ref == "" || at.RedirectURL == "" {
		return out, errElsewhere
	}
	on := false
	if out.Embedding, on = e.Embed(); !on {
		return out, errElsewhere
	}
	out.Provider = p.Provider
	asking, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	out.Secret, err = e.Secret(asking, p.Ref)
	if errors.Is(err, payment.ErrRefused) {
		return out, errElsewhere
	}
	if err != nil {
		return out, fault.Because(fault.Unavailable, "The payment service does not answer. Your order is kept; please try again in a moment.", fmt.Errorf("fields of %s: %w", p.Provider, err))
	}
	return out, nil
}

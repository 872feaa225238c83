package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// sendBack has the provider of an attempt pay back. One that says by itself nothing of
// what happens after a payment is asked first: its call-back may have been lost, and what
// the payer's bank has taken must not go a second time. While it is silent nothing goes;
// what went before the bank took the money has gone.
func (d *Desk) sendBack(ctx context.Context, p store.Payment, q payment.RefundRequest) error {
	provider, ok := d.providers[p.Provider]
	if !ok {
		return fmt.Errorf("provider %s is not wired in", p.Provider)
	}
	remarker, tells := provider.(payment.Remarker)
	if !tells {
		return d.sendOnce(ctx, provider, p, q)
	}
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	err := d.hear(ctx, asking, p.Provider, remarker, p.Ref)
	if fault.Is(err, fault.Conflict) { // what is said of it does not fit: for a person to look at
		return errors.Join(err, payment.ErrRefused)
	}
	if err != nil {
		return err
	}
	var under bool
	err = d.db.View(ctx, func(v *store.View) (err error) {
		under, err = disputedPayment(v, p)
		return err
	})
	if err != nil {
		return err
	}
	if !under {
		return d.sendOnce(ctx, provider, p, q)
	}
	gave, err := remarker.GaveBack(asking, q)
	if err != nil || gave {
		return err
	}
	return errors.Join(errDisputed, payment.ErrRefused)
}

// sendOnce asks the provider, unless it has said of this refund already that it did not
// arrive: its answer to our question was lost then, and the owners, who were told, may
// have sent the money another way.
func (d *Desk) sendOnce(ctx context.Context, provider payment.Provider, p store.Payment, q payment.RefundRequest) error {
	var failed bool
	err := d.db.View(ctx, func(v *store.View) error {
		r, err := v.Refund(p.Owner, q.ID)
		if fault.Is(err, fault.NotFound) { // a payment of no use goes back under its own id
			return nil
		}
		failed = !r.FailedAt.IsZero()
		return err
	})
	if err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("the refund did not arrive before: %w", payment.ErrRefused)
	}
	return provider.Refund(ctx, q)
}

// disputedPayment is disputed of one attempt of an order alone.
func disputedPayment(v *store.View, p store.Payment) (bool, error) {
	list, err := v.ConcernsOf(p.Owner, p.Order)
	return slices.ContainsFunc(list, func(c store.Concern) bool { return c.Payment == p.ID && tookBack(c) }), err
}

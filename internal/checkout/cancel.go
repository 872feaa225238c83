package checkout

import (
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

var errTooLateToCancel = fault.New(fault.Conflict, "This order is paid already, so it can't be cancelled here.")

// Cancel gives up an order that is not paid yet, because its shopper asks for
// it. The goods return and the cart opens again. Of a cancellation and a
// payment at the same moment one wins; a payment that is approved afterwards is
// paid back, also when the hold had ended first. Cancelling again changes nothing.
func (d *Desk) Cancel(ctx context.Context, number order.Number, token string) (OrderView, error) {
	var o order.Order
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if o, err = d.opened(&t.View, number, token); err != nil {
			return err
		}
		switch o.Status {
		case order.Cancelled:
			if o.Why != order.HoldEnded {
				return nil
			}
			return t.Unwanted(o.Owner, o.ID) // its hold was quicker; the shopper still wants none of it
		case order.Pending:
			return d.giveUpOrder(t, o, order.ByCustomer)
		}
		return errTooLateToCancel
	})
	if err != nil {
		return OrderView{}, err
	}
	if err := d.endHolds(ctx, o.Owner, o.ID); err != nil {
		return OrderView{}, err
	}
	d.wake()
	return d.Order(ctx, number, token)
}

// giveUpOrder cancels a pending order in the caller's transaction, which has
// locked it, opens its cart again and leaves a letter to be written.
func (d *Desk) giveUpOrder(t *store.Tx, o order.Order, why order.Reason) error {
	moved, err := t.CancelOrder(o.Owner, o.ID, order.Pending, why)
	if err != nil || !moved {
		return errors.Join(err, unless(moved, errRaced))
	}
	if err := t.ExpirePayments(o.Owner, o.ID); err != nil {
		return err
	}
	if err := t.AskLater(JobAsk, o.Owner, o.ID, ""); err != nil {
		return err
	}
	if err := t.KeepCancelled(o.Owner, o.ID); err != nil {
		return err
	}
	c, err := t.CartOf(o.Owner, o.ID)
	switch {
	case fault.Is(err, fault.NotFound): // the cart has ended
	case err != nil:
		return err
	case c.OrderID == string(o.ID) && c.State == cart.Ordered:
		c.State, c.OrderID = cart.Open, ""
		if _, err := t.SaveCart(c); err != nil {
			return err
		}
	}
	return t.Enqueue(JobCancelled, o.Owner, string(o.ID), t.Now())
}

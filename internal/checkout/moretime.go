package checkout

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// moreTimes is how often whoever needs longer to pay gets another hold time
	// (WCAG 2.2, success criterion 2.2.1: at least ten times).
	moreTimes = 10
	// longEnough is from where on nobody has to be given more (ibidem: the
	// exception of 20 hours), so that goods do not lie idle for days.
	longEnough = 20 * time.Hour
	// worthIt is how much an extension has to gain: a double click is one act.
	worthIt = time.Minute
)

var errNoMoreTime = fault.New(fault.Conflict, "These goods can't be kept for you any longer.")

// HoldLimit is until when the goods of an order can be kept at most, however
// often more time is asked for.
func (d *Desk) HoldLimit(o order.Order) time.Time {
	most := o.PlacedAt.Add(min((moreTimes+1)*d.hold, max(d.hold, longEnough)))
	if most.Before(o.HoldUntil) {
		return o.HoldUntil // the setting was longer when it was placed
	}
	return most
}

// MayKeep reports whether asking for more time gains any.
func (d *Desk) MayKeep(o order.Order) bool {
	return o.Status == order.Pending && o.HoldUntil.After(d.db.Now()) && d.HoldLimit(o).After(o.HoldUntil)
}

// MoreTime keeps the goods of an unpaid order for another hold time, counted
// from now, and never beyond HoldLimit. What would gain less than a minute
// changes nothing and is no mistake, unless nothing is left to gain.
//
// The order says until when; the holds follow in a step of their own. Should
// the program die in between, the next sweep makes them follow.
func (d *Desk) MoreTime(ctx context.Context, number order.Number, token string) (OrderView, error) {
	var o order.Order
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if o, err = d.opened(&t.View, number, token); err != nil {
			return err
		}
		if o.Status != order.Pending || !o.HoldUntil.After(t.Now()) || !d.HoldLimit(o).After(o.HoldUntil) {
			return errNoMoreTime
		}
		end := t.Now().Add(d.hold)
		if most := d.HoldLimit(o); end.After(most) {
			end = most
		}
		if end.Sub(o.HoldUntil) < min(worthIt, d.hold/4) && end.Before(d.HoldLimit(o)) {
			return nil
		}
		o.HoldUntil = end
		return t.KeepOrderHeld(o.Owner, o.ID, end)
	})
	if err != nil {
		return OrderView{}, err
	}
	if err := d.keepHeld(ctx, o); err != nil {
		return OrderView{}, err
	}
	return d.Order(ctx, number, token)
}

// keepHeld makes what is held for a pending order, goods, uses of codes and credit, last
// as long as the order says.
func (d *Desk) keepHeld(ctx context.Context, o order.Order) error {
	err := d.eachHold(ctx, o.ID, func(t *store.Tx, h store.Hold) error { return t.KeepHeld(h.Variant, o.ID, o.HoldUntil) })
	if err == nil && len(o.Codes) > 0 {
		err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.KeepUsesUntil(o.ID, o.HoldUntil) })
	}
	if err != nil || len(o.Credits) == 0 {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.KeepCreditUntil(o.ID, o.HoldUntil) })
}

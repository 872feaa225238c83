package checkout

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// JobRestock puts the goods of an order that came back on the shelf again. It carries
// the order's id.
const JobRestock = "stock.back"

var errNotOnAccount = fault.New(fault.Conflict, "Only an order that was sent before it was paid, and is not paid yet, ends that way. One that is paid is given back: cartkeep refund NUMBER, with --restock when its goods are back.")

// CameBack notes that the goods of an order on account came back and nobody paid for
// them: the order is cancelled, a credit note takes its invoice back, and nothing is
// owed any more. With restock the goods go on the shelf again; else they are lost or
// broken. Money that comes after all is owed back.
func (d *Desk) CameBack(ctx context.Context, actor ledger.Actor, number order.Number, restock bool) error {
	err := d.db.InTx(ctx, actor, func(t *store.Tx) error {
		o, err := t.OrderByNumber(number)
		if err != nil {
			return err
		}
		if o.Status == order.Pending || !o.May(order.Cancelled) {
			return errNotOnAccount
		}
		moved, err := t.CancelOrder(o.Owner, o.ID, o.Status, order.CameBack)
		if err != nil || !moved {
			return errors.Join(err, unless(moved, errRaced))
		}
		if err := t.ExpirePayments(o.Owner, o.ID); err != nil {
			return err
		}
		for _, kind := range []string{JobCredit, JobCancelled} {
			if err := t.Enqueue(kind, o.Owner, string(o.ID), t.Now()); err != nil {
				return err
			}
		}
		return d.askRestock(t, o, restock)
	})
	if err == nil {
		d.wake()
	}
	return err
}

// askRestock leaves the job that puts an order's goods on the shelf again, if that is
// wanted: what an order does and what stock does are never one transaction.
func (d *Desk) askRestock(t *store.Tx, o order.Order, wanted bool) error {
	if !wanted {
		return nil
	}
	if err := t.Event("order.restocked", o.Owner, string(o.ID), ""); err != nil {
		return err
	}
	return t.Enqueue(JobRestock, o.Owner, string(o.ID), t.Now())
}

// restock puts the goods of an order back on the shelf, each once.
func (d *Desk) restock(ctx context.Context, j store.Job) error {
	var o order.Order
	err := d.db.View(ctx, func(v *store.View) (err error) {
		o, err = v.Order(j.Owner, order.ID(j.Ref))
		return err
	})
	if err != nil {
		return err
	}
	// In the order in which stock is locked.
	sorted := slices.SortedFunc(slices.Values(o.Lines), func(a, b order.Line) int { return strings.Compare(string(a.Variant), string(b.Variant)) })
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		for _, l := range sorted {
			if err := t.Restock(l.Variant, o.ID, l.Quantity); err != nil {
				return err
			}
		}
		return nil
	})
}

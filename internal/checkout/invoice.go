package checkout

import (
	"context"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// issueInvoice and issueCredit give an order its number in the year's series.
// They are jobs of their own, so that a settlement never waits for the series.
func (d *Desk) issueInvoice(ctx context.Context, j store.Job) error { return d.issue(ctx, j, false) }
func (d *Desk) issueCredit(ctx context.Context, j store.Job) error  { return d.issue(ctx, j, true) }

func (d *Desk) issue(ctx context.Context, j store.Job, credit bool) error {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		paper := store.Invoice{Series: strconv.Itoa(t.Now().In(s.Zone).Year()), Seller: s.Seller}
		// A credit note takes an invoice back, so that one comes first.
		if _, err := t.IssueInvoice(j.Owner, order.ID(j.Ref), paper); err != nil || !credit {
			return err
		}
		paper.Credit = true
		_, err := t.IssueInvoice(j.Owner, order.ID(j.Ref), paper)
		return err
	})
}

// Papers reports whether an order has an invoice and a credit note.
func (d *Desk) Papers(ctx context.Context, o order.Order) (invoice, credit bool, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		for _, p := range []struct {
			there  *bool
			credit bool
		}{{&invoice, false}, {&credit, true}} {
			_, err := v.Invoice(o.Owner, o.ID, p.credit)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			*p.there = err == nil
		}
		return nil
	})
	return invoice, credit, err
}

// Tracking opens the number of an order's parcel, for a browser that was let in
// by People.
func (d *Desk) Tracking(ctx context.Context, o order.Order) (number string, err error) {
	err = d.db.View(ctx, func(v *store.View) (err error) {
		number, err = v.Tracking(o.Owner, o.ID)
		return err
	})
	return number, err
}

// InvoiceView is an invoice with all that stands on it but the buyer.
type InvoiceView struct {
	Order   order.Order
	Invoice store.Invoice
	Taxes   []tax.Tax // its sums by rate
	Of      string    // for a credit note: the number of the invoice it takes back
}

// Invoice returns the invoice of an order, or its credit note, to who holds
// the order's token.
func (d *Desk) Invoice(ctx context.Context, number order.Number, token string, credit bool) (InvoiceView, error) {
	var out InvoiceView
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if out.Order, err = d.opened(v, number, token); err != nil {
			return err
		}
		owner, id := out.Order.Owner, out.Order.ID
		if out.Invoice, err = v.Invoice(owner, id, credit); err != nil {
			return err
		}
		if credit {
			first, err := v.Invoice(owner, id, false)
			if err != nil {
				return err
			}
			out.Of = first.Name()
		}
		out.Taxes, err = v.OrderTaxes(owner, string(id), out.Order.Totals.Total.Currency())
		return err
	})
	return out, err
}

package checkout

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// issueInvoice and issueCredit give an order its papers, with their numbers in the
// year's series. They are jobs of their own, so that a settlement never waits for
// the series.
func (d *Desk) issueInvoice(ctx context.Context, j store.Job) error { return d.issue(ctx, j, false) }
func (d *Desk) issueCredit(ctx context.Context, j store.Job) error  { return d.issue(ctx, j, true) }

func (d *Desk) issue(ctx context.Context, j store.Job, credit bool) error {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		o, err := t.Order(j.Owner, order.ID(j.Ref)) // its lock comes first
		if err != nil {
			return err
		}
		paper := store.Invoice{Series: strconv.Itoa(t.Now().In(s.Zone).Year()), Seller: s.Seller}
		// A credit note takes an invoice back, so that one comes first.
		if err := t.IssueInvoice(o.Owner, o.ID, paper); err != nil || !credit {
			return err
		}
		paper.Credit = true
		return issueCredits(t, o, paper)
	})
}

// issueCredits gives an order a credit note for each time that money went back. One of
// which the tax journal has nothing to take back, as nothing was to be paid or nobody
// ever did, has a single one for all of it.
func issueCredits(t *store.Tx, o order.Order, paper store.Invoice) error {
	there, err := t.CreditNotes(o.Owner, o.ID)
	if err != nil || len(there) > 0 && there[0].Entry == 0 { // nothing is left to take back
		return err
	}
	back, err := t.GivenBack(o.Owner, o.ID, o.Totals.Total.Currency())
	if err != nil {
		return err
	}
	if len(back) == 0 {
		return t.IssueInvoice(o.Owner, o.ID, paper)
	}
	for _, b := range back {
		paper.Entry = b.Entry
		if err := t.IssueInvoice(o.Owner, o.ID, paper); err != nil {
			return err
		}
	}
	return nil
}

// Papers reports whether an order has an invoice, and the names of its credit notes.
func (d *Desk) Papers(ctx context.Context, o order.Order) (invoice bool, credit []string, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		_, err := v.Invoice(o.Owner, o.ID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		invoice = true
		notes, err := v.CreditNotes(o.Owner, o.ID)
		for _, n := range notes {
			credit = append(credit, n.Name())
		}
		return err
	})
	return invoice, credit, err
}

// GivenBack is how much of an order's price went back, whichever way.
func (d *Desk) GivenBack(ctx context.Context, o order.Order) (money.Amount, error) {
	var all []store.Refund
	err := d.db.View(ctx, func(v *store.View) (err error) {
		all, err = v.RefundsOf(o.Owner, o.ID)
		return err
	})
	return sumBack(o, all), err
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

// InvoiceView is an invoice or a credit note with all that stands on it but the
// buyer.
type InvoiceView struct {
	Order   order.Order
	Invoice store.Invoice
	Taxes   []tax.Tax // its sums by rate
	Sum     money.Amount
	Of      string // for a credit note: the number of the invoice it takes back
}

// Part reports whether a credit note takes back less than its whole invoice.
func (v InvoiceView) Part() bool { return v.Sum != v.Order.Totals.Total }

// Untaken reports whether a credit note takes back an invoice of which nothing was
// ever paid: its order ended before the money came, and no credit paid a part of it.
// All of that stands when the note is issued, and never changes afterwards.
func (v InvoiceView) Untaken() bool {
	o := v.Order
	return v.Invoice.Credit && v.Invoice.Entry == 0 && o.Status == order.Cancelled && !o.IsPaid() && len(o.Credits) == 0
}

// Invoice returns the invoice of an order to who holds the order's token.
func (d *Desk) Invoice(ctx context.Context, number order.Number, token string) (out InvoiceView, err error) {
	err = d.db.View(ctx, func(v *store.View) (err error) {
		out, err = d.invoice(v, number, token)
		return err
	})
	return out, err
}

func (d *Desk) invoice(v *store.View, number order.Number, token string) (out InvoiceView, err error) {
	if out.Order, err = d.opened(v, number, token); err != nil {
		return InvoiceView{}, err
	}
	owner, id := out.Order.Owner, out.Order.ID
	if out.Invoice, err = v.Invoice(owner, id); err != nil {
		return InvoiceView{}, err
	}
	out.Sum = out.Order.Totals.Total
	out.Taxes, err = v.OrderTaxes(owner, string(id), out.Sum.Currency())
	return out, err
}

// CreditNote returns a credit note of an order, by its name, to who holds the
// order's token.
func (d *Desk) CreditNote(ctx context.Context, number order.Number, token, name string) (out InvoiceView, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		if out, err = d.invoice(v, number, token); err != nil {
			return err
		}
		owner, id := out.Order.Owner, out.Order.ID
		notes, err := v.CreditNotes(owner, id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(notes, func(n store.Invoice) bool { return n.Name() == name })
		if at < 0 {
			return store.ErrNoInvoice
		}
		out.Of, out.Invoice = out.Invoice.Name(), notes[at]
		if out.Invoice.Entry == 0 {
			return nil
		}
		back, err := v.GivenBack(owner, id, out.Sum.Currency())
		if err != nil {
			return err
		}
		at = slices.IndexFunc(back, func(b store.Reversal) bool { return b.Entry == out.Invoice.Entry })
		if at < 0 {
			return fmt.Errorf("the tax journal has nothing of credit note %s", name)
		}
		out.Taxes, out.Sum = back[at].Taxes, back[at].Sum
		return nil
	})
	return out, err
}

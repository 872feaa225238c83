package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Invoice is the head of an invoice or a credit note: its number, its day, and
// who sold. What was bought stands in the order, whose lines never change; who
// bought is sealed there.
type Invoice struct {
	Credit bool
	// Entry is what of the tax journal a credit note is about, see [View.GivenBack];
	// 0 takes all of the invoice back, as an invoice has it.
	Entry    int64
	Series   string // the year it belongs to
	Number   int64  // in its series: 1, 2, 3… without gaps
	IssuedAt time.Time
	Seller   Seller // as it was that day
}

// Name is the whole number, as it is printed.
func (i Invoice) Name() string {
	word := ""
	if i.Credit {
		word = "C-"
	}
	return fmt.Sprintf("%s%s-%06d", word, i.Series, i.Number)
}

func (i Invoice) kind() string {
	if i.Credit {
		return "credit"
	}
	return "invoice"
}

// ErrNoInvoice: an order has no such paper, or not yet.
var ErrNoInvoice = fault.Missing("There is no invoice for this order yet.")

// IssueInvoice gives an order its invoice, or a credit note, and the next number
// of the year's series. One that is there already stays as it is. The number is
// taken in the transaction that keeps the paper, under the lock of the series:
// none is given twice and none is left out.
func (t *Tx) IssueInvoice(owner string, id order.ID, i Invoice) error {
	old, err := t.papers(owner, id, i.kind())
	if err != nil || slices.ContainsFunc(old, func(o Invoice) bool { return o.Entry == i.Entry }) {
		return err
	}
	seller, err := json.Marshal(i.Seller)
	if err != nil {
		return err
	}
	series := i.Series
	if i.Credit {
		series = "C-" + series
	}
	err = t.row(`INSERT INTO invoice_series (series, last) VALUES ($1, 1) ON CONFLICT (series) DO UPDATE SET last = invoice_series.last + 1 RETURNING last`, series).Scan(&i.Number)
	if err != nil {
		return fmt.Errorf("number an invoice: %w", err)
	}
	_, err = t.exec(`INSERT INTO invoices (owner, order_id, kind, entry, series, number, issued_at, seller) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		owner, string(id), i.kind(), i.Entry, i.Series, i.Number, ms(t.now), string(seller))
	if err != nil {
		return fmt.Errorf("keep an invoice: %w", err)
	}
	return t.Event("invoice.issued", owner, string(id), `{"number":"`+i.Name()+`"}`)
}

// Invoice returns an order's invoice.
func (v *View) Invoice(owner string, id order.ID) (Invoice, error) {
	found, err := v.papers(owner, id, Invoice{}.kind())
	if err != nil {
		return Invoice{}, err
	}
	if len(found) == 0 {
		return Invoice{}, ErrNoInvoice
	}
	return found[0], nil
}

// CreditNotes returns what takes an order's invoice back, in the order in which
// money went back.
func (v *View) CreditNotes(owner string, id order.ID) ([]Invoice, error) {
	return v.papers(owner, id, Invoice{Credit: true}.kind())
}

// Papers returns an order's invoice, when there is one, and then its credit notes.
func (v *View) Papers(owner string, id order.ID) ([]Invoice, error) {
	all, err := v.papers(owner, id, Invoice{}.kind())
	if err != nil {
		return nil, err
	}
	notes, err := v.CreditNotes(owner, id)
	return append(all, notes...), err
}

func (v *View) papers(owner string, id order.ID, kind string) (out []Invoice, err error) {
	rows, err := v.rows(`SELECT entry, series, number, issued_at, seller FROM invoices WHERE owner = $1 AND order_id = $2 AND kind = $3 ORDER BY entry`, owner, string(id), kind)
	if err != nil {
		return nil, fmt.Errorf("read invoices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		i := Invoice{Credit: kind == Invoice{Credit: true}.kind()}
		var issued int64
		var seller string
		if err := rows.Scan(&i.Entry, &i.Series, &i.Number, &issued, &seller); err != nil {
			return nil, fmt.Errorf("read invoices: %w", err)
		}
		if err := json.Unmarshal([]byte(seller), &i.Seller); err != nil {
			return nil, fmt.Errorf("read the seller of an invoice: %w", err)
		}
		i.IssuedAt = when(issued)
		out = append(out, i)
	}
	return out, rows.Err()
}

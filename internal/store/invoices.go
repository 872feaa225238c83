package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Invoice is the head of an invoice or a credit note: its number, its day, and
// who sold. What was bought stands in the order, whose lines never change; who
// bought is sealed there.
type Invoice struct {
	Credit   bool
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

var errNoInvoice = fault.Missing("There is no invoice for this order yet.")

// IssueInvoice gives an order its invoice, or its credit note, and the next
// number of the year's series. One that is there already stays as it is. The
// number is taken in the transaction that keeps the invoice, under the lock of
// the series: none is given twice and none is left out.
func (t *Tx) IssueInvoice(owner string, id order.ID, i Invoice) (Invoice, error) {
	old, err := t.Invoice(owner, id, i.Credit)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return old, err
	}
	seller, err := json.Marshal(i.Seller)
	if err != nil {
		return Invoice{}, err
	}
	series := i.Series
	if i.Credit {
		series = "C-" + series
	}
	err = t.row(`INSERT INTO invoice_series (series, last) VALUES ($1, 1) ON CONFLICT (series) DO UPDATE SET last = invoice_series.last + 1 RETURNING last`, series).Scan(&i.Number)
	if err != nil {
		return Invoice{}, fmt.Errorf("number an invoice: %w", err)
	}
	i.IssuedAt = t.now
	_, err = t.exec(`INSERT INTO invoices (owner, order_id, kind, series, number, issued_at, seller) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		owner, string(id), i.kind(), i.Series, i.Number, ms(t.now), string(seller))
	if err != nil {
		return Invoice{}, fmt.Errorf("keep an invoice: %w", err)
	}
	return i, t.Event("invoice.issued", owner, string(id), `{"number":"`+i.Name()+`"}`)
}

// Invoice returns an order's invoice, or its credit note.
func (v *View) Invoice(owner string, id order.ID, credit bool) (Invoice, error) {
	i := Invoice{Credit: credit}
	var issued int64
	var seller string
	err := v.row(`SELECT series, number, issued_at, seller FROM invoices WHERE owner = $1 AND order_id = $2 AND kind = $3`, owner, string(id), i.kind()).
		Scan(&i.Series, &i.Number, &issued, &seller)
	if errors.Is(err, sql.ErrNoRows) {
		return Invoice{}, errNoInvoice
	}
	if err != nil {
		return Invoice{}, fmt.Errorf("read invoice: %w", err)
	}
	i.IssuedAt = when(issued)
	return i, json.Unmarshal([]byte(seller), &i.Seller)
}

package store

import (
	"fmt"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Capture is what has become of the money of an attempt that only reserves it.
//
//	later ──▶ authorized ──▶ capturing ──▶ captured
//	              │    ▲          │
//	              │    └─ refused ┤
//	              ▼               ▼
//	          releasing ──────▶ released   let go, or its time was over
type Capture string

// The states. What is asked of the provider is written down first.
const (
	AtOnce     Capture = ""           // nothing is reserved: paying takes the money
	Later      Capture = "later"      // it will be reserved once somebody pays
	Authorized Capture = "authorized" // it is reserved
	Capturing  Capture = "capturing"  // the provider is asked to take it
	Captured   Capture = "captured"
	Releasing  Capture = "releasing" // the provider is asked to let go of it
	Released   Capture = "released"
)

// MoveCapture changes what has become of an attempt's reserved money to what p says,
// with its amount and time, and writes the event. It reports false when the attempt
// is not in the state from.
func (t *Tx) MoveCapture(p Payment, from Capture) (bool, error) {
	by := int64(0)
	if !p.CaptureBy.IsZero() {
		by = ms(p.CaptureBy)
	}
	n, err := t.exec(`UPDATE payments SET capture = $4, capture_amount = $5, capture_by = $6, updated_at = $7 WHERE owner = $1 AND id = $2 AND capture = $3`,
		p.Owner, p.ID, string(from), string(p.Capture), p.CaptureAmount.Minor(), by, ms(t.now))
	if err != nil {
		return false, fmt.Errorf("move a capture: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, t.Event("payment."+string(p.Capture), p.Owner, p.ID, "")
}

// Untaken is how much of an attempt's reserved money is not to be taken, by the
// refunds of its order.
func (p Payment) Untaken(refunds []Refund) money.Amount {
	var sum int64
	for _, r := range refunds {
		if r.Untaken && r.Payment == p.ID && r.State != RefundRefused {
			sum += r.Rest().Minor()
		}
	}
	return money.Of(sum, p.Amount.Currency())
}

// AuthorizeOrder is MoveOrder to paid, for an order whose money is reserved and not
// taken yet: it may be sent, and the tax journal has it once BookSale says so.
func (t *Tx) AuthorizeOrder(owner string, id order.ID, from order.Status, detail string) (bool, error) {
	return t.moveOrder(owner, id, from, order.Paid, detail, false)
}

// BookSale writes an order into the tax journal whose money was taken later than it
// was reserved. It reports false when the journal has it.
func (t *Tx) BookSale(owner string, id order.ID) (bool, error) {
	booked, err := t.Booked(owner, id)
	if err != nil || booked {
		return false, err
	}
	return true, t.journal(owner, string(id), order.Paid)
}

// Booked reports whether the tax journal knows an order.
func (v *View) Booked(owner string, id order.ID) (bool, error) {
	var n int64
	if err := v.row(`SELECT count(*) FROM tax_journal WHERE owner = $1 AND order_id = $2`, owner, string(id)).Scan(&n); err != nil {
		return false, fmt.Errorf("read the tax journal: %w", err)
	}
	return n > 0, nil
}

// HasVirtual reports whether anything of an order is not sent by post.
func (v *View) HasVirtual(owner string, id order.ID) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM order_lines l JOIN variants v ON v.id = l.variant WHERE l.owner = $1 AND l.order_id = $2 AND v.virtual`, owner, string(id)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read order lines: %w", err)
	}
	return n > 0, nil
}

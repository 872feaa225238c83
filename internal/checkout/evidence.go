package checkout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Evidence is one thing that helps in the answer to a dispute.
type Evidence struct {
	What string
	Have string // what the shop knows of it, never a personal value; "" when it has nothing
}

// facts is what the shop knows of an order, as far as a dispute goes.
type facts struct {
	order    order.Order
	details  order.Details
	tracking string
	refunds  []store.Refund
}

// EvidenceFor lists what to hand in when an order is disputed for that reason, and
// says which of it the shop has. What it has can be taken out with
// cartkeep orders show; what a bank asks for besides stands in the dispute at the
// provider.
func (d *Desk) EvidenceFor(ctx context.Context, number order.Number, reason order.DisputeReason) ([]Evidence, error) {
	var f facts
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if f.order, err = v.OrderByNumber(number); err != nil {
			return err
		}
		if f.details, err = v.OrderDetails(f.order.Owner, f.order.ID); err != nil {
			return err
		}
		if f.tracking, err = v.Tracking(f.order.Owner, f.order.ID); err != nil {
			return err
		}
		f.refunds, err = v.RefundsOf(f.order.Owner, f.order.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.evidence(reason), nil
}

func (f facts) evidence(reason order.DisputeReason) []Evidence {
	o := f.order
	ordered := Evidence{"What was ordered, when, and the invoice", fmt.Sprintf("placed %s, lines: %d", day(o.PlacedAt), len(o.Lines))}
	terms := Evidence{"Which wording of the terms the customer accepted", o.Accepted}
	sent := Evidence{"That it was sent: carrier, day and tracking number", f.sent()}
	arrived := Evidence{"That it arrived: the carrier's proof of delivery", ""}
	if !o.Times.Delivered.IsZero() {
		arrived.Have = "noted as delivered " + day(o.Times.Delivered) + "; the proof itself is the carrier's"
	}
	address := Evidence{"Where it was sent, and that the payer's address is the same", ""}
	if f.details.Complete() {
		address.Have = "the address of the order, until its end date"
	}
	talk := Evidence{"What you and the customer wrote to each other", ""}
	back := Evidence{"That money went back before", f.back()}
	described := Evidence{"How the goods were described, with pictures, on the day of the order", ""}
	duplicate := Evidence{"That each payment was for an order of its own: both invoices", ordered.Have}
	switch reason {
	case order.DisputeNotReceived:
		return []Evidence{sent, arrived, address, talk, ordered}
	case order.DisputeUnacceptable:
		return []Evidence{described, talk, terms, back, ordered}
	case order.DisputeDuplicate:
		return []Evidence{duplicate, back, talk}
	case order.DisputeNotRefunded:
		return []Evidence{back, terms, talk, ordered}
	default:
		return []Evidence{ordered, terms, address, sent, arrived, talk, back}
	}
}

func (f facts) sent() string {
	o := f.order
	if o.Times.Shipped.IsZero() {
		return ""
	}
	has := "sent " + day(o.Times.Shipped)
	if o.Carrier != "" {
		has += " with " + o.Carrier
	}
	if f.tracking != "" {
		has += ", its number is kept"
	}
	return has
}

func (f facts) back() string {
	i := slices.IndexFunc(f.refunds, func(r store.Refund) bool { return r.State == store.RefundDone })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s given back %s", f.refunds[i].Amount.Format(), day(f.refunds[i].EndedAt))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

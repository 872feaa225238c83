package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Ways to pay without a service: nobody calls back, so a person or a bank statement
// says that money has arrived (received.go), and a person sends back what goes back.

// Transfer is what a shopper needs to send money for an order.
type Transfer struct {
	payment.Account
	Reference string
	Amount    money.Amount
	Until     time.Time // the goods are kept so long
}

// byHand returns a provider that has no service behind it.
func (d *Desk) byHand(name string) (payment.ByHand, bool) {
	p, ok := d.providers[name].(payment.ByHand)
	return p, ok
}

// ByHand reports whether no service stands behind a way to pay.
func (d *Desk) ByHand(name string) bool {
	_, ok := d.byHand(name)
	return ok
}

// gone reports whether a way to pay is not set up any more.
func (d *Desk) gone(name string) bool { return d.providers[name] == nil }

// onAccount reports whether the goods go before the money comes.
func (d *Desk) onAccount(name string) bool {
	p, ok := d.byHand(name)
	return ok && p.Terms().OnAccount
}

// waits is how long goods are kept for an order that is paid this way.
func (d *Desk) waits(provider string) time.Duration {
	if p, ok := d.byHand(provider); ok {
		return p.Terms().Wait
	}
	return d.hold
}

// attempt writes an attempt to pay. One without a service is open at once, and a
// letter says where to send the money.
func (d *Desk) attempt(t *store.Tx, o order.Order, p store.Payment) error {
	if err := t.NewPayment(p); err != nil {
		return err
	}
	by, ok := d.byHand(p.Provider)
	if !ok {
		return nil
	}
	// It asks nobody (payment.ByHand), so it may stand in a transaction.
	session, err := by.Open(context.Background(), payment.Request{OrderID: string(o.ID), OrderNumber: string(o.Number), Attempt: p.Attempt, Amount: p.Amount, ExpiresAt: p.ExpiresAt})
	if err != nil {
		return fmt.Errorf("open payment at %s: %w", p.Provider, err)
	}
	p.Ref, p.Mode, p.Account = session.Ref, session.Mode, session.Account
	if err := t.OpenedPayment(p); err != nil {
		return err
	}
	return t.Enqueue(JobConfirm, o.Owner, string(o.ID), t.Now())
}

// room refuses another order without money when too many wait already: who orders
// and never pays must not empty the shelves for days.
func (d *Desk) room(v *store.View, provider string) error {
	by, ok := d.byHand(provider)
	if !ok {
		return nil
	}
	n, err := v.OpenPayments(provider)
	if err == nil && n >= int64(by.Terms().Most) {
		err = fault.Field("payment_method", "So many orders wait for their money right now that we can't take another one this way. Please choose another way to pay, or come back tomorrow.")
	}
	return err
}

// transfer is how to send the money for an attempt that waits for it; nil for all
// others.
func (d *Desk) transfer(o order.Order, p store.Payment) *Transfer {
	by, ok := d.byHand(p.Provider)
	switch {
	case !ok || p.Ref == "" || p.Status != order.PaymentOpen || by.Terms().Account.IBAN == "":
		return nil
	case o.OnAccount && !o.IsPaid() && !o.DueAt.IsZero():
		return &Transfer{by.Terms().Account, p.Ref, p.Amount, o.DueAt}
	case o.Status == order.Pending && !o.OnAccount:
		return &Transfer{by.Terms().Account, p.Ref, p.Amount, o.HoldUntil}
	}
	return nil
}

// Later says how an order on account is to be paid.
type Later struct {
	OnDelivery bool // to whoever brings it
	Days       int  // else: so many days after it was sent
}

// Later returns how an order is paid whose goods go before the money comes; the zero
// value for all others, and once it is paid.
func (d *Desk) Later(o order.Order) Later {
	by, ok := d.byHand(o.PaymentMethod)
	if !ok || !o.OnAccount || o.IsPaid() || o.Status == order.Cancelled {
		return Later{}
	}
	due := by.Terms().Due
	return Later{OnDelivery: due == 0, Days: int(due / (24 * time.Hour))}
}

// hand refuses a refund that a person has to send, or said to have sent, where that
// does not fit. What the payment service has refused before may go either way, and
// what one had that is gone has to go by hand.
func (d *Desk) hand(o order.Order, p store.Payment, r store.Refund, byHand, refused bool) error {
	goes := !r.Rest().IsZero() && r.ToCredit == store.ToService
	needed := d.ByHand(p.Provider) && goes
	switch {
	case o.Free() || byHand && refused && goes && r.ByHand:
		return nil
	case goes && d.gone(p.Provider):
		return unless(byHand, errGone)
	case needed == byHand:
		return nil
	}
	return wrongHand(needed)
}

// errGone refuses to ask a payment service that is not there.
var errGone = fault.New(fault.Conflict, "The payment service that has this money is not set up any more. Set it up again; or look there whether the money went back, send it yourself if not, and then say that you did: cartkeep refund NUMBER --by-hand.")

// wrongHand refuses to say that money went back which did not, and to have a person
// send what the payment service sends.
func wrongHand(byHand bool) error {
	if byHand {
		return fault.New(fault.Conflict, "No payment service has this money, so it goes back by hand. Send it yourself, from your bank account or in cash, and then say that you did: cartkeep refund NUMBER --by-hand.")
	}
	return fault.New(fault.Conflict, "The payment service has this money and sends it back itself; leave out --by-hand.")
}

// sent notes what goes with an order on account that leaves the shop before it is
// paid: its goods are sold, its cart ends, and its invoice falls due.
func (d *Desk) sent(t *store.Tx, o order.Order, to order.Status) error {
	if !o.OnAccount || o.IsPaid() {
		return nil
	}
	if o.Status == order.Pending {
		err := d.goods(t, o)
		if err == nil {
			err = t.Enqueue(JobInvoice, o.Owner, string(o.ID), t.Now())
		}
		if err != nil {
			return err
		}
	}
	by, ok := d.byHand(o.PaymentMethod)
	if !ok || to != order.Shipped || by.Terms().Due == 0 {
		return nil
	}
	return t.SetDue(o.Owner, o.ID, t.Now().Add(by.Terms().Due))
}

// paidOnAccount notes that the money came for an order that was packed or sent before.
func (d *Desk) paidOnAccount(t *store.Tx, o order.Order, p store.Payment) error {
	moved, err := t.PaidOnAccount(o.Owner, o.ID)
	if err == nil && moved {
		moved, err = t.MovePayment(p, p.Status, order.PaymentApproved)
	}
	if err != nil || !moved {
		return errors.Join(err, unless(moved, errRaced))
	}
	if err := t.EnqueueVirtual(JobDigital, o); err != nil {
		return err
	}
	return t.Enqueue(JobConfirm, o.Owner, string(o.ID), t.Now())
}

// Owed is money that came without a service, could not be used, and is not sent back
// yet.
type Owed struct {
	Number    order.Number
	Reference string
	Payment   store.Payment
}

// Owed lists what a person has to send back.
func (d *Desk) Owed(ctx context.Context) (out []Owed, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		list, err := v.OwedPayments(reconcileMax)
		if err != nil {
			return err
		}
		for _, p := range list {
			o, err := v.Order(p.Owner, p.Order)
			if err != nil {
				return err
			}
			out = append(out, Owed{o.Number, p.Ref, p})
		}
		return nil
	})
	return out, err
}

// Returned notes that a person has sent back what was owed.
func (d *Desk) Returned(ctx context.Context, actor ledger.Actor, reference string) error {
	p, err := d.paymentOf(ctx, reference)
	if err != nil {
		return err
	}
	err = d.db.InTx(ctx, actor, func(t *store.Tx) error {
		moved, err := t.MovePayment(p, order.PaymentOwed, order.PaymentReturned)
		if err == nil && !moved {
			err = fault.New(fault.Conflict, "Nothing is owed for this reference.")
		}
		if err == nil {
			err = t.Event("payment.refunded", p.Owner, p.ID, "")
		}
		if err != nil {
			return err
		}
		return t.Enqueue(JobRefunded, p.Owner, string(p.Order), t.Now())
	})
	if err == nil {
		d.wake()
	}
	return err
}

// paymentOf finds the attempt that has a reference, among those without a service.
func (d *Desk) paymentOf(ctx context.Context, reference string) (p store.Payment, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		for name := range d.providers {
			if _, ok := d.byHand(name); !ok {
				continue
			}
			if p, err = v.PaymentByRef(name, reference); err == nil || !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return errNoReference
	})
	return p, err
}

var errNoReference = fault.Missing("No order of this shop has that reference.")

package checkout

import (
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// The jobs of this package. Each carries the id of an order, refunds that of a payment.
const (
	JobTake      = "stock.take"
	JobConfirm   = "mail.confirmed"
	JobCancelled = "mail.cancelled"
	JobRefund    = "payment.refund"
	JobShipped   = "mail.shipped"
	JobRefunded  = "mail.refunded"
	JobAsk       = "attempt.ask"
	JobInvoice   = "invoice.issue"
	JobCredit    = "invoice.credit"
)

var errMismatch = fault.New(fault.Conflict, "That notice does not fit its order.")

// Settle carries out a genuine notice of a provider. It is the only way an
// order becomes paid, and doing it again changes nothing: notices come twice,
// late, out of order and in parallel.
//
// Session, order, attempt, amount, currency, mode and account must all fit. An approval after
// the hold ended takes the goods afresh when they are still there, and is paid
// back by a job when they, a code it was priced with, or credit that was to pay a
// part of it, are not.
func (d *Desk) Settle(ctx context.Context, provider string, n payment.Notice) error {
	_, err := d.settleAs(ctx, ledger.Provider(provider), provider, n, nil)
	return err
}

// settleAs is Settle by somebody's word, and says what the notice meant, in the words of
// the journal of notices. with is done in the same transaction, once the notice fits; it
// may be nil.
func (d *Desk) settleAs(ctx context.Context, actor ledger.Actor, provider string, n payment.Notice, with func(*store.Tx, store.Payment) error) (meaning string, err error) {
	p, meaning, err := d.settle(ctx, actor, provider, n, with)
	if err != nil {
		return meaning, err
	}
	d.count(ctx, provider, p, n)
	if meaning == store.NoticeLate { // the hold has ended: the goods must be taken afresh
		err = d.settleLate(ctx, p)
	}
	d.wake()
	return meaning, err
}

// unpaid is where an attempt stands that will not be paid.
var unpaid = map[payment.Outcome]order.Payment{payment.Declined: order.PaymentDeclined, payment.Expired: order.PaymentExpired}

func (d *Desk) settle(ctx context.Context, actor ledger.Actor, provider string, n payment.Notice, with func(*store.Tx, store.Payment) error) (p store.Payment, meaning string, err error) {
	unfit := false
	err = d.db.InTx(ctx, actor, func(t *store.Tx) error {
		unfit = false
		if p, err = meant(t, provider, n); err != nil {
			return err
		}
		if !fits(p, n) {
			meaning, unfit = store.NoticeMismatch, true
			if n.Recalled { // it is asked for each day, and the first answer is enough
				known, err := t.NoticeKnown(p, string(n.Outcome), meaning)
				if err != nil || known {
					return err
				}
			}
			if err := t.KeepNotice(p, string(n.Outcome), meaning); err != nil {
				return err
			}
			return t.Event("payment.mismatch", p.Owner, p.ID, "")
		}
		if with != nil {
			if err := with(t, p); err != nil {
				return err
			}
		}
		if meaning, err = d.carry(t, p, n); err != nil {
			return err
		}
		return t.KeepNotice(p, string(n.Outcome), meaning)
	})
	if err == nil && unfit {
		err = errMismatch
	}
	return p, meaning, err
}

// meant finds the attempt that a notice is about.
func meant(t *store.Tx, provider string, n payment.Notice) (store.Payment, error) {
	if n.Ref == "" && !n.Outcome.Ends() {
		return t.PaymentOfOrder(provider, order.Number(n.OrderNumber), n.Attempt)
	}
	return t.PaymentByRef(provider, n.Ref)
}

// carry does what a fitting notice asks for, in the caller's transaction, and says
// what it meant. A late approval is left to settleLate.
func (d *Desk) carry(t *store.Tx, p store.Payment, n payment.Notice) (string, error) {
	if !n.Outcome.Ends() {
		return d.besides(t, p, n)
	}
	o, err := t.Order(p.Owner, p.Order)
	if err != nil {
		return "", err
	}
	if n.Outcome != payment.Approved {
		if o.Status != order.Pending {
			return store.NoticeKnown, nil
		}
		moved, err := t.MovePayment(p, order.PaymentOpen, unpaid[n.Outcome])
		if !moved {
			return store.NoticeKnown, err
		}
		return store.NoticeTaken, err
	}
	if p, err = d.reserved(t, p, n); err != nil {
		return "", err
	}
	switch {
	case settled(p):
		return store.NoticeKnown, nil
	case o.Status == order.Pending && o.HoldUntil.After(t.Now()):
		return store.NoticeTaken, d.paid(t, o, p)
	case o.Status == order.Pending || o.Status == order.Cancelled:
		return store.NoticeLate, nil
	case o.OnAccount && !o.IsPaid():
		return store.NoticeTaken, d.paidOnAccount(t, o, p)
	default: // another attempt has paid it already
		return store.NoticeReturned, d.payBack(t, p)
	}
}

// settled reports whether money of an attempt has arrived and found its place.
func settled(p store.Payment) bool {
	return p.Status == order.PaymentApproved || p.Status == order.PaymentReturned || p.Status == order.PaymentOwed
}

// paid makes a pending or revived order paid, in the caller's transaction. One
// with nothing to pay has no payment.
func (d *Desk) paid(t *store.Tx, o order.Order, p store.Payment) error {
	pay := t.MoveOrder
	if p.Capture == store.Authorized {
		pay = func(owner string, id order.ID, from, _ order.Status, detail string) (bool, error) {
			return t.AuthorizeOrder(owner, id, from, detail)
		}
	}
	moved, err := pay(o.Owner, o.ID, o.Status, order.Paid, `{"destroyed":"cart"}`)
	if err != nil || !moved {
		return errors.Join(err, unless(moved, errRaced))
	}
	if p.ID != "" {
		if moved, err = t.MovePayment(p, p.Status, order.PaymentApproved); err != nil || !moved {
			return errors.Join(err, unless(moved, errRaced))
		}
	}
	// Another attempt may have been paid too, and its call-back lost.
	if err := t.AskLater(JobAsk, o.Owner, o.ID, p.ID); err != nil {
		return err
	}
	if err := d.goods(t, o); err != nil {
		return err
	}
	if p.Capture != store.Authorized { // else it follows when the money is taken
		if err := t.Enqueue(JobInvoice, o.Owner, string(o.ID), t.Now()); err != nil {
			return err
		}
	}
	if err := t.EnqueueVirtual(JobDigital, o); err != nil {
		return err
	}
	return t.Enqueue(JobConfirm, o.Owner, string(o.ID), t.Now())
}

// goods does what follows once the goods of an order are its shopper's: the cart
// ends, and what is held is sold.
func (d *Desk) goods(t *store.Tx, o order.Order) error {
	c, err := t.CartOf(o.Owner, o.ID)
	if err == nil {
		if c.State == cart.Open {
			c.State, c.OrderID = cart.Ordered, string(o.ID)
			if _, err := t.SaveCart(c); err != nil {
				return err
			}
		}
		err = t.EndCheckout(c.ID)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return t.Enqueue(JobTake, o.Owner, string(o.ID), t.Now())
}

// errRaced means that another settlement of the same order was quicker; the
// provider asks again and finds it settled.
var errRaced = fault.New(fault.Unavailable, "Please send this again.")

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// payBack notes an approved payment that can't be used and lets a job return it.
// What came without a service goes back by a person, who says so.
func (d *Desk) payBack(t *store.Tx, p store.Payment) error {
	if d.ByHand(p.Provider) {
		_, err := t.MovePayment(p, p.Status, order.PaymentOwed)
		return err
	}
	moved, err := t.MovePayment(p, p.Status, order.PaymentReturned)
	if err != nil || !moved {
		return err
	}
	return t.Enqueue(JobRefund, p.Owner, p.ID, t.Now())
}

// settleLate handles an approval whose hold has ended: first the order is
// cancelled as it was due to, then the goods are held again, then it is paid;
// when they are gone the money goes back. One settlement at a time does this
// for an order: the same notice, or another attempt's, is told to come again.
func (d *Desk) settleLate(ctx context.Context, p store.Payment) error {
	if err := d.expire(ctx, p.Owner, p.Order); err != nil {
		return err
	}
	o, ours, err := d.claim(ctx, p)
	if err != nil || !ours {
		return err
	}
	lines := make([]cart.Line, 0, len(o.Lines))
	for _, l := range o.Lines {
		lines = append(lines, cart.Line{Variant: l.Variant, Quantity: l.Quantity})
	}
	err = d.reserve(ctx, o.ID, store.Payer{Cart: o.Owner}, lines, d.db.Now().Add(d.hold))
	if err == nil {
		err = d.useCodesAgain(ctx, o)
	}
	if err == nil {
		err = d.holdCredit(ctx, o.ID, o.Owner, o.Credits, d.db.Now().Add(d.hold))
	}
	if err != nil && !fault.Is(err, fault.OutOfStock) && !errors.As(err, new(usedUp)) && !errors.Is(err, credit.ErrShort) {
		return err
	}
	if err != nil {
		if err := d.release(ctx, o.ID); err != nil {
			return err
		}
	}
	gone := err != nil
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		now, err := t.Order(o.Owner, o.ID)
		if err != nil {
			return err
		}
		p, err := t.Payment(p.Owner, p.ID)
		if err != nil || p.Status != order.PaymentSettling {
			return errors.Join(err, unless(err != nil, errRaced)) // taken over: this was too slow
		}
		if gone || now.Why == order.ByCustomer { // given up meanwhile: the hold ends by itself
			return d.payBack(t, p)
		}
		if err := d.paid(t, now, p); err != nil {
			return err
		}
		return t.KeepPaid(o.Owner, o.ID)
	})
}

// useCodesAgain holds the uses of a cancelled order's codes afresh. When another
// order has the last one by now, this one can't be had at its price any more.
func (d *Desk) useCodesAgain(ctx context.Context, o order.Order) error {
	if len(o.Codes) == 0 {
		return nil
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	var to order.Details
	err = d.db.View(ctx, func(v *store.View) error {
		to, err = v.OrderDetails(o.Owner, o.ID)
		return err
	})
	if err != nil {
		return err
	}
	return d.useCodes(ctx, o.ID, o.Owner, o.Codes, to.Email, s, d.db.Now().Add(d.hold))
}

// claim decides under the order's lock what becomes of a late approval: it is
// settled already, paid back at once, or ours to settle.
func (d *Desk) claim(ctx context.Context, p store.Payment) (o order.Order, ours bool, err error) {
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		ours = false
		if o, err = t.Order(p.Owner, p.Order); err != nil {
			return err
		}
		now, err := t.Payment(p.Owner, p.ID)
		if err != nil || settled(now) {
			return err
		}
		again, err := t.OrderedAgain(p.Owner, p.Order)
		if err != nil {
			return err
		}
		to, err := t.OrderDetails(p.Owner, p.Order)
		if err != nil {
			return err
		}
		// Paid by another attempt, ordered once more, given up by the shopper, back
		// with us, or
		// so late that nobody knows any more where it goes.
		if o.Status != order.Cancelled || again || o.Why == order.ByCustomer || o.Why == order.CameBack || !to.Complete() {
			return d.payBack(t, now)
		}
		if ours, err = t.ClaimPayment(now); err == nil && !ours {
			err = errRaced
		}
		return err
	})
	return o, ours, err
}

// expire cancels a pending order whose hold has ended, opens its cart again
// and gives the goods back. For any other order it does nothing.
func (d *Desk) expire(ctx context.Context, owner string, id order.ID) error {
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		o, err := t.Order(owner, id)
		if err != nil || o.Status != order.Pending || o.HoldUntil.After(t.Now()) {
			return err
		}
		why := order.HoldEnded
		if o.OnAccount { // it was for the shop to send it
			why = order.ByShop
		}
		return d.giveUpOrder(t, o, why)
	})
	if err != nil {
		return err
	}
	return d.endHolds(ctx, owner, id)
}

// endHolds gives back or takes what is held for an order, as its state says.
func (d *Desk) endHolds(ctx context.Context, owner string, id order.ID) error {
	var o order.Order
	var due bool
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if o, err = v.Order(owner, id); err != nil {
			return err
		}
		due, err = v.HasJob(owner, JobTake, string(id))
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return d.release(ctx, id)
	case err != nil:
		return err
	case o.Status == order.Pending:
		return d.keepHeld(ctx, o) // its shopper asked for more time
	case o.Status == order.Cancelled && o.Why == order.ByCustomer:
		return d.release(ctx, id) // nothing is held afresh for one that was given up
	case o.Status == order.Cancelled:
		// What was held afresh for a late payment stays.
		return d.releaseEnded(ctx, id, d.db.Now())
	case due:
		return nil // paid: its own job takes what is held
	default:
		// Everything was taken. What is held still was held by a settlement
		// that came second.
		return d.release(ctx, id)
	}
}

// take turns what is held for a paid order into spent credit, used codes and sold
// goods.
func (d *Desk) take(ctx context.Context, j store.Job) error {
	id := order.ID(j.Ref)
	var o order.Order
	err := d.db.View(ctx, func(v *store.View) (err error) {
		o, err = v.Order(j.Owner, id)
		return err
	})
	if err == nil {
		err = d.takeCredit(ctx, o)
	}
	if err == nil && len(o.Codes) > 0 {
		err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.KeepUses(id) })
	}
	if err != nil {
		return err
	}
	return d.eachHold(ctx, id, func(t *store.Tx, h store.Hold) error { return t.Take(h.Variant, id) })
}

package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Money that is only reserved when somebody pays, and taken when the goods are sent.
// The order is paid in every word of the shop from the approval on, and may be sent;
// the tax journal and the invoice wait until the money is taken. As with a refund,
// what is asked of the provider is written down first, and a job finishes what was
// cut off.
//
// What is given back before the money is taken makes less of it to take, and of all
// that is reserved nothing: it is let go then. What is asked for while the provider
// is asked to take it waits until that is known, and goes back the usual way. Both
// are decided under the order's lock, so a refund and a capture never both count on
// the same money.

// The jobs of this file. Each carries the id of an attempt.
const (
	JobCapture  = "payment.capture"
	JobReserved = "payment.reserved"
)

// reservedFor is for how long money is taken to be reserved where a provider does not
// say it: shorter than any card does.
const reservedFor = 4 * 24 * time.Hour

var (
	errCapturing = errors.New("the reserved money is being taken at this moment")
	errUntaken   = fault.New(fault.Conflict, "The money of this order is only reserved. Nothing of it can be made credit or sent by hand before it is taken: cartkeep capture NUMBER.")
	errGoneFree  = fault.New(fault.Conflict, "The money that was reserved for this order went free before it was taken, so it is not paid. End the order (cartkeep refund NUMBER), and ask the buyer to order again.")
	errLettingGo = fault.New(fault.Conflict, "The money of this order is being given back.")
	errOver      = fault.New(fault.Conflict, "The time for which the money of this order was reserved is over. See first whether it can be taken still: cartkeep capture NUMBER.")
)

// reserves says whether an attempt only reserves the money: where the shop wants that
// and the provider can, and all of the order is sent later.
func (d *Desk) reserves(provider string, s store.Settings, virtual bool) store.Capture {
	if _, can := d.providers[provider].(payment.Capturer); can && s.TakeLater && !virtual {
		return store.Later
	}
	return store.AtOnce
}

// reserved notes what an approval says of an attempt that was to reserve the money.
func (d *Desk) reserved(t *store.Tx, p store.Payment, n payment.Notice) (store.Payment, error) {
	if p.Capture != store.Later || n.Outcome != payment.Approved {
		return p, nil
	}
	if n.Authorized || n.Captured != p.Amount {
		p.Capture, p.CaptureBy = store.Authorized, n.CaptureBy
		switch {
		case !n.Authorized: // somebody took a part of it there: the watch, at once, finds out how much
			p.CaptureBy = t.Now()
		case p.CaptureBy.IsZero():
			p.CaptureBy = t.Now().Add(reservedFor)
		}
		if err := t.Enqueue(JobReserved, p.Owner, p.ID, p.CaptureBy.Add(-captureSoon)); err != nil {
			return p, err
		}
	} else { // somebody took all of it at the provider, before we heard of it
		p.Capture, p.CaptureAmount = store.Captured, p.Amount
	}
	moved, err := t.MoveCapture(p, store.Later)
	return p, errors.Join(err, unless(moved || err != nil, errRaced))
}

// Capture takes the reserved money of an order: what is left of it, or a part. There
// is one capture of an order; what it leaves goes free, and is given back that way.
func (d *Desk) Capture(ctx context.Context, actor ledger.Actor, number order.Number, part *money.Amount) error {
	var p store.Payment
	err := d.db.InTx(ctx, actor, func(t *store.Tx) error {
		o, err := t.OrderByNumber(number)
		if err != nil {
			return err
		}
		if p, err = lastPayment(&t.View, o); err != nil {
			return err
		}
		p, err = d.askCapture(t, o, p, part, giveAgain)
		return err
	})
	if err != nil {
		return err
	}
	return d.capture(ctx, actor, p)
}

// askCapture writes down that reserved money is to be taken, and leaves the job that
// does it. Asked for the same again it is the same.
func (d *Desk) askCapture(t *store.Tx, o order.Order, p store.Payment, part *money.Amount, in time.Duration) (store.Payment, error) {
	switch {
	case p.Capture == store.Capturing && (part == nil || *part == p.CaptureAmount):
		return p, nil
	case p.Capture == store.Capturing:
		return p, fault.New(fault.Conflict, p.CaptureAmount.Format()+" is being taken already.")
	case p.Capture == store.Released:
		return p, errGoneFree
	case p.Capture == store.Releasing:
		return p, errLettingGo
	case p.Capture != store.Authorized || p.Status != order.PaymentApproved:
		return p, fault.New(fault.Conflict, "No money is reserved for this order, or it was taken already.")
	}
	before, err := t.RefundsOf(o.Owner, o.ID)
	if err != nil {
		return p, err
	}
	left, err := p.Amount.Minus(p.Untaken(before))
	if err != nil {
		return p, err
	}
	from := p.Capture
	p.Capture, p.CaptureAmount = store.Capturing, left
	if part != nil {
		p.CaptureAmount = *part
	}
	if p.CaptureAmount.Currency() != left.Currency() || p.CaptureAmount.Minor() <= 0 || p.CaptureAmount.Cmp(left) > 0 {
		return p, fault.New(fault.Conflict, "At most "+left.Format()+" can be taken.")
	}
	if rest, err := left.Minus(p.CaptureAmount); err != nil || !rest.IsZero() {
		if err != nil {
			return p, err
		}
		if asked, err := d.leave(t, o, p, rest); err != nil || !asked {
			return p, errors.Join(err, unless(asked, errRaced))
		}
	}
	moved, err := t.MoveCapture(p, from)
	if err != nil || !moved {
		return p, errors.Join(err, unless(moved, errRaced))
	}
	return p, t.Enqueue(JobCapture, p.Owner, p.ID, t.Now().Add(in))
}

// leave writes down what of reserved money is not to be taken. It reports false when
// so much is not left, with all that goes back besides.
func (d *Desk) leave(t *store.Tx, o order.Order, p store.Payment, rest money.Amount) (bool, error) {
	paid, err := credit.Sum(rest.Currency(), o.Credits)
	if err != nil {
		return false, err
	}
	return t.AskRefund(store.Refund{ID: store.NewID(), Owner: o.Owner, Order: o.ID, Payment: p.ID, Amount: rest, ByCredit: money.Zero(rest.Currency()),
		State: store.RefundAsked, Untaken: true}, paid, o.Due())
}

// capture asks the provider and notes what came of it.
func (d *Desk) capture(ctx context.Context, actor ledger.Actor, p store.Payment) error {
	provider, ok := d.providers[p.Provider].(payment.Capturer)
	if !ok {
		return fmt.Errorf("capture: provider %s is not wired in", p.Provider)
	}
	took := p.CaptureAmount
	err := provider.Capture(ctx, payment.CaptureRequest{Ref: p.Ref, OrderID: string(p.Order), Amount: took})
	if errors.Is(err, payment.ErrRefused) {
		a, asked := provider.Authorization(ctx, p.Ref)
		switch {
		case errors.Is(asked, payment.ErrRefused): // it may know us no more: somebody has to look
			err = errors.Join(asked, d.raiseFor(ctx, taking(p), store.ConcernCapture, aboutUnknown))
		case asked != nil:
			err = asked
		case a.State == payment.Captured: // by somebody at the provider, and perhaps not as much
			took, err = a.Captured, nil
		default:
			return d.notTaken(ctx, actor, p, a)
		}
	}
	if err != nil {
		return fault.Because(fault.Unavailable, "The payment service did not take the money yet. It is tried again by itself.", fmt.Errorf("capture: %w", err))
	}
	if err := d.db.InTx(ctx, actor, func(t *store.Tx) error { return d.captured(t, p, took) }); err != nil {
		return err
	}
	d.wake()
	return nil
}

// captured notes that reserved money was taken: once, whoever finds out first. The
// books have the order from now on, less what was given back before.
func (d *Desk) captured(t *store.Tx, p store.Payment, took money.Amount) error {
	o, err := t.Order(p.Owner, p.Order) // its lock comes first
	if err != nil {
		return err
	}
	now, err := t.Payment(p.Owner, p.ID)
	if err != nil || now.Capture != store.Capturing && now.Capture != store.Authorized && now.Capture != store.Releasing {
		return err
	}
	from := now.Capture
	now.Capture, now.CaptureAmount = store.Captured, took
	if moved, err := t.MoveCapture(now, from); err != nil || !moved {
		return errors.Join(err, unless(moved, errRaced))
	}
	before, err := t.RefundsOf(o.Owner, o.ID)
	if err != nil {
		return err
	}
	if err := d.seenReserve(t, p); err != nil {
		return err
	}
	rest := p.Amount.Minor() - took.Minor() - now.Untaken(before).Minor()
	if rest > 0 { // less was taken than we asked for
		if err := d.lessTaken(t, o, now, before, money.Of(rest, took.Currency())); err != nil {
			return err
		}
		if before, err = t.RefundsOf(o.Owner, o.ID); err != nil {
			return err
		}
	}
	for _, r := range before {
		if r.Untaken && r.State == store.RefundAsked && r.Payment == now.ID && r.ByCredit.IsZero() {
			if err := d.given(t, r); err != nil {
				return err
			}
		}
	}
	if rest < 0 { // what was given back by not taking it was taken all the same
		if _, err := d.raise(t, store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: store.ConcernCapture, About: "too much", Reason: order.DisputeOther, Amount: money.Of(-rest, took.Currency())}); err != nil {
			return err
		}
	}
	return d.book(t, o)
}

// book writes an order into the tax journal whose money has come now, less what went
// back before, and leaves its papers to be written.
func (d *Desk) book(t *store.Tx, o order.Order) error {
	first, err := t.BookSale(o.Owner, o.ID)
	if err != nil || !first {
		return err
	}
	all, err := t.RefundsOf(o.Owner, o.ID)
	if err != nil {
		return err
	}
	papers := JobInvoice
	for _, r := range all {
		if r.State != store.RefundDone {
			continue
		}
		if err := t.JournalPart(o.Owner, o.ID, r.Amount); err != nil {
			return err
		}
		papers = JobCredit
	}
	return t.Enqueue(papers, o.Owner, string(o.ID), t.Now())
}

// notTaken notes that reserved money could not be taken: it went free, or the
// provider does not want to give it as we asked.
func (d *Desk) notTaken(ctx context.Context, actor ledger.Actor, p store.Payment, a payment.Authorization) error {
	err := d.db.InTx(ctx, actor, func(t *store.Tx) error { return d.untaken(t, p, a) })
	if err != nil {
		return err
	}
	d.wake()
	if a.State == payment.Released {
		return errGoneFree
	}
	return fault.New(fault.Conflict, "The payment service refuses to take this. Look at the payment there.")
}

func (d *Desk) untaken(t *store.Tx, p store.Payment, a payment.Authorization) error {
	o, err := t.Order(p.Owner, p.Order) // its lock comes first
	if err != nil {
		return err
	}
	now, err := t.Payment(p.Owner, p.ID)
	if err != nil || now.Capture != store.Capturing && now.Capture != store.Authorized {
		return err
	}
	from, want := now.Capture, now.CaptureAmount
	now.Capture, now.CaptureAmount = store.Authorized, money.Zero(now.Amount.Currency())
	if a.State == payment.Released {
		now.Capture = store.Released
		if err := d.seenReserve(t, p); err != nil {
			return err
		}
	}
	if moved, err := t.MoveCapture(now, from); err != nil || !moved {
		return errors.Join(err, unless(moved, errRaced))
	}
	if err := d.takeUp(t, o, now); err != nil {
		return err
	}
	if want.IsZero() {
		want = now.Amount
	}
	_, err = d.raise(t, store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: store.ConcernCapture, About: string(a.State), Reason: order.DisputeOther, Amount: want})
	return err
}

// captureLater finishes a capture that was cut off, or that sending has asked for.
func (d *Desk) captureLater(ctx context.Context, j store.Job) error {
	p, err := d.attemptOf(ctx, j)
	if err != nil || p.Capture != store.Capturing {
		return err
	}
	err = d.capture(ctx, ledger.System("checkout"), p)
	if fault.Is(err, fault.Conflict) { // told the owners
		return nil
	}
	return err
}

// attemptOf reads the attempt that a job is about.
func (d *Desk) attemptOf(ctx context.Context, j store.Job) (p store.Payment, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		p, err = v.Payment(j.Owner, j.Ref)
		return err
	})
	return p, err
}

// tookError says that what was to be let go of was taken at the provider meanwhile.
type tookError struct{ amount money.Amount }

// Error implements error.
func (tookError) Error() string { return "the reserved money was taken at the payment service" }

// Unwrap makes it a refusal.
func (tookError) Unwrap() error { return payment.ErrRefused }

// letGo has the provider let go of reserved money. The error may be tookError.
func (d *Desk) letGo(ctx context.Context, p store.Payment) error {
	provider, ok := d.providers[p.Provider].(payment.Capturer)
	if !ok {
		return fmt.Errorf("let go of reserved money: provider %s is not wired in", p.Provider)
	}
	err := provider.Release(ctx, p.Ref)
	if !errors.Is(err, payment.ErrRefused) {
		return err
	}
	a, asked := provider.Authorization(ctx, p.Ref)
	switch {
	case asked != nil:
		return asked
	case a.State == payment.Released:
		return nil
	case a.State == payment.Captured:
		return tookError{a.Captured}
	}
	return err
}

// letGoUnused lets go of what was reserved by an attempt that is of no use. What was
// taken of it all the same is told: it has to go back the usual way.
func (d *Desk) letGoUnused(ctx context.Context, p store.Payment) (back money.Amount, err error) {
	to := p
	to.Capture, back = store.Released, money.Zero(p.Amount.Currency())
	if err = d.letGo(ctx, p); err != nil {
		took, ok := errors.AsType[tookError](err)
		if !ok {
			return back, err
		}
		to.Capture, to.CaptureAmount, back = store.Captured, took.amount, took.amount
	}
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		_, err := t.MoveCapture(to, store.Authorized)
		return err
	})
	return back, err
}

package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// The jobs of this file. Each carries the id of a refund.
const (
	JobGiveBack  = "refund.give"
	JobGivenBack = "mail.given-back"
)

// giveAgain is when a refund that nobody finished is taken up by its job: the
// shop was killed, or the provider did not answer.
const giveAgain = time.Minute

// Refund gives back what is left of an order's price: all of it, or what parts
// that went back before have left.
//
// It works in three steps. The refund is written under the order's lock, where
// the sum of all is held against what was paid; then the provider is asked and
// credit given back, under the refund's own id, so that doing it twice pays once;
// then it is done, with the order's state, the tax journal and the letter. A job
// finishes what was cut off.
//
// Money goes back the way it came: first to the payment service, up to what that
// took; the rest to the gift cards and store credit, up to what they paid.
func (d *Desk) Refund(ctx context.Context, actor ledger.Actor, number order.Number) error {
	return d.GiveBack(ctx, actor, number, Back{})
}

// RefundPart gives a part of an order's price back.
func (d *Desk) RefundPart(ctx context.Context, actor ledger.Actor, number order.Number, part money.Amount) error {
	return d.GiveBack(ctx, actor, number, Back{Part: &part})
}

// RefundedByHand notes that the actor has sent back what is left of an order's price,
// or a part of it, without a payment service: from the bank account, or in cash.
func (d *Desk) RefundedByHand(ctx context.Context, actor ledger.Actor, number order.Number, part *money.Amount) error {
	return d.GiveBack(ctx, actor, number, Back{Part: part, ByHand: true})
}

// Back says what of an order's price is to go back, and how.
type Back struct {
	Part *money.Amount // nil: all that is left
	// ToCredit makes store credit of what a payment service took: on the account
	// whose order it is, or else on a gift card that is mailed to the buyer. The
	// law of many countries leaves that to the buyer.
	ToCredit bool
	ByHand   bool // the actor has sent it already; see RefundedByHand
	Restock  bool // the goods are back, and go on the shelf again: all that the order counted, once
}

// GiveBack is Refund with a choice.
func (d *Desk) GiveBack(ctx context.Context, actor ledger.Actor, number order.Number, back Back) error {
	r, err := d.askRefund(ctx, actor, number, back)
	if err != nil {
		return err
	}
	return d.give(ctx, actor, r)
}

// askRefund writes the refund. When nothing is left but one that is under way, that
// is taken up again: ten clicks are one refund.
func (d *Desk) askRefund(ctx context.Context, actor ledger.Actor, number order.Number, back Back) (r store.Refund, err error) {
	part := back.Part
	err = d.db.InTx(ctx, actor, func(t *store.Tx) error {
		o, err := t.OrderByNumber(number)
		if err != nil {
			return err
		}
		p, err := lastPayment(&t.View, o)
		if err != nil {
			return err
		}
		if !o.Status.May(order.Refunded) || p.Status != order.PaymentApproved {
			return fault.New(fault.Conflict, fmt.Sprintf("The order is %s: there is nothing to give back.", o.Status))
		}
		if under, err := disputed(&t.View, o); err != nil || under {
			return errors.Join(err, unless(!under, errDisputed))
		}
		if err := d.askRestock(t, o, back.Restock); err != nil {
			return err
		}
		before, err := t.RefundsOf(o.Owner, o.ID)
		if err != nil {
			return err
		}
		refused := slices.ContainsFunc(before, func(r store.Refund) bool { return r.State == store.RefundRefused })
		left, rest, under, err := leftOf(&t.View, o, before)
		if err != nil {
			return err
		}
		same := under.ID != "" && (part == nil && left.IsZero() || part != nil && under.Amount == *part)
		if same && back.ByHand && d.gone(p.Provider) { // what it never took up, a person has sent
			if _, err := t.EndRefund(under, store.RefundRefused); err != nil {
				return err
			}
			before = slices.DeleteFunc(before, func(r store.Refund) bool { return r.ID == under.ID })
			if left, rest, under, err = leftOf(&t.View, o, before); err != nil {
				return err
			}
			same = false
		}
		// Whoever asks for the same again, since no answer came, means the same.
		if same {
			r = under
			return d.hand(o, p, r, back.ByHand, refused)
		}
		r = store.Refund{ID: store.NewID(), Owner: o.Owner, Order: o.ID, Payment: p.ID, Amount: left, State: store.RefundAsked}
		if part != nil {
			r.Amount = *part
		}
		if r.Amount.Currency() != left.Currency() || r.Amount.Negative() || r.Amount.IsZero() && !o.Free() || r.Amount.Cmp(left) > 0 {
			return fault.New(fault.Conflict, "At most "+left.Format()+" can be given back.")
		}
		r.ByCredit = money.Zero(left.Currency())
		if r.Amount.Minor() > rest.Minor() { // the payment service gives back what it took, and credit the others
			r.ByCredit = money.Of(r.Amount.Minor()-rest.Minor(), left.Currency())
		}
		if err := creditLives(&t.View, o, r); err != nil {
			return err
		}
		if r.ToCredit, err = d.target(t, o, r, back.ToCredit); err != nil {
			return err
		}
		r.ByHand = back.ByHand
		r.Untaken = !r.Rest().IsZero() && (p.Capture == store.Authorized || p.Capture == store.Releasing || p.Capture == store.Released)
		if (r.Untaken || p.Capture == store.Capturing) && (r.ByHand || r.ToCredit != store.ToService) {
			return errUntaken
		}
		if err := d.hand(o, p, r, back.ByHand, refused); err != nil {
			return err
		}
		paid, err := credit.Sum(left.Currency(), o.Credits)
		if err != nil {
			return err
		}
		asked, err := t.AskRefund(r, paid, o.Due())
		if err != nil || !asked {
			return errors.Join(err, unless(asked, errRaced))
		}
		if p.Capture == store.Authorized && p.Untaken(append(before, r)) == p.Amount { // nothing is left to take
			p.Capture = store.Releasing
			if moved, err := t.MoveCapture(p, store.Authorized); err != nil || !moved {
				return errors.Join(err, unless(moved, errRaced))
			}
		}
		return t.Enqueue(JobGiveBack, r.Owner, r.ID, t.Now().Add(giveAgain))
	})
	return r, err
}

// leftOf is what is left of an order's price, how much of that a payment service
// took, and a refund that somebody has asked for and that is under way.
func leftOf(v *store.View, o order.Order, before []store.Refund) (left, rest money.Amount, under store.Refund, err error) {
	left, rest = o.Totals.Total, o.Due()
	for _, r := range before {
		if r.State == store.RefundRefused {
			continue
		}
		if r.State == store.RefundAsked {
			nobodys, err := leftOver(v, r)
			if err != nil {
				return left, rest, under, err
			}
			if !nobodys {
				under = r
			}
		}
		if left, err = left.Minus(r.Amount); err != nil {
			return left, rest, under, err
		}
		if rest, err = rest.Minus(r.Rest()); err != nil {
			return left, rest, under, err
		}
	}
	return left, rest, under, nil
}

// give asks the provider and notes what came of it.
func (d *Desk) give(ctx context.Context, actor ledger.Actor, r store.Refund) error {
	err := d.payOut(ctx, r)
	if errors.Is(err, payment.ErrRefused) {
		took, gone := errors.AsType[tookError](err)
		why := fault.New(fault.Conflict, "The payment service refuses to give this back. Look at the payment there.")
		if errors.Is(err, errDisputed) {
			why = errDisputed
		}
		err := d.db.InTx(ctx, actor, func(t *store.Tx) error {
			if _, err := t.Order(r.Owner, r.Order); err != nil { // its lock comes first
				return err
			}
			first, err := t.EndRefund(r, store.RefundRefused)
			if err != nil || r.Payment == "" {
				return err
			}
			p, err := t.Payment(r.Owner, r.Payment)
			switch {
			case err != nil:
				return err
			case gone:
				return d.captured(t, p, took.amount)
			case first && r.Untaken && p.Capture == store.Releasing:
				return d.stillReserved(t, p)
			}
			return nil
		})
		if err != nil { // the refund has not ended: whoever tries again is told why
			return err
		}
		return why
	}
	if err != nil {
		return fault.Because(fault.Unavailable, "The payment service did not give the money back yet. It is tried again by itself.", fmt.Errorf("refund: %w", err))
	}
	if err := d.giveCredit(ctx, actor, r); err != nil {
		return fault.Because(fault.Unavailable, "The credit is not back yet. It is tried again by itself.", fmt.Errorf("refund: %w", err))
	}
	if err := d.db.InTx(ctx, actor, func(t *store.Tx) error { return d.given(t, r) }); err != nil {
		return err
	}
	d.wake()
	return nil
}

// payOut asks the provider to pay back, or to let go of what it reserves. Of nothing,
// nothing is asked.
func (d *Desk) payOut(ctx context.Context, r store.Refund) error {
	if r.Payment == "" || r.Rest().IsZero() || r.ToCredit != store.ToService {
		return nil
	}
	p, err := d.attemptOf(ctx, store.Job{Owner: r.Owner, Ref: r.Payment})
	switch {
	case err != nil:
		return err
	case p.Capture == store.Capturing:
		return errCapturing
	case r.Untaken && p.Capture == store.Releasing:
		return d.letGo(ctx, p)
	case r.Untaken || p.Capture == store.Released:
		return nil
	case p.Capture == store.Authorized || p.Capture == store.Releasing:
		return errors.New("the money is only reserved, so nothing of it can be paid back")
	}
	if r.ByHand || d.ByHand(p.Provider) {
		return nil // whoever wrote the refund down has sent it
	}
	return d.sendBack(ctx, p, payment.RefundRequest{ID: r.ID, Ref: p.Ref, OrderID: string(r.Order), Amount: r.Rest()})
}

// given notes that money went back: once, whoever finds out first.
func (d *Desk) given(t *store.Tx, r store.Refund) error {
	o, err := t.Order(r.Owner, r.Order) // its lock comes first
	if err != nil {
		return err
	}
	p := store.Payment{}
	if r.Payment != "" {
		if p, err = t.Payment(r.Owner, r.Payment); err != nil {
			return err
		}
	}
	r.Untaken = r.Untaken || p.Capture == store.Released && !r.Rest().IsZero()
	first, err := t.EndRefund(r, store.RefundDone)
	if err != nil || !first {
		return err
	}
	if r.Untaken && p.Capture == store.Releasing {
		p.Capture = store.Released
		if moved, err := t.MoveCapture(p, store.Releasing); err != nil || !moved {
			return errors.Join(err, unless(moved, errRaced))
		}
		if err := d.seenReserve(t, p); err != nil {
			return err
		}
	}
	all, err := t.RefundsOf(r.Owner, r.Order)
	if err != nil {
		return err
	}
	to := order.PartiallyRefunded
	if wholly(o, all) {
		to = order.Refunded
	} else if err := d.bookPart(t, o, p, r, all); err != nil {
		return err
	}
	if o.Status != to {
		moved, err := t.MoveOrder(o.Owner, o.ID, o.Status, to, "")
		if err != nil || !moved {
			return errors.Join(err, unless(moved, errRaced))
		}
	}
	about := r.Payment
	if about == "" {
		about = string(r.Order)
	}
	if err := t.Event("payment.refunded", r.Owner, about, ""); err != nil {
		return err
	}
	taken := true // money that was only reserved and never taken has no invoice to take back
	if p.Capture == store.Released {
		if taken, err = t.Booked(o.Owner, o.ID); err != nil {
			return err
		}
	}
	if to == order.Refunded && taken {
		if err := t.Enqueue(JobCredit, o.Owner, string(o.ID), t.Now()); err != nil {
			return err
		}
	}
	return t.Enqueue(JobGivenBack, r.Owner, r.ID, t.Now())
}

// bookPart writes a part that went back into the tax journal, and leaves its credit
// note to be written. One whose money was only reserved is booked when that is taken.
// Where all of the reserved money has gone back and credit paid the rest of the price,
// nothing will be taken, and that is the sale; money that went free by itself leaves
// the order unpaid, and there is none.
func (d *Desk) bookPart(t *store.Tx, o order.Order, p store.Payment, r store.Refund, all []store.Refund) error {
	booked, err := t.Booked(o.Owner, o.ID)
	switch {
	case err != nil:
		return err
	case booked:
		if err := t.JournalPart(r.Owner, r.Order, r.Amount); err != nil {
			return err
		}
		return t.Enqueue(JobCredit, o.Owner, string(o.ID), t.Now())
	case p.Capture == store.Released && p.Untaken(all) == p.Amount:
		return d.book(t, o)
	}
	return nil
}

// wholly reports whether all of an order's price has gone back.
func wholly(o order.Order, all []store.Refund) bool { return sumBack(o, all) == o.Totals.Total }

// sumBack is how much of an order's price has gone back.
func sumBack(o order.Order, all []store.Refund) money.Amount {
	var sum int64
	for _, r := range all {
		if r.State == store.RefundDone {
			sum += r.Amount.Minor()
		}
	}
	return money.Of(sum, o.Totals.Total.Currency())
}

// giveLater finishes a refund that was cut off.
func (d *Desk) giveLater(ctx context.Context, j store.Job) error {
	var r store.Refund
	err := d.db.View(ctx, func(v *store.View) (err error) {
		r, err = v.Refund(j.Owner, j.Ref)
		return err
	})
	if err != nil || r.State != store.RefundAsked {
		return err
	}
	err = d.give(ctx, ledger.System("checkout"), r)
	of := store.Payment{Owner: r.Owner, Order: r.Order, ID: r.Payment, Amount: r.Amount}
	switch {
	case err == nil:
		return nil
	case !fault.Is(err, fault.Conflict):
		asked := func(t *store.Tx) (bool, error) {
			now, err := t.Refund(r.Owner, r.ID)
			return now.State == store.RefundAsked, err
		}
		return d.waiting(ctx, of, r.ID, r.AskedAt, asked, err)
	}
	d.log.WarnContext(ctx, "a refund was refused by the payment service", "refund", r.ID)
	return d.raiseFor(ctx, of, store.ConcernRefund, r.ID)
}

func (d *Desk) mailGivenBack(ctx context.Context, j store.Job) error {
	var r store.Refund
	err := d.db.View(ctx, func(v *store.View) (err error) {
		r, err = v.Refund(j.Owner, j.Ref)
		return err
	})
	if err != nil {
		return err
	}
	j.Ref = string(r.Order)
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.OrderRefunded(j.ID, message.OrderRefunded{To: to.Email, Name: to.Name, Number: o.Number, Lines: o.Lines, Totals: o.Totals, Amount: r.Amount,
			ByCredit: r.ByCredit, As: string(r.ToCredit), ByHand: d.ByHand(o.PaymentMethod), Untaken: r.Untaken, Link: d.OrderLink(o)})
	})
}

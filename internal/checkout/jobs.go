package checkout

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Jobs returns what this package does later, by the kind of job.
func (d *Desk) Jobs() map[string]func(context.Context, store.Job) error {
	return map[string]func(context.Context, store.Job) error{
		JobTake:      d.take,
		JobConfirm:   d.mailConfirmation,
		JobCancelled: d.mailCancelled,
		JobRefund:    d.refund,
		JobShipped:   d.mailShipped,
		JobRefunded:  d.mailRefunded,
		JobGiveBack:  d.giveLater,
		JobGivenBack: d.mailGivenBack,
		JobAsk:       d.askAgain,
		JobInvoice:   d.issueInvoice,
		JobCredit:    d.issueCredit,
		JobCode:      d.mailCode,
		JobPayCode:   d.mailPayCode,
		JobDigital:   d.giveDigital,
		JobCard:      d.mailCard,
		JobCapture:   d.captureLater,
		JobReserved:  d.watchReserved,
		JobRestock:   d.restock,

		store.JobForgetCards: d.forgetCards,
	}
}

// ErrNoSender means that nothing is set up to send mail with: the letter waits.
var ErrNoSender = errors.New("checkout: no mail sender is set up")

func (d *Desk) mailConfirmation(ctx context.Context, j store.Job) error {
	how, err := d.transferWords(ctx, j)
	if err != nil {
		return err
	}
	reserved := false
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.Order(j.Owner, order.ID(j.Ref))
		if err != nil {
			return err
		}
		p, err := lastPayment(v, o)
		reserved = d.view(o, p).Reserved
		return err
	})
	if err != nil {
		return err
	}
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, shipping string) (message.Message, error) {
		return w.OrderConfirmation(j.ID, message.OrderConfirmation{To: to.Email, Name: to.Name, Number: o.Number, Paid: o.IsPaid(), Sent: o.OnAccount && o.Times.Paid.After(o.Times.Packed) && o.Status != order.Paid, Later: message.Later(d.Later(o)),
			PlacedAt: o.PlacedAt, Lines: o.Lines, Totals: o.Totals, Credits: o.Credits, Shipping: shipping, Transfer: how, Reserved: reserved, Link: d.OrderLink(o)})
	})
}

// transferWords is how to send the money for a job's order, as people copy it; nil
// when nobody waits for a transfer.
func (d *Desk) transferWords(ctx context.Context, j store.Job) (how *message.Transfer, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.Order(j.Owner, order.ID(j.Ref))
		if err != nil {
			return err
		}
		p, err := lastPayment(v, o)
		if t := d.transfer(o, p); t != nil {
			how = &message.Transfer{Payee: t.Payee, IBAN: payment.Fours(t.IBAN), BIC: t.BIC, Reference: payment.Fours(t.Reference), Until: t.Until}
		}
		return err
	})
	return how, err
}

func (d *Desk) mailCancelled(ctx context.Context, j store.Job) error {
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.OrderCancelled(j.ID, message.OrderCancelled{To: to.Email, Name: to.Name, Number: o.Number, Reason: o.Why, ByHand: d.ByHand(o.PaymentMethod),
			Lines: o.Lines, Totals: o.Totals, Link: d.OrderLink(o)})
	})
}

func (d *Desk) mailShipped(ctx context.Context, j store.Job) error {
	tracking := ""
	err := d.db.View(ctx, func(v *store.View) (err error) {
		tracking, err = v.Tracking(j.Owner, order.ID(j.Ref))
		return err
	})
	if err != nil {
		return err
	}
	how, err := d.transferWords(ctx, j)
	if err != nil {
		return err
	}
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.OrderShipped(j.ID, message.OrderShipped{To: to.Email, Name: to.Name, Number: o.Number, Carrier: o.Carrier, Tracking: tracking,
			Lines: o.Lines, Totals: o.Totals, Later: message.Later(d.Later(o)), Transfer: how, Link: d.OrderLink(o)})
	})
}

func (d *Desk) mailRefunded(ctx context.Context, j store.Job) error {
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.OrderRefunded(j.ID, message.OrderRefunded{To: to.Email, Name: to.Name, Number: o.Number, Lines: o.Lines, Totals: o.Totals, Amount: o.Due(), ByHand: d.ByHand(o.PaymentMethod), Link: d.OrderLink(o)})
	})
}

// unpaidLetters is how many unpaid orders of one mailbox a day are written
// about. Nobody has shown that an address in one is theirs, and orders that are
// left unpaid cost nothing: without an end they would bury a stranger in mail.
const unpaidLetters = 3

// buried reports whether a mailbox has had enough letters about orders that
// nobody paid, or enough of all that strangers can cause. A code was counted when
// it was asked for.
func (d *Desk) buried(ctx context.Context, j store.Job, o order.Order, to contact.Email) (enough bool, err error) {
	if o.Status != order.Pending && o.Status != order.Cancelled || j.Kind == JobRefunded {
		return false, nil
	}
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		n, err := t.UnpaidBefore(to.Key(), o.PlacedAt)
		// Who pays by hand has no other page to pay on: the letter is the way to do it.
		if enough = n >= unpaidLetters && !d.ByHand(o.PaymentMethod); err != nil || enough || j.Kind == JobCode {
			return err
		}
		may, err := t.MayWrite(to, j.ID)
		enough = !may
		return err
	})
	return enough, err
}

// letter opens an order's people, writes a letter and hands it over. An order
// whose address is gone gets none, and neither does a mailbox that is buried.
func (d *Desk) letter(ctx context.Context, j store.Job, write func(*message.Writer, order.Order, order.Details, string) (message.Message, error)) error {
	if !d.mails() {
		return ErrNoSender
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	var o order.Order
	var to order.Details
	err = d.db.View(ctx, func(v *store.View) (err error) {
		if o, err = v.Order(j.Owner, order.ID(j.Ref)); err != nil {
			return err
		}
		to, err = v.OrderDetails(j.Owner, o.ID)
		return err
	})
	if err != nil {
		return err
	}
	if to.Email.IsZero() || j.Kind == JobCancelled && o.Status != order.Cancelled {
		return nil // nobody to write to, or a late payment has revived it since
	}
	if enough, err := d.buried(ctx, j, o, to.Email); err != nil || enough {
		return err
	}
	w, err := d.writer()
	if err != nil {
		return err
	}
	m, err := write(w, o, to, DeliveryWords(s, o.ShippingMethod, o.Window))
	if err != nil {
		return err
	}
	if err := d.deliver(ctx, j.Owner, o.ID, m); err != nil {
		return err
	}
	// The line tells the message centre that it was sent; without it the letter
	// would be sent again for a list's sake.
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.KeepOrderLetter(j.Owner, o.ID, m.ID, j.Kind) })
	if err != nil {
		d.log.WarnContext(ctx, "the line of a letter was not kept", "error", err)
	}
	return nil
}

// refund pays an approved payment back that could not be used.
func (d *Desk) refund(ctx context.Context, j store.Job) error {
	var p store.Payment
	err := d.db.View(ctx, func(v *store.View) (err error) {
		p, err = v.Payment(j.Owner, j.Ref)
		return err
	})
	if err != nil {
		return err
	}
	back := sentBack(p)
	switch p.Capture {
	case store.Released:
		return d.over(ctx, p)
	case store.Authorized:
		if back, err = d.letGoUnused(ctx, p); err == nil && back.IsZero() {
			return d.over(ctx, p)
		}
	}
	if err == nil {
		err = d.sendBack(ctx, p, payment.RefundRequest{ID: p.ID, Ref: p.Ref, OrderID: string(p.Order), Amount: back})
	}
	if errors.Is(err, payment.ErrRefused) {
		if err := d.over(ctx, p); err != nil {
			return err
		}
		return d.raiseFor(ctx, p, store.ConcernReturn, p.ID)
	}
	if err != nil {
		held := func(t *store.Tx) (bool, error) {
			now, err := t.Payment(p.Owner, p.ID)
			return now.Capture != store.Released, err
		}
		return d.waiting(ctx, p, p.ID, p.ChangedAt, held, fmt.Errorf("refund: %w", err))
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		if err := t.StopWaiting(p.Owner, p.ID, p.ID); err != nil {
			return err
		}
		if err := t.Event("payment.refunded", p.Owner, p.ID, ""); err != nil {
			return err
		}
		return t.Enqueue(JobRefunded, p.Owner, string(p.Order), t.Now())
	})
}

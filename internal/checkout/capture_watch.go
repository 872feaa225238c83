package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Reserved money is watched from the approval on until it is known what became of
// it: in each state between, since what is asked of a provider may be refused and
// leave it reserved. The owners hear of it before it goes free, and goods are not
// sent on what nobody stands for any more.

// captureSoon is how long before reserved money goes free the owners hear of it.
const captureSoon = 48 * time.Hour

// aboutUnknown names the concern that nobody says whether reserved money was taken.
const aboutUnknown = "unknown"

// watchReserved tells the owners in time that reserved money goes free, and looks at
// its end whether it did.
func (d *Desk) watchReserved(ctx context.Context, j store.Job) error {
	p, err := d.attemptOf(ctx, j)
	if err != nil || p.Capture != store.Authorized && p.Capture != store.Capturing && p.Capture != store.Releasing {
		return err
	}
	now := d.db.Now()
	switch {
	case p.Status != order.PaymentApproved && (settled(p) || now.After(p.CaptureBy.Add(reservedFor))):
		return nil // of no use: another job lets go of it
	case p.Status != order.PaymentApproved || p.Capture == store.Releasing:
		return d.watchAgain(ctx, p, now.Add(time.Hour), nil)
	case p.CaptureBy.After(now):
		soon := reserveConcern(p)
		return d.watchAgain(ctx, p, p.CaptureBy.Add(time.Hour), &soon)
	}
	return d.lookAtEnd(ctx, p)
}

// lookAtEnd asks what has become of money whose time is over.
func (d *Desk) lookAtEnd(ctx context.Context, p store.Payment) error {
	provider, ok := d.providers[p.Provider].(payment.Capturer)
	if !ok {
		return fmt.Errorf("look at reserved money: provider %s is not wired in", p.Provider)
	}
	a, err := provider.Authorization(ctx, p.Ref)
	switch {
	case err != nil:
		err = fmt.Errorf("look at reserved money: %w", err)
		if p.Capture == store.Capturing || errors.Is(err, payment.ErrRefused) { // the goods may be on their way
			err = errors.Join(err, d.raiseFor(ctx, taking(p), store.ConcernCapture, aboutUnknown))
		}
		return err
	case a.State == payment.Captured:
		return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return d.captured(t, p, a.Captured) })
	case a.State == payment.Released:
		return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return d.untaken(t, p, a) })
	}
	var late *store.Concern
	if p.Capture == store.Capturing {
		late = &store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: store.ConcernCapture, About: aboutUnknown, Reason: order.DisputeOther, Amount: p.CaptureAmount}
	}
	return d.watchAgain(ctx, p, d.db.Now().Add(6*time.Hour), late) // it still stands
}

// watchAgain leaves the next look, and raises what is to be told by now.
func (d *Desk) watchAgain(ctx context.Context, p store.Payment, at time.Time, c *store.Concern) error {
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		if err := t.Enqueue(JobReserved, p.Owner, p.ID, at); err != nil || c == nil {
			return err
		}
		_, err := d.raise(t, *c)
		return err
	})
}

func reserveConcern(p store.Payment) store.Concern {
	return store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: store.ConcernReserve, Reason: order.DisputeOther, Amount: p.Amount, AnswerBy: p.CaptureBy}
}

// taking is an attempt as a concern about its capture names it: with what is to be taken.
func taking(p store.Payment) store.Payment {
	if p.Capture == store.Capturing {
		p.Amount = p.CaptureAmount
	}
	return p
}

// seenReserve ends the warnings about reserved money, now that it is known what
// became of it.
func (d *Desk) seenReserve(t *store.Tx, p store.Payment) error {
	list, err := t.ConcernsOf(p.Owner, p.Order)
	if err != nil {
		return err
	}
	for _, c := range list {
		if (c.Kind == store.ConcernReserve || c.Kind == store.ConcernCapture) && c.Payment == p.ID && c.EndedAt.IsZero() {
			if _, err := t.EndConcern(c, store.ConcernSeen); err != nil {
				return err
			}
		}
	}
	return nil
}

// secured refuses to pack or send what is not paid any more, since reserved money
// went free, is being let go, or nobody stands for it by now; and has it taken when
// the goods are sent.
func (d *Desk) secured(t *store.Tx, o order.Order, to order.Status) error {
	if to != order.Packed && to != order.Shipped || o.OnAccount || o.Covered() {
		return nil
	}
	p, err := t.LastPayment(o.Owner, o.ID)
	if err != nil {
		return err
	}
	over := !p.CaptureBy.After(t.Now())
	switch {
	case p.Capture == store.Releasing:
		return errLettingGo
	case p.Capture == store.Released:
		before, err := t.RefundsOf(o.Owner, o.ID)
		if err == nil && p.Untaken(before) != p.Amount { // else credit pays what is left
			err = errGoneFree
		}
		return err
	case over && (p.Capture == store.Authorized || p.Capture == store.Capturing):
		return errOver
	case p.Capture == store.Authorized && to == order.Shipped:
		_, err = d.askCapture(t, o, p, nil, 0)
	}
	return err
}

// lessTaken notes that less was taken than we asked for: what of it is not to be
// taken any more. A refund that waited and does not fit into what was taken ends, and
// the owners decide what of it is still to go back.
func (d *Desk) lessTaken(t *store.Tx, o order.Order, p store.Payment, before []store.Refund, rest money.Amount) error {
	room := p.CaptureAmount.Minor()
	for _, r := range before {
		if r.State == store.RefundRefused || r.Untaken || r.Payment != p.ID {
			continue
		}
		if room -= r.Rest().Minor(); room >= 0 || r.State != store.RefundAsked {
			continue
		}
		room += r.Rest().Minor()
		if _, err := t.EndRefund(r, store.RefundRefused); err != nil {
			return err
		}
		if _, err := d.raise(t, store.Concern{Owner: r.Owner, Order: r.Order, Payment: r.Payment, Kind: store.ConcernRefund, About: r.ID, Reason: order.DisputeOther, Amount: r.Amount}); err != nil {
			return err
		}
	}
	asked, err := d.leave(t, o, p, rest)
	if err != nil || asked {
		return err
	}
	_, err = d.raise(t, store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: store.ConcernCapture, About: "too little", Reason: order.DisputeOther, Amount: rest})
	return err
}

// takeUp has the refunds of an order follow money that was not taken: what the capture
// was to leave is no refund any more, and what waited for the capture makes less to
// take. When nothing is left then, it is let go.
func (d *Desk) takeUp(t *store.Tx, o order.Order, p store.Payment) error {
	all, err := t.RefundsOf(o.Owner, o.ID)
	if err != nil {
		return err
	}
	for i, r := range all {
		if r.State != store.RefundAsked || r.Payment != p.ID || r.Rest().IsZero() {
			continue
		}
		ends, err := leftOver(&t.View, r)
		if err != nil {
			return err
		}
		if ends {
			all[i].State = store.RefundRefused
			_, err = t.EndRefund(r, store.RefundRefused)
		} else if !r.Untaken {
			all[i].Untaken = true
			err = t.RefundUntaken(r)
		}
		if err != nil {
			return err
		}
	}
	if p.Capture != store.Authorized || p.Untaken(all) != p.Amount {
		return nil
	}
	p.Capture = store.Releasing
	moved, err := t.MoveCapture(p, store.Authorized)
	return errors.Join(err, unless(moved || err != nil, errRaced))
}

// leftOver reports whether a refund is what a capture is to leave. Nobody has asked
// for such a one, so no job gives it.
func leftOver(v *store.View, r store.Refund) (bool, error) {
	if !r.Untaken || r.State != store.RefundAsked {
		return false, nil
	}
	given, err := v.HasJob(r.Owner, JobGiveBack, r.ID)
	return !given, err
}

// stillReserved notes that a provider does not let go of what it reserves: it is there
// to be taken, as before.
func (d *Desk) stillReserved(t *store.Tx, p store.Payment) error {
	p.Capture = store.Authorized
	moved, err := t.MoveCapture(p, store.Releasing)
	return errors.Join(err, unless(moved || err != nil, errRaced))
}

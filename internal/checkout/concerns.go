package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What a provider says of a payment besides how it ended may need a person: a
// dispute has to be answered within days, and money that could not be given back
// has to go another way. Such concerns are written down and told the owners, and
// stay open until they are decided or somebody says that they have been seen to.

// errDisputed refuses to give back what the payer's bank may take: it would go twice.
var errDisputed = fault.New(fault.Conflict, "The payer's bank is asking for this payment back, or has it. What is given back beside that goes twice.")

// besides carries out what a notice says that does not end its attempt, in the
// caller's transaction, and says what it meant.
func (d *Desk) besides(t *store.Tx, p store.Payment, n payment.Notice) (string, error) {
	c := store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, About: n.About, Reason: n.Reason, Amount: n.Amount, AnswerBy: n.AnswerBy}
	switch n.Outcome {
	case payment.Disputed:
		c.Kind = store.ConcernDispute
	case payment.DisputeWon, payment.DisputeLost:
		c.Kind = store.ConcernDispute
		ended, err := t.EndConcern(c, map[payment.Outcome]string{payment.DisputeWon: store.ConcernWon, payment.DisputeLost: store.ConcernLost}[n.Outcome])
		if err != nil || !ended {
			return store.NoticeKnown, err
		}
		return store.NoticeTaken, nil
	case payment.Warned:
		c.Kind = store.ConcernWarning
	case payment.RefundFailed:
		return d.refundFailed(t, c, n.Refund)
	default: // another card may follow on the same page
		return store.NoticeTaken, nil
	}
	return d.raise(t, c)
}

// raise writes a concern down and tells the owners of a new one.
func (d *Desk) raise(t *store.Tx, c store.Concern) (string, error) {
	isNew, err := t.RaiseConcern(c)
	if err != nil || !isNew {
		return store.NoticeKnown, err
	}
	return store.NoticeTaken, d.tell(t, message.PaymentConcern)
}

// refundFailed notes that what was given back did not arrive. The refund stands,
// with its credit note: the money is owed, and has to go another way.
func (d *Desk) refundFailed(t *store.Tx, c store.Concern, id string) (string, error) {
	if id == c.Payment { // a payment of no use that was sent back
		p, err := t.Payment(c.Owner, id)
		if err != nil || p.Status != order.PaymentReturned || sentBack(p) != c.Amount {
			return store.NoticeMismatch, err
		}
		c.Kind, c.About = store.ConcernReturn, "failed "+id
		return d.raise(t, c)
	}
	r, err := t.Refund(c.Owner, id)
	if err != nil {
		return store.NoticeMismatch, unless(fault.Is(err, fault.NotFound), err)
	}
	if r.Payment != c.Payment || r.Rest() != c.Amount || r.ToCredit != store.ToService {
		return store.NoticeMismatch, nil
	}
	c.Kind, c.About = store.ConcernRefund, id
	first, err := t.FailRefund(r)
	if err != nil || !first {
		return store.NoticeKnown, err
	}
	return d.raise(t, c)
}

// fits reports whether a notice is about the attempt that it was found for. What
// is said besides may be about a part of the money.
func fits(p store.Payment, n payment.Notice) bool {
	if string(p.Order) != n.OrderID || p.Attempt != n.Attempt || p.Mode != n.Mode || p.Account != n.Account {
		return false
	}
	if n.Authorized && p.Capture == store.AtOnce {
		return false // this one was to be paid, not to be promised
	}
	if n.Outcome.Ends() {
		return p.Amount == n.Amount
	}
	return p.Amount.Currency() == n.Amount.Currency() && !n.Amount.Negative() && n.Amount.Cmp(p.Amount) <= 0
}

// disputed reports whether the payer's bank asks for an order's money back, or has it:
// one that somebody has seen to and nobody has won took the money.
func disputed(v *store.View, o order.Order) (bool, error) {
	list, err := v.ConcernsOf(o.Owner, o.ID)
	return slices.ContainsFunc(list, tookBack), err
}

// tookBack reports whether a concern is that the payer's bank asks for money, or has it.
func tookBack(c store.Concern) bool {
	return c.Kind == store.ConcernDispute && (c.EndedAt.IsZero() || c.Ending != store.ConcernWon)
}

// Concern is something about a payment that a person has to look at, with its order.
type Concern struct {
	store.Concern
	Number   order.Number
	Provider string
}

// concernsMax is how many concerns are listed at once.
const concernsMax = 500

// Concerns lists what nobody has seen to yet: first what has to be answered soonest.
func (d *Desk) Concerns(ctx context.Context) (out []Concern, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		list, err := v.OpenConcerns(concernsMax)
		if err != nil {
			return err
		}
		out, err = withOrders(v, list)
		return err
	})
	return out, err
}

// ConcernsOf lists the concerns about one order, those that have ended too.
func (d *Desk) ConcernsOf(ctx context.Context, number order.Number) (out []Concern, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.OrderByNumber(number)
		if err != nil {
			return err
		}
		list, err := v.ConcernsOf(o.Owner, o.ID)
		if err != nil {
			return err
		}
		out, err = withOrders(v, list)
		return err
	})
	return out, err
}

func withOrders(v *store.View, list []store.Concern) ([]Concern, error) {
	out := make([]Concern, 0, len(list))
	for _, c := range list {
		o, err := v.Order(c.Owner, c.Order)
		if err != nil {
			return nil, err
		}
		one := Concern{Concern: c, Number: o.Number, Provider: o.PaymentMethod}
		if c.Payment != "" { // an order that credit has covered has none
			p, err := v.Payment(c.Owner, c.Payment)
			if err != nil {
				return nil, err
			}
			one.Provider = p.Provider
		}
		out = append(out, one)
	}
	return out, nil
}

// SeeConcerns notes that somebody has seen to what is open about an order, and
// returns how much that was. A dispute stays: its end is the bank's to tell. One that
// nobody said until when to answer has taken the money already: it counts as lost, until
// its bank says that it was won.
func (d *Desk) SeeConcerns(ctx context.Context, actor ledger.Actor, number order.Number) (seen int, err error) {
	err = d.db.InTx(ctx, actor, func(t *store.Tx) error {
		seen = 0
		o, err := t.OrderByNumber(number)
		if err != nil {
			return err
		}
		list, err := t.ConcernsOf(o.Owner, o.ID)
		if err != nil {
			return err
		}
		for _, c := range list {
			if !c.EndedAt.IsZero() || c.Kind == store.ConcernDispute && !c.AnswerBy.IsZero() {
				continue
			}
			if _, err := t.EndConcern(c, store.ConcernSeen); err != nil {
				return err
			}
			seen++
		}
		return nil
	})
	return seen, err
}

// answerSoon is how long before a dispute has to be answered the owners hear of it again.
const answerSoon = 3 * 24 * time.Hour

// RemindOfDisputes tells the owners again of disputes that have to be answered
// soon. It is for once a day.
func (d *Desk) RemindOfDisputes(ctx context.Context) error {
	list, err := d.Concerns(ctx)
	if err != nil {
		return err
	}
	now := d.db.Now()
	for _, c := range list {
		if c.Kind == store.ConcernDispute && c.AnswerBy.After(now) && c.AnswerBy.Sub(now) < answerSoon {
			return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return d.tell(t, message.PaymentConcern) })
		}
	}
	return nil
}

// waitFor is how long money that is to go back may wait before the owners hear of it.
const waitFor = 24 * time.Hour

// waiting tells the owners, once, of money that is to go back since a time and still
// does not, because of err, unless somebody else has ended that meanwhile: still is asked
// under the order's lock. The job goes on trying, so err comes back with it. A provider
// that never answers has used up the time of the job by now: this has some of its own.
func (d *Desk) waiting(ctx context.Context, p store.Payment, about string, since time.Time, still func(*store.Tx) (bool, error), err error) error {
	if d.db.Now().Before(since.Add(waitFor)) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	return errors.Join(err, d.raiseIf(ctx, p, store.ConcernWaiting, about, still))
}

// over ends what the owners were told of money of no use that waited to go back.
func (d *Desk) over(ctx context.Context, p store.Payment) error {
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.StopWaiting(p.Owner, p.ID, p.ID) })
}

// raiseFor writes a concern down that the shop itself has come upon.
func (d *Desk) raiseFor(ctx context.Context, p store.Payment, kind store.ConcernKind, about string) error {
	return d.raiseIf(ctx, p, kind, about, func(*store.Tx) (bool, error) { return true, nil })
}

// raiseIf does so where it is still so under the order's lock.
func (d *Desk) raiseIf(ctx context.Context, p store.Payment, kind store.ConcernKind, about string, still func(*store.Tx) (bool, error)) error {
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		if _, err := t.Order(p.Owner, p.Order); err != nil { // its lock comes first
			return err
		}
		if yes, err := still(t); err != nil || !yes {
			return err
		}
		_, err := d.raise(t, store.Concern{Owner: p.Owner, Order: p.Order, Payment: p.ID, Kind: kind, About: about, Reason: order.DisputeOther, Amount: p.Amount})
		return err
	})
	if err != nil {
		return fmt.Errorf("keep that a payment needs a person: %w", err)
	}
	d.wake()
	return nil
}

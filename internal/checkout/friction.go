package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Whoever tries to pay is judged by package abuse, here and not on a page: every
// road to a payment leads through Place or PayAgain.

// errJudged ends a transaction whose attempt to pay met friction. What the
// friction is, and whether the caller has shown what it asks for, is decided
// outside: that looks at sessions and forms, which a transaction must not.
var errJudged = errors.New("checkout: an attempt to pay met friction")

// judgement is what stands before an attempt to pay, and when it ends by itself.
type judgement struct {
	friction abuse.Friction
	wait     time.Duration
}

// judge finds out what stands before an attempt to pay, in one statement.
func (d *Desk) judge(t *store.Tx, by store.Payer) (judgement, error) {
	var proof store.Proof
	if by.Account == "" && !by.Mailbox.IsZero() {
		proof = store.Proof{Object: d.payable(by.Cart, by.Mailbox), Since: t.Now().Add(-ProvedFor)}
	}
	fill, proved, err := t.Fill(by, proof)
	if err != nil {
		return judgement{}, err
	}
	friction, wait := abuse.Judge(fill, proved || by.Account != "")
	return judgement{friction, wait}, nil
}

// passes returns nil for who may go on, and uses up the work that was shown.
func (d *Desk) passes(ctx context.Context, act abuse.Act, found judgement) error {
	caller := abuse.Of(ctx)
	switch found.friction {
	case abuse.None:
		return nil
	case abuse.Work:
		if caller.Worked(act) {
			return nil
		}
		caller.Note(act, abuse.Challenged)
	case abuse.Prove, abuse.Pause:
		caller.Note(act, abuse.Challenged)
	default:
		caller.Note(act, abuse.Blocked)
	}
	return abuse.Refuse(act, found.friction, found.wait, d.mails())
}

// count tells the buckets how an attempt went. A notice that can't be counted is
// settled all the same.
func (d *Desk) count(ctx context.Context, provider string, p store.Payment, n payment.Notice) {
	o := store.Outcome{Provider: provider, Notice: n.ID, Card: n.Fingerprint, Small: isSmall(p.Amount)}
	var err error
	switch n.Outcome {
	case payment.Approved:
		err = d.countApproval(ctx, p, o)
	case payment.Declined, payment.Tried: // a page that nobody paid on has tried no card
		err = d.countDecline(ctx, p, o)
	}
	if err != nil {
		d.log.WarnContext(ctx, "a payment was not counted", "payment", p.ID, "error", err)
	}
}

func (d *Desk) countApproval(ctx context.Context, p store.Payment, o store.Outcome) error {
	outweighs := false
	err := d.db.View(ctx, func(v *store.View) (err error) {
		outweighs, err = v.Outweighs(p)
		return err
	})
	if err != nil || !outweighs {
		return err
	}
	return d.db.InTx(ctx, ledger.System("abuse"), func(t *store.Tx) error { return t.CountApproval(p, o) })
}

func (d *Desk) countDecline(ctx context.Context, p store.Payment, o store.Outcome) error {
	var was, is abuse.Stage
	err := d.db.InTx(ctx, ledger.System("abuse"), func(t *store.Tx) error {
		before, after, counted, err := t.CountDecline(p, o)
		was, is = abuse.StageOf(before), abuse.StageOf(after)
		if err == nil && counted {
			abuse.Of(ctx).Note(abuse.Pay, abuse.Declined)
		}
		return err
	})
	if err == nil && is > was {
		kind := abuse.CardingBegins
		if is == abuse.Alert {
			kind = abuse.CardingRises
		}
		d.alarm(abuse.Alarm{Kind: kind})
	}
	return err
}

// isSmall reports that an amount is one that cards are tested with.
func isSmall(a money.Amount) bool { return a.Minor() <= abuse.SmallAmount }

// SweepAbuse forgets what is not counted any more.
func (d *Desk) SweepAbuse(ctx context.Context) error {
	return d.db.InTx(ctx, ledger.System("abuse"), func(t *store.Tx) error { return t.SweepAbuse() })
}

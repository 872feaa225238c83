package checkout

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// JobCard mails the code of a gift card. It carries the card's id.
const JobCard = "mail.card"

var (
	errDeadCard = fault.New(fault.Conflict, "A gift card that paid a part of this order is cancelled, so nothing can go back to it. Give back what the payment service took (--amount), and issue another card for the rest.")
	errNoTarget = fault.New(fault.Conflict, "This order has no account, and nobody knows any more where a gift card could be mailed. Issue one by hand: cartkeep credit issue.")
)

// creditLives refuses a refund to a credit that nobody can spend any more. One that
// has only expired can: the refund puts off its end.
func creditLives(v *store.View, o order.Order, r store.Refund) error {
	if r.ByCredit.IsZero() {
		return nil
	}
	for _, p := range o.Credits {
		c, err := v.Credit(p.ID)
		if err != nil {
			return err
		}
		if !c.CancelledAt.IsZero() {
			return errDeadCard
		}
	}
	return nil
}

// target says where the money of a payment service goes.
func (d *Desk) target(t *store.Tx, o order.Order, r store.Refund, toCredit bool) (store.Target, error) {
	if !toCredit || r.Rest().IsZero() {
		return store.ToService, nil
	}
	account, err := t.AccountOfSubject(o.Owner)
	if err != nil {
		return store.ToAccount, err
	}
	if account != "" {
		_, err := creditFor(t, account, r.Amount.Currency(), "", credit.Returned, string(o.ID))
		return store.ToAccount, err
	}
	to, err := t.OrderDetails(o.Owner, o.ID)
	if err == nil && to.Email.IsZero() {
		err = errNoTarget
	}
	return store.ToCard, err
}

// giveCredit does what of a refund has to do with credit. Doing it again changes
// nothing.
func (d *Desk) giveCredit(ctx context.Context, actor ledger.Actor, r store.Refund) error {
	if !r.ByCredit.IsZero() {
		var o order.Order
		err := d.db.View(ctx, func(v *store.View) (err error) {
			o, err = v.Order(r.Owner, r.Order)
			return err
		})
		if err == nil {
			err = d.takeCredit(ctx, o) // a refund may be quicker than the job
		}
		if err == nil {
			err = d.db.InTx(ctx, actor, func(t *store.Tx) error { return t.GiveBackCredit(o.Credits, o.ID, r.ID, r.ByCredit) })
		}
		if err != nil {
			return err
		}
	}
	switch r.ToCredit {
	case store.ToAccount:
		return d.db.InTx(ctx, actor, func(t *store.Tx) error { return d.toAccount(t, r) })
	case store.ToCard:
		code := credit.NewCode()
		return d.db.InTx(ctx, actor, func(t *store.Tx) error {
			return d.mailCardOf(t, store.Credit{ID: credit.ID(r.ID), Kind: credit.Card, Source: credit.Returned, Order: string(r.Order)}, code, r.Owner, r.Order, r.Rest())
		})
	}
	return nil
}

// toAccount puts a refund on the store credit of the order's account. Where that
// was erased meanwhile, the shop still owes the money, to nobody it knows.
func (d *Desk) toAccount(t *store.Tx, r store.Refund) error {
	account, err := t.AccountOfSubject(r.Owner)
	if err != nil {
		return err
	}
	id := credit.ID(r.ID)
	if account != "" {
		id, err = creditFor(t, account, r.Amount.Currency(), id, credit.Returned, string(r.Order))
	} else {
		_, err = t.OpenCredit(store.Credit{ID: id, Kind: credit.Account, Source: credit.Returned, Order: string(r.Order)}, credit.Code{}, r.Amount.Currency())
	}
	if err == nil {
		// An act of its own: what this credit paid went back to it under the refund's.
		_, err = t.IssueCredit(id, "issue-"+r.ID, r.Rest())
	}
	return err
}

// mailCardOf makes a card with this id, once, and leaves its letter to be written.
func (d *Desk) mailCardOf(t *store.Tx, c store.Credit, code credit.Code, owner string, about order.ID, worth money.Amount) error {
	fresh, err := t.OpenCredit(c, code, worth.Currency())
	if err != nil || !fresh {
		return err
	}
	if _, err := t.IssueCredit(c.ID, "issue", worth); err != nil {
		return err
	}
	if err := t.KeepCardLetter(owner, about, c.ID, code); err != nil {
		return err
	}
	return t.Enqueue(JobCard, owner, string(c.ID), t.Now())
}

// mailCard writes the letter with a card's code and forgets the code.
func (d *Desk) mailCard(ctx context.Context, j store.Job) error {
	var about order.ID
	var code credit.Code
	var c store.Credit
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if about, code, err = v.CardLetter(j.Owner, credit.ID(j.Ref)); err != nil || code.Last() == "" {
			return err
		}
		c, err = v.Credit(credit.ID(j.Ref))
		return err
	})
	if err != nil || code.Last() == "" {
		return err
	}
	letter := j
	letter.Ref = string(about)
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	until := ""
	if !c.EndsAt.IsZero() {
		until = c.EndsAt.Add(-time.Millisecond).In(s.Zone).Format("2 January 2006")
	}
	err = d.letter(ctx, letter, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.GiftCard(j.ID, message.GiftCard{To: to.Email, Number: o.Number, Code: code, Worth: c.Issued, Until: until, Returned: c.Source == credit.Returned})
	})
	if err != nil {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.EndCardLetter(j.Owner, credit.ID(j.Ref)) })
}

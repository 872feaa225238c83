package checkout

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// A guest who shares a network with people who test cards shows by a code from the
// mailbox of the order that somebody is there. What the code opens is payments of
// that very cart in the name of that very mailbox, so a thief needs a mailbox for
// as few cards as a mailbox may have declined, and another for the next.

// JobPayCode mails a code that lets a guest pay.
const JobPayCode = "mail.pay-code"

// ProvedFor is how long a proved mailbox lets a guest pay. It is below the day for
// which challenges are remembered.
const ProvedFor = 12 * time.Hour

var (
	errNoCodeNeeded = fault.New(fault.Conflict, "You need no code any more. Please order once more.")
	errCodeEnded    = fault.New(fault.Conflict, "That code has ended, or was asked for elsewhere. Please ask for a new one.")
	errNoMail       = fault.New(fault.Unavailable, "This shop can't send mail right now.")
)

// mails reports whether letters can be sent at all.
func (d *Desk) mails() bool { return d.deliver != nil && d.writer != nil }

// payable names what a code to pay opens. The mailbox in it is a keyed hash.
func (d *Desk) payable(owner string, to contact.Email) string {
	return owner + "/" + d.db.MailboxName(to)
}

// opener finds whose payment a request is about, by the token that it shows.
type opener func(*store.Tx) (owner string, err error)

func ofCart(id cart.ID, token string) opener {
	return func(t *store.Tx) (string, error) {
		row, err := t.Cart(id, token)
		if err == nil && row.State != cart.Open {
			err = errClosed
		}
		return string(row.ID), err
	}
}

func (d *Desk) ofOrder(number order.Number, token string) opener {
	return func(t *store.Tx) (string, error) {
		o, err := d.opened(&t.View, number, token)
		return o.Owner, err
	}
}

// AskPayCode mails a code to the mailbox that a cart's checkout names, and returns
// the ticket of the browser that may answer it. It is for guests who are asked who
// they are; everybody else is told that no code is needed. Where the mailbox has
// had enough letters nothing is mailed, and the answer is the same.
func (d *Desk) AskPayCode(ctx context.Context, id cart.ID, token string) (ticket string, err error) {
	return d.askPayCode(ctx, abuse.Place, ofCart(id, token))
}

// AskOrderPayCode is AskPayCode for an order that is to be paid again.
func (d *Desk) AskOrderPayCode(ctx context.Context, number order.Number, token string) (ticket string, err error) {
	return d.askPayCode(ctx, abuse.Pay, d.ofOrder(number, token))
}

func (d *Desk) askPayCode(ctx context.Context, act abuse.Act, open opener) (string, error) {
	if !d.mails() {
		return "", errNoMail
	}
	account := abuse.Of(ctx).Customer()
	return d.mailChallenge(ctx, challenge.Pay, JobPayCode, func(t *store.Tx, c store.Challenge) (store.Challenge, string, error) {
		owner, err := open(t)
		if err != nil {
			return c, "", err
		}
		to, err := mailboxOf(t, owner)
		if err != nil {
			return c, "", err
		}
		if to.IsZero() {
			return c, "", errIncomplete
		}
		found, err := d.judge(t, store.Payer{Cart: owner, Source: abuse.Of(ctx).Source, Account: account, Mailbox: to})
		switch {
		case err != nil:
			return c, "", err
		case found.friction == abuse.Wait:
			return c, "", abuse.Refuse(act, found.friction, found.wait, true)
		case found.friction != abuse.Prove && found.friction != abuse.Pause:
			return c, "", errNoCodeNeeded
		}
		c, err = t.Choose(c, to, owner, d.payable(owner, to))
		return c, c.ID, err
	})
}

// AnswerPayCode tries a code. The right one lets a guest pay for this cart, as long
// as its checkout names this mailbox.
func (d *Desk) AnswerPayCode(ctx context.Context, id cart.ID, token, ticket, typed string) error {
	return d.answerPayCode(ctx, ofCart(id, token), ticket, typed)
}

// AnswerOrderPayCode is AnswerPayCode for an order that is to be paid again.
func (d *Desk) AnswerOrderPayCode(ctx context.Context, number order.Number, token, ticket, typed string) error {
	return d.answerPayCode(ctx, d.ofOrder(number, token), ticket, typed)
}

func (d *Desk) answerPayCode(ctx context.Context, open opener, ticket, typed string) error {
	return d.tryChallenge(ctx, challenge.Pay, ticket, typed, func(t *store.Tx, id, token string, code challenge.Code) (answer, err error) {
		owner, err := open(t)
		if err != nil {
			return nil, err
		}
		to, err := mailboxOf(t, owner)
		if err != nil {
			return nil, err
		}
		c, right, err := t.Answer(id, token, code)
		if fault.Is(err, fault.NotFound) {
			err = errCodeEnded
		}
		if err != nil {
			return nil, err
		}
		// A try is counted whatever it was about, and a wrong one is a wrong one from any
		// cart: whoever counts failures must not miss those.
		if !right {
			return errWrongCode, nil
		}
		if c.Purpose != challenge.Pay || c.Object != "" && c.Object != d.payable(owner, to) {
			return errCodeEnded, nil
		}
		return nil, t.Event("code.used", owner, c.ID, "")
	})
}

// mailboxOf is the mailbox that a cart's checkout names, or that of the order it
// has become.
func mailboxOf(t *store.Tx, owner string) (contact.Email, error) {
	row, err := t.OwnCart(cart.ID(owner))
	if err != nil {
		return contact.Email{}, err
	}
	var to order.Details
	if row.State == cart.Ordered {
		to, err = t.OrderDetails(owner, order.ID(row.OrderID))
	} else {
		to, _, err = t.Details(row.ID)
	}
	return to.Email, err
}

// mailPayCode writes the letter with a code, unless it has ended or the checkout
// names another mailbox by now.
func (d *Desk) mailPayCode(ctx context.Context, j store.Job) error {
	if !d.mails() {
		return ErrNoSender
	}
	var c store.Challenge
	var to contact.Email
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if c, err = t.Challenge(j.Ref); err != nil {
			return err
		}
		to, err = mailboxOf(t, c.Subject)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && (to.IsZero() || c.Object != d.payable(c.Subject, to)) {
		return nil
	}
	if err != nil {
		return err
	}
	w, err := d.writer()
	if err != nil {
		return err
	}
	m, err := w.Notice(c.ID, message.Notice{Kind: message.PayCode, To: to, At: c.MadeAt, Code: d.db.Code(c).Reveal(), Minutes: int(c.Life().Minutes())})
	if err != nil {
		return err
	}
	return d.deliver(ctx, c.ID, order.ID(c.ID), m)
}

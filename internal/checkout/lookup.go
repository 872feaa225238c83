package checkout

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// JobCode mails the code of a challenge.
const JobCode = "mail.code"

// SeenFor is how long a browser that proved the mailbox may see an order whole.
const SeenFor = 30 * time.Minute

// AskCode begins the look-up of an order by its number and e-mail. It answers
// alike whether they fit or not: with a ticket that only this browser holds.
// Where they fit, a code is mailed to the sealed address, never to the one
// that was typed. Only what can be no number or no address at all is refused.
//
// Asked again while a code works, the ticket is for that very code, and nothing
// is mailed or counted: who else asks, too often, does not lock out those whose
// mailbox it is. With decoy the caller says that whoever asks has had enough;
// the answer is the same.
//
// It takes as long as it takes: whoever answers a stranger must wait for a
// fixed time (see web/storefront).
func (d *Desk) AskCode(ctx context.Context, number, email string, decoy bool) (ticket string, err error) {
	var bad fault.Fields
	n, err := order.ParseNumber(number)
	if err != nil {
		bad.Add("number", "An order number looks like K7Q2M-9F3XA. It stands in our mails.")
	}
	typed, err := contact.ParseEmail(email)
	bad.Take("", err)
	if err := bad.Err(); err != nil {
		return "", err
	}
	return d.mailChallenge(ctx, challenge.Order, JobCode, func(t *store.Tx, c store.Challenge) (store.Challenge, string, error) {
		o, fits, err := owned(t, n, typed)
		if err != nil || !fits || decoy {
			return c, "", err
		}
		c, err = t.Choose(c, typed, o.Owner, string(o.ID))
		return c, string(o.ID), err
	})
}

// owned finds an order by its number and reports whether the address is its
// own. The order's row is locked from here on: of two that ask at once, the
// second sees what the first has done.
func owned(t *store.Tx, n order.Number, typed contact.Email) (order.Order, bool, error) {
	o, err := t.OrderByNumber(n)
	if fault.Is(err, fault.NotFound) {
		return order.Order{}, false, nil
	}
	if err != nil {
		return order.Order{}, false, err
	}
	to, err := t.OrderDetails(o.Owner, o.ID)
	return o, err == nil && !to.Email.IsZero() && to.Email.Key() == typed.Key(), err
}

// AnswerCode tries a code. The right one opens its order, whole, for SeenFor.
func (d *Desk) AnswerCode(ctx context.Context, ticket, typed string) (o order.Order, seen string, err error) {
	var c store.Challenge
	err = d.tryChallenge(ctx, challenge.Order, ticket, typed, func(t *store.Tx, id, token string, code challenge.Code) (answer, err error) {
		var right bool
		if c, right, err = t.Answer(id, token, code); err != nil {
			return nil, err
		}
		if !right {
			return errWrongCode, nil
		}
		return nil, t.Event("code.used", c.Subject, c.Object, "")
	})
	if err != nil {
		return order.Order{}, "", err
	}
	err = d.db.View(ctx, func(v *store.View) error {
		o, err = v.Order(c.Subject, order.ID(c.Object))
		return err
	})
	return o, d.seenToken(o.ID, d.db.Now().Add(SeenFor)), err
}

// People opens who an order is for, to a browser that has proved its mailbox
// lately. The order's token alone opens nobody.
func (d *Desk) People(ctx context.Context, o order.Order, seen string) (order.Details, bool, error) {
	if !d.holds(seen, o.ID, d.seenToken) {
		return order.Details{}, false, nil
	}
	var to order.Details
	err := d.db.View(ctx, func(v *store.View) (err error) {
		to, err = v.OrderDetails(o.Owner, o.ID)
		return err
	})
	return to, err == nil, err
}

// mailCode writes the letter with a challenge's code, unless it has ended.
func (d *Desk) mailCode(ctx context.Context, j store.Job) error {
	var c store.Challenge
	err := d.db.View(ctx, func(v *store.View) (err error) {
		c, err = v.Challenge(j.Ref)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && (c.Object == "" || c.CodeOf != "") {
		return nil
	}
	if err != nil {
		return err
	}
	j.Owner, j.Ref = c.Subject, c.Object
	return d.letter(ctx, j, func(w *message.Writer, o order.Order, to order.Details, _ string) (message.Message, error) {
		return w.LookupCode(j.ID, message.LookupCode{To: to.Email, Number: o.Number, Code: d.db.Code(c).Spoken(), Minutes: int(c.Life().Minutes())})
	})
}

package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// The jobs of this package.
const (
	JobNotice = "account.notice" // sends the message of a line in the message centre
	JobSignup = "account.signup" // mails the code of somebody who has no account yet
)

// Jobs returns what this package does later, by the kind of job.
func (k *Keeper) Jobs() map[string]func(context.Context, store.Job) error {
	return map[string]func(context.Context, store.Job) error{JobNotice: k.sendNotice, JobSignup: k.sendSignup}
}

// ErrNoSender means that nothing is set up to send with: the message waits.
var ErrNoSender = errors.New("account: no sender is set up")

// notice is a message that is about to be sent.
type notice struct {
	kind   message.NoticeKind
	object string // what it is about: a challenge, a change
	change string // the change whose old address gets it; "" for the present one
	agent  string
	text   bool // to the phone
}

// codeLetter says which letter brings the code for a purpose.
var codeLetter = map[challenge.Purpose]message.NoticeKind{
	challenge.Reset:  message.ResetCode,
	challenge.Device: message.DeviceCode,
	challenge.Lost:   message.LostCode,
	challenge.Claim:  message.ClaimCode,
}

// notify writes a line into the message centre of an account and a job that
// sends its message. Both carry ids alone.
func (k *Keeper) notify(t *store.Tx, a store.Account, n notice) error {
	l := store.AccountLetter{Owner: a.ID, ID: store.NewID(), Channel: string(message.Email), Kind: string(n.kind), Object: n.object, ToChange: n.change, Agent: n.agent}
	if n.text {
		l.Channel = string(message.SMS)
		has, err := phoneOf(&t.View, a.ID)
		if err != nil || has.IsZero() {
			return err
		}
	}
	if err := t.NewLetter(a, l); err != nil {
		return err
	}
	return t.Enqueue(JobNotice, a.ID, l.ID, t.Now())
}

// phoneOf is the number that an account gets texts on; zero without one.
func phoneOf(v *store.View, account string) (contact.Phone, error) {
	list, err := v.Factors(account)
	if err != nil {
		return contact.Phone{}, err
	}
	for _, f := range list {
		if f.Kind == store.SMSFactor && f.On {
			return contact.ParsePhone(string(f.Secret), "")
		}
	}
	return contact.Phone{}, nil
}

// sendNotice writes and hands over the message of one line.
func (k *Keeper) sendNotice(ctx context.Context, j store.Job) error {
	if k.cfg.Deliver == nil || k.cfg.Writer == nil {
		return ErrNoSender
	}
	var l store.AccountLetter
	var n message.Notice
	var number contact.Phone
	enough := false
	err := k.db.View(ctx, func(v *store.View) (err error) {
		if l, err = v.AccountLetter(j.Owner, j.Ref); err != nil {
			return err
		}
		a, err := v.Account(j.Owner)
		if err != nil {
			return err
		}
		if l.Channel == string(message.SMS) {
			if number, err = k.numberFor(v, l); err != nil || number.IsZero() {
				enough = err == nil
				return err
			}
		}
		n, enough, err = k.notice(v, a, l)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && enough {
		return nil // the account, or the code in it, has ended meanwhile
	}
	if err != nil {
		return err
	}
	w, err := k.cfg.Writer()
	if err != nil {
		return err
	}
	var m message.Message
	if number.IsZero() {
		m, err = w.Notice(l.ID, n)
	} else {
		m, err = w.Text(l.ID, number, n)
	}
	if err != nil {
		return err
	}
	if err := k.cfg.Deliver(ctx, l.Owner, l.ID, m); err != nil {
		return err
	}
	return k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error { return t.LetterSent(l.Owner, l.ID) })
}

// numberFor is where the text of a line goes: to the number that was taken away
// or is being proved, else to the one that works.
func (k *Keeper) numberFor(v *store.View, l store.AccountLetter) (contact.Phone, error) {
	if l.ToChange != "" {
		return oldNumber(v, l.Owner, l.ToChange)
	}
	if l.Object == "" {
		return phoneOf(v, l.Owner)
	}
	c, err := v.Challenge(l.Object)
	if err != nil || c.Purpose != challenge.Number {
		if err != nil && !fault.Is(err, fault.NotFound) {
			return contact.Phone{}, err
		}
		return phoneOf(v, l.Owner)
	}
	list, err := v.Factors(l.Owner)
	if err != nil {
		return contact.Phone{}, err
	}
	for _, f := range list {
		if f.ID == c.Object {
			return contact.ParsePhone(string(f.Secret), "")
		}
	}
	return contact.Phone{}, nil
}

// notice gathers what a letter says. over tells that there is nothing to say
// any more: the code in it has ended.
func (k *Keeper) notice(v *store.View, a store.Account, l store.AccountLetter) (n message.Notice, over bool, err error) {
	n = message.Notice{Kind: message.NoticeKind(l.Kind), To: a.Email, Name: a.Name, At: l.At, Where: l.Agent, Staff: a.Staff()}
	if l.ToChange != "" && l.Channel == string(message.Email) {
		c, err := v.Change(a.ID, l.ToChange)
		if err != nil {
			return n, false, err
		}
		if n.To, err = contact.ParseEmail(c.Old); err != nil {
			return n, false, fmt.Errorf("the old address of change %s does not parse", c.ID)
		}
	}
	switch n.Kind {
	case message.ResetCode, message.DeviceCode, message.LostCode, message.ClaimCode, message.MoveCode, message.SecondCode, message.NumberCode:
		c, err := v.Challenge(l.Object)
		if fault.Is(err, fault.NotFound) || err == nil && (c.Object == "" || c.CodeOf != "" || c.Subject != a.ID) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
		n.Code, n.Minutes = k.db.Code(c).Reveal(), int(c.Life().Minutes())
	case message.EmailChanged, message.FactorAdded, message.RecoveryBegun:
		if l.Channel == string(message.Email) {
			n.Link = k.undoLink(a.ID, l.Object)
		}
	}
	return n, false, nil
}

// sendSignup mails the code to a mailbox that has no account yet.
func (k *Keeper) sendSignup(ctx context.Context, j store.Job) error {
	if k.cfg.Deliver == nil || k.cfg.Writer == nil {
		return ErrNoSender
	}
	var s store.Signup
	var c store.Challenge
	err := k.db.View(ctx, func(v *store.View) (err error) {
		if c, err = v.Challenge(j.Ref); err != nil {
			return err
		}
		s, err = v.Signup(j.Ref)
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && (c.Object == "" || c.CodeOf != "" || s.Email.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	w, err := k.cfg.Writer()
	if err != nil {
		return err
	}
	kind := message.SignupCode
	if c.Purpose == challenge.Move {
		kind = message.MoveCode
	}
	m, err := w.Notice(j.ID, message.Notice{Kind: kind, To: s.Email, At: c.MadeAt, Code: k.db.Code(c).Reveal(), Minutes: int(c.Life().Minutes())})
	if err != nil {
		return err
	}
	return k.cfg.Deliver(ctx, s.ID, "", m)
}

// shopName is a word that no password should be made of.
func (k *Keeper) shopName(ctx context.Context) string {
	s, err := k.db.Settings(ctx)
	if err != nil {
		return ""
	}
	return strings.ToLower(s.ShopName)
}

package account

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// undoEmail is how long the old mailbox can take a change of e-mail back.
const undoEmail = week

// AskMove mails a code to the mailbox that an account is to have. One that has
// an account of its own gets a letter about that; the answer here is the same.
func (k *Keeper) AskMove(ctx context.Context, st access.Standing, email string) (ticket string, err error) {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return "", err
	}
	id, tok := store.NewID(), token()
	err = k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if a.Email.Equal(to) {
			return fault.Field("email", "This is the e-mail of your account already.")
		}
		c := store.Challenge{ID: id, Purpose: challenge.Move}
		other, err := t.AccountOf(to, a.Staff())
		switch {
		case err == nil:
			if err := k.sayTaken(t, other); err != nil {
				return err
			}
		case errors.Is(err, store.ErrNoAccount):
			if c, err = t.Choose(c, to, a.ID, k.db.MailboxName(to)); err != nil {
				return err
			}
		default:
			return err
		}
		if err := t.NewChallenge(c, tok); err != nil || c.Object == "" {
			return err
		}
		if err := t.NewSignup(store.Signup{ID: id, Email: to}); err != nil || c.CodeOf != "" {
			return err
		}
		return t.Enqueue(JobSignup, id, id, t.Now())
	})
	return id + "." + tok, err
}

// AnswerMove takes that code and moves the account. Everybody else is signed
// out; the old mailbox is told and can take it back for a week; nothing leaves
// the account for a day.
func (k *Keeper) AnswerMove(ctx context.Context, st access.Standing, ticket, typed string, v Visitor) error {
	return k.answer(ctx, challenge.Move, ticket, typed, func(t *store.Tx, c store.Challenge) error {
		if c.Subject != st.Account {
			return errEnded
		}
		s, err := t.Signup(c.ID)
		if err != nil {
			return err
		}
		a, err := standing(t, st)
		if err != nil {
			return err
		}
		change := store.Change{ID: store.NewID(), Kind: changeEmail, State: store.ChangeDone, Old: a.Email.Reveal(), New: s.Email.Reveal(), EndsAt: t.Now().Add(undoEmail)}
		if err := t.MoveAccount(a, s.Email); err != nil {
			return err
		}
		if err := t.NewChange(a, change); err != nil {
			return err
		}
		if err := t.EndSignup(c.ID); err != nil {
			return err
		}
		if err := t.Mark(a.ID, t.Now(), store.ProvedAt); err != nil {
			return err
		}
		if err := t.Mark(a.ID, t.Now().Add(day), store.CarefulUntil); err != nil {
			return err
		}
		if err := k.shake(t, a, st.Session); err != nil {
			return err
		}
		if err := t.Event("email.changed", a.ID, a.ID, ""); err != nil {
			return err
		}
		for _, n := range []notice{
			{kind: message.EmailChanged, object: change.ID, change: change.ID, agent: v.Agent},
			{kind: message.EmailChanged, agent: v.Agent, text: true},
			{kind: message.EmailIsNew, agent: v.Agent},
		} {
			if err := k.notify(t, a, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// undoLink is the link to undo or to stop a change. Opening it shows what it is
// about; only its button does something.
func (k *Keeper) undoLink(account, change string) string {
	return k.cfg.Origin + "/account/undo?token=" + k.undoToken(account, change)
}

func (k *Keeper) undoToken(account, change string) string {
	mac := k.db.Keys().Token.Sum("undo v1", []byte(account), []byte(change))
	return account + "." + change + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// Undoing is what a link to undo is about.
type Undoing struct {
	Kind string // "email", "factor", "lost"
}

func (k *Keeper) undoing(v *store.View, tok string) (store.Change, error) {
	parts := strings.Split(tok, ".")
	if len(parts) != 3 || subtle.ConstantTimeCompare([]byte(k.undoToken(parts[0], parts[1])), []byte(tok)) != 1 {
		return store.Change{}, errOver
	}
	c, err := v.Change(parts[0], parts[1])
	if err != nil {
		return store.Change{}, err
	}
	if c.State == store.ChangeUndone || !c.EndsAt.After(v.Now()) || c.Kind == changeLost && c.State != store.ChangeOpen {
		return store.Change{}, errOver
	}
	return c, nil
}

var errOver = fault.Missing("This can't be undone any more. If you did not do it, please choose “Forgotten password?” and write to us.")

// Undoing looks at a link to undo. It changes nothing.
func (k *Keeper) Undoing(ctx context.Context, tok string) (u Undoing, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		c, err := k.undoing(v, tok)
		u.Kind = c.Kind
		return err
	})
	return u, err
}

// Undo takes a change back. Whoever could make it is signed out everywhere, and
// the password that they knew has to be set anew.
func (k *Keeper) Undo(ctx context.Context, tok string, v Visitor) error {
	err := k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
		c, err := k.undoing(&t.View, tok)
		if err != nil {
			return err
		}
		closed, err := t.CloseChange(c.Owner, c.ID, c.State, store.ChangeUndone)
		if err != nil {
			return err
		}
		if !closed {
			return errOver
		}
		a, err := t.Account(c.Owner)
		if err != nil {
			return err
		}
		switch c.Kind {
		case changeEmail:
			old, err := contact.ParseEmail(c.Old)
			if err != nil {
				return errOver
			}
			if err := t.MoveAccount(a, old); err != nil {
				return err
			}
			a.Email = old
			if err := k.dropPassword(t, a); err != nil {
				return err
			}
		case changeFactor:
			there, err := t.RemoveFactor(a.ID, c.Object)
			if err == nil && there {
				err = k.putBack(t, a, c)
			}
			if err != nil {
				return err
			}
			if err := k.dropPassword(t, a); err != nil {
				return err
			}
		case changeLost:
			if err := k.dropPassword(t, a); err != nil { // whoever began it knew the password
				return err
			}
		}
		if err := k.shake(t, a, ""); err != nil {
			return err
		}
		if err := t.ForgetDevices(a.ID); err != nil {
			return err
		}
		if err := t.Event("change.undone", a.ID, c.ID, store.How(c.Kind)); err != nil {
			return err
		}
		return k.notify(t, a, notice{kind: message.Undone, agent: v.Agent})
	})
	if err == nil {
		k.wake()
	}
	return err
}

// dropPassword ends a password that somebody else seems to know: it has to be
// set anew by mail.
func (k *Keeper) dropPassword(t *store.Tx, a store.Account) error {
	f, err := passwordOf(&t.View, a.ID)
	if err != nil || f.ID == "" {
		return err
	}
	_, err = t.RemoveFactor(a.ID, f.ID)
	return err
}

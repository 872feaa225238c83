package account

import (
	"context"
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	day  = 24 * time.Hour
	week = 7 * day

	// lostWait is how long a lost factor is waited for, with every old channel
	// told, before two other proofs may stand in for it.
	lostWait = 72 * time.Hour
	// lostEnds is how long the end of the wait can be used.
	lostEnds = 2 * week
)

// Kinds of changes.
const (
	changeLost   = "lost"   // a second factor that is waited for
	changeEmail  = "email"  // another mailbox
	changeFactor = "factor" // a second factor that was added
)

// The two proofs must be independent. Whoever has set the password by the
// mailbox alone has shown one thing twice.
var errOneProof = fault.New(fault.Conflict, "Your password was set by mail lately, so a code by mail is no second proof. Please use a recovery code, or come back in a week.")

// Lost tells how far somebody is who has lost their second factor.
type Lost struct {
	Begun bool
	Due   time.Time // when the wait is over
}

// Lost looks whether the owner of a half session has begun to replace a lost
// second factor.
func (k *Keeper) Lost(ctx context.Context, cookie string) (l Lost, err error) {
	s, _, err := k.half(ctx, cookie)
	if err != nil {
		return Lost{}, err
	}
	err = k.db.View(ctx, func(v *store.View) error {
		list, err := v.Changes(s.Owner, changeLost, store.ChangeOpen)
		for _, c := range list {
			if c.EndsAt.After(v.Now()) {
				l = Lost{true, c.DueAt}
			}
		}
		return err
	})
	return l, err
}

// half finds a half session.
func (k *Keeper) half(ctx context.Context, cookie string) (store.Signed, string, error) {
	s, tok, err := k.session(ctx, cookie)
	if err == nil && s.Level != access.Guest {
		err = errEnded
	}
	return s, tok, err
}

// AskLost mails a code to the mailbox of a half session: the second proof
// beside the password.
func (k *Keeper) AskLost(ctx context.Context, cookie string) error {
	s, tok, err := k.half(ctx, cookie)
	if err != nil {
		return err
	}
	err = k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) error {
		a, _, err := again(t, s, tok)
		if err != nil {
			return err
		}
		if t.Now().Sub(a.ResetAt) < week {
			return errOneProof
		}
		n, err := t.LettersSince(a.ID, string(codeLetter[challenge.Lost]), t.Now().Add(-day))
		if err != nil {
			return err
		}
		if n >= challenge.AnHour {
			return fault.Limited("We have sent you enough codes for today. Please use the newest one, or try again tomorrow.", day)
		}
		c := store.Challenge{ID: store.NewID(), Purpose: challenge.Lost, Subject: a.ID, Object: s.ID}
		if err := t.NewChallenge(c, tok); err != nil {
			return err
		}
		return k.notify(t, a, notice{kind: codeLetter[challenge.Lost], object: c.ID})
	})
	if err == nil {
		k.wake()
	}
	return err
}

// AnswerLost takes that code. The first time it begins the wait and tells
// every channel of the account, each with a way to stop it. When the wait is
// over it ends the lost factors and lets the owner in, who is asked for new
// ones. Entry is zero while one has to wait.
func (k *Keeper) AnswerLost(ctx context.Context, typed string, v Visitor) (Entry, error) {
	s, tok, err := k.half(ctx, v.Cookie)
	if err != nil {
		return Entry{}, err
	}
	_, right, err := k.answerText(ctx, challenge.Lost, s, tok, s.ID, typed)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		return Entry{}, errMailCode
	}
	var e Entry
	err = k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) error {
		e = Entry{}
		a, now, err := again(t, s, tok)
		if err != nil {
			return err
		}
		if t.Now().Sub(a.ResetAt) < week {
			return errOneProof
		}
		list, err := t.Changes(a.ID, changeLost, store.ChangeOpen)
		if err != nil {
			return err
		}
		for _, c := range list {
			switch {
			case !c.EndsAt.After(t.Now()):
				if _, err := t.CloseChange(a.ID, c.ID, store.ChangeOpen, store.ChangeUndone); err != nil {
					return err
				}
			case c.DueAt.After(t.Now()):
				return nil // it goes on waiting
			default:
				e, err = k.replaceLost(t, a, c, now, v)
				return err
			}
		}
		return k.beginLost(t, a, v)
	})
	if err == nil {
		k.wake()
	}
	return e, err
}

func (k *Keeper) beginLost(t *store.Tx, a store.Account, v Visitor) error {
	c := store.Change{ID: store.NewID(), Kind: changeLost, State: store.ChangeOpen, New: changeLost, DueAt: t.Now().Add(lostWait), EndsAt: t.Now().Add(lostEnds)}
	if err := t.NewChange(a, c); err != nil {
		return err
	}
	if err := t.Event("recovery.begun", a.ID, a.ID, ""); err != nil {
		return err
	}
	if err := k.notify(t, a, notice{kind: message.RecoveryBegun, object: c.ID, agent: v.Agent}); err != nil {
		return err
	}
	return k.notify(t, a, notice{kind: message.RecoveryBegun, object: c.ID, text: true})
}

// replaceLost ends every second factor and every recovery code of an account.
func (k *Keeper) replaceLost(t *store.Tx, a store.Account, c store.Change, s store.Signed, v Visitor) (Entry, error) {
	closed, err := t.CloseChange(a.ID, c.ID, store.ChangeOpen, store.ChangeDone)
	if err != nil || !closed {
		return Entry{}, err
	}
	list, err := t.Factors(a.ID)
	if err != nil {
		return Entry{}, err
	}
	for _, f := range list {
		if f.Second() {
			if _, err := t.RemoveFactor(a.ID, f.ID); err != nil {
				return Entry{}, err
			}
			if err := errors.Join(t.ClearTries(a.ID, string(f.Kind)), k.tellNumber(t, a, f, v)); err != nil {
				return Entry{}, err
			}
		}
	}
	if err := errors.Join(t.DropRecoveryCodes(a.ID), t.ClearTries(a.ID, string(ByRecovery))); err != nil {
		return Entry{}, err
	}
	if err := k.shake(t, a, s.ID); err != nil {
		return Entry{}, err
	}
	if err := k.notify(t, a, notice{kind: message.RecoveryDone, agent: v.Agent}); err != nil {
		return Entry{}, err
	}
	if err := t.Event("recovery.done", a.ID, a.ID, ""); err != nil {
		return Entry{}, err
	}
	return k.enter(t, a, access.Password, true, v)
}

package account

import (
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// sameLetters bounds how often a day a mailbox is told that it has an account.
const sameLetters = 3

// Register begins an account for a mailbox, with a password or, where typed is
// empty, with a passkey to come. Nothing is made yet: a code goes to the
// mailbox, and only the browser with the ticket can answer it, so that nobody
// opens an account in somebody else's name. A mailbox that has an account gets
// a letter that says so; the answer here is the same.
func (k *Keeper) Register(ctx context.Context, email, typed string) (ticket string, err error) {
	var bad fault.Fields
	to, err := contact.ParseEmail(email)
	bad.Take("", err)
	var secret []byte
	if typed != "" {
		p, err := k.read("password", typed)
		if err == nil {
			err = k.judge(ctx, p, true, k.shopName(ctx), email)
		}
		if bad.Take("", err) && bad.Err() == nil {
			if secret, err = k.hash(ctx, p, false); err != nil {
				return "", err
			}
		}
	}
	if err := bad.Err(); err != nil {
		return "", err
	}
	id, tok := store.NewID(), token()
	err = k.db.InTx(ctx, ledger.Guest(id), func(t *store.Tx) error {
		c := store.Challenge{ID: id, Purpose: challenge.Mailbox}
		a, err := t.AccountOf(to, false)
		switch {
		case err == nil:
			if err := k.sayTaken(t, a); err != nil {
				return err
			}
		case errors.Is(err, store.ErrNoAccount):
			if c, err = t.Choose(c, to, id, k.db.MailboxName(to)); err != nil {
				return err
			}
		default:
			return err
		}
		if err := t.NewChallenge(c, tok); err != nil || c.Object == "" {
			return err
		}
		if err := t.NewSignup(store.Signup{ID: id, Email: to, Password: secret}); err != nil || c.CodeOf != "" {
			return err
		}
		return t.Enqueue(JobSignup, id, id, t.Now())
	})
	if err != nil {
		return "", err
	}
	k.wake()
	return id + "." + tok, nil
}

// sayTaken tells a mailbox that it has an account, a few times a day at most.
func (k *Keeper) sayTaken(t *store.Tx, a store.Account) error {
	n, err := t.LettersSince(a.ID, string(message.HaveAccount), t.Now().Add(-day))
	if err != nil || n >= sameLetters {
		return err
	}
	may, err := t.MayWrite(a.Email, store.NewID())
	if err != nil || !may {
		return err
	}
	return k.notify(t, a, notice{kind: message.HaveAccount})
}

// FinishRegister makes the account once the code of its mailbox is typed, and
// signs it in. The orders that the mailbox made as a guest become its own.
func (k *Keeper) FinishRegister(ctx context.Context, ticket, typed string, v Visitor) (Entry, error) {
	var e Entry
	err := k.answer(ctx, challenge.Mailbox, ticket, typed, func(t *store.Tx, c store.Challenge) error {
		s, err := t.Signup(c.ID)
		if err != nil {
			return err
		}
		a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: s.Email}
		if err := t.NewAccount(a); err != nil {
			return err
		}
		if s.Password != nil {
			if err := t.AddFactor(a, store.Factor{ID: store.NewID(), Kind: store.PasswordFactor, On: true, Secret: s.Password}); err != nil {
				return err
			}
		}
		if err := t.EndSignup(c.ID); err != nil {
			return err
		}
		if _, err := k.claim(t, a); err != nil {
			return err
		}
		if err := k.notify(t, a, notice{kind: message.Welcome, agent: v.Agent}); err != nil {
			return err
		}
		e, err = k.enter(t, a, access.Password, true, v)
		e.First = true
		return err
	})
	return e, err
}

var errMailCode = fault.Field("code", "That is not the code, or it has ended. Please look at the newest mail from us.")

// answer tries a mailed code, and carries fn out when it is right. A wrong try
// stays counted. Of two browsers that show the same code one is right.
func (k *Keeper) answer(ctx context.Context, p challenge.Purpose, ticket, typed string, fn func(*store.Tx, store.Challenge) error) error {
	code, err := p.Parse(typed)
	if err != nil {
		return err
	}
	id, tok, ok := split(ticket)
	if !ok {
		return errEnded
	}
	right := false
	err = k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
		right = false
		c, fits, err := t.Answer(id, tok, code)
		if err != nil || !fits {
			return err
		}
		if c.Purpose != p {
			return errEnded
		}
		right = true
		return fn(t, c)
	})
	if err == nil && !right {
		err = errMailCode
	}
	if err == nil {
		k.wake()
	}
	return err
}

var errEnded = fault.Missing("This page has ended. Please begin again.")

// ask mails a code for a purpose to the mailbox of an account, if there is one,
// and answers alike if not. Browsers that are known, or signed in, have codes of
// their own: strangers who ask too often use up those of strangers.
func (k *Keeper) ask(ctx context.Context, p challenge.Purpose, email string, st access.Standing, v Visitor) (ticket string, err error) {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return "", err
	}
	id, tok := store.NewID(), token()
	err = k.db.InTx(ctx, ledger.Guest(id), func(t *store.Tx) error {
		c := store.Challenge{ID: id, Purpose: p}
		a, err := t.AccountOf(to, st.Role != "")
		if err == nil && a.State == store.AccountOpen {
			_, own, err := t.Device(a.ID, v.Device)
			if err != nil {
				return err
			}
			object := a.ID
			if own || st.Account == a.ID {
				object += "/own"
			}
			if c, err = t.Choose(c, to, a.ID, object); err != nil {
				return err
			}
		} else if err != nil && !errors.Is(err, store.ErrNoAccount) {
			return err
		}
		if err := t.NewChallenge(c, tok); err != nil || c.Object == "" || c.CodeOf != "" {
			return err
		}
		return k.notify(t, a, notice{kind: codeLetter[p], object: c.ID})
	})
	if err != nil {
		return "", err
	}
	k.wake()
	return id + "." + tok, nil
}

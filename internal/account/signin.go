package account

import (
	"bytes"
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// candidate is what a sign-in by e-mail has found before the password is
// looked at. The zero one is nobody.
type candidate struct {
	account store.Account
	secret  store.Factor // the password; without a secret when there is none
	strong  bool
	trusted bool // this browser is spared the second factor
	known   bool // this browser is known
}

// SignIn proves a password. It takes the same steps and gives the same answer
// whether the mailbox has an account or not; whoever answers a stranger also
// waits for a fixed time (web/storefront). What is wrong is fault.Invalid; any
// other error says nothing about the password.
func (k *Keeper) SignIn(ctx context.Context, email, typed string, v Visitor) (Entry, error) {
	var bad fault.Fields
	to, err := contact.ParseEmail(email)
	bad.Take("", err)
	p, err := k.read("password", typed)
	bad.Take("", err)
	if err := bad.Err(); err != nil {
		return Entry{}, err
	}
	var c candidate
	err = k.db.View(ctx, func(view *store.View) (err error) {
		c, err = find(view, to, v)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	right, old, err := k.verify(ctx, c.secret.Secret, p, c.known)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		return Entry{}, errWrong
	}
	var newer []byte
	if old {
		if newer, err = k.hash(ctx, p, c.known); err != nil {
			newer = nil // the old one goes on working
		}
	}
	var e Entry
	err = k.db.InTx(ctx, ledger.Customer(c.account.ID), func(t *store.Tx) error {
		now, err := find(&t.View, to, v)
		if err != nil {
			return err
		}
		a := now.account
		if a.ID != c.account.ID || !bytes.Equal(now.secret.Secret, c.secret.Secret) {
			return errWrong // it was changed while we looked at it
		}
		if newer != nil {
			if err := t.SetSecret(a, now.secret.ID, newer, 0); err != nil {
				return err
			}
		}
		switch {
		case !now.strong:
			e, err = k.enter(t, a, access.Password, true, v)
		case now.trusted:
			e, err = k.enter(t, a, access.Password, false, v)
		default:
			e, err = k.enter(t, a, access.Guest, false, v)
		}
		if err != nil || e.Half {
			return err
		}
		return t.Event("signin.done", a.ID, a.ID, store.How("password"))
	})
	if err == nil {
		k.wake()
	}
	return e, err
}

// find looks for the account of a mailbox. That there is none is no error.
func find(view *store.View, to contact.Email, v Visitor) (c candidate, err error) {
	c.account, err = view.AccountOf(to, false)
	if errors.Is(err, store.ErrNoAccount) {
		return candidate{}, nil
	}
	if err != nil {
		return candidate{}, err
	}
	if c.account.State != store.AccountOpen {
		return candidate{}, nil
	}
	if c.secret, err = passwordOf(view, c.account.ID); errors.Is(err, store.ErrTampered) {
		return candidate{}, nil // a stranger learns no more of it than of an account that isn't there
	}
	if err != nil {
		return candidate{}, err
	}
	if c.strong, err = view.Strong(c.account.ID); err != nil {
		return candidate{}, err
	}
	d, known, err := view.Device(c.account.ID, v.Device)
	c.known, c.trusted = known, known && d.TrustedUntil.After(view.Now())
	return c, err
}

// passwordOf finds the password among the factors of an account.
func passwordOf(v *store.View, account string) (store.Factor, error) {
	list, err := v.Factors(account)
	if err != nil {
		return store.Factor{}, err
	}
	for _, f := range list {
		if f.Kind == store.PasswordFactor && f.On {
			return f, nil
		}
	}
	return store.Factor{}, nil
}

// KnownDevice names the known browser that a visitor shows for the account of
// a mailbox, for whoever counts wrong tries; "" for a stranger, and where there
// is no account.
func (k *Keeper) KnownDevice(ctx context.Context, email string, v Visitor) (string, error) {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return "", nil
	}
	id := ""
	err = k.db.View(ctx, func(view *store.View) error {
		a, err := view.AccountOf(to, false)
		if errors.Is(err, store.ErrNoAccount) {
			return nil
		}
		if err != nil {
			return err
		}
		d, known, err := view.Device(a.ID, v.Device)
		if known {
			id = d.ID
		}
		return err
	})
	return id, err
}

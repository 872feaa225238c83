package account

import (
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Who tells on which rung the browser with a session's cookie stands. Nobody,
// an ended session and half a one are the zero Standing; an error means that
// the store could not say.
func (k *Keeper) Who(ctx context.Context, cookie string) (access.Standing, error) {
	s, tok, err := k.session(ctx, cookie)
	if fault.Is(err, fault.NotFound) {
		return access.Standing{}, nil
	}
	if err != nil || s.Level == access.Guest {
		return access.Standing{}, err
	}
	return access.Standing{Account: s.Owner, Session: s.ID, Device: s.Device, Level: s.Level, Role: s.Role, Strong: s.Strong,
		Fresh: !s.FreshAt.IsZero() && k.db.Now().Sub(s.FreshAt) < access.FreshFor, CSRF: k.db.CSRF(tok)}, nil
}

// Half tells whose half session a browser has: the first of two factors is
// proved and the second is to come. ok is false when it has none.
func (k *Keeper) Half(ctx context.Context, cookie string) (account string, ok bool, err error) {
	s, _, err := k.session(ctx, cookie)
	if fault.Is(err, fault.NotFound) {
		return "", false, nil
	}
	return s.Owner, err == nil && s.Level == access.Guest, err
}

// session finds the living session of a cookie, with its rung as it is by now,
// and remembers once a minute that it was used.
func (k *Keeper) session(ctx context.Context, cookie string) (s store.Signed, tok string, err error) {
	owner, tok, ok := split(cookie)
	if !ok {
		return s, "", fault.Missing("You are not signed in.")
	}
	err = k.db.View(ctx, func(v *store.View) (err error) {
		s, err = v.Signed(owner, tok)
		return err
	})
	if err != nil {
		return s, "", err
	}
	now, idle := k.db.Now(), shopperIdle
	if s.Role != "" {
		idle = staffIdle
	}
	if now.Sub(s.SeenAt) >= idle {
		err = k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
			_, err := t.EndSession(s.Owner, s.ID)
			return err
		})
		if err == nil {
			err = fault.Missing("You are not signed in.")
		}
		return store.Signed{}, "", err
	}
	was := s.Level
	if s.Level == access.TwoFactors && s.Role == "" && (now.Sub(s.StrongAt) >= strongLife || now.Sub(s.SeenAt) >= strongIdle) {
		s.Level = access.Password
	}
	if s.Level == was && now.Sub(s.SeenAt) < touchEvery {
		return s, tok, nil
	}
	err = k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error { return t.TouchSession(s, tok) })
	return s, tok, err
}

// SignOut ends the session of a browser.
func (k *Keeper) SignOut(ctx context.Context, cookie string) error {
	owner, tok, ok := split(cookie)
	if !ok {
		return nil
	}
	a, err := k.Account(ctx, owner)
	if errors.Is(err, store.ErrNoAccount) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.db.InTx(ctx, actor(a), func(t *store.Tx) error {
		there, err := t.EndSession(owner, store.SessionID(tok))
		if err != nil || !there {
			return err
		}
		return t.Event("signin.ended", owner, owner, "")
	})
}

// Sessions lists where somebody is signed in.
func (k *Keeper) Sessions(ctx context.Context, account string) (out []store.Session, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.Sessions(account)
		return err
	})
	return out, err
}

// EndSession ends one of somebody's sessions by its name in the list, and the
// trust in its browser.
func (k *Keeper) EndSession(ctx context.Context, st access.Standing, name string) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		list, err := t.Sessions(a.ID)
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Name == name {
				if _, err := t.EndNamedSession(a.ID, name); err != nil {
					return err
				}
				if _, err := t.ForgetDevice(a.ID, s.Device); err != nil {
					return err
				}
				return t.Event("signin.ended", a.ID, a.ID, store.How("one"))
			}
		}
		return fault.Missing("That sign-in has ended already.")
	})
}

// EndSessions ends every session but the one that asks, and the trust in every
// browser.
func (k *Keeper) EndSessions(ctx context.Context, st access.Standing) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if _, err := t.EndSessions(a.ID, st.Session); err != nil {
			return err
		}
		if err := t.Distrust(a); err != nil {
			return err
		}
		return t.Event("signin.ended", a.ID, a.ID, store.How("all"))
	})
}

// act carries out something that somebody who is signed in does to their own
// account.
func (k *Keeper) act(ctx context.Context, st access.Standing, fn func(*store.Tx, store.Account) error) error {
	by := ledger.Customer(st.Account)
	if st.Role != "" {
		by = ledger.Staff(st.Account)
	}
	err := k.db.InTx(ctx, by, func(t *store.Tx) error {
		a, err := standing(t, st)
		if err != nil {
			return err
		}
		return fn(t, a)
	})
	if err == nil {
		k.wake()
	}
	return err
}

// standing opens the account of somebody whose session still stands: what a
// thief has sent off does not happen once the owner has signed everybody out, or
// the shop has seen that the account was tampered with.
func standing(t *store.Tx, st access.Standing) (store.Account, error) {
	a, err := t.Account(st.Account)
	if err != nil {
		return a, err
	}
	if err := t.StillIn(a, st.Session); err != nil {
		return a, err
	}
	return a, t.Guarded(a.ID)
}

// Account opens somebody's account.
func (k *Keeper) Account(ctx context.Context, id string) (a store.Account, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		a, err = v.Account(id)
		return err
	})
	return a, err
}

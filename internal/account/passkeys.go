package account

import (
	"bytes"
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What a ceremony was begun for. One that was begun for one thing ends no other.
const (
	ceremonySignIn = "sign-in" // a shopper, known by the passkey
	ceremonyStaff  = "staff"   // staff, at their own entrance
	ceremonyProve  = "prove"   // within a session: second factor or step-up
	ceremonyEnrol  = "enrol"   // another passkey
	ceremonyInvite = "invite:" // + id of the invitation: the first passkey of staff
)

// Ceremony is what the page of a passkey gets: options for the browser, and a
// ticket that the same browser gives back with the answer.
type Ceremony struct {
	Options []byte // JSON
	Ticket  string
}

// begin keeps the state of a ceremony for the browser that has the ticket.
func (k *Keeper) begin(ctx context.Context, purpose, account string, options, state []byte) (Ceremony, error) {
	id, tok := store.NewID(), token()
	err := k.db.InTx(ctx, ledger.Guest(id), func(t *store.Tx) error {
		return t.NewCeremony(store.Ceremony{ID: id, Purpose: purpose, Account: account, State: state}, tok)
	})
	return Ceremony{options, id + "." + tok}, err
}

// end takes the state of a ceremony, once.
func end(t *store.Tx, ticket, purpose string) (store.Ceremony, error) {
	id, tok, ok := split(ticket)
	if !ok {
		return store.Ceremony{}, errEnded
	}
	return t.UseCeremony(id, tok, purpose)
}

// BeginPasskey begins to sign in whoever holds a passkey.
func (k *Keeper) BeginPasskey(ctx context.Context, staff bool) (Ceremony, error) {
	options, state, err := k.cfg.Passkeys.BeginSignIn(staff)
	if err != nil {
		return Ceremony{}, err
	}
	purpose := ceremonySignIn
	if staff {
		purpose = ceremonyStaff
	}
	return k.begin(ctx, purpose, "", options, state)
}

// FinishPasskey signs in whoever the passkey says it is. With the person
// verified it proves two factors; without, one.
func (k *Keeper) FinishPasskey(ctx context.Context, staff bool, ticket string, response []byte, v Visitor) (Entry, error) {
	purpose := ceremonySignIn
	if staff {
		purpose = ceremonyStaff
	}
	var e Entry
	err := k.check(ctx, purpose, ticket, response, "", v, func(t *store.Tx, a store.Account, grade passkey.Grade) error {
		if a.Staff() != staff || staff && grade != passkey.TwoFactors {
			return errPasskey
		}
		strong, err := t.Strong(a.ID)
		if err != nil {
			return err
		}
		level := access.TwoFactors
		if grade == passkey.OneFactor {
			level = access.Password
			if strong {
				level = access.Guest // half a session: the device alone is one of two
			}
		}
		if e, err = k.enter(t, a, level, true, v); err != nil {
			return err
		}
		if level == access.Guest {
			return nil
		}
		if level == access.TwoFactors {
			if err := k.foundAgain(t, a); err != nil {
				return err
			}
		}
		return t.Event("signin.done", a.ID, a.ID, store.How("passkey"))
	})
	return e, err
}

// BeginProve begins to prove a passkey of the account of a session.
func (k *Keeper) BeginProve(ctx context.Context, cookie string) (Ceremony, error) {
	s, _, err := k.session(ctx, cookie)
	if err != nil {
		return Ceremony{}, err
	}
	var a store.Account
	var keys []passkey.Key
	err = k.db.View(ctx, func(v *store.View) (err error) {
		if a, err = v.Account(s.Owner); err != nil {
			return err
		}
		keys, err = keysOf(v, s.Owner)
		return err
	})
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := k.cfg.Passkeys.BeginStepUp(user(a), keys, a.Staff())
	if err != nil {
		return Ceremony{}, err
	}
	return k.begin(ctx, ceremonyProve, a.ID, options, state)
}

// FinishProve raises a session, as Prove does.
func (k *Keeper) FinishProve(ctx context.Context, ticket string, response []byte, v Visitor, trust bool) (Entry, error) {
	s, tok, err := k.session(ctx, v.Cookie)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	err = k.check(ctx, ceremonyProve, ticket, response, s.Owner, v, func(t *store.Tx, a store.Account, grade passkey.Grade) error {
		if a.Staff() && grade != passkey.TwoFactors {
			return errPasskey
		}
		_, now, err := again(t, s, tok)
		if err != nil {
			return err
		}
		if byDevice(now) && grade != passkey.TwoFactors {
			return errPasskey
		}
		now.Strong = now.Strong || grade == passkey.TwoFactors
		e, err = k.raise(t, a, now, string(ByPasskey), true, v, trust)
		return err
	})
	return e, err
}

var errPasskey = fault.New(fault.Invalid, "This passkey can't be used here.")

// check verifies the answer of a ceremony and carries fn out in the
// transaction that uses the ceremony and the passkey's counter up. only names
// the account whose passkey it must be; "" for any.
func (k *Keeper) check(ctx context.Context, purpose, ticket string, response []byte, only string, v Visitor, fn func(*store.Tx, store.Account, passkey.Grade) error) error {
	var copied store.Account
	var why error
	err := k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
		copied, why = store.Account{}, nil
		c, err := end(t, ticket, purpose)
		if err != nil {
			return err
		}
		if only != "" && c.Account != only {
			return errPasskey
		}
		var a store.Account
		var f store.Factor
		key, grade, err := k.cfg.Passkeys.FinishSignIn(c.State, response, func(handle, credential []byte) (passkey.User, passkey.Key, error) {
			owner := string(handle)
			if owner == "" {
				owner = c.Account
			}
			var key passkey.Key
			var err error
			if a, f, key, err = keyOf(t, owner, credential); err != nil {
				return passkey.User{}, passkey.Key{}, err
			}
			return user(a), key, nil
		})
		if errors.Is(err, passkey.ErrCounter) {
			copied, why = a, err
			return nil // the ceremony stays used up
		}
		if fault.Is(err, fault.Invalid) {
			why = err
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.SetSecret(a, f.ID, key.Marshal(), int64(key.Sign)); err != nil {
			return err
		}
		return fn(t, a, grade)
	})
	if err == nil && copied.ID != "" {
		err = k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
			if err := t.Event("passkey.copied", copied.ID, copied.ID, ""); err != nil {
				return err
			}
			return k.notify(t, copied, notice{kind: message.PasskeyCopied, agent: v.Agent})
		})
	}
	if err == nil {
		k.wake()
		err = why
	}
	return err
}

// user is an account as a passkey names it.
func user(a store.Account) passkey.User {
	u := passkey.User{ID: []byte(a.ID), Name: a.Email.Reveal(), Shown: a.Name.Reveal()}
	if u.Shown == "" {
		u.Shown = u.Name
	}
	return u
}

// keysOf opens the passkeys of an account.
func keysOf(v *store.View, account string) ([]passkey.Key, error) {
	list, err := v.Factors(account)
	if err != nil {
		return nil, err
	}
	var out []passkey.Key
	for _, f := range list {
		if f.Kind != store.PasskeyFactor {
			continue
		}
		key, err := passkey.Unmarshal(f.Secret)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, nil
}

// keyOf finds one passkey of an account that is open.
func keyOf(t *store.Tx, account string, credential []byte) (store.Account, store.Factor, passkey.Key, error) {
	a, err := t.Account(account)
	if errors.Is(err, store.ErrNoAccount) || err == nil && a.State != store.AccountOpen {
		err = passkey.ErrUnknown
	}
	if err != nil {
		return a, store.Factor{}, passkey.Key{}, err
	}
	list, err := t.Factors(account)
	if err != nil {
		return a, store.Factor{}, passkey.Key{}, err
	}
	for _, f := range list {
		if f.Kind != store.PasskeyFactor || !f.On {
			continue
		}
		key, err := passkey.Unmarshal(f.Secret)
		if err != nil {
			return a, f, key, err
		}
		if bytes.Equal(key.ID, credential) {
			return a, f, key, nil
		}
	}
	return a, store.Factor{}, passkey.Key{}, passkey.ErrUnknown
}

// BeginEnrol begins to add a passkey to somebody's own account.
func (k *Keeper) BeginEnrol(ctx context.Context, st access.Standing) (Ceremony, error) {
	var a store.Account
	var keys []passkey.Key
	err := k.db.View(ctx, func(v *store.View) (err error) {
		if a, err = v.Account(st.Account); err != nil {
			return err
		}
		keys, err = keysOf(v, st.Account)
		return err
	})
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := k.cfg.Passkeys.BeginRegister(user(a), keys, a.Staff())
	if err != nil {
		return Ceremony{}, err
	}
	return k.begin(ctx, ceremonyEnrol, a.ID, options, state)
}

// FinishEnrol adds the passkey under a name.
func (k *Keeper) FinishEnrol(ctx context.Context, st access.Standing, ticket string, response []byte, label string, v Visitor) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		c, err := end(t, ticket, ceremonyEnrol)
		if err != nil {
			return err
		}
		key, err := k.enrolled(t, c, a, response)
		if err != nil {
			return err
		}
		f := store.Factor{ID: store.NewID(), Kind: store.PasskeyFactor, On: true, Secret: key.Marshal(), Label: labelOf(label, "Passkey"), Step: int64(key.Sign)}
		if err := t.AddFactor(a, f); err != nil {
			return err
		}
		return k.added(t, a, f, nil, st, v)
	})
}

// enrolled checks what a device answered to a ceremony of an account.
func (k *Keeper) enrolled(t *store.Tx, c store.Ceremony, a store.Account, response []byte) (passkey.Key, error) {
	if c.Account != a.ID {
		return passkey.Key{}, errPasskey
	}
	key, err := k.cfg.Passkeys.FinishRegister(user(a), c.State, response)
	if err != nil {
		return passkey.Key{}, err
	}
	has, err := keysOf(&t.View, a.ID)
	if err != nil {
		return passkey.Key{}, err
	}
	for _, old := range has {
		if bytes.Equal(old.ID, key.ID) {
			return passkey.Key{}, fault.New(fault.Conflict, "This passkey is in your account already.")
		}
	}
	return key, nil
}

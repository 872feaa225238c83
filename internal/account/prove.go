package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Method is a way to prove something within a session: the second factor after
// the first, or anything again before something delicate.
type Method string

// The methods. Which of them somebody has, Methods says.
const (
	ByPassword Method = "password"
	ByTOTP     Method = "totp"
	BySMS      Method = "sms"
	ByPasskey  Method = "passkey"
	ByRecovery Method = "recovery"
)

// Proof is what somebody shows.
type Proof struct {
	Method Method
	Typed  string
	Trust  bool // spare this browser the second factor at sign-in for TrustFor
}

var errNoMethod = fault.New(fault.Conflict, "That way is not set up for your account. Please take another one.")

// Methods lists how the owner of a session can go on, the one to offer first at
// the head: the one they like best, else what can't be phished before what can.
// A recovery code never comes first while there is anything else.
func (k *Keeper) Methods(ctx context.Context, cookie string) (out []Method, err error) {
	s, _, err := k.session(ctx, cookie)
	if err != nil {
		return nil, err
	}
	err = k.db.View(ctx, func(v *store.View) error {
		a, err := v.Account(s.Owner)
		if err != nil {
			return err
		}
		out, err = methods(v, a, s)
		return err
	})
	return out, err
}

func methods(v *store.View, a store.Account, s store.Signed) ([]Method, error) {
	list, err := v.Factors(a.ID)
	if err != nil {
		return nil, err
	}
	has := map[store.FactorKind]bool{}
	for _, f := range list {
		has[f.Kind] = has[f.Kind] || f.On
	}
	var out []Method
	add := func(m Method) {
		if string(m) == a.Preferred {
			out = append([]Method{m}, out...)
		} else {
			out = append(out, m)
		}
	}
	for _, m := range []Method{ByPasskey, ByTOTP, BySMS} {
		if has[store.FactorKind(m)] && !(m == ByPasskey && byDevice(s)) {
			add(m)
		}
	}
	if s.Strong && s.Role == "" {
		left, err := v.RecoveryLeft(a.ID)
		if err != nil {
			return nil, err
		}
		if left > 0 {
			out = append(out, ByRecovery)
		}
	}
	if has[store.PasswordFactor] && (byDevice(s) || !s.Strong && s.Level > access.Guest) {
		out = append(out, ByPassword)
	}
	return out, nil
}

// Proving names whose proof a session waits for: for whoever counts wrong tries.
type Proving struct {
	Account string
	Device  string // the known device it comes from; "" for a stranger
	Half    bool   // of a sign-in; else a step-up
	Staff   bool
}

// Proving tells it.
func (k *Keeper) Proving(ctx context.Context, v Visitor) (Proving, error) {
	s, _, err := k.session(ctx, v.Cookie)
	if err != nil {
		return Proving{}, err
	}
	p := Proving{Account: s.Owner, Device: s.Device, Half: s.Level == access.Guest, Staff: s.Role != ""}
	if p.Device != "" {
		return p, nil
	}
	err = k.db.View(ctx, func(view *store.View) error {
		d, known, err := view.Device(s.Owner, v.Device)
		if known {
			p.Device = d.ID
		}
		return err
	})
	return p, err
}

// Prove takes a proof within a session. What is right raises the session: half
// a one becomes whole, a whole one is fresh again, each with a new token. What
// is wrong is fault.Invalid on the field code, or on password.
func (k *Keeper) Prove(ctx context.Context, v Visitor, p Proof) (Entry, error) {
	s, tok, err := k.session(ctx, v.Cookie)
	if err != nil {
		return Entry{}, err
	}
	if s.Role != "" {
		return Entry{}, errNoMethod // staff have passkeys alone, see FinishProve
	}
	var check func(*store.Tx, store.Account) error
	var astray store.Factor
	switch p.Method {
	case ByPassword:
		check, err = k.provePassword(ctx, s, p.Typed)
	case ByTOTP:
		check = k.proveTOTP(p.Typed, &astray)
	case BySMS:
		check, err = k.proveSMS(ctx, s, tok, p.Typed)
	case ByRecovery:
		check, err = k.proveRecovery(s, p.Typed, v)
	default:
		err = errNoMethod
	}
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	err = k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) error {
		a, now, err := again(t, s, tok)
		if err != nil {
			return err
		}
		if err := check(t, a); err != nil {
			return err
		}
		e, err = k.raise(t, a, now, string(p.Method), p.Method != ByPassword || byDevice(now), v, p.Trust)
		return err
	})
	if err == nil {
		k.wake()
		return e, nil
	}
	if astray.ID != "" && errors.Is(err, errCode) {
		keep := k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) error { return t.KeepAstray(s.Owner, astray, astray.Astray) })
		if keep != nil {
			return Entry{}, keep
		}
	}
	return Entry{}, err
}

// again reads a session once more inside the transaction that raises it, so
// that one which has ended meanwhile stays ended. The account comes first: its
// lock is what whoever ends sessions waits for.
func again(t *store.Tx, s store.Signed, tok string) (store.Account, store.Signed, error) {
	a, err := t.Account(s.Owner)
	if err != nil {
		return store.Account{}, store.Signed{}, err
	}
	now, err := t.Signed(s.Owner, tok)
	return a, now, err
}

// byDevice reports that half a session began with a passkey that did not ask
// who holds it. The same device again is no second proof; the password is one.
func byDevice(s store.Signed) bool { return s.Level == access.Guest && !s.FreshAt.IsZero() }

// raise replaces a session by one that stands higher, or is fresh again.
// second tells that what was proved can be a second factor.
func (k *Keeper) raise(t *store.Tx, a store.Account, s store.Signed, method string, second bool, v Visitor, trust bool) (Entry, error) {
	level := access.Password
	if second && s.Strong {
		level = access.TwoFactors
	}
	e, err := k.enter(t, a, level, true, v)
	if err != nil {
		return Entry{}, err
	}
	if level == access.TwoFactors {
		if err := k.foundAgain(t, a); err != nil {
			return Entry{}, err
		}
	}
	word := "stepup.done"
	if s.Level == access.Guest {
		word = "signin.done"
		if trust && !a.Staff() {
			if err := t.TrustDevice(a, k.db.DeviceID(a.ID, e.Device), t.Now().Add(TrustFor)); err != nil {
				return Entry{}, err
			}
		}
	}
	return e, t.Event(word, a.ID, a.ID, store.How(method))
}

// provePassword is a step-up of an account that has no second factor, or the
// second proof beside a device. Else, where there is one, a password is not
// enough.
func (k *Keeper) provePassword(ctx context.Context, s store.Signed, typed string) (func(*store.Tx, store.Account) error, error) {
	if (s.Strong || s.Level == access.Guest) && !byDevice(s) {
		return nil, errNoMethod
	}
	p, err := k.read("password", typed)
	if err != nil {
		return nil, err
	}
	var f store.Factor
	err = k.db.View(ctx, func(v *store.View) (err error) {
		f, err = passwordOf(v, s.Owner)
		return err
	})
	if err != nil {
		return nil, err
	}
	right, _, err := k.verify(ctx, f.Secret, p, true)
	if err != nil {
		return nil, err
	}
	return func(t *store.Tx, a store.Account) error {
		if !right {
			return fault.Field("password", "That is not your password.")
		}
		return nil
	}, nil
}

var errCode = fault.Field("code", "That code is not right, or it was used already. Please type the newest one.")

// proveTOTP tries a code of an app. Of two that show the same code at the same
// time one is right. What is to be remembered of a code that is refused goes to
// astray, since the transaction is undone.
func (k *Keeper) proveTOTP(typed string, astray *store.Factor) func(*store.Tx, store.Account) error {
	return func(t *store.Tx, a store.Account) error {
		*astray = store.Factor{}
		list, err := t.Factors(a.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.Kind != store.TOTPFactor || !f.On {
				continue
			}
			state, ok, err := checkTOTP(f, typed, t.Now())
			if err != nil {
				return err
			}
			if !ok {
				*astray = f
				astray.Astray = state.Astray
				return errCode
			}
			if ok, err = t.UseFactor(a.ID, f, state.LastStep, state.Drift); err != nil {
				return err
			}
			if !ok {
				return errCode // somebody else was quicker with it
			}
			return nil
		}
		return errNoMethod
	}
}

// proveSMS tries the code of the newest text to this very session. Tries are
// counted with the text, whatever comes out.
func (k *Keeper) proveSMS(ctx context.Context, s store.Signed, tok, typed string) (func(*store.Tx, store.Account) error, error) {
	id, right, err := k.answerText(ctx, challenge.Second, s, tok, s.ID, typed)
	if err != nil {
		return nil, err
	}
	return func(t *store.Tx, a store.Account) error {
		if !right {
			return errCode
		}
		return t.TextVerified(a.ID, id)
	}, nil
}

// answerText tries a texted code in a transaction of its own, so that a wrong
// try stays counted.
func (k *Keeper) answerText(ctx context.Context, p challenge.Purpose, s store.Signed, tok, object, typed string) (id string, right bool, err error) {
	code, err := p.Parse(typed)
	if err != nil {
		return "", false, err
	}
	err = k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) (err error) {
		if id, err = t.NewestChallenge(p, object); err != nil || id == "" {
			return err
		}
		var c store.Challenge
		c, right, err = t.Answer(id, tok, code)
		if err == nil && right && c.Subject != s.Owner {
			return fmt.Errorf("challenge %s is of another account", id)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) { // it has ended, or was tried too often
		return "", false, nil
	}
	return id, right && id != "", err
}

// proveRecovery uses a recovery code up, and tells the mailbox.
func (k *Keeper) proveRecovery(s store.Signed, typed string, v Visitor) (func(*store.Tx, store.Account) error, error) {
	code, err := k.readRecovery(s.Owner, typed)
	if err != nil {
		return nil, err
	}
	return func(t *store.Tx, a store.Account) error {
		ok, err := t.UseRecoveryCode(a.ID, code)
		if err != nil {
			return err
		}
		if !ok {
			return errCode
		}
		if err := t.Event("recovery.used", a.ID, a.ID, ""); err != nil {
			return err
		}
		return k.notify(t, a, notice{kind: message.RecoveryUsed, agent: v.Agent})
	}, nil
}

// foundAgain ends the wait for a lost factor: whoever proved one has it.
func (k *Keeper) foundAgain(t *store.Tx, a store.Account) error {
	list, err := t.Changes(a.ID, changeLost, store.ChangeOpen)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range list {
		if _, err := t.CloseChange(a.ID, c.ID, store.ChangeOpen, store.ChangeUndone); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

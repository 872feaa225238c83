package account

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/otp"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Factors lists what somebody proves themselves with.
type Factors struct {
	Password bool
	Second   []store.Factor // those that work, without their secrets but a number
	Untried  []store.Factor // those that were begun
	Codes    int64          // recovery codes that are left
	Strong   bool           // a second factor is asked for
}

// Factors tells what an account has.
func (k *Keeper) Factors(ctx context.Context, account string) (out Factors, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		list, err := v.Factors(account)
		if err != nil {
			return err
		}
		out = Factors{}
		for _, f := range list {
			if f.Kind != store.SMSFactor {
				f.Secret = nil
			}
			switch {
			case f.Kind == store.PasswordFactor:
				out.Password = out.Password || f.On
			case f.On:
				out.Second = append(out.Second, f)
			default:
				out.Untried = append(out.Untried, f)
			}
		}
		if out.Codes, err = v.RecoveryLeft(account); err != nil {
			return err
		}
		out.Strong, err = v.Strong(account)
		return err
	})
	return out, err
}

// undoFactor is how long the mailbox can undo a factor that was added.
const undoFactor = day

// added ends the other sessions of an account that has got a factor, and tells
// its mailbox, which can take it back for a day. was is what it took the place of.
func (k *Keeper) added(t *store.Tx, a store.Account, f store.Factor, was []byte, st access.Standing, v Visitor) error {
	if err := errors.Join(k.shake(t, a, st.Session), t.ClearTries(a.ID, string(f.Kind))); err != nil {
		return err
	}
	c := store.Change{ID: store.NewID(), Kind: changeFactor, State: store.ChangeDone, Object: f.ID, New: string(f.Kind), Old: base64.RawURLEncoding.EncodeToString(was), EndsAt: t.Now().Add(undoFactor)}
	if err := t.NewChange(a, c); err != nil {
		return err
	}
	if err := t.Event("factor.added", a.ID, f.ID, store.How(string(f.Kind))); err != nil {
		return err
	}
	return k.notify(t, a, notice{kind: message.FactorAdded, object: c.ID, agent: v.Agent})
}

// BeginTOTP makes a key for an authenticator app. It works once a code of the
// app was typed.
func (k *Keeper) BeginTOTP(ctx context.Context, st access.Standing) error {
	if st.Role != "" {
		return errNoMethod // staff have passkeys alone
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if err := t.RemoveUntried(a.ID, store.TOTPFactor); err != nil {
			return err
		}
		return t.AddFactor(a, store.Factor{ID: store.NewID(), Kind: store.TOTPFactor, Secret: newTOTP(), Label: "Authenticator app"})
	})
}

// Enrolment is what the page of an authenticator app shows.
type Enrolment struct {
	URI  string // for the app on the same phone
	Key  string // to be typed, in groups of four
	Code string // a QR code of the URI, as SVG
}

// TOTP returns the key that was begun and not tried yet.
func (k *Keeper) TOTP(ctx context.Context, st access.Standing) (Enrolment, error) {
	f, err := k.untried(ctx, st.Account, store.TOTPFactor)
	if err != nil {
		return Enrolment{}, err
	}
	s, err := k.db.Settings(ctx)
	if err != nil {
		return Enrolment{}, err
	}
	return enrolment(f, s.ShopName)
}

func (k *Keeper) untried(ctx context.Context, account string, kind store.FactorKind) (f store.Factor, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		f, err = untried(v, account, kind)
		return err
	})
	return f, err
}

func untried(v *store.View, account string, kind store.FactorKind) (store.Factor, error) {
	list, err := v.Factors(account)
	if err != nil {
		return store.Factor{}, err
	}
	for _, f := range list {
		if f.Kind == kind && !f.On {
			return f, nil
		}
	}
	return store.Factor{}, store.ErrNoFactor
}

// ConfirmTOTP makes the app work from now on, once it shows the right code.
func (k *Keeper) ConfirmTOTP(ctx context.Context, st access.Standing, typed string, v Visitor) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		f, err := untried(&t.View, a.ID, store.TOTPFactor)
		if err != nil {
			return err
		}
		state, ok, err := enrolTOTP(f, typed, t.Now())
		if err != nil {
			return err
		}
		if !ok {
			return fault.Field("code", "That is not the code the app shows now. Please wait for the next one. If it is wrong again, look at the clock of your phone.")
		}
		return k.switchOn(t, a, f, state.LastStep, state.Drift, st, v)
	})
}

// switchOn makes a factor that was tried work, in place of the one of its kind.
func (k *Keeper) switchOn(t *store.Tx, a store.Account, f store.Factor, step, drift int64, st access.Standing, v Visitor) error {
	list, err := t.Factors(a.ID)
	if err != nil {
		return err
	}
	var was []byte
	for _, old := range list {
		if old.Kind == f.Kind && old.On {
			was = old.Secret
			if _, err := t.RemoveFactor(a.ID, old.ID); err != nil {
				return err
			}
			if err := k.tellNumber(t, a, old, v); err != nil {
				return err
			}
		}
	}
	on, err := t.SwitchOn(a.ID, f.ID, step, drift)
	if err != nil {
		return err
	}
	if !on {
		return store.ErrNoFactor
	}
	return k.added(t, a, f, was, st, v)
}

// putBack undoes the replacing of a factor: without it whoever reads the mail
// of an account could take its second factor away by undoing a new one.
func (k *Keeper) putBack(t *store.Tx, a store.Account, c store.Change) error {
	was, err := base64.RawURLEncoding.DecodeString(c.Old)
	if err != nil || len(was) == 0 {
		return err
	}
	f := store.Factor{ID: store.NewID(), Kind: store.FactorKind(c.New), On: true, Secret: was, Label: "Text to your phone"}
	if f.Kind == store.TOTPFactor {
		f.Label, f.Step = "Authenticator app", t.Now().Unix()/int64(otp.Period/time.Second) // no code of before works again
	}
	return t.AddFactor(a, f)
}

// RemoveFactor removes a second factor. With the last one go the recovery
// codes: there is nothing left that they could stand in for. Staff keep one.
func (k *Keeper) RemoveFactor(ctx context.Context, st access.Standing, id string, v Visitor) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		list, err := t.Factors(a.ID)
		if err != nil {
			return err
		}
		var gone store.Factor
		left, password := 0, false
		for _, f := range list {
			switch {
			case f.ID == id && f.Second():
				gone = f
			case f.Second() && f.On:
				left++
			case f.Kind == store.PasswordFactor:
				password = true
			}
		}
		switch {
		case gone.ID == "":
			return store.ErrNoFactor
		case left == 0 && a.Staff():
			return fault.New(fault.Conflict, "This is your only passkey. Please add another one first.")
		case left == 0 && !password:
			return fault.New(fault.Conflict, "This is your only way to sign in. Please set a password first, or add another passkey.")
		}
		if _, err := t.RemoveFactor(a.ID, id); err != nil {
			return err
		}
		if left == 0 {
			if err := t.DropRecoveryCodes(a.ID); err != nil {
				return err
			}
		}
		if a.Preferred == string(gone.Kind) {
			if err := t.Prefer(a.ID, ""); err != nil {
				return err
			}
		}
		if err := errors.Join(k.shake(t, a, st.Session), t.ClearTries(a.ID, string(gone.Kind))); err != nil {
			return err
		}
		if err := t.Event("factor.removed", a.ID, id, store.How(string(gone.Kind))); err != nil {
			return err
		}
		if err := k.tellNumber(t, a, gone, v); err != nil {
			return err
		}
		return k.notify(t, a, notice{kind: message.FactorRemoved, agent: v.Agent})
	})
}

// RenameFactor changes what its owner calls a passkey.
func (k *Keeper) RenameFactor(ctx context.Context, st access.Standing, id, label string) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error { return t.Relabel(a, id, labelOf(label, "Passkey")) })
}

// Prefer says which second factor is asked first.
func (k *Keeper) Prefer(ctx context.Context, st access.Standing, m Method) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		list, err := t.Factors(a.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.On && f.Second() && string(f.Kind) == string(m) {
				return t.Prefer(a.ID, string(m))
			}
		}
		return store.ErrNoFactor
	})
}

// ForgetDevice ends what one browser is spared and known by.
func (k *Keeper) ForgetDevice(ctx context.Context, st access.Standing, id string) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		there, err := t.ForgetDevice(a.ID, id)
		if err != nil {
			return err
		}
		if !there {
			return fault.Missing("We don't know that browser any more.")
		}
		return t.Event("device.forgotten", a.ID, a.ID, "")
	})
}

// Devices lists the browsers that are known for an account.
func (k *Keeper) Devices(ctx context.Context, account string) (out []store.Device, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.Devices(account)
		return err
	})
	return out, err
}

// NewCodes makes recovery codes and returns them, to be shown once. They take
// the place of the old ones when one of them is typed.
func (k *Keeper) NewCodes(ctx context.Context, st access.Standing) (shown []string, err error) {
	err = k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		var kept [][]byte
		shown, kept = k.newRecovery(a.ID)
		return t.NewRecoveryCodes(a.ID, kept)
	})
	return shown, err
}

// ConfirmCodes makes the new codes the only ones, once one of them shows that
// they are saved. From then on the second factor is asked for.
func (k *Keeper) ConfirmCodes(ctx context.Context, st access.Standing, typed string, v Visitor) error {
	code, err := k.readRecovery(st.Account, typed)
	if err != nil {
		return err
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		ok, err := t.ConfirmRecoveryCodes(a.ID, code)
		if err != nil {
			return err
		}
		if !ok {
			return fault.Field("code", "That is none of the new codes. Please type one of those that you saved.")
		}
		if err := errors.Join(k.shake(t, a, st.Session), t.ClearTries(a.ID, string(ByRecovery))); err != nil {
			return err
		}
		if err := t.Event("recovery.made", a.ID, a.ID, ""); err != nil {
			return err
		}
		return k.notify(t, a, notice{kind: message.CodesMade, agent: v.Agent})
	})
}

// ChangePassword gives an account another password, or its first one.
func (k *Keeper) ChangePassword(ctx context.Context, st access.Standing, typed string, v Visitor) error {
	p, err := k.read("password", typed)
	if err != nil {
		return err
	}
	a, err := k.Account(ctx, st.Account)
	if err != nil {
		return err
	}
	if a.Staff() {
		return errNoMethod
	}
	if err := k.judge(ctx, p, !st.Strong, k.shopName(ctx), a.Email.Reveal(), a.Name.Reveal()); err != nil {
		return err
	}
	secret, err := k.hash(ctx, p, true)
	if err != nil {
		return err
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		old, err := passwordOf(&t.View, a.ID)
		if err != nil {
			return err
		}
		return k.replacePassword(t, a, old, secret, st.Session, v)
	})
}

// maxLabel bounds what somebody calls a factor, in characters.
const maxLabel = 40

// labelOf tidies a name that somebody typed.
func labelOf(typed, otherwise string) string {
	s := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, typed)), " ")
	if utf8.RuneCountInString(s) > maxLabel {
		s = string([]rune(s)[:maxLabel])
	}
	if s == "" {
		return otherwise
	}
	return s
}

// careful refuses what must not leave an account in the day after its contact
// was changed.
func careful(a store.Account, now time.Time) error {
	if a.CarefulUntil.After(now) {
		return fault.New(fault.Conflict, "Your e-mail or number was changed less than a day ago. For your safety this has to wait until tomorrow.")
	}
	return nil
}

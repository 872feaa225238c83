package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// FactorKind is a way to prove who one is.
type FactorKind string

// The kinds that are kept.
const (
	PasswordFactor FactorKind = "password"
	TOTPFactor     FactorKind = "totp"
	SMSFactor      FactorKind = "sms"
	PasskeyFactor  FactorKind = "passkey"
)

// Factor is one way in which somebody proves who they are.
type Factor struct {
	ID     string
	Kind   FactorKind
	On     bool   // false while it has not been tried
	Secret []byte // what that is, the kind says: a hash, a key, a number, a public key
	Label  string // what its owner calls it
	Step   int64  // of an app: the last step used; of a passkey: its counter
	Drift  int64  // of an app: how many steps its clock is off
	Astray int64  // of an app: the step of a code that was right at another time (see otp.State)
	MadeAt time.Time
	UsedAt time.Time // zero when never
}

// Second reports whether it can be a second factor.
func (f Factor) Second() bool { return f.Kind != PasswordFactor }

// ErrNoFactor tells that an account has no such factor.
var ErrNoFactor = fault.Missing("That way to sign in is not there any more.")

// maxFactors bounds how many an account has.
const maxFactors = 20

// AddFactor keeps a factor of an account.
func (t *Tx) AddFactor(a Account, f Factor) error {
	var there int64
	if err := t.row(`SELECT count(*) FROM factors WHERE owner = $1`, a.ID).Scan(&there); err != nil {
		return fmt.Errorf("count factors: %w", err)
	}
	if there >= maxFactors {
		return fault.New(fault.Conflict, "You have many ways to sign in already. Please remove one first.")
	}
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s := sealer{row: f.ID}
	secret, label := put(&s, box, personal.FactorSecret, f.Secret), put(&s, box, personal.FactorLabel, f.Label)
	if s.err != nil {
		return fmt.Errorf("seal factor: %w", s.err)
	}
	return t.guarding(a.ID, func() error {
		return t.later("keep factor", nil, `INSERT INTO factors (owner, id, kind, state, secret, label, step, drift, astray, made_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 0)`,
			a.ID, f.ID, string(f.Kind), onOff(f.On), secret, label, f.Step, f.Drift, ms(t.now))
	})
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "new"
}

// Factors opens every factor of an account, the oldest first. ErrTampered when
// they are not those that we have put there.
func (v *View) Factors(owner string) ([]Factor, error) {
	if err := v.Guarded(owner); err != nil {
		if errors.Is(err, ErrNoAccount) {
			return nil, nil
		}
		return nil, err
	}
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	if box.Key == nil && !box.Clear {
		return nil, nil
	}
	rows, err := v.rows(`SELECT id, kind, state, secret, label, step, drift, astray, made_at, used_at FROM factors WHERE owner = $1 ORDER BY made_at, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("list factors: %w", err)
	}
	defer rows.Close()
	var out []Factor
	for rows.Next() {
		var f Factor
		var state string
		var secret, label []byte
		var made, used int64
		if err := rows.Scan(&f.ID, &f.Kind, &state, &secret, &label, &f.Step, &f.Drift, &f.Astray, &made, &used); err != nil {
			return nil, fmt.Errorf("list factors: %w", err)
		}
		s := sealer{row: f.ID}
		f.On, f.MadeAt, f.UsedAt = state == "on", when(made), since(used)
		f.Secret, f.Label = get(&s, box, personal.FactorSecret, secret), get(&s, box, personal.FactorLabel, label)
		if s.err != nil {
			return nil, s.err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// UseFactor remembers what a factor has used up, unless somebody else has used
// it since it was read: of two that show the same code, one gets true.
func (t *Tx) UseFactor(owner string, was Factor, step, drift int64) (bool, error) {
	var n int64
	err := t.guarding(owner, func() (err error) {
		n, err = t.exec(`UPDATE factors SET step = $4, drift = $5, astray = 0, used_at = $6 WHERE owner = $1 AND id = $2 AND step = $3 AND state = 'on'`,
			owner, was.ID, was.Step, step, drift, ms(t.now))
		return err
	})
	return n == 1, err
}

// KeepAstray remembers a code of an app that was right at another time.
func (t *Tx) KeepAstray(owner string, was Factor, astray int64) error {
	return t.guarding(owner, func() error {
		return t.later("remember a code that was astray", nil, `UPDATE factors SET astray = $4 WHERE owner = $1 AND id = $2 AND step = $3`, owner, was.ID, was.Step, astray)
	})
}

// SwitchOn makes a factor that was tried work from now on. false when it is
// not there or works already.
func (t *Tx) SwitchOn(owner, id string, step, drift int64) (bool, error) {
	var n int64
	err := t.guarding(owner, func() (err error) {
		n, err = t.exec(`UPDATE factors SET state = 'on', step = $3, drift = $4, used_at = $5 WHERE owner = $1 AND id = $2 AND state = 'new'`, owner, id, step, drift, ms(t.now))
		return err
	})
	return n == 1, err
}

// SetSecret gives a factor another secret and counter.
func (t *Tx) SetSecret(a Account, id string, secret []byte, step int64) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s := sealer{row: id}
	sealed := put(&s, box, personal.FactorSecret, secret)
	if s.err != nil {
		return s.err
	}
	return t.guarding(a.ID, func() error {
		return t.later("set a factor's secret", func() error { return ErrNoFactor }, `UPDATE factors SET secret = $3, step = $4, used_at = $5 WHERE owner = $1 AND id = $2`,
			a.ID, id, sealed, step, ms(t.now))
	})
}

// Relabel changes what its owner calls a factor.
func (t *Tx) Relabel(a Account, id, label string) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s := sealer{row: id}
	sealed := put(&s, box, personal.FactorLabel, label)
	return errors.Join(s.err, t.later("name a factor", func() error { return ErrNoFactor }, `UPDATE factors SET label = $3 WHERE owner = $1 AND id = $2`, a.ID, id, sealed))
}

// RemoveFactor removes a factor and reports whether it was there.
func (t *Tx) RemoveFactor(owner, id string) (bool, error) {
	var n int64
	err := t.guarding(owner, func() (err error) {
		n, err = t.exec(`DELETE FROM factors WHERE owner = $1 AND id = $2`, owner, id)
		return err
	})
	return n == 1, err
}

// RemoveUntried removes factors of a kind that were begun and never tried.
func (t *Tx) RemoveUntried(owner string, kind FactorKind) error {
	_, err := t.exec(`DELETE FROM factors WHERE owner = $1 AND kind = $2 AND state = 'new'`, owner, string(kind))
	return err
}

// NewRecoveryCodes keeps the keyed hashes of new codes (package otp), in place
// of new ones that were not confirmed. Those in use stay
// until ConfirmRecoveryCodes.
func (t *Tx) NewRecoveryCodes(owner string, codes [][]byte) error {
	return t.guarding(owner, func() error {
		if _, err := t.exec(`DELETE FROM recovery_codes WHERE owner = $1 AND state = 'new'`, owner); err != nil {
			return fmt.Errorf("replace recovery codes: %w", err)
		}
		for _, c := range codes {
			if err := t.later("keep a recovery code", nil, `INSERT INTO recovery_codes (owner, code, state, made_at, used_at) VALUES ($1, $2, 'new', $3, 0)`, owner, c, ms(t.now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ConfirmRecoveryCodes makes the new codes the only ones, once one of them was
// typed. false when it is none of them.
func (t *Tx) ConfirmRecoveryCodes(owner string, one []byte) (ok bool, err error) {
	err = t.guarding(owner, func() error {
		var n int64
		if err := t.row(`SELECT count(*) FROM recovery_codes WHERE owner = $1 AND code = $2 AND state = 'new'`, owner, one).Scan(&n); err != nil || n == 0 {
			return err
		}
		ok = true
		if _, err := t.exec(`DELETE FROM recovery_codes WHERE owner = $1 AND state = 'on'`, owner); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE recovery_codes SET state = 'on' WHERE owner = $1`, owner)
		return err
	})
	return ok && err == nil, err
}

// UseRecoveryCode uses a code up and reports whether it was a good one: of two
// that show it at the same time, one gets true.
func (t *Tx) UseRecoveryCode(owner string, code []byte) (bool, error) {
	var n int64
	err := t.guarding(owner, func() (err error) {
		n, err = t.exec(`UPDATE recovery_codes SET used_at = $3 WHERE owner = $1 AND code = $2 AND state = 'on' AND used_at = 0`, owner, code, ms(t.now))
		return err
	})
	return n == 1, err
}

// DropRecoveryCodes ends every code of an account.
func (t *Tx) DropRecoveryCodes(owner string) error {
	return t.guarding(owner, func() error {
		_, err := t.exec(`DELETE FROM recovery_codes WHERE owner = $1`, owner)
		return err
	})
}

// RecoveryLeft counts the codes that can still be used.
func (v *View) RecoveryLeft(owner string) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM recovery_codes WHERE owner = $1 AND state = 'on' AND used_at = 0`, owner).Scan(&n)
	return n, err
}

// Strong reports whether an account asks for a second factor: it has one, and
// its owner has shown that the recovery codes are saved. Before that a lost
// phone would be a lost account. A factor that was there when the mailbox alone
// set the password is asked for all the same: a mailbox is no second factor.
func (v *View) Strong(owner string) (strong bool, err error) {
	if err := v.Guarded(owner); err != nil {
		if errors.Is(err, ErrNoAccount) {
			return false, nil
		}
		return false, err
	}
	err = v.row(`SELECT `+strongIs+` FROM accounts a WHERE a.owner = $1`, owner).Scan(&strong)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return strong, err
}

// strongIs is Strong as a condition on the account a.
const strongIs = `EXISTS (SELECT 1 FROM factors f WHERE f.owner = a.owner AND f.state = 'on' AND f.kind <> 'password' AND (f.made_at <= a.reset_at OR EXISTS (SELECT 1 FROM recovery_codes r WHERE r.owner = a.owner AND r.state = 'on')))`

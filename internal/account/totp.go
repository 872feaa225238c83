package account

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/otp"
	"github.com/cartkeep/cartkeep/internal/store"
)

// newTOTP draws the key of an authenticator app.
func newTOTP() []byte { return otp.NewSecret().Reveal() }

// enrolTOTP tries the first code of an app, and learns how far its clock is off.
func enrolTOTP(f store.Factor, typed string, now time.Time) (otp.State, bool, error) {
	secret, code, err := readTOTP(f, typed)
	if err != nil {
		return otp.State{}, false, err
	}
	st, ok := otp.Enrol(secret, code, now)
	return st, ok, nil
}

// checkTOTP tries a code of an app. The state is to be kept even when the code
// is refused.
func checkTOTP(f store.Factor, typed string, now time.Time) (otp.State, bool, error) {
	secret, code, err := readTOTP(f, typed)
	if err != nil {
		return otp.State{}, false, err
	}
	st, ok := otp.Check(secret, code, now, otp.State{LastStep: f.Step, Drift: f.Drift, Astray: f.Astray})
	return st, ok, nil
}

func readTOTP(f store.Factor, typed string) (otp.Secret, otp.Code, error) {
	code, err := otp.ParseCode("code", typed)
	if err != nil {
		return otp.Secret{}, otp.Code{}, err
	}
	secret, err := otp.ParseSecret(f.Secret)
	return secret, code, err
}

// enrolment is what the page of a new app shows. The label says which of two
// accounts it is to their owner alone.
func enrolment(f store.Factor, shop string) (Enrolment, error) {
	secret, err := otp.ParseSecret(f.Secret)
	if err != nil {
		return Enrolment{}, err
	}
	picture, err := secret.Picture(shop, "", "QR code for your authenticator app. The same key stands below as letters to type.")
	return Enrolment{URI: secret.URI(shop, ""), Key: secret.Typed(), Code: picture}, err
}

// newRecovery draws recovery codes: as they are shown once, and as they are kept.
func (k *Keeper) newRecovery(account string) (shown []string, kept [][]byte) {
	for _, r := range otp.NewRecoveries() {
		shown = append(shown, r.Shown())
		kept = append(kept, r.Hash(k.db.Keys().Token, account))
		r.Wipe()
	}
	return shown, kept
}

// readRecovery reads a typed recovery code as it is kept.
func (k *Keeper) readRecovery(account, typed string) ([]byte, error) {
	r, err := otp.ParseRecovery("code", typed)
	if err != nil {
		return nil, err
	}
	defer r.Wipe()
	return r.Hash(k.db.Keys().Token, account), nil
}

// Package breach asks whether a password was stolen somewhere: in a list on
// this machine, or from a service that is told five digits of its hash.
//
// Neither is needed to run the shop, and neither is asked at sign-in. An answer
// that can't be had is an error: "not known", which refuses nobody and lets
// nobody off another rule.
//
// Both know passwords by their SHA-1 sum, in the forms of Have I Been Pwned.
package breach

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/cartkeep/cartkeep/internal/password"
)

// Lookup says whether a password is among the stolen ones.
type Lookup interface {
	Breached(ctx context.Context, p password.Password) (bool, error)
}

// All asks one after the other until one knows the password.
type All []Lookup

// Breached reports whether one of them knows the password. When none does and
// one did not answer, that one's error is returned.
func (a All) Breached(ctx context.Context, p password.Password) (bool, error) {
	var failed []error
	for _, l := range a {
		stolen, err := l.Breached(ctx, p)
		if err == nil && stolen {
			return true, nil
		}
		failed = append(failed, err)
	}
	return false, errors.Join(failed...)
}

// sumHex is how both write a sum: 40 digits in capitals.
func sumHex(p password.Password) string {
	sum := p.SHA1()
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

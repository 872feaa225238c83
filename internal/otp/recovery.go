package otp

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/seal"
)

const (
	// RecoveryCodes is how many codes a set has.
	RecoveryCodes = 8
	// recoverySize is the length of a code: 24 characters of five bits.
	recoverySize = 24
)

// crockford has no I, L, O and U, which are misread or make words.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Recovery is a code that stands in for a lost factor, once. It has 120 random
// bits, so that a plain keyed hash keeps it well. It prints as [code].
type Recovery struct{ at **[recoverySize]byte }

// NewRecoveries draws a set. An old set ends when a new one is drawn.
func NewRecoveries() [RecoveryCodes]Recovery {
	var set [RecoveryCodes]Recovery
	for i := range set {
		var b [recoverySize]byte
		rand.Read(b[:]) // never fails: the program ends when the system has no randomness
		for j, random := range b {
			b[j] = crockford[random%32]
		}
		set[i] = Recovery{hide(&b)}
	}
	return set
}

// recoveryMost is how many bytes of a typed code are looked at.
const recoveryMost = 128

// ParseRecovery reads a code as people type it from paper: in small letters,
// with or without hyphens and blanks, O for 0, I or L for 1. What can't be a
// code is refused without being compared. An error concerns field.
func ParseRecovery(field, typed string) (Recovery, error) {
	var b [recoverySize]byte
	n := 0
	if len(typed) > recoveryMost {
		return Recovery{}, noRecovery(field)
	}
	for _, r := range typed {
		if isGap(r) || r == '\r' || r == '\n' || r == '–' || r == '—' {
			continue
		}
		if r >= 'ａ' && r <= 'ｚ' || r >= 'Ａ' && r <= 'Ｚ' || r >= '０' && r <= '９' {
			r -= 'Ａ' - 'A'
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		switch r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if n == recoverySize || r > 'Z' || strings.IndexByte(crockford, byte(r)) < 0 {
			return Recovery{}, noRecovery(field)
		}
		b[n] = byte(r)
		n++
	}
	if n != recoverySize {
		return Recovery{}, noRecovery(field)
	}
	return Recovery{hide(&b)}, nil
}

func noRecovery(field string) error {
	return fault.Field(field, "A recovery code has 24 letters and digits in six groups. Please type all of them.")
}

// Shown is the code for its owner's paper, in six groups of four.
func (r Recovery) Shown() string {
	if r.at == nil {
		return ""
	}
	return grouped(string((*r.at)[:]), "-")
}

// Hash is what is kept of a code, and how it is found again: whoever does not
// have the key can't tell how near a guess came. owner is the account's id, so
// that one account's code, moved to another's row, opens nothing there. The
// hash of no code is nil.
func (r Recovery) Hash(key seal.MacKey, owner string) []byte {
	if r.at == nil {
		return nil
	}
	sum := key.Sum("recovery code v1", []byte(owner), (*r.at)[:])
	return sum[:]
}

// Wipe overwrites the code.
func (r Recovery) Wipe() {
	if r.at != nil {
		clear((*r.at)[:])
	}
}

// String hides the code.
func (Recovery) String() string { return codeText }

// Format hides the code from every verb.
func (Recovery) Format(f fmt.State, _ rune) { io.WriteString(f, codeText) }

// LogValue hides the code from slog.
func (Recovery) LogValue() slog.Value { return slog.StringValue(codeText) }

// MarshalText hides the code from encoders.
func (Recovery) MarshalText() ([]byte, error) { return []byte(codeText), nil }

// MarshalJSON hides the code from JSON.
func (Recovery) MarshalJSON() ([]byte, error) { return []byte(`"` + codeText + `"`), nil }

// Package challenge holds the words of a challenge: a code that was sent
// somewhere and must come back from the browser that asked for it.
//
// It knows how long a code is, how often one may try and for how long. It does
// not know how a code is sent (message), where a challenge is kept (store) or
// what passing it opens (checkout): whoever asks names a purpose, and a code
// for one purpose opens no other.
//
// The numbers follow NIST SP 800-63B-4, 3.1.3: at most ten minutes, single
// use, and few tries. Eight digits and five tries leave a guesser one chance
// in twenty million for each challenge.
package challenge

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// What holds for every challenge.
const (
	Digits = 8
	Tries  = 5
	Life   = 10 * time.Minute
)

// Purpose is what passing a challenge opens.
type Purpose string

// The purposes.
const Order Purpose = "order" // one order, whole, in one browser

// Code is what was sent, as Digits decimal digits. It prints as [code].
type Code struct{ digits string }

// Of makes a code of at least eight bytes of a keyed hash. The bias of taking
// a remainder of 64 bits is below one in a hundred thousand million.
func Of(mac []byte) Code {
	return Code{fmt.Sprintf("%08d", binary.BigEndian.Uint64(mac)%100_000_000)}
}

// Parse reads a code as people type it: with blanks, hyphens, and digits of
// another width. What can't be a code is refused without being compared.
func Parse(typed string) (Code, error) {
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '０' && r <= '９':
			b.WriteRune('0' + r - '０')
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u3000' || r == '\t':
		default:
			return Code{}, errCode
		}
		if b.Len() > Digits {
			return Code{}, errCode
		}
	}
	if b.Len() != Digits {
		return Code{}, errCode
	}
	return Code{b.String()}, nil
}

var errCode = fault.Field("code", "The code in our mail has eight digits. Please type all of them.")

// Reveal returns the digits.
func (c Code) Reveal() string { return c.digits }

// Spoken returns the digits in two groups, as one reads them.
func (c Code) Spoken() string {
	if len(c.digits) != Digits {
		return ""
	}
	return c.digits[:4] + " " + c.digits[4:]
}

// Is compares two codes in a time that tells nothing.
func (c Code) Is(other Code) bool {
	return len(c.digits) == Digits && subtle.ConstantTimeCompare([]byte(c.digits), []byte(other.digits)) == 1
}

// Format prints [code], whatever the verb.
func (Code) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[code]") }

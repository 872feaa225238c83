// Package password knows what a password may be and how it is kept.
//
// A [Password] is what somebody typed, in Unicode's form NFC and otherwise as
// it is: nothing is trimmed and nothing cut off. [Check] holds a new one to the
// rules of NIST SP 800-63B-4: long enough, not among the common ones, not made
// of words that anybody knows about its owner. There are no rules about what
// kinds of characters it has, and it does not expire. [Meter] says in a sentence
// how it could be better.
//
// [Hasher] turns a password into text to be kept and compares the two. All its
// work goes through a few places, so that memory is bounded however many sign
// in at once, and each comparison costs the same, whether the account exists or
// not and however old its hash is.
//
// The package knows no accounts, no storage and no pages. What it returns to be
// kept is to be sealed: the key ring is the pepper.
package password

import (
	"crypto/sha1"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/fault"
)

const (
	// Longest is how many Unicode code points a password may have.
	Longest = 256
	// most is how many bytes are looked at. NFC can't make less than a third of
	// what was typed, and a code point has at most four bytes.
	most = 3 * 4 * Longest
)

// Password is what somebody typed. It prints as [password]. The bytes stand
// behind two pointers, since fmt looks into unexported fields without asking
// any method, and follows one pointer when it complains of a verb that does not
// fit.
type Password struct{ at **[]byte }

func of(b []byte) Password {
	p := &b
	return Password{&p}
}

// Parse reads a password as it was typed. It only refuses what can't be one;
// whether it is good enough for a new one, Check says. An error concerns field.
func Parse(field, typed string) (Password, error) {
	switch {
	case typed == "":
		return Password{}, fault.Field(field, "Please type a password.")
	case len(typed) > most:
		return Password{}, tooLong(field)
	case !utf8.ValidString(typed) || strings.ContainsRune(typed, 0):
		return Password{}, fault.Field(field, "This holds a character that can't be typed. Please type the password anew.")
	}
	b := norm.NFC.AppendString(make([]byte, 0, len(typed)), typed)
	if utf8.RuneCount(b) > Longest {
		clear(b)
		return Password{}, tooLong(field)
	}
	return of(b), nil
}

func tooLong(field string) error {
	return fault.Field(field, fmt.Sprintf("This is too long. Please use at most %d characters.", Longest))
}

// Len counts Unicode code points.
func (p Password) Len() int { return utf8.RuneCount(p.bytes()) }

// IsZero reports whether there is no password, or it was wiped.
func (p Password) IsZero() bool { return len(p.bytes()) == 0 }

// SHA1 is the sum by which lists of breached passwords are kept. It is good for
// looking there and for nothing else.
func (p Password) SHA1() [sha1.Size]byte { return sha1.Sum(p.bytes()) }

// Wipe overwrites the bytes. The text that Parse was given can't be wiped.
func (p Password) Wipe() {
	if p.at != nil {
		clear(**p.at)
		**p.at = nil
	}
}

func (p Password) bytes() []byte {
	if p.at == nil {
		return nil
	}
	return **p.at
}

const hidden = "[password]"

// String hides the password.
func (Password) String() string { return hidden }

// Format hides the password from every verb.
func (Password) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue hides the password from slog.
func (Password) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the password from encoders.
func (Password) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the password from JSON.
func (Password) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

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
// in twenty million for each challenge. A text to a phone has six digits, as
// people and phones know them, and half the time.
package challenge

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// What holds for every challenge, and for the codes in mails.
const (
	Digits = 8
	Tries  = 5
	Life   = 10 * time.Minute
)

// What holds for codes to phones.
const (
	SMSDigits = 6
	SMSLife   = 5 * time.Minute
)

// How many codes one mailbox gets about one thing, so that no form is a way to
// bury somebody in mail; and how many browsers may answer the same code, which
// bounds how often all of them may guess.
const (
	AnHour       = 6
	ADay         = 12
	Browsers     = 10
	WorthSharing = 2 * time.Minute // how much longer a code has to work to be shared
)

// What holds for the code of a mail that is sent when short ones were asked for
// too often, by whoever. Nobody guesses it, so it can work for a day, in every
// browser that asks, and no more mails are needed until it is used: who asks and
// asks keeps nobody from the way back in. NIST SP 800-63B-4, 4.2.1.2, lets a
// recovery code that is mailed live for 24 hours.
const (
	LongDigits       = 20
	LongLife         = 24 * time.Hour
	LongWorthSharing = time.Hour
)

// Purpose is what passing a challenge opens.
type Purpose string

// The purposes.
const (
	Order   Purpose = "order"   // one order, whole, in one browser
	Mailbox Purpose = "mailbox" // a new account's mailbox
	Reset   Purpose = "reset"   // a new password
	Device  Purpose = "device"  // that a browser belongs to an account's mailbox
	Move    Purpose = "move"    // the mailbox an account changes to
	Lost    Purpose = "lost"    // the mailbox of somebody whose second factor is lost
	Claim   Purpose = "claim"   // the mailbox again, to find the orders of a guest
	Second  Purpose = "second"  // a text: the second factor at sign-in, or again later
	Number  Purpose = "number"  // a text: a number that is to be used from now on
	Pay     Purpose = "pay"     // that a guest pays for one cart, where strangers may not
)

// Texted reports whether codes for a purpose go to a phone.
func (p Purpose) Texted() bool { return p == Second || p == Number }

// Long reports whether a code for a purpose becomes a long one where short ones
// were asked for too often. What a code to pay is about costs nothing to make, so
// a long one for each would bury its mailbox.
func (p Purpose) Long() bool { return !p.Texted() && p != Pay }

// Unknown reports whether codes for a purpose go to a mailbox that is nobody's yet,
// so that any spelling of an address will do to ask for one.
func (p Purpose) Unknown() bool { return p == Mailbox || p == Move }

// Digits is how long codes for a purpose are.
func (p Purpose) Digits() int {
	if p.Texted() {
		return SMSDigits
	}
	return Digits
}

// Life is how long they work.
func (p Purpose) Life() time.Duration {
	if p.Texted() {
		return SMSLife
	}
	return Life
}

// Code is what was sent, as decimal digits. It prints as [code], and where fmt
// can't ask it, as an address: the second pointer keeps fmt from following the
// first.
type Code struct{ at **string }

func hidden(digits string) Code {
	at := &digits
	return Code{&at}
}

// Of makes a code for a purpose of at least eight bytes of a keyed hash. The
// bias of taking a remainder of 64 bits is below one in a hundred thousand
// million.
func (p Purpose) Of(mac []byte) Code {
	space := uint64(1)
	for range p.Digits() {
		space *= 10
	}
	return hidden(fmt.Sprintf("%0*d", p.Digits(), binary.BigEndian.Uint64(mac)%space))
}

// Long makes a long code of at least sixteen bytes of a keyed hash.
func Long(mac []byte) Code {
	const half = 10_000_000_000
	return hidden(fmt.Sprintf("%010d%010d", binary.BigEndian.Uint64(mac)%half, binary.BigEndian.Uint64(mac[8:])%half))
}

// Parse reads a code as people type it: with blanks, hyphens, and digits of
// another width. What can't be a code is refused without being compared.
func (p Purpose) Parse(typed string) (Code, error) {
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '０' && r <= '９':
			b.WriteRune('0' + r - '０')
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u3000' || r == '\t':
		default:
			return Code{}, p.misread()
		}
		if b.Len() > LongDigits {
			return Code{}, p.misread()
		}
	}
	if b.Len() != p.Digits() && (!p.Long() || b.Len() != LongDigits) {
		return Code{}, p.misread()
	}
	return hidden(b.String()), nil
}

func (p Purpose) misread() error {
	if p.Texted() {
		return fault.Field("code", "The code in our text has six digits. Please type all of them.")
	}
	if !p.Long() {
		return fault.Field("code", "The code in our mail has eight digits. Please type all of them.")
	}
	return fault.Field("code", "The code in our mail has eight digits, or twenty when it works all day. Please type all of them.")
}

// Reveal returns the digits.
func (c Code) Reveal() string {
	if c.at == nil {
		return ""
	}
	return **c.at
}

// Spoken returns the digits in groups, as one reads them: two, and of a long code
// four at a time.
func (c Code) Spoken() string { return Spoken(c.Reveal()) }

// Spoken puts blanks between the digits of a code.
func Spoken(digits string) string {
	group := len(digits) / 2
	if len(digits) == LongDigits {
		group = 4
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && i%group == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Is compares two codes in a time that tells nothing.
func (c Code) Is(other Code) bool {
	return c.Reveal() != "" && subtle.ConstantTimeCompare([]byte(c.Reveal()), []byte(other.Reveal())) == 1
}

// Format prints [code], whatever the verb.
func (Code) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[code]") }

// MarshalText hides the code from encoders.
func (Code) MarshalText() ([]byte, error) { return []byte("[code]"), nil }

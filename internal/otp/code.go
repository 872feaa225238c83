package otp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

const (
	// Digits is the length of a code.
	Digits = 6
	// Period is how long an app shows one code.
	Period = 30 * time.Second
)

// Code is a code as somebody typed it. It prints as [code].
type Code struct{ at **[Digits]byte }

// typedMost is how many bytes of a typed code are looked at.
const typedMost = 64

// ParseCode reads a code as people type it: with blanks, hyphens, and digits of
// another width. What can't be a code is refused without being compared. An
// error concerns field.
func ParseCode(field, typed string) (Code, error) {
	var digits [Digits]byte
	n := 0
	if len(typed) > typedMost {
		return Code{}, noCode(field)
	}
	for _, r := range typed {
		if r >= '０' && r <= '９' {
			r += '0' - '０'
		}
		switch {
		case r >= '0' && r <= '9':
			if n == Digits {
				return Code{}, noCode(field)
			}
			digits[n] = byte(r)
			n++
		case isGap(r):
		default:
			return Code{}, noCode(field)
		}
	}
	if n != Digits {
		return Code{}, noCode(field)
	}
	return Code{hide(&digits)}, nil
}

func isGap(r rune) bool {
	return r == ' ' || r == '-' || r == '\t' || r == '\u00a0' || r == '\u202f' || r == '\u2009' || r == '\u3000'
}

func noCode(field string) error {
	return fault.Field(field, "The code in your app has six digits. Please type all of them.")
}

// String hides the code.
func (Code) String() string { return codeText }

// Format hides the code from every verb.
func (Code) Format(f fmt.State, _ rune) { io.WriteString(f, codeText) }

// LogValue hides the code from slog.
func (Code) LogValue() slog.Value { return slog.StringValue(codeText) }

// MarshalText hides the code from encoders.
func (Code) MarshalText() ([]byte, error) { return []byte(codeText), nil }

// MarshalJSON hides the code from JSON.
func (Code) MarshalJSON() ([]byte, error) { return []byte(`"` + codeText + `"`), nil }

const codeText = "[code]"

// State is what has to be kept of an app between two codes. The zero State is
// that of an app whose clock is right and that has shown nothing yet.
type State struct {
	// LastStep is the step of the last code that was taken. No code of this
	// step or an earlier one is ever taken again.
	LastStep int64
	// Drift is how many steps the app's clock is ahead of ours, within
	// [DriftMost] either way.
	Drift int64
	// Astray is the step of a code that was right at another time and was
	// therefore refused. If the very next code follows, the clock is believed
	// (see Check). Whoever does not keep it only loses that.
	Astray int64
}

const (
	// DriftMost bounds how wrong an app's clock may be: five minutes.
	DriftMost = 10
	// enrolMost bounds how wrong it may be at enrolment: one minute. Whoever is
	// further off is better told to set the clock.
	enrolMost = 2
)

// Check says whether a code is good now, and what to keep from now on; the
// state may have changed even if it is not. To make a code good once among
// requests at the same time, keep the state on the condition that LastStep is
// still what it was.
//
// With t the step of now and D the learned drift, the codes of steps t+D and
// t+D-1 are good: the one the app shows, and the one before it, for those who
// type slowly. A later one never is.
//
// Drift is learned in two ways only. Enrol takes it from the first code. And
// when a clock was put right or went wrong since, two codes in a row move it,
// as RFC 4226, 7.4 has it: a code that is right for another step within
// DriftMost is refused and its step noted; if the next code that comes is that
// of the following step, it is taken and its distance is the drift. One code
// alone never moves it, so that a code somebody overheard is as useless after
// its time as before.
//
// Every call computes the same 22 codes, whatever was typed.
func Check(s Secret, c Code, now time.Time, st State) (State, bool) {
	if s.IsZero() || c.at == nil {
		return st, false
	}
	st.Drift = min(max(st.Drift, -DriftMost), DriftMost)
	t := step(now)
	good, other := none, none
	for d := int64(-DriftMost - 1); d <= DriftMost; d++ {
		at := t + d
		if !c.is(s, at) || at <= st.LastStep {
			continue
		}
		switch {
		case d == st.Drift || d == st.Drift-1:
			good = at
		case d >= -DriftMost && (other == none || at == st.Astray+1):
			other = at
		}
	}
	switch {
	case good != none:
		st.LastStep, st.Astray = good, 0
		return st, true
	case other != none && st.Astray > 0 && other == st.Astray+1:
		st.LastStep, st.Drift, st.Astray = other, other-t, 0
		return st, true
	case other != none:
		st.Astray = other
	default:
		st.Astray = 0
	}
	return st, false
}

// Enrol checks the first code of a new app. A code of the two steps to either
// side is good and tells how far the clock is off. One step behind is taken for
// slow typing and not for a slow clock, since Check leaves room for it anyway.
func Enrol(s Secret, c Code, now time.Time) (State, bool) {
	if s.IsZero() || c.at == nil {
		return State{}, false
	}
	t := step(now)
	var st State
	ok := false
	for _, d := range []int64{-2, 2, 1, -1, 0} { // the nearest last, so that it counts
		if at := t + d; c.is(s, at) && at > 0 {
			st, ok = State{LastStep: at, Drift: d}, true
			if d < 0 {
				st.Drift = d + 1
			}
		}
	}
	return st, ok
}

const none = int64(-1)

// step numbers the half minutes since 1970.
func step(now time.Time) int64 { return now.Unix() / int64(Period/time.Second) }

// is compares with the code of one step, in a time that tells nothing.
func (c Code) is(s Secret, at int64) bool {
	want := fmt.Appendf(make([]byte, 0, Digits), "%06d", hotp(s.bytes()[:], uint64(at))%1_000_000)
	return subtle.ConstantTimeCompare((*c.at)[:], want) == 1 && at >= 0
}

// hotp is RFC 4226, 5.3, before the digits are cut off.
func hotp(key []byte, counter uint64) uint32 {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[from:]) & 0x7fffffff
}

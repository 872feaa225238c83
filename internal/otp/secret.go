// Package otp knows one-time codes: those that an authenticator app shows and
// those that a person keeps on paper.
//
// A [Secret] is shared with the app once, as a picture or as letters to type.
// [Check] says whether a typed [Code] is one that the app shows now (RFC 4226
// and RFC 6238: HMAC-SHA1, 6 digits, 30 seconds), and each is good once.
// [Recovery] codes are for the day when the app is gone.
//
// The package keeps nothing. It does not know whose secret it has, how often
// somebody may try, or what a code opens.
package otp

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// SecretSize is the length of a secret in bytes, as RFC 4226 recommends.
const SecretSize = 20

// Secret is what the shop and an authenticator app share. It prints as
// [secret]. The bytes stand behind two pointers, since fmt looks into unexported
// fields without asking any method, and follows one pointer when it complains
// of a verb that does not fit.
type Secret struct{ at **[SecretSize]byte }

// NewSecret draws a secret.
func NewSecret() Secret {
	var b [SecretSize]byte
	rand.Read(b[:]) // never fails: the program ends when the system has no randomness
	return Secret{hide(&b)}
}

// ParseSecret copies a secret from the bytes that Reveal gave.
func ParseSecret(b []byte) (Secret, error) {
	if len(b) != SecretSize {
		return Secret{}, errors.New("otp: a secret has 20 bytes")
	}
	own := [SecretSize]byte(b)
	return Secret{hide(&own)}, nil
}

// hide sets a second pointer before the first.
func hide[T any](p *T) **T { return &p }

func (s Secret) bytes() *[SecretSize]byte {
	if s.at == nil {
		return nil
	}
	return *s.at
}

// IsZero reports whether there is no secret, or it was wiped.
func (s Secret) IsZero() bool { return s.at == nil || **s.at == [SecretSize]byte{} }

// Reveal gives a copy of the bytes, to be sealed.
func (s Secret) Reveal() []byte {
	if s.at == nil {
		return nil
	}
	return append([]byte(nil), s.bytes()[:]...)
}

// Wipe overwrites the secret.
func (s Secret) Wipe() {
	if s.at != nil {
		clear(s.bytes()[:])
	}
}

// Typed is the secret for those who type it into their app: base32 in groups
// of four letters.
func (s Secret) Typed() string { return grouped(s.base32(), " ") }

func (s Secret) base32() string {
	if s.at == nil {
		return ""
	}
	return base32.StdEncoding.EncodeToString(s.bytes()[:])
}

// labelMost keeps the picture small enough for an old telephone's camera.
const labelMost = 48

// URI is what the picture says (the Key Uri Format that every app reads).
// issuer is the shop's name, account what the app shows beside it: enough for
// its owner to tell two accounts apart, and no more, because it stands in the
// app, in its backups and on the screen in a café.
func (s Secret) URI(issuer, account string) string {
	issuer, account = label(issuer), label(account)
	name := escape(issuer)
	if account != "" {
		name += ":" + escape(account)
	}
	return fmt.Sprintf("otpauth://totp/%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		name, s.base32(), escape(issuer), Digits, int(Period.Seconds()))
}

// escape writes a blank as %20: some apps show the plus of a form as a plus.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// label takes out what has a meaning in the form, and what can't be seen.
func label(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		if b.Len()+len(string(r)) > labelMost {
			break
		}
		if r < ' ' || r == ':' || r == 0x7f {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// grouped sets a mark after every four characters.
func grouped(s, mark string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			b.WriteString(mark)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

const secretText = "[secret]"

// String hides the secret.
func (Secret) String() string { return secretText }

// Format hides the secret from every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, secretText) }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(secretText) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(secretText), nil }

// MarshalJSON hides the secret from JSON.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + secretText + `"`), nil }

package credit

import (
	"crypto/rand"
	"strings"

	"github.com/cartkeep/cartkeep/internal/discount"
)

// alphabet is Crockford's base 32: no I, L, O, U. Codes are read as discount codes
// are, so one field takes both.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// A code has four groups of five characters: 19 that are drawn, which is 95 bits,
// and one that follows from them. Who sees the last four still lacks 80 bits.
const (
	groups  = 4
	inGroup = 5
	length  = groups * inGroup
)

// LastChars is how many characters of a code are kept to tell cards apart.
const LastChars = 4

// Code is the code of a gift card, as it is compared. It is a secret.
type Code struct{ key string }

// NewCode draws a code.
func NewCode() Code {
	var raw [length - 1]byte
	rand.Read(raw[:]) // never fails (crypto/rand since Go 1.24)
	out := make([]byte, 0, length)
	for _, b := range raw {
		out = append(out, alphabet[b&31])
	}
	sum := timesTwo(residue(string(out)))
	return Code{string(append(out, alphabet[sum]))}
}

// ReadCode reads a code as a person types it. It reports false for what can't be
// one: a wrong length, or one character or two neighbours that were mistyped.
func ReadCode(typed string) (Code, bool) {
	key, ok := discount.Key(typed)
	if !ok || len(key) != length || strings.Trim(key, alphabet) != "" || residue(key) != 0 {
		return Code{}, false
	}
	return Code{key}, true
}

// residue is the word, read as a polynomial over the field of 32 elements, at the
// point two: zero for a whole code. Any single wrong character and any two that
// changed places make it something else, since the powers of two differ.
func residue(word string) (r byte) {
	for i := range len(word) {
		r = timesTwo(r) ^ byte(strings.IndexByte(alphabet, word[i]))
	}
	return r
}

// timesTwo multiplies in that field, modulo x^5 + x^2 + 1.
func timesTwo(b byte) byte {
	if b <<= 1; b&32 != 0 {
		b ^= 0b100101
	}
	return b
}

// Reveal is the code as it is shown, once: K7Q2M-9F3XA-TB4NC-8WZ0D.
func (c Code) Reveal() string {
	if c.key == "" {
		return ""
	}
	parts := make([]string, 0, groups)
	for i := 0; i < length; i += inGroup {
		parts = append(parts, c.key[i:i+inGroup])
	}
	return strings.Join(parts, "-")
}

// Key is what its keyed hash is made of.
func (c Code) Key() []byte { return []byte(c.key) }

// Last is the part that is kept to tell cards apart.
func (c Code) Last() string {
	if c.key == "" {
		return ""
	}
	return c.key[length-LastChars:]
}

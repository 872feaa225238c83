package order

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Number names an order to people: ten characters of Crockford's base 32 in
// two groups, such as K7Q2M-9F3XA. It is random (50 bits), so it tells neither
// how many orders there are nor when this one was made, and it opens nothing
// by itself.
type Number string

const numberAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford: no I, L, O, U

// NewNumber draws a number.
func NewNumber() Number {
	var raw [10]byte
	rand.Read(raw[:]) // never fails (crypto/rand since Go 1.24)
	out := make([]byte, 0, 11)
	for i, b := range raw {
		if i == 5 {
			out = append(out, '-')
		}
		out = append(out, numberAlphabet[b&31])
	}
	return Number(out)
}

var numberReads = strings.NewReplacer("I", "1", "L", "1", "O", "0", "-", "", " ", "")

// ParseNumber reads a number as a person types it: lower case, without the
// hyphen, with the letters that look like digits.
func ParseNumber(s string) (Number, error) {
	if len(s) > 40 {
		return "", fault.Missing("We cannot find that order.")
	}
	s = numberReads.Replace(strings.ToUpper(strings.TrimSpace(s)))
	if len(s) != 10 || strings.Trim(s, numberAlphabet) != "" {
		return "", fault.Missing("We cannot find that order.")
	}
	return Number(fmt.Sprintf("%s-%s", s[:5], s[5:])), nil
}

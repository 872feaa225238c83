// Package discount holds the words of discount codes: how one is read and
// written, when it counts, and what several of them take off a cart together.
//
// It knows nothing of who uses a code, nor how often one was used: the store
// counts that. Start reading at Codes.Reckon.
package discount

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// MaxTogether is how many codes one order may have.
const MaxTogether = 3

// Kind says what a code takes off.
type Kind string

// The kinds.
const (
	Percentage   Kind = "percentage"
	Amount       Kind = "amount"
	FreeDelivery Kind = "free-delivery"
)

// Code is a discount that whoever knows its word may use.
type Code struct {
	Word      string       // as it is shown, in capitals: "WELCOME10"
	Kind      Kind         //
	Rate      money.Rate   // of a Percentage, at most 100 %
	Off       money.Amount // of an Amount
	UpTo      money.Amount // the most that a Percentage or FreeDelivery takes off; zero: no bound
	Uses      int64        // by how many orders in all; 0: no bound
	Each      int64        // by how many orders of one customer; 0: no bound
	From      string       // first day in the shop's zone, "2026-12-01"; "": always
	Until     string       // last day, itself included; "": always
	MinItems  money.Amount // what the items must cost before any discount; zero: nothing
	Exclusive bool         // stands alone: never together with another code
}

// Key is the word as it is compared.
func (c Code) Key() string {
	key, _ := Key(c.Word)
	return key
}

// On reports whether a code counts on a day, "2026-12-01" in the shop's zone.
func (c Code) On(day string) bool {
	return (c.From == "" || c.From <= day) && (c.Until == "" || day <= c.Until)
}

// Day names the day of a moment in a zone.
func Day(at time.Time, zone *time.Location) string { return at.In(zone).Format(time.DateOnly) }

// Codes are the codes of a shop, by their keys.
type Codes map[string]Code

// Sorted lists them by their words.
func (all Codes) Sorted() []Code {
	out := make([]Code, 0, len(all))
	for _, c := range all {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Code) int { return strings.Compare(a.Word, b.Word) })
	return out
}

// alphabet is Crockford's base 32: no I, L, O, U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Bounds of a word, in characters.
const (
	minWord = 3
	maxWord = 40
)

var reads = strings.NewReplacer("I", "1", "L", "1", "O", "0", "-", "", " ", "", "\u00a0", "", "\t", "")

// Key reads a word as a person types it: in small letters, with or without
// hyphens and gaps, and with letters for the digits that look like them. It
// reports false for what can't be a code.
func Key(typed string) (string, bool) {
	if len(typed) > 2*maxWord {
		return "", false
	}
	key := reads.Replace(strings.ToUpper(typed))
	if key == "" || len(key) > maxWord || strings.Trim(key, alphabet+"U") != "" {
		return "", false
	}
	return key, true
}

// ParseWord reads a word that a merchant gives a code.
func ParseWord(text string) (string, error) {
	word := strings.ToUpper(strings.TrimSpace(text))
	bad := len(word) < minWord || len(word) > maxWord || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" ||
		strings.HasPrefix(word, "-") || strings.HasSuffix(word, "-")
	if key, ok := Key(word); bad || !ok || len(key) < minWord {
		return "", fault.Field("code", "A code has 3 to 40 letters, digits and hyphens, like WELCOME10.")
	}
	return word, nil
}

// A code that we draw has three groups of five characters, which is 75 bits.
const (
	groups  = 3
	inGroup = 5
)

// New draws a word that nobody can guess, such as K7Q2M-9F3XA-TB4NC.
func New() string {
	var raw [groups * inGroup]byte
	rand.Read(raw[:]) // never fails (crypto/rand since Go 1.24)
	out := make([]byte, 0, len(raw)+groups-1)
	for i, b := range raw {
		if i > 0 && i%inGroup == 0 {
			out = append(out, '-')
		}
		out = append(out, alphabet[b&31])
	}
	return string(out)
}

// Guessable reports whether a word looks like one that a person made up: a
// machine finds those by trying.
func Guessable(word string) bool {
	parts := strings.Split(word, "-")
	if len(parts) != groups {
		return true
	}
	for _, p := range parts {
		if len(p) != inGroup || strings.Trim(p, alphabet) != "" {
			return true
		}
	}
	return !strings.ContainsAny(word, "0123456789")
}

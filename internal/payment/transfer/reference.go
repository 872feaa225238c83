package transfer

import (
	"fmt"
	"slices"
	"strings"
)

// ReferenceLen is how many characters a reference of a shop has: RF, two check
// digits, the ten characters of an order's number, and one for the attempt.
const ReferenceLen = 2 + 2 + numberLen + 1

const (
	numberLen = 10
	attempts  = "123456789ABCDEFGHJKMNPQRSTUVWXYZ" // the sign of each attempt, the first at 0
	prefix    = "RF"
	maxRF     = 25 // ISO 11649: RF, two digits, up to 21 characters
)

// NewReference makes the creditor reference of an order and attempt (ISO 11649). It
// holds the order's number, which the payer has in a letter, so that people at
// both ends recognise it.
func NewReference(number string, attempt int) (string, error) {
	body := strings.ReplaceAll(number, "-", "")
	if len(body) != numberLen || !isAlnum(body) || attempt < 1 || attempt > len(attempts) {
		return "", fmt.Errorf("no reference for attempt %d", attempt)
	}
	return withCheck(body + attempts[attempt-1:attempt]), nil
}

// withCheck puts RF and the check digits before the body of a reference.
func withCheck(body string) string {
	return fmt.Sprintf("%s%02d%s", prefix, 98-mod97(body+prefix+"00"), body)
}

// ParseReference reads any ISO 11649 reference as people write it: in groups, in
// lower case. It reports whether the check digits fit.
func ParseReference(s string) (string, bool) {
	s = squeeze(s)
	if len(s) < 5 || len(s) > maxRF || !strings.HasPrefix(s, prefix) || !isCheck(s[2:4]) {
		return "", false
	}
	return s, mod97(s[4:]+s[:4]) == 1
}

// FindReferences returns the shop's references that stand in what a payer typed,
// each once. A payer breaks them up, and writes other things around them: so the
// text is read without anything but letters and digits.
func FindReferences(typed string) (found []string) {
	s := squeeze(typed)
	for i := 0; i+ReferenceLen <= len(s); i++ {
		ref, ok := ParseReference(s[i : i+ReferenceLen])
		if !ok || slices.Contains(found, ref) {
			continue
		}
		found = append(found, ref)
		i += ReferenceLen - 1
	}
	return found
}

// squeeze leaves letters and digits of ASCII, in upper case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// mod97 is the rest of ISO 7064 MOD 97-10: letters count as 10 to 35. s must hold
// digits and capital letters only.
func mod97(s string) int {
	rest := 0
	for i := range len(s) {
		if c := s[i]; c <= '9' {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest
}

func isAlnum(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" && s != ""
}

// isCheck accepts two digits that MOD 97-10 can give.
func isCheck(s string) bool {
	return len(s) == 2 && strings.Trim(s, "0123456789") == "" && s >= "02" && s <= "98"
}

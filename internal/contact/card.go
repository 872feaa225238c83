package contact

import "strings"

// CardNumber reports whether a text holds what looks like the number of a
// payment card: 13 to 19 digits, however they are grouped, with a right check
// digit. Card numbers are never stored, so such a text is refused first.
func CardNumber(s string) bool {
	_, _, found := cardIn(s)
	return found
}

// WithoutCard takes everything out that CardNumber sees, and leaves the rest
// as it was typed.
func WithoutCard(s string) string {
	for {
		from, to, found := cardIn(s)
		if !found {
			return s
		}
		s = s[:from] + s[to:]
	}
}

// CardInPhone is CardNumber for a telephone number. One with a plus or two
// zeros before it says its country, and no card does; of fifteen digits, the
// most that a telephone has, one in ten would pass the check by chance.
func CardInPhone(s string) bool {
	number := strings.TrimSpace(s)
	rest, abroad := strings.CutPrefix(number, "+")
	if !abroad {
		rest, abroad = strings.CutPrefix(number, "00")
	}
	if abroad {
		digits := 0
		for _, c := range rest {
			if _, ok := digitOf(c); ok {
				digits++
			}
		}
		return digits > maxPhone && CardNumber(rest)
	}
	return CardNumber(s)
}

// cardIn finds the first run of digits that could be a card's. Single spaces,
// hyphens and dots may stand between the digits.
func cardIn(s string) (from, to int, found bool) {
	var digits [20]byte
	n, begin, end, gap := 0, 0, 0, false
	check := func() bool { return n >= 13 && n <= 19 && luhn(digits[:n]) }
	for i, c := range s {
		d, ok := digitOf(c)
		switch {
		case ok:
			if n == 0 {
				begin = i
			}
			if n < len(digits) {
				digits[n] = d
			}
			n++
			if n > len(digits) {
				n = len(digits) // too long for a card, and stays so
			}
			end, gap = i+len(string(c)), false
		case n > 0 && !gap && cardGap(c):
			gap = true
		default:
			if check() {
				return begin, end, true
			}
			n, gap = 0, false
		}
	}
	return begin, end, check()
}

func cardGap(c rune) bool {
	return c == ' ' || c == '-' || c == '.' || c == 0xa0 || c == 0x202f || c == 0x2009 || c >= 0x2010 && c <= 0x2015
}

// digitOf reads a digit, full-width ones included.
func digitOf(c rune) (byte, bool) {
	if c >= 0xff10 && c <= 0xff19 {
		c -= 0xfee0
	}
	if c < '0' || c > '9' {
		return 0, false
	}
	return byte(c - '0'), true
}

// luhn checks the last digit against the others, as ISO/IEC 7812 says. A run
// of one and the same digit is somebody's placeholder.
func luhn(digits []byte) bool {
	sum, same := 0, true
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		same = same && digits[i] == digits[0]
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && !same
}

package contact

import (
	"strings"
	"unicode"
)

// CardNumber reports whether a text holds what looks like the number of a
// payment card: 13 to 19 digits, however they are grouped, that begin as an issuer's
// do and end in a right check digit. Card numbers are never stored, so such a text
// is refused first.
func CardNumber(s string) bool {
	_, _, found := cardIn(s)
	return found
}

// maxCards is how many card numbers are taken out of a text before the rest of
// it goes as well: each time it is read anew, since what stood around a number
// may be one, too. Nobody has that many; a machine's text of thousands would
// keep us busy for a second.
const maxCards = 16

// WithoutCard takes everything out that CardNumber sees, and leaves the rest
// as it was typed. Of a text that is nothing but card numbers nothing is left.
func WithoutCard(s string) string {
	for range maxCards {
		from, to, found := cardIn(s)
		if !found {
			return s
		}
		s = s[:from] + s[to:]
	}
	if CardNumber(s) {
		return ""
	}
	return s
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
		return Digits(rest) > maxPhone && CardNumber(rest)
	}
	return CardNumber(s)
}

// group is digits that stand together.
type group struct {
	from, to int // bytes in the text
	n        int // how many digits; the first twenty are in digits
	digits   [20]byte
}

// shapes are how cards write their number in groups. People type what is
// printed, and often go on with the month of expiry: 4111 1111 1111 1111 12/27.
var shapes = [...][]int{{4, 4, 4, 4, 3}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 3, 3, 3}, {8, 8}}

// cardIn finds the first digits that could be a card's: a row of groups as a
// whole, one group of it, or groups in one of the shapes. A few spaces, hyphens,
// underscores, dots and signs that nobody sees may stand between the groups of a
// row: what is stored is tidied afterwards.
func cardIn(s string) (from, to int, found bool) {
	var row []group
	joined, gaps := false, 0 // to the digit before; by so many gaps
	for i, c := range s {
		d, ok := digitOf(c)
		switch {
		case ok:
			if !joined {
				row = append(row, group{from: i})
			}
			g := &row[len(row)-1]
			if g.n < len(g.digits) {
				g.digits[g.n] = d
			}
			g.n++
			g.to, joined, gaps = i+len(string(c)), true, 0
		case len(row) > 0 && gaps < maxGaps && cardGap(c):
			joined, gaps = false, gaps+1
		default:
			if from, to, found = cardInRow(s, row); found {
				return from, to, true
			}
			row, joined, gaps = row[:0], false, 0
		}
	}
	return cardInRow(s, row)
}

// maxGaps is how many signs may stand between two groups of one number.
const maxGaps = 4

func cardInRow(s string, row []group) (from, to int, found bool) {
	if isIBAN(s, row) {
		return 0, 0, false
	}
	if isCard(row) {
		return row[0].from, row[len(row)-1].to, true
	}
	for i := range row {
		if isCard(row[i : i+1]) {
			return row[i].from, row[i].to, true
		}
		for _, shape := range shapes {
			if fitsShape(row[i:], shape) && isCard(row[i:i+len(shape)]) {
				return row[i].from, row[i+len(shape)-1].to, true
			}
		}
	}
	return 0, 0, false
}

func fitsShape(row []group, shape []int) bool {
	if len(row) < len(shape) {
		return false
	}
	for i, n := range shape {
		if row[i].n != n {
			return false
		}
	}
	return true
}

// isCard reports whether groups together have as many digits as a card, and a
// right check digit.
func isCard(row []group) bool {
	var digits [19]byte
	n := 0
	for i := range row {
		if n+row[i].n > len(digits) {
			return false
		}
		n += copy(digits[n:], row[i].digits[:row[i].n])
	}
	return n >= 13 && issued(digits[:n]) && luhn(digits[:n]) && !isEAN(digits[:n])
}

// isEAN reports whether thirteen digits are the number of an article (GS1's check
// digit). Cards of thirteen digits are hardly left, and articles are everywhere.
func isEAN(digits []byte) bool {
	if len(digits) != 13 {
		return false
	}
	sum := 0
	for i, d := range digits {
		sum += int(d) * (1 + i%2*2)
	}
	return sum%10 == 0
}

// isIBAN reports whether a row of digits is a bank account's number with the two
// letters of its country before it, by its check digits (ISO 13616, ISO 7064).
func isIBAN(s string, row []group) bool {
	if len(row) == 0 || row[0].from < 2 {
		return false
	}
	rest, n := 0, 0
	var check [2]int
	for _, g := range row {
		if g.n > len(g.digits) {
			return false
		}
		for _, d := range g.digits[:g.n] {
			if n < len(check) {
				check[n] = int(d)
			} else {
				rest = (10*rest + int(d)) % 97
			}
			n++
		}
	}
	for _, c := range []byte(strings.ToUpper(s[row[0].from-2 : row[0].from])) {
		if c < 'A' || c > 'Z' {
			return false
		}
		rest = (100*rest + int(c-'A') + 10) % 97
	}
	rest = (100*rest + 10*check[0] + check[1]) % 97
	return n >= 13 && rest == 1
}

// issuers are the beginnings that the large networks give out, as they publish
// them under ISO/IEC 7812, with the lengths of their numbers. An article number
// or a telephone number seldom begins and ends like one.
var issuers = []struct {
	from, to      int // the first six digits
	short, longer int
}{
	{400000, 499999, 13, 13}, {400000, 499999, 16, 19}, // Visa
	{510000, 559999, 16, 16}, {222100, 272099, 16, 16}, // Mastercard
	{340000, 349999, 15, 15}, {370000, 379999, 15, 15}, // American Express
	{300000, 305999, 14, 19}, {309500, 309599, 14, 19}, {360000, 369999, 14, 19}, {380000, 399999, 14, 19}, // Diners Club
	{352800, 358999, 16, 19},                           // JCB
	{620000, 629999, 16, 19}, {810000, 829999, 16, 19}, // UnionPay, RuPay
	{600000, 619999, 16, 19}, {630000, 659999, 16, 19}, // Discover, RuPay, Hipercard, Elo, Troy
	{500000, 509999, 13, 19}, {560000, 589999, 13, 19}, {630400, 630499, 13, 19}, {660000, 699999, 13, 19}, // Maestro
	{220000, 220499, 16, 19}, // Mir
	{979200, 979299, 16, 16}, // Troy
}

func issued(digits []byte) bool {
	six := 0
	for _, d := range digits[:6] {
		six = 10*six + int(d)
	}
	for _, i := range issuers {
		if i.from <= six && six <= i.to && i.short <= len(digits) && len(digits) <= i.longer {
			return true
		}
	}
	return false
}

// Digits counts the digits of a text, in any script.
func Digits(s string) (n int) {
	for _, c := range s {
		if _, ok := digitOf(c); ok {
			n++
		}
	}
	return n
}

func cardGap(c rune) bool {
	return unicode.Is(unicode.Cf, c) || c == ' ' || c == '-' || c == '.' || c == '_' || c == '\t' || c >= 0x2010 && c <= 0x2015 || c == 0x2212 || c >= 0x80 && unicode.Is(unicode.Zs, c)
}

// digitOf reads a decimal digit of any script. Unicode has them in rows of ten.
func digitOf(c rune) (byte, bool) {
	if c <= '9' {
		return byte(c - '0'), c >= '0'
	}
	if c < 0x660 || !unicode.Is(unicode.Nd, c) {
		return 0, false
	}
	for _, r := range unicode.Nd.R16 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10), true
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10), true
		}
	}
	return 0, false
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

package contact

import (
	"strconv"
	"strings"
)

const maxPostal = 12 // characters, where a country's form is not known

// postalCode checks and tidies a postal code, and answers with a sentence when
// it cannot be one. Spaces, hyphens and small letters are never a reason to
// refuse; nor is a country's sign before the code, as in D-10115.
func (r *row) postalCode(typed string) (tidy, problem string) {
	if r.postal == "-" {
		return "", "" // people fill in 00000 or 999077 where a form insists
	}
	if len(typed) > 64 {
		return "", r.wrongPostal()
	}
	raw := squeeze(typed)
	if raw == "" {
		if r.needsPostal() {
			return "", "Please give the " + r.postalName() + ", like " + r.example + "."
		}
		return "", ""
	}
	if r.postal == "" {
		tidy = collapse(strings.ToUpper(typed))
		if len(tidy) > maxPostal || strings.IndexFunc(tidy, func(c rune) bool { return c != ' ' && c != '-' && (c > 'Z' || !alnum(byte(c))) }) >= 0 {
			return "", "A postal code has up to 12 letters, digits, spaces and hyphens."
		}
		return tidy, ""
	}
	forms := strings.TrimPrefix(r.postal, "?")
	for _, fit := range [...]func(form, raw string) (string, bool){fitPostal, fitMisread} {
		for _, candidate := range [...]string{raw, unsigned(raw, r.code), r.code + raw} {
			for form := range strings.SplitSeq(forms, "|") {
				if tidy, ok := fit(form, candidate); ok && r.possible(tidy) {
					return tidy, ""
				}
			}
		}
	}
	if first, more, ok := strings.Cut(strings.TrimSpace(typed), " "); ok && !hasDigit(more) && r.oneCode(first) {
		return "", "Please give the " + r.postalName() + " alone, like " + r.example + ". The town has a field of its own."
	}
	return "", r.wrongPostal()
}

// fitMisread is fitPostal for a code whose letters O, I and L were meant to be
// digits, or whose zero was meant to be an O, wherever the form leaves no doubt.
func fitMisread(form, raw string) (string, bool) {
	meant, at := []byte(raw), 0
	for i := range len(form) {
		if form[i] == ' ' || form[i] == '-' {
			continue
		}
		if at == len(meant) {
			return "", false
		}
		switch got := meant[at]; {
		case form[i] == '9' || form[i] == 'N':
			switch got {
			case 'O':
				meant[at] = '0'
			case 'I', 'L':
				meant[at] = '1'
			}
		case form[i] == 'A' && got == '0':
			meant[at] = 'O'
		}
		at++
	}
	return fitPostal(form, string(meant))
}

// fitPostal lays the letters and digits of a code into a form: 9 is a digit, N
// a digit but zero, A a letter, * either. Anything else stands for itself,
// small letters for the capital ones.
func fitPostal(form, raw string) (string, bool) {
	var out [maxPostal]byte
	n, at := 0, 0
	for i := range len(form) {
		want := form[i]
		if want == ' ' || want == '-' {
			out[n] = want
			n++
			continue
		}
		if at == len(raw) {
			return "", false
		}
		got := raw[at]
		at++
		digit := got >= '0' && got <= '9'
		ok := false
		switch {
		case want == '9':
			ok = digit
		case want == 'N':
			ok = digit && got != '0'
		case want == 'A':
			ok = got >= 'A'
		case want == '*':
			ok = digit || got >= 'A'
		case want >= 'a':
			ok = got == want-'a'+'A'
		default:
			ok = got == want
		}
		if !ok {
			return "", false
		}
		out[n] = got
		n++
	}
	if at != len(raw) {
		return "", false
	}
	return string(out[:n]), true
}

// squeeze keeps the letters and digits of a code, as capitals. A code with
// other characters is answered with one that fits nothing.
func squeeze(s string) string {
	out := make([]byte, 0, 24)
	for _, c := range s {
		switch {
		case c >= 0xff01 && c <= 0xff5e: // full-width, as a Japanese keyboard writes them
			c -= 0xfee0
		case c >= 0x2010 && c <= 0x2015 || c == 0x2212 || c == 0x30fc: // dashes
			c = '-'
		case isSpace(c) || c == '\u3012': // the Japanese postal mark
			c = ' '
		}
		switch {
		case c == ' ' || c == '-' || c == '.' || c == ',' || c == ';':
		case c < 0x80 && alnum(byte(c)):
			if c >= 'a' {
				c -= 'a' - 'A'
			}
			out = append(out, byte(c))
		default:
			return "?"
		}
		if len(out) > 20 {
			return "?"
		}
	}
	return string(out)
}

// unsigned takes away a country's sign, old or new: D-10115, SE-111 22.
func unsigned(raw, country string) string {
	if rest, ok := strings.CutPrefix(raw, country); ok {
		return rest
	}
	var sign string
	switch country {
	case "DE":
		sign = "D"
	case "FI":
		sign = "FIN"
	case "AT", "BE", "ES", "FR", "HU", "IT", "LU", "NO", "PT", "SE":
		sign = country[:1]
	}
	return strings.TrimPrefix(raw, sign)
}

// possible knows a few codes that fit the form and yet are none.
func (r *row) possible(code string) bool {
	switch r.code {
	case "ES": // 52 provinces
		return code[:2] >= "01" && code[:2] <= "52"
	case "DE", "FR":
		return code[:2] != "00"
	case "US":
		return code[:3] != "000"
	case "CA": // letters that were left out so that nobody misreads them
		return !strings.ContainsAny(code, "DFIOQU") && code[0] != 'W' && code[0] != 'Z'
	case "IE": // one district, D6W, has a letter for its second digit
		return code[2] >= '0' && code[2] <= '9' || code[:3] == "D6W"
	}
	return true
}

func (r *row) wrongPostal() string {
	if r.example == "" {
		return "Please check the postal code."
	}
	subject := r.people + " " + r.postalName()
	if shape := shapeOf(strings.TrimPrefix(r.postal, "?")); shape != "" {
		return subject + " has " + shape + ", like " + r.example + "."
	}
	return subject + " looks like " + r.example + "."
}

// shapeOf puts a simple form into words: "five digits", "four digits and two
// letters"; "" when it is not simple.
func shapeOf(form string) string {
	if strings.Contains(form, "|") {
		return ""
	}
	numbers, letters := 0, 0
	for _, c := range form {
		switch c {
		case ' ', '-':
		case '9', 'N':
			if letters > 0 {
				return ""
			}
			numbers++
		case 'A':
			letters++
		default:
			return ""
		}
	}
	switch {
	case letters == 0:
		return spelled(numbers) + " digits"
	case numbers == 0:
		return ""
	}
	return spelled(numbers) + " digits and " + spelled(letters) + " letters"
}

func spelled(n int) string {
	words := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

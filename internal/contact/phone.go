package contact

import (
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Limits of E.164, in digits and with the country code.
const (
	minPhone = 7
	maxPhone = 15
)

// Phone is a telephone number in the form of E.164: +49301234567.
type Phone struct {
	veil[phoneWord]
	f **string
}

// ParsePhone accepts a number as people write it, with spaces, brackets,
// hyphens and slashes. One without a plus belongs to the country given (ISO
// 3166-1 alpha-2), which may be "" when every number has a plus.
func ParsePhone(s, country string) (Phone, error) {
	refuse := func(detail string) (Phone, error) { return Phone{}, fault.Field("phone", detail) }
	if len(s) > 64 {
		return refuse("That telephone number is too long.")
	}
	var room [40]byte
	number, problem := dialled(s, room[:0])
	switch {
	case problem != "":
		return refuse(problem)
	case number == "":
		return refuse("Please give a telephone number.")
	}
	home := ""
	if r, ok := rowOf(country); ok {
		home = r.calling
	}
	national, abroad := strings.CutPrefix(number, "+")
	if !abroad {
		national, abroad = cutAbroad(number, home)
	}
	calling := home
	if abroad {
		calling, national = splitCalling(national)
		if calling == "" {
			return refuse("That number does not begin with the code of a country, like +49 for Germany.")
		}
	} else if calling == "" {
		return refuse("Please begin the number with a plus and the code of the country, like +49.")
	}
	shortest, longest := nationalLength(calling)
	national = cutTrunk(national, calling, longest, abroad)
	if len(national) < shortest {
		return refuse("That telephone number is too short. Please check it, with its area code.")
	}
	if len(national) > longest {
		return refuse("That telephone number is too long. Please check it.")
	}
	if calling == "1" && (national[0] < '2' || national[3] < '2') {
		return refuse("Please check the area code of that telephone number.")
	}
	return Phone{f: hide("+" + calling + national)}, nil
}

// Reveal returns the number in E.164.
func (p Phone) Reveal() string { return content(p.f) }

// IsZero reports whether there is no number.
func (p Phone) IsZero() bool { return p.f == nil }

// Equal reports whether both numbers are the same.
func (p Phone) Equal(o Phone) bool { return p.Reveal() == o.Reveal() }

// dialled keeps the digits of a number and a plus before them.
func dialled(s string, out []byte) (number, problem string) {
	for _, c := range s {
		switch {
		case c >= 0xff01 && c <= 0xff5e: // full-width
			c -= 0xfee0
		case c >= 0x660 && c <= 0x669: // Arabic
			c += '0' - 0x660
		case c >= 0x6f0 && c <= 0x6f9: // Persian
			c += '0' - 0x6f0
		case c >= 0x966 && c <= 0x96f: // Devanagari
			c += '0' - 0x966
		}
		switch {
		case c >= '0' && c <= '9' || c == '+' && len(out) == 0:
			out = append(out, byte(c))
		case c == ' ', c == '-', c == '(', c == ')', c == '.', c == '/', c == 0xa0, c == 0x202f, c == 0x3000,
			c >= 0x2010 && c <= 0x2015:
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			return "", "Please write the telephone number with digits only, without an extension."
		default:
			return "", "A telephone number has digits, spaces and a plus, like +49 30 1234567."
		}
		if len(out) > 24 {
			return "", "That telephone number is too long."
		}
	}
	return string(out), ""
}

// cutAbroad takes away what people dial for another country instead of a plus.
func cutAbroad(number, home string) (string, bool) {
	prefix := "00"
	switch home {
	case "1":
		prefix = "011"
	case "7":
		prefix = "810"
	case "61":
		prefix = "0011"
	case "81":
		prefix = "010"
	case "852":
		prefix = "001"
	}
	if home == "7" && len(number) <= 11 {
		return number, false // 8 (10x) … is a number at home
	}
	return strings.CutPrefix(number, prefix)
}

// splitCalling cuts the country code off. E.164 codes are never a beginning
// of one another, so the first that fits is the one.
func splitCalling(digits string) (calling, national string) {
	for n := 1; n <= 3 && n < len(digits); n++ {
		for i := range rows {
			if rows[i].calling == digits[:n] {
				return digits[:n], digits[n:]
			}
		}
	}
	return "", ""
}

// cutTrunk takes away what is dialled before a number within its country only:
// 030 … becomes 30 …, and so does the (0) that people leave behind +49.
func cutTrunk(national, calling string, longest int, abroad bool) string {
	switch calling {
	case "36":
		for strings.HasPrefix(national, "06") {
			national = national[2:]
		}
		return national
	case "1", "7", "375", "993":
		trunk := "8"
		switch calling {
		case "1":
			trunk = "1"
		case "375":
			trunk = "80"
		}
		if !abroad && len(national) == longest+len(trunk) {
			return strings.TrimPrefix(national, trunk)
		}
		return national
	case "370": // 0 took the place of 8
		if !abroad && len(national) == longest+1 && national[0] == '8' {
			return national[1:]
		}
	}
	if trunkless(calling) {
		return national
	}
	return strings.TrimLeft(national, "0")
}

// trunkless tells the countries where a number is dialled the same from within
// and from without; in some of them it may begin with a zero.
func trunkless(calling string) bool {
	switch calling {
	case "30", "34", "39", "45", "47", "48", "52", "56", "57", "65",
		"216", "220", "221", "222", "223", "224", "225", "226", "227", "228", "229", "230", "231", "232", "235",
		"236", "237", "238", "239", "240", "241", "242", "244", "245", "246", "248", "252", "253", "257", "258",
		"266", "267", "268", "269", "290", "291", "297", "298", "299",
		"350", "351", "352", "354", "356", "357", "371", "372", "376", "377", "378", "420", "423",
		"500", "501", "502", "503", "504", "505", "506", "507", "508", "509", "591", "592", "597", "599",
		"670", "672", "673", "674", "675", "676", "677", "678", "679", "680", "681", "682", "683", "685", "686",
		"687", "688", "689", "690", "852", "853", "960", "965", "968", "973", "974", "975", "992", "998":
		return true
	}
	return false
}

// nationalLength returns how few and how many digits follow a country code.
func nationalLength(calling string) (shortest, longest int) {
	switch calling {
	case "1", "7", "30", "52", "90", "91":
		return 10, 10
	case "27", "31", "33", "34", "40", "41", "48", "56", "61", "94", "351", "375", "380", "420", "421":
		return 9, 9
	case "45", "47", "370", "371", "386", "852", "853", "993":
		return 8, 8
	case "32", "36", "51", "66", "385", "886", "966", "971", "972":
		return 8, 9
	case "44", "81", "84":
		return 9, 10
	case "54", "55", "86":
		return 10, 11
	case "20", "57", "60", "63", "64", "92":
		return 8, 10
	case "39":
		return 6, 12
	case "46":
		return 7, 10
	case "43", "49":
		return 5, 13
	case "65":
		return 8, 11
	case "82":
		return 8, 11
	case "353":
		return 7, 9
	case "354":
		return 7, 9
	case "372":
		return 7, 8
	}
	return minPhone - len(calling), maxPhone - len(calling)
}

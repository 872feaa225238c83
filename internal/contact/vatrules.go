package contact

import "strings"

// vatRule is how a country writes its VAT numbers.
type vatRule struct {
	forms   string // 9 is a digit, A a letter, * either
	example string
	check   func(body string) bool // nil where only the form is checked
}

// vatRules tells the numbers of the EU, of Northern Ireland (XI), the United
// Kingdom, Switzerland and Norway by their first two letters.
var vatRules = map[string]vatRule{
	"AT": {"U99999999", "ATU13585627", func(b string) bool {
		sum := 4
		for i, c := range b[1:8] {
			n := int(c - '0')
			if i%2 == 1 {
				n = n*2%10 + n*2/10
			}
			sum += n
		}
		return (10-sum%10)%10 == digit(b, 8)
	}},
	"BE": {"0999999999|1999999999", "BE0428759497", func(b string) bool { return 97-whole(b[:8])%97 == whole(b[8:]) }},
	"BG": {"999999999|9999999999", "BG175074752", func(b string) bool {
		if len(b) != 9 {
			return true // a person's: the form alone
		}
		rest := weighed(b, 1, 2, 3, 4, 5, 6, 7, 8) % 11
		if rest == 10 {
			rest = weighed(b, 3, 4, 5, 6, 7, 8, 9, 10) % 11 % 10
		}
		return rest == digit(b, 8)
	}},
	"CH": {"E999999999", "CHE107787577", func(b string) bool {
		return (11-weighed(b[1:], 5, 4, 3, 2, 7, 6, 5, 4)%11)%11 == digit(b, 9)
	}},
	"CY": {"99999999A", "CY10259033P", func(b string) bool {
		odd, sum := [10]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21}, 0
		for i := range 8 {
			if n := digit(b, i); i%2 == 0 {
				sum += odd[n]
			} else {
				sum += n
			}
		}
		return b[8] == 'A'+byte(sum%26)
	}},
	"CZ": {"99999999|999999999|9999999999", "CZ25123891", func(b string) bool {
		if len(b) != 8 {
			return true // a person's: the form alone
		}
		rest := (11 - weighed(b, 8, 7, 6, 5, 4, 3, 2)%11) % 11
		if rest == 0 {
			rest = 1
		}
		return rest%10 == digit(b, 7)
	}},
	"DE": {"999999999", "DE136695976", mod1110},
	"DK": {"99999999", "DK13585628", func(b string) bool { return weighed(b, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0 }},
	"EE": {"999999999", "EE100931558", func(b string) bool { return weighed(b, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0 }},
	"EL": {"999999999", "EL094259216", func(b string) bool { return weighed(b, 256, 128, 64, 32, 16, 8, 4, 2)%11%10 == digit(b, 8) }},
	"ES": {"*9999999*", "ESA28015865", func(b string) bool { return b[0] > '9' || b[8] > '9' }}, // one of both is a letter
	"FI": {"99999999", "FI20774740", func(b string) bool { return weighed(b, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0 }},
	"FR": {"**999999999", "FR40303265045", func(b string) bool {
		if b[0] > '9' || b[1] > '9' {
			return true // a newer kind, with letters in its key
		}
		return doubled(b[2:]) && (12+3*(whole(b[2:])%97))%97 == whole(b[:2])
	}},
	"GB": {"999999999|999999999999|GD999|HA999", "GB980780684", british},
	"HR": {"99999999999", "HR33392005961", mod1110},
	"HU": {"99999999", "HU12892312", func(b string) bool { return weighed(b, 9, 7, 3, 1, 9, 7, 3, 1)%10 == 0 }},
	"IE": {"9999999A|9999999AA|9A99999A", "IE6433435F", func(b string) bool {
		if b[1] > '9' {
			return true // an old kind
		}
		sum := weighed(b, 8, 7, 6, 5, 4, 3, 2)
		if len(b) == 9 {
			if b[8] > 'W' {
				return false
			}
			sum += 9 * (int(b[8]-'A'+1) % 23)
		}
		return "WABCDEFGHIJKLMNOPQRSTUV"[sum%23] == b[7]
	}},
	"IT": {"99999999999", "IT00743110157", doubled},
	"LT": {"999999999|999999999999", "LT119511515", nil},
	"LU": {"99999999", "LU15027442", func(b string) bool { return whole(b[:6])%89 == whole(b[6:]) }},
	"LV": {"99999999999", "LV40003521600", func(b string) bool {
		if b[0] <= '3' {
			return true // a person's: the form alone
		}
		return weighed(b, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)%11 == 3
	}},
	"MT": {"99999999", "MT11679112", func(b string) bool { return weighed(b, 3, 4, 6, 7, 8, 9, 10, 1)%37 == 0 }},
	"NL": {"999999999B99", "NL004495445B01", func(b string) bool {
		return (weighed(b, 9, 8, 7, 6, 5, 4, 3, 2)-digit(b, 8))%11 == 0 || mod97("NL"+b) == 1
	}},
	"NO": {"999999999", "NO995525828", func(b string) bool {
		return (11-weighed(b, 3, 2, 7, 6, 5, 4, 3, 2)%11)%11 == digit(b, 8)
	}},
	"PL": {"9999999999", "PL8567346215", func(b string) bool { return weighed(b, 6, 5, 7, 2, 3, 4, 5, 6, 7)%11 == digit(b, 9) }},
	"PT": {"999999999", "PT501964843", func(b string) bool {
		return (11-weighed(b, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11%10 == digit(b, 8)
	}},
	"RO": {"99|999|9999|99999|999999|9999999|99999999|999999999|9999999999", "RO18547290", func(b string) bool {
		long := strings.Repeat("0", 10-len(b)) + b
		return 10*weighed(long, 7, 5, 3, 2, 1, 7, 5, 3, 2)%11%10 == digit(long, 9)
	}},
	"SE": {"999999999901", "SE123456789701", func(b string) bool { return doubled(b[:10]) }},
	"SI": {"99999999", "SI50223054", func(b string) bool {
		rest := 11 - weighed(b, 8, 7, 6, 5, 4, 3, 2)%11
		return b[0] != '0' && rest != 11 && rest%10 == digit(b, 7)
	}},
	"SK": {"9999999999", "SK2022749619", func(b string) bool { return whole(b)%11 == 0 }},
	"XI": {"999999999|999999999999|GD999|HA999", "XI980780684", british},
}

// british checks a number of the United Kingdom or of Northern Ireland; those
// of its departments (GD, HA) have no check digits.
func british(b string) bool {
	if len(b) < 9 {
		return true
	}
	sum := weighed(b, 8, 7, 6, 5, 4, 3, 2) + whole(b[7:9])
	return sum%97 == 0 || sum%97 == 42
}

func digit(s string, i int) int { return int(s[i] - '0') }

// whole reads digits, of which there are few enough.
func whole(s string) (n int) {
	for i := range len(s) {
		n = n*10 + digit(s, i)
	}
	return n
}

// weighed adds up the first digits, each times its weight.
func weighed(s string, weights ...int) (sum int) {
	for i, w := range weights {
		sum += w * digit(s, i)
	}
	return sum
}

// doubled is the check that payment cards have too: every second digit from the
// right counts twice.
func doubled(s string) bool {
	sum := 0
	for i := range len(s) {
		n := digit(s, len(s)-1-i)
		if i%2 == 1 {
			n = n*2%10 + n*2/10
		}
		sum += n
	}
	return sum%10 == 0
}

// mod1110 is ISO 7064's MOD 11,10.
func mod1110(s string) bool {
	check := 5
	for i := range len(s) {
		if check == 0 {
			check = 10
		}
		check = (check*2%11 + digit(s, i)) % 10
	}
	return check == 1
}

// mod97 is what is left of letters and digits by ISO 7064's MOD 97-10.
func mod97(s string) (rest int) {
	for i := range len(s) {
		if c := s[i]; c > '9' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest
}

package money

import (
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Rate is a part of a whole, in parts per million: 19 % is 190000.
type Rate int64

// Whole is the rate of 100 %.
const Whole Rate = 1_000_000

// ParseRate reads a percentage from 0 to 100 with at most four decimals, with
// or without the sign: "19", "19%", "7.7 %".
func ParseRate(text string) (Rate, error) {
	s := strings.TrimSpace(text)
	s = strings.TrimRight(strings.TrimSuffix(s, "%"), " \u00a0")
	units, decimals, dotted := strings.Cut(s, ".")
	if len(s) > 20 || !digits(units) || dotted && !digits(decimals) {
		return 0, fault.Field("rate", "Write a rate as a percentage, like 19 or 7.7.")
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 4 {
		return 0, fault.Field("rate", "A rate has at most four decimals.")
	}
	ppm, err := strconv.ParseInt(units+decimals+strings.Repeat("0", 4-len(decimals)), 10, 64)
	if err != nil || ppm > int64(Whole) {
		return 0, fault.Field("rate", "A rate is between 0 and 100 percent.")
	}
	return Rate(ppm), nil
}

// Percent writes the rate for people: "19 %", "7.7 %". The space does not break.
func (r Rate) Percent() string {
	sign := ""
	if r < 0 {
		sign = "\u2212"
	}
	m := magnitude(int64(r))
	s := strconv.FormatUint(m/10_000, 10)
	if rest := m % 10_000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatUint(10_000+rest, 10)[1:], "0")
	}
	return sign + s + "\u00a0%"
}

// String writes the rate for logs: "19%".
func (r Rate) String() string {
	return strings.Replace(strings.Replace(r.Percent(), "\u00a0", "", 1), "\u2212", "-", 1)
}

package money

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Parse reads a decimal amount such as "48", "48.00" or "1234.5". The decimal
// sign is a dot, there are no thousands separators, and more decimals than the
// currency has are accepted only as zeros.
func Parse(text string, c Currency) (Amount, error) {
	if c == (Currency{}) {
		return Amount{}, ErrCurrency
	}
	s := strings.TrimSpace(text)
	if len(s) > 40 {
		return Amount{}, refuse("That amount is too long.")
	}
	s, negative := strings.CutPrefix(s, "-")
	units, decimals, dotted := strings.Cut(s, ".")
	if !digits(units) || dotted && !digits(decimals) {
		return Amount{}, refuse("Write an amount with digits and a dot, like 48.00.")
	}
	kept := min(len(decimals), c.Exponent())
	if strings.Trim(decimals[kept:], "0") != "" {
		return Amount{}, wrongScale(c)
	}
	units = strings.TrimLeft(units, "0") + decimals[:kept] + strings.Repeat("0", c.Exponent()-kept)
	if units == "" {
		units = "0"
	}
	minor, err := strconv.ParseInt(units, 10, 64)
	if err != nil || minor > Limit {
		return Amount{}, refuse("That amount is too large.")
	}
	if negative {
		minor = -minor
	}
	return Of(minor, c), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Decimal writes the amount as Parse reads it: "48.00", "-0.05", "480".
func (a Amount) Decimal() string {
	sign, units := "", strconv.FormatUint(magnitude(a.minor), 10)
	if a.minor < 0 {
		sign = "-"
	}
	exp := a.currency.Exponent()
	if exp == 0 {
		return sign + units
	}
	if short := exp + 1 - len(units); short > 0 {
		units = strings.Repeat("0", short) + units
	}
	return sign + units[:len(units)-exp] + "." + units[len(units)-exp:]
}

// String writes the amount for logs and tests: "48.00 EUR".
func (a Amount) String() string {
	if a.currency == (Currency{}) {
		return a.Decimal()
	}
	return a.Decimal() + " " + a.currency.code
}

// Format writes the amount for people: "€48.00", "¥480", "−€1,234.50",
// "KWD 4.800". The space after a code does not break.
func (a Amount) Format() string {
	units, decimals, dotted := strings.Cut(strings.TrimPrefix(a.Decimal(), "-"), ".")
	var b strings.Builder
	if a.minor < 0 {
		b.WriteString("\u2212")
	}
	switch symbol := a.currency.Symbol(); {
	case symbol != "":
		b.WriteString(symbol)
	case a.currency.code != "":
		b.WriteString(a.currency.code + "\u00a0")
	}
	for i, digit := range units {
		if i > 0 && (len(units)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if dotted {
		b.WriteString("." + decimals)
	}
	return b.String()
}

// MarshalJSON writes {"amount":4800,"currency":"EUR"}.
func (a Amount) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 48), `{"amount":`...)
	out = strconv.AppendInt(out, a.minor, 10)
	out = append(out, `,"currency":"`...)
	out = append(out, a.currency.code...) // three letters of our own table, or none
	return append(out, `"}`...), nil
}

var errJSON = errors.New("money: an amount has an integer and a currency")

// UnmarshalJSON reads what MarshalJSON writes and refuses anything else,
// fractions and unknown currencies among it.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var read struct {
		Amount   *int64  `json:"amount"`
		Currency *string `json:"currency"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return errJSON // the cause would repeat what was sent
	}
	if read.Amount == nil || read.Currency == nil {
		return errJSON
	}
	if *read.Currency == "" && *read.Amount == 0 {
		*a = Amount{}
		return nil
	}
	c, err := ParseCurrency(*read.Currency)
	if err != nil {
		return err
	}
	*a = Of(*read.Amount, c)
	return nil
}

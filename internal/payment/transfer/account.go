package transfer

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// maxPayee is the longest name that a SEPA transfer carries.
const maxPayee = 70

// ParseIBAN reads an account number (ISO 13616) as people write it, and checks its
// digits. The national part is not looked at further: banks know it better.
func ParseIBAN(s string) (string, error) {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 || !isAlnum(s) || s[0] <= '9' || s[1] <= '9' || !isCheck(s[2:4]) || mod97(s[4:]+s[:4]) != 1 {
		return "", errors.New("is no IBAN: a letter or digit of it is wrong")
	}
	if want, known := lengths[s[:2]]; known && len(s) != want {
		return "", errors.New("is no IBAN: it has too many or too few characters for its country")
	}
	return s, nil
}

// lengths are those of the SEPA countries and their neighbours (SWIFT's registry of
// IBAN formats). Elsewhere the check digits have to do.
var lengths = map[string]int{
	"AD": 24, "AL": 28, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24,
	"FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
	"RS": 22, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "VA": 22,
}

// parseBIC reads a bank's code (ISO 9362): 8 or 11 characters.
func parseBIC(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return "", nil
	}
	if len(s) != 8 && len(s) != 11 || !isAlnum(s) || strings.ContainsAny(s[4:6], "0123456789") {
		return "", errors.New("is no BIC: it has 8 or 11 letters and digits")
	}
	return s, nil
}

// ParseAccount checks all of an account, and says everything that is wrong.
func ParseAccount(payee, iban, bic string) (payment.Account, error) {
	var bad []error
	a := payment.Account{Payee: strings.TrimSpace(payee)}
	if a.Payee == "" || utf8.RuneCountInString(a.Payee) > maxPayee || strings.ContainsAny(a.Payee, "\r\n\t\x00") {
		bad = append(bad, errors.New("the payee is the name of who owns the account, 70 characters at most"))
	}
	var err error
	if a.IBAN, err = ParseIBAN(iban); err != nil {
		bad = append(bad, errors.New("the account "+err.Error()))
	}
	if a.BIC, err = parseBIC(bic); err != nil {
		bad = append(bad, errors.New("the bank's code "+err.Error()))
	}
	return a, errors.Join(bad...)
}

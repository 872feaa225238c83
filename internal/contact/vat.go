package contact

import (
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// VAT is the VAT identification number of a business. A trader's own is about a
// person, so it does not show itself. The zero value is no number.
type VAT struct {
	veil[vatWord]
	f **string
}

type vatWord struct{}

func (vatWord) word() string { return "[vat]" }

// Reveal returns the number with its country's letters: "DE136695976".
func (v VAT) Reveal() string { return content(v.f) }

// IsZero reports whether there is no number.
func (v VAT) IsZero() bool { return v.f == nil }

// Equal reports whether two are the same number.
func (v VAT) Equal(o VAT) bool { return v.Reveal() == o.Reveal() }

// Country returns the ISO 3166-1 code of the country that gave the number:
// "GR" for EL, "XI" for Northern Ireland's, "CH" for CHE; "" for no number.
func (v VAT) Country() string {
	n := v.Reveal()
	if n == "" {
		return ""
	}
	if n[:2] == "EL" {
		return "GR"
	}
	return n[:2]
}

const maxVAT = 20

// ParseVAT reads a VAT number of an EU country, Northern Ireland, the United
// Kingdom, Switzerland or Norway, with the country's letters and with or
// without spaces, dots and hyphens. It checks its form and, where the rule is
// known, its check digits. It does not ask whether the number was given out.
func ParseVAT(typed string) (VAT, error) {
	if len(typed) > 4*maxVAT {
		return VAT{}, errVAT
	}
	n := strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '.' || c == '-' || c == '/' || c == '\u00a0':
			return -1
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		}
		return c
	}, typed)
	if len(n) < 4 || len(n) > maxVAT {
		return VAT{}, errVAT
	}
	if rest, ok := strings.CutPrefix(n, "GR"); ok {
		n = "EL" + rest // as ISO writes Greece, and people too
	}
	rule, ok := vatRules[n[:2]]
	if !ok {
		return VAT{}, errVAT
	}
	body := n[2:]
	if n[:2] == "CH" || n[:2] == "NO" {
		for _, word := range []string{"MWST", "TVA", "IVA", "MVA"} {
			body = strings.TrimSuffix(body, word)
		}
	}
	fits := false
	for form := range strings.SplitSeq(rule.forms, "|") {
		fits = fits || fitsVAT(form, body)
	}
	if !fits || rule.check != nil && !rule.check(body) {
		return VAT{}, fault.Field("vat_number", "This is not a VAT number of that country. One looks like "+rule.example+".")
	}
	return VAT{f: hide(n[:2] + body)}, nil
}

var errVAT = fault.Field("vat_number", "Write the VAT number with its country's two letters first, like DE136695976.")

// fitsVAT lays a number into a form: 9 is a digit, A a letter, * either, and
// anything else stands for itself.
func fitsVAT(form, body string) bool {
	if len(form) != len(body) {
		return false
	}
	for i := range len(form) {
		c := body[i]
		digit, letter := c >= '0' && c <= '9', c >= 'A' && c <= 'Z'
		switch form[i] {
		case '9':
			if !digit {
				return false
			}
		case 'A':
			if !letter {
				return false
			}
		case '*':
			if !digit && !letter {
				return false
			}
		default:
			if c != form[i] {
				return false
			}
		}
	}
	return true
}

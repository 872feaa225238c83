package contact

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Limits of an address, in lines and code points. A label has no room for more.
const (
	MaxStreetLines = 4
	maxStreetLine  = 100
	maxLocality    = 100
)

// AddressFields are the parts of a postal address. The names on the wire are
// those of the REST API and of a form. It is what was typed or what was
// revealed, so it does print itself: keep it short-lived.
type AddressFields struct {
	Street     string `json:"street_address"` // house and street; up to MaxStreetLines lines
	Locality   string `json:"address_locality"`
	Region     string `json:"address_region"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"address_country"` // ISO 3166-1 alpha-2
}

// Address is a postal address, without the name of who lives there.
type Address struct {
	veil[addressWord]
	f **AddressFields
}

// ParseAddress checks each part by the customs of the country and tidies it:
// spaces, the form of the postal code, the short name of a state. All that is
// wrong is said at once, each problem named by the JSON name of its field.
func ParseAddress(in AddressFields) (Address, error) {
	var wrong fault.Fields
	var out AddressFields
	out.Street = street(in.Street, &wrong)

	r, known := rowOf(strings.Trim(in.Country, " "))
	if !known {
		detail := "Please give the country as its two letters, like DE."
		if in.Country == "" {
			detail = "Please choose a country."
		}
		// The other parts are still checked for what is wrong in any country.
		line(in.Locality, "address_locality", "The town", &wrong)
		wrong.Add("address_country", detail)
		return Address{}, wrong.Err()
	}
	out.Country = r.code

	locality, ok := line(in.Locality, "address_locality", "The town", &wrong)
	if ok && locality == "" && !r.noLocality() {
		wrong.Add("address_locality", "Please give the town or city.")
	}
	out.Locality = locality

	region, ok := line(in.Region, "address_region", "The "+r.regionName(), &wrong)
	switch {
	case !ok:
	case region == "" && r.needsRegion():
		wrong.Add("address_region", "Please give the "+r.regionName()+".")
	case region != "":
		if region, ok = r.region(region); !ok {
			wrong.Add("address_region", "Please choose the "+r.regionName()+", by name or in short, like "+shortRegion(r.code)+".")
		}
	}
	out.Region = region

	postal, problem := r.postalCode(in.PostalCode)
	if problem != "" {
		wrong.Add("postal_code", problem)
	}
	out.PostalCode = postal

	if err := wrong.Err(); err != nil {
		return Address{}, err
	}
	return Address{f: hide(out)}, nil
}

// street tidies the lines of a street address.
func street(s string, wrong *fault.Fields) string {
	const field = "street_address"
	if len(s) > 4*MaxStreetLines*maxStreetLine*utf8.UTFMax {
		wrong.Add(field, streetTooLong)
		return ""
	}
	if detail := unfit(s, "The street", true); detail != "" {
		wrong.Add(field, detail)
		return ""
	}
	s = norm.NFC.String(s)
	if strings.ContainsAny(s, "\n\r\u2028\u2029") {
		var kept []string
		for l := range strings.SplitSeq(lineBreaks.Replace(s), "\n") {
			if l = collapse(l); l != "" {
				kept = append(kept, l)
			}
		}
		if len(kept) > MaxStreetLines {
			wrong.Add(field, "The street can have up to four lines. Please shorten it.")
			return ""
		}
		for _, l := range kept {
			if utf8.RuneCountInString(l) > maxStreetLine {
				wrong.Add(field, streetTooLong)
				return ""
			}
		}
		s = strings.Join(kept, "\n")
	} else if s = collapse(s); utf8.RuneCountInString(s) > maxStreetLine {
		wrong.Add(field, streetTooLong)
		return ""
	}
	if !visible(s) {
		wrong.Add(field, "Please give the street and house number.")
	}
	return s
}

const streetTooLong = "A line of the street can have up to 100 characters. Please shorten it or use more lines."

// line tidies a part that stands on one line.
func line(s, field, subject string, wrong *fault.Fields) (string, bool) {
	if len(s) > 4*maxLocality*utf8.UTFMax {
		wrong.Add(field, subject+" can have up to 100 characters. Please shorten it.")
		return "", false
	}
	if detail := unfit(s, subject, false); detail != "" {
		wrong.Add(field, detail)
		return "", false
	}
	s = collapse(norm.NFC.String(s))
	switch {
	case utf8.RuneCountInString(s) > maxLocality:
		wrong.Add(field, subject+" can have up to 100 characters. Please shorten it.")
		return "", false
	case s != "" && !visible(s):
		wrong.Add(field, "Please check this: it has no letters.")
		return "", false
	}
	return s, true
}

// Reveal returns the parts of the address.
func (a Address) Reveal() AddressFields { return content(a.f) }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.f == nil }

// Equal reports whether both addresses are written the same.
func (a Address) Equal(o Address) bool { return a.Reveal() == o.Reveal() }

// Country returns the code of the country, which is not personal: tax and
// shipping go by it.
func (a Address) Country() string { return content(a.f).Country }

// Lines returns the address as it is written in its country, the name of the
// country last. It reveals: the lines are for a label or a page, not for a log.
func (a Address) Lines() []string {
	if a.IsZero() {
		return nil
	}
	f := a.Reveal()
	r, ok := rowOf(f.Country)
	if !ok {
		return nil
	}
	layout := r.layout
	switch {
	case eastern(r.code) && inHan(f.Locality+f.Region+f.Street):
		layout = "P/R L/S" // from the large to the small, when written in its own script
		if r.code == "JP" {
			layout = "〒P/R L/S"
		}
	case layout == "":
		layout = "S/P L"
	}
	lines := make([]string, 0, 6)
	for part := range strings.SplitSeq(layout, "/") {
		if part == "S" {
			lines = append(lines, strings.Split(f.Street, "\n")...)
			continue
		}
		if l := f.lay(part); l != "" {
			lines = append(lines, l)
		}
	}
	return append(lines, r.name)
}

// lay writes one line of a layout: P, L and R stand for postal code, locality
// and region, parts that are missing vanish together with the sign before them.
func (f *AddressFields) lay(part string) string {
	var b strings.Builder
	for token := range strings.FieldsSeq(part) {
		var value string
		at := len(token) - 1
		switch token[at] {
		case 'P':
			value = f.PostalCode
		case 'L':
			value = f.Locality
		case 'R':
			value = f.Region
		}
		if value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if sign := token[:at]; sign != "" {
			b.WriteString(sign)
			if sign == "-" {
				b.WriteByte(' ')
			}
		}
		b.WriteString(value)
	}
	return b.String()
}

func eastern(country string) bool {
	switch country {
	case "JP", "CN", "TW", "KR", "HK", "MO":
		return true
	}
	return false
}

func inHan(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool {
		return c >= 0x3040 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}) >= 0
}

package contact

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Limits of RFC 5321, in octets.
const (
	maxLocal  = 64
	maxEmail  = 254
	maxDomain = 253
	maxLabel  = 63
)

// Email is an e-mail address, internationalised ones (RFC 6531) included.
type Email struct {
	veil[emailWord]
	f **email
}

type email struct{ typed, key string }

// ParseEmail accepts an address as RFC 5321 and RFC 6531 write it, with a
// domain that has a dot. Quoted local parts and addresses in brackets, which
// no shopper has, are refused.
func ParseEmail(s string) (Email, error) {
	s = strings.Trim(s, " \u00a0")
	refuse := func(detail string) (Email, error) { return Email{}, fault.Field("email", detail) }
	if s == "" {
		return refuse("Please give an e-mail address.")
	}
	if len(s) > maxEmail {
		return refuse("That e-mail address is too long. It can have up to 254 characters.")
	}
	if detail := unfit(s, "An e-mail address", false); detail != "" {
		return refuse(detail)
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return refuse("An e-mail address has an @ in it, like ada@example.com.")
	}
	local, domain := s[:at], s[at+1:]
	switch {
	case local == "":
		return refuse("Something is missing before the @.")
	case domain == "":
		return refuse("Something is missing after the @.")
	case len(local) > maxLocal:
		return refuse("The part before the @ is too long. It can have up to 64 characters.")
	case strings.ContainsRune(local, '@'):
		return refuse("An e-mail address has one @. Please look before the @ for another one.")
	case strings.ContainsAny(local, ",;"):
		return refuse("There is a comma before the @. Please take it out, or write a dot.")
	case strings.IndexFunc(local, isSpace) >= 0:
		return refuse("There is a space before the @. Please take it out.")
	case strings.ContainsAny(domain, ",;"):
		return refuse("There is a comma after the @. Did you mean a dot, as in example.com?")
	case strings.IndexFunc(domain, isSpace) >= 0:
		return refuse("There is a space after the @. Please take it out, so that it looks like example.com.")
	case !strings.ContainsRune(domain, '.') && isASCII(domain):
		return refuse("The ending is missing after the @. It should look like example.com.")
	case !goodLocal(local):
		return refuse("Please check the part before the @: it has letters, digits, signs like - and _, and single dots between them.")
	}
	ascii, ok := asciiDomain(domain)
	if !ok {
		return refuse("Please check the part after the @. It should look like example.com.")
	}
	key := s // most people type it as it is compared
	if lower := lowered(local); lower != local || ascii != domain {
		key = lower + "@" + ascii
	}
	if len(key) > maxEmail {
		return refuse("That e-mail address is too long. It can have up to 254 characters.")
	}
	return Email{f: hide(email{s, key})}, nil
}

// Reveal returns the address as it was typed, which is how it is written to.
func (e Email) Reveal() string { return content(e.f).typed }

// Key returns the address in the one form that is compared and indexed:
// composed, lower-case, the domain in ASCII (A-labels).
func (e Email) Key() string { return content(e.f).key }

// Counted returns the form by which limits count a mailbox: Key without what stands
// behind a "+" before the @, which most services deliver to the same mailbox, and
// without the dots that Gmail does not look at. It only ever counts: by it nobody is
// found, written to or taken for somebody else, since other services have two
// mailboxes where it has one.
func (e Email) Counted() string {
	local, domain, _ := strings.Cut(e.Key(), "@")
	if name, _, tagged := strings.Cut(local, "+"); tagged && name != "" {
		local = name
	}
	if gmail(domain) {
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	return local + "@" + domain
}

// Varied reports whether an address is one of any number of spellings of its mailbox:
// something stands behind a "+", or it has more than the one dot that people put into
// their name at Gmail. Other spellings are few for each mailbox.
func (e Email) Varied() bool {
	local, domain, _ := strings.Cut(e.Key(), "@")
	name, _, tagged := strings.Cut(local, "+")
	return tagged && name != "" || gmail(domain) && strings.Count(local, ".") > 1
}

// gmail reports whether a domain is one of the two names of Gmail.
func gmail(domain string) bool { return domain == "gmail.com" || domain == "googlemail.com" }

// IsZero reports whether there is no address.
func (e Email) IsZero() bool { return e.f == nil }

// Equal reports whether both lead to the same mailbox, as far as Key can tell.
func (e Email) Equal(o Email) bool { return e.Key() == o.Key() }

// lowered is the local part as it is compared: small letters, composed.
func lowered(local string) string {
	if isASCII(local) {
		return strings.ToLower(local)
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
}

// goodLocal checks a dot-atom of RFC 5322, widened by RFC 6532.
func goodLocal(s string) bool {
	last := '.'
	for _, r := range s {
		switch {
		case r == '.':
			if last == '.' {
				return false
			}
		case r < utf8.RuneSelf:
			if !alnum(byte(r)) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(r)) < 0 {
				return false
			}
		case isSpace(r):
			return false
		}
		last = r
	}
	return last != '.'
}

// asciiDomain returns the domain in lower-case A-labels.
func asciiDomain(s string) (string, bool) {
	if !isASCII(s) || strings.Contains(strings.ToLower(s), "xn--") {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", false
		}
		s = ascii
	}
	s = strings.ToLower(s)
	if len(s) > maxDomain {
		return "", false
	}
	labels, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !alnum(s[i]) && s[i] != '-' {
				return "", false
			}
			continue
		}
		label := s[start:i]
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		labels++
		start = i + 1
		if i == len(s) && strings.Trim(label, "0123456789") == "" {
			return "", false // an address in digits, not a name
		}
	}
	return s, labels > 1
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func alnum(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

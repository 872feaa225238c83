package settings

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/money"
)

// word is one setting with a single value, stored as text.
type word struct {
	key      string                            // in a file
	stored   string                            // in the store
	fallback string                            // what holds when nothing is stored
	kind     kind                              // how it stands in a file
	parse    func(text string) (string, error) // tidies or refuses it
}

type kind int

const (
	text kind = iota
	yesno
	list // words joined by spaces when stored
)

// singles lists every single setting, in the order an export writes them.
func singles() []word {
	return []word{
		{"shop.name", "shop.name", "", text, line(1, 60)},
		{"shop.tagline", "shop.tagline", "", text, line(0, 200)},
		{"shop.country", "shop.country", "", text, country},
		{"shop.currency", "shop.currency", "", text, currency},
		{"shop.time_zone", "shop.zone", "", text, zone},
		{"shop.contact", "shop.contact", "", text, contactPoint},
		{"shop.descriptor", "shop.descriptor", "", text, descriptor},
		{"seller.name", "seller.name", "", text, line(0, 120)},
		{"seller.address", "seller.address", "", text, lines(400)},
		{"seller.email", "seller.email", "", text, mail},
		{"seller.phone", "seller.phone", "", text, line(0, 40)},
		{"seller.vat", "seller.vat", "", text, vat},
		{"seller.register", "seller.register", "", text, line(0, 200)},
		{"tax.included", "tax.included", "true", yesno, nil},
		{"tax.home_in_eu", "tax.home_in_eu", "false", yesno, nil},
		{"tax.reverse_charge", "tax.reverse_charge", "false", yesno, nil},
		{"tax.delivery", "tax.delivery", "", text, class},
		{"payment.close_on_foreign", "payment.close_on_foreign", "false", yesno, nil},
		{"terms.must_tick", "terms.must_tick", "false", yesno, nil},
		{"payment.methods", "payment.providers", "", list, paymentMethod},
		{"payment.capture", "payment.capture", "at-once", text, capture},
		{"embed.origins", "embed.origins", "", list, origin},
	}
}

// line reads one line of text.
func line(least, most int) func(string) (string, error) {
	return func(s string) (string, error) {
		s = strings.TrimSpace(s)
		switch n := utf8.RuneCountInString(s); {
		case n < least:
			return "", fmt.Errorf("needs a text")
		case n > most:
			return "", fmt.Errorf("is %d characters long; at most %d", n, most)
		}
		return s, printable(s, false)
	}
}

// lines reads text with line breaks.
func lines(most int) func(string) (string, error) {
	return func(s string) (string, error) {
		s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
		if n := utf8.RuneCountInString(s); n > most {
			return "", fmt.Errorf("is %d characters long; at most %d", n, most)
		}
		return s, printable(s, true)
	}
}

func printable(s string, breaks bool) error {
	for _, c := range s {
		switch {
		case c == '\n' && breaks, c == '\t' && breaks:
		case c == '\n':
			return fmt.Errorf("is one line; take the line break out")
		case unicode.IsControl(c), c == utf8.RuneError, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
			return fmt.Errorf("holds a character that does not show")
		}
	}
	return nil
}

func country(s string) (string, error) {
	c, ok := contact.CountryOf(strings.TrimSpace(s))
	if !ok {
		return "", fmt.Errorf("is no country; give its two letters, like DE")
	}
	return c.Code, nil
}

func currency(s string) (string, error) {
	c, err := money.ParseCurrency(strings.TrimSpace(s))
	if err != nil {
		return "", fmt.Errorf("is no currency; give its three letters, like EUR")
	}
	return c.Code(), nil
}

func zone(s string) (string, error) {
	s = strings.TrimSpace(s)
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return "", fmt.Errorf("is no time zone; give its name, like Europe/Berlin")
	}
	return s, nil
}

func mail(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	m, err := contact.ParseEmail(s)
	if err != nil {
		return "", fmt.Errorf("is no mail address")
	}
	return m.Reveal(), nil // the shop's own, which the imprint shows to everybody
}

func contactPoint(s string) (string, error) {
	if s = strings.TrimSpace(s); strings.HasPrefix(s, "https://") {
		if u, err := url.Parse(s); err != nil || u.Host == "" || u.User != nil {
			return "", fmt.Errorf("is no https:// page")
		}
		return line(0, 200)(s)
	}
	if _, err := mail(s); err != nil {
		return "", fmt.Errorf("is neither a mail address nor an https:// page")
	}
	return mail(s)
}

func vat(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	v, err := contact.ParseVAT(s)
	if err != nil {
		return "", fmt.Errorf("is no VAT number; write it with its country's letters first, like DE136695976")
	}
	return v.Reveal(), nil // the shop's own, which the imprint must show
}

func descriptor(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) > 22 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ") != "" {
		return "", fmt.Errorf("is what a bank statement shows: at most 22 letters, digits and spaces")
	}
	return s, nil
}

// class reads the name of a tax class.
func class(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("is a word of small letters, digits and hyphens; empty for the standard class")
	}
	if s == "standard" {
		return "", nil
	}
	return s, nil
}

// paymentMethod reads the name of a payment service.
func paymentMethod(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" || len(s) > 20 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "", fmt.Errorf("is no payment method; write its name, like stripe")
	}
	return s, nil
}

// capture reads when money is taken.
func capture(s string) (string, error) {
	if s = strings.TrimSpace(s); s != "at-once" && s != "when-sent" {
		return "", fmt.Errorf("is when money is taken: at-once, or when-sent")
	}
	return s, nil
}

// origin reads one exact https origin, as browsers write it. Plain http is for
// this machine alone, and only a demo heeds it.
func origin(s string) (string, error) {
	u, err := url.Parse(strings.ToLower(strings.TrimSpace(s)))
	if err != nil || u.Scheme != "https" && !loopback(u) || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
		return "", fmt.Errorf("is no origin; write https:// and the exact name, like https://blog.example, without a path or a star")
	}
	if p := u.Port(); p == "" || p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, ":"+p), ":")
	}
	return u.Scheme + "://" + u.Host, nil
}

func loopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && addr.IsLoopback())
}

// minutes reads a time of the day.
func minutes(s string) (int, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("is no time; write it like 09:30")
	}
	return t.Hour()*60 + t.Minute(), nil
}

func clock(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

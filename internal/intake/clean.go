package intake

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/text/unicode/norm"
)

// Bounds of the texts of a product, in characters.
const (
	maxText        = 255
	maxTags        = 250
	maxAlt         = 512
	maxDescription = 64 << 10
)

// cleaner reduces a description to HTML that may stand in a page.
type cleaner struct{ policy *bluemonday.Policy }

// newCleaner allows text, lists, emphasis, small headings, tables and links
// that leave without a recommendation. Everything else goes: elements lose
// their tags, scripts and styles also their content.
func newCleaner() cleaner {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "ul", "ol", "li", "strong", "em", "b", "i", "h2", "h3", "h4",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[1-9][0-9]?$`)).OnElements("th", "td")
	p.AllowAttrs("scope").Matching(regexp.MustCompile(`^(?:row|col)$`)).OnElements("th")
	p.AllowAttrs("href").OnElements("a")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.AllowURLSchemes("https", "mailto")
	p.RequireNoFollowOnLinks(true)
	p.AddSpaceWhenStrippingTag(true)
	return cleaner{p}
}

// description returns harmless HTML, or why there is none.
func (c cleaner) description(s string) (string, string) {
	if len(s) > maxDescription {
		return "", "The description is too long."
	}
	if strings.ContainsFunc(s, forbidden) {
		return "", "The description holds control characters."
	}
	return strings.TrimSpace(c.policy.Sanitize(norm.NFC.String(s))), ""
}

// plain returns s as one line of text in NFC, or why that cannot be. A name is
// what the field is called in the reason.
func plain(name, s string, limit int) (text, reason string) {
	if strings.ContainsFunc(s, forbidden) {
		return "", "The " + name + " holds control characters."
	}
	s = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	if utf8.RuneCountInString(s) > limit {
		return "", "The " + name + " is too long."
	}
	return s, ""
}

// forbidden finds what no text of a shop needs: control characters, and the
// marks that turn the direction of the text after them around.
func forbidden(r rune) bool {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return false
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF, r == 0x2028, r == 0x2029:
		return true
	}
	return unicode.IsControl(r)
}

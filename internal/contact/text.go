package contact

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineBreaks makes every way to break a line one way.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n")

// unfit says in one sentence what keeps a text from being plain, or "".
// Subject begins the sentence: "A name".
func unfit(s, subject string, lines bool) string {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			return subject + " must be valid UTF-8 text."
		case isBreak(r):
			if !lines {
				return subject + " stands on one line. Please remove the line break."
			}
		case r == '\t' && lines:
		case r < 0x20, r >= 0x7f && r <= 0x9f:
			return subject + " cannot contain control characters. Please type it again."
		case isOverride(r):
			return subject + " cannot contain marks that turn the writing direction. Please type it again."
		case isHidden(r):
			return subject + " contains an invisible character. Please type it again."
		}
	}
	return ""
}

func isBreak(r rune) bool { return r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' }

// isOverride tells embeddings, overrides and isolates. The plain marks (U+200E,
// U+200F, U+061C) stay: Hebrew and Arabic names may need them.
func isOverride(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// isHidden tells characters that show nothing and mean nothing in a name or an
// address. Joiners (U+200C, U+200D) stay: Persian and Indic scripts need them.
func isHidden(r rune) bool {
	switch {
	case r < 0x200b:
		return r == 0xad
	case r == 0x200b, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc:
		return true
	case r >= 0xe000 && r <= 0xf8ff, r >= 0xf0000: // private use
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tags
		return true
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe: // never characters
		return true
	}
	return false
}

func isSpace(r rune) bool { return unicode.IsSpace(r) }

// collapse trims a line and makes every run of spaces one.
func collapse(s string) string {
	if plain(s) {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, isSpace), " ")
}

// plain reports whether collapse would change nothing, for the common case.
func plain(s string) bool {
	last := byte(' ')
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf || b == ' ' && last == ' ' {
			return false
		}
		last = b
	}
	return last != ' '
}

// visible reports whether there is a letter or a digit to read.
func visible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) >= 0
}

// linkish reports whether a mail program might make a link of the text.
func linkish(s string) bool {
	if !strings.ContainsAny(s, ".:/") {
		return false
	}
	s = strings.ToLower(s)
	for _, part := range []string{"://", "www.", "http:", "https:", "mailto:", "javascript:", "data:"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	for word := range strings.FieldsSeq(s) {
		host, _, path := strings.Cut(strings.Trim(word, "()<>[]{}\"',;:!?"), "/")
		host, _, port := strings.Cut(host, ":")
		host = strings.Trim(host, "()<>[]{}\"',;:!?.")
		dot := strings.LastIndexByte(host, '.')
		if dot < 1 || len(host)-dot < 3 {
			continue // "J.R.R." and "D. Knuth" are no hosts
		}
		if path || port || commonZone(host[dot+1:]) {
			return true
		}
	}
	return false
}

// commonZone tells ends of host names that are no ends of people's names.
// "St.John" must pass, so not every top-level domain is here.
func commonZone(s string) bool {
	switch s {
	case "com", "net", "org", "info", "biz", "xyz", "top", "shop", "site", "online", "store", "club", "link",
		"click", "icu", "buzz", "live", "app", "dev", "page", "cc", "tk", "ml", "ga", "cf", "gq", "ru", "cn", "io", "ly", "de", "uk":
		return true
	}
	return false
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

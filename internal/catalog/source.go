package catalog

import (
	"net/url"
	"strings"
	"unicode"
)

const maxSource = 2048 // bytes of an address

// IsElsewhere recognises the address of a picture or file on another host. It
// is a note for staff until somebody fetches what stands there.
func IsElsewhere(source string) bool {
	if len(source) > maxSource || strings.ContainsFunc(source, unicode.IsControl) || strings.ContainsAny(source, " <>\"'`\\\u2028\u2029\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
		return false
	}
	u, err := url.Parse(source)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

package paymentpage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A baseline is text, so that an owner and an auditor can read it:
//
//	cartkeep payment pages v1
//
//	page /checkout
//	header content-security-policy: default-src 'none'; …
//	script /assets/shop.0123456789abcdef.js sha384-…
const baselineFirst = "cartkeep payment pages v1"

// ErrBaseline: a text is no baseline.
var ErrBaseline = errors.New("payment pages: a baseline cannot be read")

// kinds are all of them.
var kinds = []Kind{Header, Script, Style, Icon, Picture, Form, Data, Inline, Handler, Active, Frame, Link, Meta, Contents}

// Baseline writes what was seen as text.
func Baseline(all []Seen) string {
	var b strings.Builder
	b.WriteString(baselineFirst + "\n")
	pages := slices.SortedFunc(slices.Values(all), func(a, b Seen) int { return strings.Compare(a.Page, b.Page) })
	for _, s := range pages {
		fmt.Fprintf(&b, "\npage %s\n", s.Page)
		for _, i := range s.Items {
			b.WriteString(i.String() + "\n")
		}
	}
	return b.String()
}

// ParseBaseline reads such a text again.
func ParseBaseline(text string) ([]Seen, error) {
	rest, ok := strings.CutPrefix(text, baselineFirst+"\n")
	if !ok {
		return nil, ErrBaseline
	}
	var out []Seen
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		word, what, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case word == "page":
			out = append(out, Seen{Page: what})
		case len(out) == 0 || !slices.Contains(kinds, Kind(word)):
			return nil, ErrBaseline
		default:
			i := Item{Kind: Kind(word), What: what}
			if at := strings.LastIndex(what, " sha384-"); at >= 0 && i.Kind != Header {
				i.What, i.Hash = what[:at], what[at+1:]
			}
			last := &out[len(out)-1]
			last.Items = append(last.Items, i)
		}
	}
	if Baseline(out) != text {
		return nil, ErrBaseline
	}
	return out, nil
}

// Package area says which part of the world a place lies in, as a merchant has
// drawn it: countries, regions of a country, and spans of its postcodes.
//
// It knows when an area holds a place, how closely, and when two areas claim
// the same one. It does not know what is dearer or taxed there, and keeps
// nothing: a postcode goes in, the name of an area comes out.
package area

import (
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Anywhere is the country of an area that holds what no other one does.
const Anywhere = "*"

// Place is where something goes. Region and PostalCode may be unknown.
type Place struct {
	Country    string // ISO 3166-1 alpha-2
	Region     string // short where the country has short ones: "CA"
	PostalCode string
}

// Area is a part of the world. With regions or postcodes it is that part of
// its one country; each of them is enough.
type Area struct {
	Countries []string // ISO 3166-1 alpha-2, or Anywhere
	Regions   []string
	Postal    []Span
}

// Fit tells how closely an area holds a place. The closest one counts.
type Fit int

// From the loosest to the closest.
const (
	Outside Fit = iota
	ByWorld
	ByCountry
	ByRegion
	ByPostcode
)

// Fit says how closely the area holds a place.
func (a Area) Fit(p Place) Fit {
	if !slices.Contains(a.Countries, p.Country) {
		if slices.Contains(a.Countries, Anywhere) {
			return ByWorld
		}
		return Outside
	}
	if a.whole() {
		return ByCountry
	}
	code := squeeze(p.PostalCode)
	if slices.ContainsFunc(a.Postal, func(s Span) bool { return s.holds(code) }) {
		return ByPostcode
	}
	if p.Region != "" && slices.ContainsFunc(a.Regions, func(r string) bool { return strings.EqualFold(r, p.Region) }) {
		return ByRegion
	}
	return Outside
}

// Closest returns the place in the list of the area that holds p most closely,
// or -1. Of two that hold it equally the first counts.
func Closest(p Place, n int, at func(i int) Area) int {
	best, found := Outside, -1
	for i := range n {
		if fit := at(i).Fit(p); fit > best {
			best, found = fit, i
		}
	}
	return found
}

// Overlaps reports whether some place lies in both areas equally closely, so
// that nobody could say in which.
func (a Area) Overlaps(b Area) bool {
	shared := slices.ContainsFunc(a.Countries, func(c string) bool { return slices.Contains(b.Countries, c) })
	switch {
	case !shared, a.whole() != b.whole():
		return false
	case a.whole():
		return true
	}
	return slices.ContainsFunc(a.Regions, func(r string) bool {
		return slices.ContainsFunc(b.Regions, func(o string) bool { return strings.EqualFold(r, o) })
	}) || slices.ContainsFunc(a.Postal, func(s Span) bool { return slices.ContainsFunc(b.Postal, s.meets) })
}

func (a Area) whole() bool { return len(a.Regions) == 0 && len(a.Postal) == 0 }

// Span is a run of postcodes: those that begin with From or with anything up to
// To, which is as long.
type Span struct{ From, To string }

const maxSpan = 12

// ParseSpan reads "35", all codes that begin so, or "10115..12527".
func ParseSpan(text string) (Span, error) {
	from, to, isRange := strings.Cut(text, "..")
	s := Span{squeeze(from), squeeze(to)}
	if !isRange {
		s.To = s.From
	}
	switch {
	case s.From == "", len(s.From) > maxSpan:
		return Span{}, fault.Field("postal", "Write the beginning of a postcode, like 35, or two ends, like 10115..12527.")
	case len(s.From) != len(s.To), s.From > s.To:
		return Span{}, fault.Field("postal", "Both ends of a run of postcodes are equally long, the lower one first, like 10115..12527.")
	}
	return s, nil
}

// String writes a span as ParseSpan reads it.
func (s Span) String() string {
	if s.From == s.To {
		return s.From
	}
	return s.From + ".." + s.To
}

func (s Span) holds(code string) bool {
	n := len(s.From)
	return n > 0 && len(code) >= n && code[:n] >= s.From && code[:n] <= s.To
}

func (s Span) meets(o Span) bool {
	n := min(len(s.From), len(o.From))
	return s.From[:n] <= o.To[:n] && o.From[:n] <= s.To[:n]
}

// squeeze keeps the letters and digits of a code, as capitals, so that spaces
// and hyphens do not matter. It allocates only when there is something to mend.
func squeeze(code string) string {
	if strings.IndexFunc(code, func(c rune) bool { return !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z') }) < 0 {
		return code
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z':
			return c
		}
		return -1
	}, code)
}

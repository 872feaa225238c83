// Package tax says how much of a price the state gets.
//
// It knows rates by country, region and class, whether prices contain the tax,
// and how a bill is reckoned so that its parts add up (Reckon). It does not
// know whether a merchant is bound to charge: the rules are theirs.
//
// Where something goes is told by country and region, never by postcode: Place
// turns a postcode into a region and forgets it.
package tax

import (
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Anywhere is the country of a rule for all countries without their own.
const Anywhere = area.Anywhere

// The classes every shop has. A merchant may use words of their own beside
// them; what a country has no rule for is taxed as Standard.
const (
	Standard = ""
	Reduced  = "reduced"
	Zero     = "zero"   // taxed, at nothing
	Exempt   = "exempt" // not taxed at all
)

// ProRata is the class of a delivery that is taxed as the goods in it are, in
// proportion to their prices.
const ProRata = "pro-rata"

// Rule is the rate for goods of a class that go somewhere.
type Rule struct {
	Country string // ISO 3166-1 alpha-2, or Anywhere
	Region  string // "" for the whole country
	Class   string
	Rate    money.Rate
}

// Region is a part of a country with rules of its own.
type Region struct {
	Name    string // as rules and the books call it: "CA", "canary-islands"
	Country string
	Postal  []area.Span // in which postcodes it is told, where the address has no region
}

// At is where something goes, as far as tax asks.
type At struct {
	Country string // "" before it is known
	Region  string // a Region's name, or ""
	Reverse bool   // the buyer is a business that pays the tax itself
}

// Policy is how a shop handles tax.
type Policy struct {
	Included bool   // prices contain the tax
	Home     string // the country whose rates are shown before the delivery address is known
	// Small shops of the EU charge their own country's rates in all of it
	// (VAT Directive Art. 59c); a merchant above the threshold does not.
	HomeInEU bool
	// ReverseCharge lets businesses of another EU country with a VAT number
	// pay the tax themselves (VAT Directive Art. 138).
	ReverseCharge bool
	Delivery      string // the class delivery is taxed by when its method names none; or ProRata
	Rules         []Rule
	Regions       []Region
}

// None reports whether the shop charges no tax at all.
func (p Policy) None() bool { return len(p.Rules) == 0 }

// Place tells in which region of its rules a place lies. It keeps the region
// of an address only when some rule asks for it.
func (p Policy) Place(to area.Place) At {
	at := At{Country: to.Country}
	i := area.Closest(to, len(p.Regions), func(i int) area.Area {
		r := p.Regions[i]
		return area.Area{Countries: []string{r.Country}, Regions: []string{r.Name}, Postal: r.Postal}
	})
	if i >= 0 {
		at.Region = p.Regions[i].Name
		return at
	}
	for _, r := range p.Rules {
		if r.Region != "" && r.Country == to.Country && strings.EqualFold(r.Region, to.Region) {
			at.Region = r.Region
		}
	}
	return at
}

// Reverse reports whether a business with a VAT number of country pays the tax
// itself when goods go to another EU country than the shop's own.
func (p Policy) Reverse(to At, vatCountry string) bool {
	return p.ReverseCharge && to.Region == "" && to.Country != p.Home && InEU(to.Country) && InEU(p.Home) && vatCountry != p.Home && InEU(vatCountry)
}

// Rate returns the rate of a class: the region's, else the country's, else
// that of anywhere; each of them for the class, else the standard one. A
// region with rules of its own is never taxed by its country's.
func (p Policy) Rate(at At, class string) money.Rate {
	if class == Zero || class == Exempt || at.Reverse {
		return 0
	}
	switch {
	case at.Country == "":
		at = At{Country: p.Home}
	case p.HomeInEU && at.Region == "" && InEU(at.Country) && InEU(p.Home):
		at.Country = p.Home
	}
	best, rate := 0, money.Rate(0)
	for _, r := range p.Rules {
		if n := r.fits(at, class); n > best {
			best, rate = n, r.Rate
		}
	}
	return rate
}

// fits ranks a rule for a place and class; 0 when it is for something else.
func (r Rule) fits(at At, class string) int {
	n := 0
	switch {
	case r.Country == at.Country && r.Region == at.Region && r.Region != "":
		n = 5
	case r.Country == at.Country && r.Region == "":
		n = 3
	case r.Country == Anywhere:
		n = 1
	default:
		return 0
	}
	switch r.Class {
	case class:
		return n + 1
	case Standard:
		return n
	}
	return 0
}

// Classes returns the classes that rules speak of, beside the ones every shop has.
func (p Policy) Classes() []string {
	out := []string{Reduced, Zero, Exempt}
	for _, r := range p.Rules {
		if r.Class != Standard && !slices.Contains(out, r.Class) {
			out = append(out, r.Class)
		}
	}
	return out
}

// InEU reports whether a country is in the EU, for VAT. Northern Ireland's
// goods are, the United Kingdom is not.
func InEU(country string) bool {
	switch country {
	case "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT",
		"NL", "PL", "PT", "RO", "SE", "SI", "SK", "MC", "XI": // Monaco is taxed as France is
		return true
	}
	return false
}

// Package tax says how much of a price the state gets.
//
// It knows one rate per country and whether prices contain it. It does not
// know orders or thresholds: a merchant, not this package, knows where tax is
// due.
package tax

import (
	"github.com/cartkeep/cartkeep/internal/money"
)

// Anywhere is the country of a rule for all countries without their own.
const Anywhere = "*"

// Rule is the rate for goods that go to a country.
type Rule struct {
	Country string // ISO 3166-1 alpha-2, or Anywhere
	Rate    money.Rate
}

// Table is a merchant's rules. A country that has none, where there is none
// for Anywhere either, is not taxed.
type Table []Rule

// For returns the rate for a country.
func (t Table) For(country string) money.Rate {
	var rate money.Rate
	for _, r := range t {
		switch r.Country {
		case country:
			return r.Rate
		case Anywhere:
			rate = r.Rate
		}
	}
	return rate
}

// Policy is how a shop handles tax.
type Policy struct {
	Included bool   // prices contain the tax
	Home     string // the country whose rate is shown before the delivery address is known
	Table    Table
}

// Rate returns the rate for a country, or for Home while the country is "".
func (p Policy) Rate(country string) money.Rate {
	if country == "" {
		country = p.Home
	}
	return p.Table.For(country)
}

// Of returns the tax on an amount that goes to a country: the part contained
// in it, or what is to be added.
func (p Policy) Of(a money.Amount, country string) (money.Amount, error) {
	if p.Included {
		return a.Contained(p.Rate(country))
	}
	return a.Added(p.Rate(country))
}

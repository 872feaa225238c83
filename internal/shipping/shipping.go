// Package shipping knows the ways goods travel and what each costs.
//
// It does not know addresses, carriers or labels: a country is all it asks.
package shipping

import (
	"slices"

	"github.com/cartkeep/cartkeep/internal/money"
)

// Anywhere is the country of a price for all countries without their own.
const Anywhere = "*"

// Method is one way goods travel.
type Method struct {
	ID     string // a word that stays, such as "standard"
	Title  string
	Prices map[string]money.Amount // by ISO 3166-1 alpha-2 code or Anywhere
}

// For returns the price to a country, and whether the method goes there.
func (m Method) For(country string) (money.Amount, bool) {
	if price, ok := m.Prices[country]; ok {
		return price, true
	}
	price, ok := m.Prices[Anywhere]
	return price, ok
}

// Methods are the ways a shop offers, in the order it shows them.
type Methods []Method

// Find returns the method with an id.
func (ms Methods) Find(id string) (Method, bool) {
	i := slices.IndexFunc(ms, func(m Method) bool { return m.ID == id })
	if i < 0 {
		return Method{}, false
	}
	return ms[i], true
}

// To returns the methods that go to a country, the cheapest first.
func (ms Methods) To(country string) Methods {
	var going Methods
	for _, m := range ms {
		if _, ok := m.For(country); ok {
			going = append(going, m)
		}
	}
	slices.SortStableFunc(going, func(a, b Method) int {
		priceA, _ := a.For(country)
		priceB, _ := b.For(country)
		return priceA.Cmp(priceB)
	})
	return going
}

// Cheapest returns the cheapest method that goes to a country.
func (ms Methods) Cheapest(country string) (Method, bool) {
	if going := ms.To(country); len(going) > 0 {
		return going[0], true
	}
	return Method{}, false
}

// Package shipping knows the ways goods travel and what each costs.
//
// A merchant draws zones; a place lies in the one that holds it most closely.
// Each method has a rate for the zones it goes to: flat, by weight or by the
// goods' total. It does not know who receives the parcel, which carrier brings
// it, or where any of this is kept. Start at Plan.
package shipping

import (
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Anywhere is the country of a zone for all countries without their own.
const Anywhere = area.Anywhere

// Parcel is what is to be sent and where to.
type Parcel struct {
	area.Place
	Grams   int64        // of what a parcel brings
	Total   money.Amount // of all goods, before delivery
	Virtual bool         // there is nothing to send, and no method is needed
}

// Zone is a part of the world with rates of its own.
type Zone struct {
	ID string // a word that stays, such as "islands"
	area.Area
}

// Basis is what a rate goes by.
type Basis string

// The bases.
const (
	Flat     Basis = "flat"
	ByWeight Basis = "weight" // steps count grams
	ByTotal  Basis = "total"  // steps count minor units of the goods' total
)

// Step is a price that holds from an amount on, until the next step.
type Step struct {
	From  int64
	Price money.Amount
}

// Rate is what a method costs in a zone.
type Rate struct {
	Zone     string
	Basis    Basis
	Steps    []Step       // the first is from 0, the others rise
	FreeFrom money.Amount // a goods' total from which on it is free; zero: never
	MaxGrams int64        // heavier parcels do not go; 0: no limit
}

// Of returns the price for a parcel, and whether it goes.
func (r Rate) Of(p Parcel) (money.Amount, bool) {
	if len(r.Steps) == 0 || r.MaxGrams > 0 && p.Grams > r.MaxGrams {
		return money.Amount{}, false
	}
	price := r.Steps[0].Price
	if !r.FreeFrom.IsZero() && p.Total.Minor() >= r.FreeFrom.Minor() {
		return money.Zero(price.Currency()), true
	}
	var by int64
	switch r.Basis {
	case ByWeight:
		by = p.Grams
	case ByTotal:
		by = p.Total.Minor()
	}
	for _, s := range r.Steps {
		if by >= s.From {
			price = s.Price
		}
	}
	return price, true
}

// Pickup is where goods are collected instead of sent.
type Pickup struct {
	Place string // lines joined by line breaks
	Hours string // when it is open, in words
}

// Method is one way goods travel.
type Method struct {
	ID       string // a word that stays, such as "standard"
	Title    string
	Rates    []Rate // one for each zone it goes to
	DaysFrom int    // working days until it arrives, at best…
	DaysTo   int    // …and at worst; 0: not said
	Slots    []Slot // when the shopper may choose; empty: no choice
	Pickup   Pickup // with a Place, goods are collected there
	TaxClass string // how delivery is taxed, as package tax reads it
}

// Collected reports whether the shopper fetches the goods.
func (m Method) Collected() bool { return m.Pickup.Place != "" }

func (m Method) rate(zone string) (Rate, bool) {
	i := slices.IndexFunc(m.Rates, func(r Rate) bool { return r.Zone == zone })
	if i < 0 {
		return Rate{}, false
	}
	return m.Rates[i], true
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

// Option is a method with its price for one parcel.
type Option struct {
	Method
	Price money.Amount
}

// Windows returns the times a shopper may choose now; see Method.Slots.
func (o Option) Windows(now time.Time, zone *time.Location) []Window {
	return Windows(o.Slots, now, zone)
}

// Plan is everything a shop offers: its zones and its methods.
type Plan struct {
	Zones []Zone
	Methods
}

// Zone returns the id of the zone that a place lies in, or "".
func (p Plan) Zone(place area.Place) string {
	i := area.Closest(place, len(p.Zones), func(i int) area.Area { return p.Zones[i].Area })
	if i < 0 {
		return ""
	}
	return p.Zones[i].ID
}

// For returns the methods that take a parcel where it goes: those that bring
// it, the cheapest first, then those where it is collected. Something without
// weight needs none.
func (p Plan) For(parcel Parcel) []Option { return p.In(p.Zone(parcel.Place), parcel) }

// In is For within a zone that is known already.
func (p Plan) In(zone string, parcel Parcel) []Option {
	if parcel.Virtual || zone == "" {
		return nil
	}
	out := make([]Option, 0, len(p.Methods))
	for _, m := range p.Methods {
		if r, ok := m.rate(zone); ok {
			if price, goes := r.Of(parcel); goes {
				out = append(out, Option{m, price})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Option) int {
		if a.Collected() != b.Collected() {
			if a.Collected() {
				return 1
			}
			return -1
		}
		return a.Price.Cmp(b.Price)
	})
	return out
}

// Price returns what a method costs for a parcel in a zone, and whether it
// goes there.
func (p Plan) Price(method, zone string, parcel Parcel) (money.Amount, bool) {
	if m, ok := p.Find(method); ok && !parcel.Virtual {
		if r, ok := m.rate(zone); ok {
			return r.Of(parcel)
		}
	}
	return money.Amount{}, false
}

// Reaches reports whether anything goes to some part of a country.
func (p Plan) Reaches(country string) bool {
	drawn, world := false, false
	for _, z := range p.Zones {
		switch {
		case slices.Contains(z.Countries, country):
			if p.used(z.ID) {
				return true
			}
			drawn = drawn || z.Fit(area.Place{Country: country}) == area.ByCountry
		case slices.Contains(z.Countries, Anywhere):
			world = world || p.used(z.ID)
		}
	}
	return world && !drawn
}

func (p Plan) used(zone string) bool {
	return slices.ContainsFunc(p.Methods, func(m Method) bool { _, ok := m.rate(zone); return ok })
}

// ZoneOf is the zone of one whole country, or of Anywhere.
func ZoneOf(country string) Zone {
	id := strings.ToLower(country)
	if country == Anywhere {
		id = "world"
	}
	return Zone{ID: id, Area: area.Area{Countries: []string{country}}}
}

// FlatRate is the same price for every parcel to a zone.
func FlatRate(zone string, price money.Amount) Rate {
	return Rate{Zone: zone, Basis: Flat, Steps: []Step{{0, price}}}
}

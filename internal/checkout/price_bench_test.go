package checkout

import (
	"fmt"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// BenchmarkPrice prices a cart of 20 lines in three tax classes, against the
// rules of 60 countries and a plan of 20 zones.
func BenchmarkPrice(b *testing.B) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		b.Fatal(err)
	}
	s := store.Settings{Currency: eur, Home: "DE", Tax: tax.Policy{Included: true, Home: "DE", Delivery: tax.ProRata}}
	for i := range 60 {
		country := string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
		s.Tax.Rules = append(s.Tax.Rules, tax.Rule{Country: country, Rate: 200_000}, tax.Rule{Country: country, Class: tax.Reduced, Rate: 70_000})
	}
	s.Tax.Rules = append(s.Tax.Rules, tax.Rule{Country: "DE", Rate: 190_000}, tax.Rule{Country: "DE", Class: tax.Reduced, Rate: 70_000})
	m := shipping.Method{ID: "standard"}
	for i := range 20 {
		zone := shipping.Zone{ID: fmt.Sprint("zone", i), Area: area.Area{Countries: []string{fmt.Sprint("X", i)}}}
		s.Shipping.Zones = append(s.Shipping.Zones, zone)
		m.Rates = append(m.Rates, shipping.FlatRate(zone.ID, money.Of(490, eur)))
	}
	s.Shipping.Methods = shipping.Methods{m}
	row := store.CartRow{Checkout: cart.Checkout{Complete: true, Country: "DE", Zone: "zone19", ShippingMethod: "standard"}}
	var lines []cart.Line
	for i := range 20 {
		lines = append(lines, cart.Line{Quantity: 2, Unit: money.Of(1999, eur), Total: money.Of(3998, eur), Grams: 500, Sold: true, TaxClass: []string{"", tax.Reduced, tax.Exempt}[i%3]})
	}
	b.ReportAllocs()
	for b.Loop() {
		if c, err := priced(row, lines, s, time.Time{}); err != nil || c.Totals.Shipping.Minor() != 490 {
			b.Fatal(c.Totals, err)
		}
	}
}

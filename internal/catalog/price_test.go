package catalog

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/money"
)

func TestUnitPricesAsTheyStandOnShelves(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m     Measure
		price int64
		want  string
	}{
		{Measure{750_000, "ml", 1000, "l"}, 900, "€12.00 / 1 l"},
		{Measure{50_000, "ml", 100_000, "ml"}, 1250, "€25.00 / 100 ml"},
		{Measure{500_000, "g", 0, ""}, 399, "€7.98 / 1 kg"},
		{Measure{2500, "m", 0, ""}, 1000, "€4.00 / 1 m"},
		{Measure{3000, "pcs", 0, ""}, 100, "€0.33 / 1 piece"},
		{Measure{8000, "pieces", 1000, "item"}, 100, "€0.13 / 1 piece"}, // 12.5 goes up
		{Measure{330, "l", 1000, "L"}, 99, "€3.00 / 1 l"},
		{Measure{}, 100, ""},
		{Measure{1000, "parsec", 1000, "parsec"}, 100, ""},
		{Measure{1000, "kg", 1000, "l"}, 100, ""},
		{Measure{-5, "kg", 0, ""}, 100, ""},
		{Measure{1, "mg", 1_000_000, "kg"}, money.Limit, ""}, // larger than any price
	} {
		u, ok := c.m.UnitPrice(money.Of(c.price, eur))
		if got := u.Format(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%+v at %d: got %q %v, want %q", c.m, c.price, got, ok, c.want)
		}
	}
}

// TestUnitPriceIsTheNearest: no other whole minor unit is nearer to the exact
// fraction.
func TestUnitPriceIsTheNearest(t *testing.T) {
	factor := map[string]int64{"g": 1, "kg": 1000}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"g", "kg"})
		m := Measure{rapid.Int64Range(1, 1e9).Draw(t, "amount"), word.Draw(t, "unit"), rapid.Int64Range(1, 1e7).Draw(t, "base"), word.Draw(t, "base unit")}
		price := rapid.Int64Range(0, 1e7).Draw(t, "price")
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(price*factor[m.BaseUnit]), big.NewInt(m.Base)), new(big.Int).Mul(big.NewInt(m.Amount), big.NewInt(factor[m.Unit])))
		u, ok := m.UnitPrice(money.Of(price, money.Currency{}))
		if !ok {
			if exact.Cmp(new(big.Rat).SetInt64(money.Limit)) < 0 {
				t.Fatalf("%+v at %d has no unit price", m, price)
			}
			return
		}
		off := new(big.Rat).Sub(new(big.Rat).SetInt64(u.Price.Minor()), exact)
		if half := big.NewRat(1, 2); off.Cmp(half) > 0 || off.Cmp(new(big.Rat).Neg(half)) <= 0 {
			t.Fatalf("%+v at %d: got %d, exactly %v", m, price, u.Price.Minor(), exact)
		}
	})
}

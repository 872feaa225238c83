package tax

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/money"
)

func TestACountryHasItsOwnRateOrTheOneForAnywhere(t *testing.T) {
	table := Table{{"DE", 190_000}, {Anywhere, 10_000}, {"AT", 200_000}, {"CH", 0}}
	for country, want := range map[string]money.Rate{"DE": 190_000, "AT": 200_000, "CH": 0, "US": 10_000, "": 10_000} {
		if got := table.For(country); got != want {
			t.Errorf("%q is taxed %v, want %v", country, got, want)
		}
	}
	if got := (Table{{"DE", 190_000}}).For("FR"); got != 0 {
		t.Errorf("a country without a rule is taxed %v", got)
	}
}

func TestTaxIsContainedOrAdded(t *testing.T) {
	eur, _ := money.ParseCurrency("EUR")
	gross := money.Of(11900, eur)
	p := Policy{Included: true, Home: "DE", Table: Table{{"DE", 190_000}}}
	for _, country := range []string{"DE", ""} { // Home before the country is known
		if got, err := p.Of(gross, country); err != nil || got.Minor() != 1900 {
			t.Errorf("to %q: %v, %v; want 19.00 contained", country, got, err)
		}
	}
	if got, err := p.Of(gross, "US"); err != nil || !got.IsZero() {
		t.Errorf("abroad %v is contained, %v", got, err)
	}
	p.Included = false
	if got, err := p.Of(money.Of(10000, eur), "DE"); err != nil || got.Minor() != 1900 {
		t.Errorf("got %v, %v; want 19.00 added", got, err)
	}
}

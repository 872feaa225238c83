package tax

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
)

func span(t testing.TB, s string) area.Span {
	t.Helper()
	out, err := area.ParseSpan(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPlaceHasTheRateOfItsRegionCountryOrOfAnywhere(t *testing.T) {
	p := Policy{Home: "DE", Rules: []Rule{
		{"DE", "", "", 190_000}, {"DE", "", Reduced, 70_000}, {Anywhere, "", "", 10_000}, {"CH", "", "", 0},
		{"ES", "", "", 210_000}, {"ES", "", Reduced, 100_000}, {"ES", "canary-islands", "", 70_000}, {"US", "CA", "", 72_500},
		{"FR", "", "books", 55_000},
	}, Regions: []Region{{"canary-islands", "ES", []area.Span{span(t, "35"), span(t, "38")}}}}
	for _, c := range []struct {
		to    area.Place
		class string
		want  money.Rate
	}{
		{area.Place{Country: "DE"}, "", 190_000},
		{area.Place{Country: "DE"}, Reduced, 70_000},
		{area.Place{Country: "DE"}, "books", 190_000}, // no rule: the standard one
		{area.Place{Country: "DE"}, Zero, 0},
		{area.Place{Country: "DE"}, Exempt, 0},
		{area.Place{Country: "CH"}, "", 0}, // a rule of nothing is a rule
		{area.Place{}, "", 190_000},        // home, before anything is known
		{area.Place{Country: "JP"}, "", 10_000},
		{area.Place{Country: "ES", PostalCode: "28001"}, Reduced, 100_000},
		{area.Place{Country: "ES", PostalCode: "35 001", Region: "Las Palmas"}, "", 70_000},
		{area.Place{Country: "ES", PostalCode: "38001"}, Reduced, 70_000}, // never the mainland's
		{area.Place{Country: "US", Region: "CA", PostalCode: "94105"}, "", 72_500},
		{area.Place{Country: "US", Region: "NY", PostalCode: "10001"}, "", 10_000},
		{area.Place{Country: "FR"}, "books", 55_000},
		{area.Place{Country: "FR"}, "", 10_000},
	} {
		if got := p.Rate(p.Place(c.to), c.class); got != c.want {
			t.Errorf("%q to %v is taxed %v, want %v", c.class, c.to, got, c.want)
		}
	}
	if got := (Policy{}).Rate(At{Country: "FR"}, ""); got != 0 {
		t.Errorf("a shop without rules taxes %v", got)
	}
}

// TestARegionIsKeptOnlyWhereARuleAsksForIt: what no rule needs is not noted
// beside a cart.
func TestARegionIsKeptOnlyWhereARuleAsksForIt(t *testing.T) {
	p := Policy{Rules: []Rule{{"US", "CA", "", 72_500}, {"US", "", "", 0}}}
	for region, want := range map[string]string{"CA": "CA", "ca": "CA", "NY": "", "": ""} {
		if got := p.Place(area.Place{Country: "US", Region: region, PostalCode: "94105"}); got != (At{Country: "US", Region: want}) {
			t.Errorf("%q is kept as %v", region, got)
		}
	}
}

func TestASmallShopChargesItsOwnRatesInTheWholeEU(t *testing.T) {
	p := Policy{Home: "DE", HomeInEU: true, Rules: []Rule{{"DE", "", "", 190_000}, {"FR", "", "", 200_000}, {"NO", "", "", 250_000}}}
	for country, want := range map[string]money.Rate{"FR": 190_000, "DE": 190_000, "NO": 250_000, "US": 0} {
		if got := p.Rate(At{Country: country}, ""); got != want {
			t.Errorf("%s is taxed %v, want %v", country, got, want)
		}
	}
}

func TestABusinessOfAnotherEUCountryPaysTheTaxItself(t *testing.T) {
	p := Policy{Home: "DE", ReverseCharge: true, Rules: []Rule{{"DE", "", "", 190_000}, {"FR", "", "", 200_000}}}
	for _, c := range []struct {
		to  At
		vat string
		on  bool
	}{
		{At{Country: "FR"}, "FR", true},
		{At{Country: "FR"}, "AT", true},
		{At{Country: "FR"}, "DE", false}, // the shop's own country
		{At{Country: "DE"}, "FR", false}, // the goods stay
		{At{Country: "CH"}, "CH", false},
		{At{Country: "FR"}, "", false},
		{At{Country: "ES", Region: "canary-islands"}, "ES", false}, // outside the EU's VAT area
	} {
		if got := p.Reverse(c.to, c.vat); got != c.on {
			t.Errorf("to %v with a number of %q: %v", c.to, c.vat, got)
		}
	}
	if p.Rate(At{Country: "FR", Reverse: true}, "") != 0 {
		t.Error("tax is charged in spite of it")
	}
	p.ReverseCharge = false
	if p.Reverse(At{Country: "FR"}, "FR") {
		t.Error("the merchant did not switch it on")
	}
}

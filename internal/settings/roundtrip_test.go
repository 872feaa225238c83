package settings

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// TestWhatIsWrittenIsReadTheSame draws shops with anything in them and holds
// what an export says of each to what an import makes of it.
func TestWhatIsWrittenIsReadTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		was := someShop(r)
		d, bad := parse(was.toml(), was.currency())
		if len(bad) > 0 {
			r.Fatalf("%v\n%s", bad, was.toml())
		}
		now := state{words: map[string]string{}, texts: map[string]string{}}.with(d)
		if got, want := now.flat(), was.flat(); !maps.Equal(got, want) {
			for key := range want {
				if got[key] != want[key] {
					t.Errorf("%s: got %q, want %q", key, got[key], want[key])
				}
			}
			r.Fatalf("%d settings became %d", len(want), len(got))
		}
		if again := now.toml(); string(again) != string(was.toml()) {
			r.Fatalf("it is written differently:\n%s\n%s", was.toml(), again)
		}
		if changes := differences(was, now); len(changes) > 0 {
			r.Fatalf("changes: %v", changes)
		}
	})
}

func someShop(r *rapid.T) state {
	plain := rapid.StringMatching(`[A-Za-zäß€"\\'#=\[\]{}.,<>&-][A-Za-zäß€ "\\'#=\[\]{}.,<>&-]{0,18}[A-Za-z"\\'#\]]`)
	code := rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(r, "currency")
	cur, err := money.ParseCurrency(code)
	if err != nil {
		r.Fatal(err)
	}
	amount := func(name string) money.Amount { return money.Of(rapid.Int64Range(0, 99_999).Draw(r, name), cur) }
	s := state{words: map[string]string{}, texts: map[string]string{}}
	for _, w := range singles() {
		s.words[w.stored] = w.fallback
	}
	s.words["shop.name"], s.words["shop.currency"], s.words["shop.country"], s.words["shop.zone"] = plain.Draw(r, "name"), code, "DE", "Europe/Berlin"
	s.words["tax.included"] = fmt.Sprint(rapid.Bool().Draw(r, "included"))
	s.words["seller.address"] = plain.Draw(r, "line") + "\n" + plain.Draw(r, "line")
	for _, name := range store.TextNames() {
		s.texts[name] = ""
		if rapid.Bool().Draw(r, "text") {
			s.texts[name] = plain.Draw(r, "first") + "\n\n- " + plain.Draw(r, "item") + "\n\"\"\"\n" + plain.Draw(r, "last")
		}
	}
	rates := rapid.MapOfN(rapid.SampledFrom([]string{"AT", "DE", "FR", "US", "*"}), rapid.IntRange(0, 1_000_000), 0, 4).Draw(r, "rates")
	for country, rate := range rates {
		s.rules = append(s.rules, tax.Rule{Country: country, Rate: money.Rate(rate)})
		if country != "*" && rate%2 == 0 {
			s.rules = append(s.rules, tax.Rule{Country: country, Region: "north", Class: "books", Rate: money.Rate(rate / 2)})
		}
	}
	sortRules(s.rules)
	if rapid.Bool().Draw(r, "region") {
		s.regions = append(s.regions, tax.Region{Name: "north", Country: "US", Postal: []area.Span{{From: "1", To: "2"}, {From: "77", To: "77"}}})
	}
	for i := range rapid.IntRange(1, 4).Draw(r, "zones") {
		z := shipping.Zone{ID: fmt.Sprint("z", i), Area: area.Area{Countries: []string{"DE", "AT"}[:rapid.IntRange(1, 2).Draw(r, "countries")]}}
		if len(z.Countries) == 1 && rapid.Bool().Draw(r, "part") {
			z.Regions = []string{plain.Draw(r, "region")}
			z.Postal = []area.Span{{From: "10", To: "19"}}
		}
		s.plan.Zones = append(s.plan.Zones, z)
	}
	for i := range rapid.IntRange(0, 3).Draw(r, "methods") {
		m := shipping.Method{ID: fmt.Sprint("m", i), Title: plain.Draw(r, "title"), DaysTo: rapid.IntRange(0, 9).Draw(r, "days")}
		if rapid.Bool().Draw(r, "pickup") {
			m.Pickup = shipping.Pickup{Place: plain.Draw(r, "place") + "\n" + plain.Draw(r, "place"), Hours: plain.Draw(r, "hours")}
		}
		for _, z := range s.plan.Zones {
			rate := shipping.Rate{Zone: z.ID, Basis: rapid.SampledFrom([]shipping.Basis{shipping.Flat, shipping.ByWeight, shipping.ByTotal}).Draw(r, "by"), MaxGrams: rapid.Int64Range(0, 9999).Draw(r, "most")}
			rate.Steps = []shipping.Step{{Price: amount("price")}}
			if rate.Basis != shipping.Flat {
				rate.Steps = append(rate.Steps, shipping.Step{From: rapid.Int64Range(1, 99_999).Draw(r, "from"), Price: amount("price")})
			}
			if free := amount("free"); !free.IsZero() && rapid.Bool().Draw(r, "sometimes free") {
				rate.FreeFrom = free
			}
			m.Rates = append(m.Rates, rate)
		}
		if rapid.Bool().Draw(r, "slot") {
			from := rapid.IntRange(0, 1400).Draw(r, "at")
			m.Slots = append(m.Slots, shipping.Slot{Days: []time.Weekday{time.Sunday, time.Friday}, From: from, To: from + 30, OrderBy: from, DaysBefore: rapid.IntRange(0, 3).Draw(r, "before")})
		}
		s.plan.Methods = append(s.plan.Methods, m)
	}
	s.codes = discount.Codes{}
	for i := range rapid.IntRange(0, 4).Draw(r, "codes") {
		c := discount.Code{Word: fmt.Sprint(rapid.StringMatching(`[A-Z][A-Z0-9-]{2,20}[A-Z]`).Draw(r, "word"), i), Kind: rapid.SampledFrom([]discount.Kind{discount.Percentage, discount.Amount, discount.FreeDelivery}).Draw(r, "kind"),
			Uses: rapid.Int64Range(0, 9).Draw(r, "uses"), Each: rapid.Int64Range(0, 2).Draw(r, "each"), Exclusive: rapid.Bool().Draw(r, "exclusive")}
		bound := func(name string) money.Amount {
			if a := amount(name); !a.IsZero() {
				return a
			}
			return money.Amount{}
		}
		switch c.MinItems = bound("least"); c.Kind {
		case discount.Amount:
			c.Off = money.Of(rapid.Int64Range(1, 99_999).Draw(r, "off"), cur)
		case discount.Percentage:
			c.Rate = money.Rate(rapid.IntRange(1, 1_000_000).Draw(r, "percent"))
			c.UpTo = bound("up to")
		}
		if rapid.Bool().Draw(r, "dated") {
			c.From, c.Until = "2026-11-30", "2026-12-24"
		}
		s.codes[c.Key()] = c
	}
	return s
}

package shipping

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
)

func eur(minor int64) money.Amount {
	c, _ := money.ParseCurrency("EUR")
	return money.Of(minor, c)
}

func to(country, postal string, grams, total int64) Parcel {
	return Parcel{Place: area.Place{Country: country, PostalCode: postal}, Grams: grams, Total: eur(total)}
}

func plan(t testing.TB) Plan {
	t.Helper()
	islands, err := area.ParseSpan("35..38")
	if err != nil {
		t.Fatal(err)
	}
	return Plan{
		Zones: []Zone{ZoneOf("DE"), ZoneOf("ES"), ZoneOf(Anywhere), {"islands", area.Area{Countries: []string{"ES"}, Postal: []area.Span{islands}}}},
		Methods: Methods{
			{ID: "pickup", Title: "Collect it", Pickup: Pickup{Place: "Quay 3"}, Rates: []Rate{FlatRate("de", eur(0))}},
			{ID: "express", Title: "Express", Rates: []Rate{FlatRate("de", eur(1290))}},
			{ID: "standard", Title: "Standard", Rates: []Rate{
				{Zone: "de", Basis: Flat, Steps: []Step{{0, eur(490)}}, FreeFrom: eur(10000)},
				{Zone: "es", Basis: ByWeight, Steps: []Step{{0, eur(700)}, {2000, eur(1200)}, {10000, eur(2500)}}, MaxGrams: 30000},
				{Zone: "world", Basis: ByTotal, Steps: []Step{{0, eur(2000)}, {5000, eur(1500)}}},
			}},
		},
	}
}

func TestWhatGoesWhereAndForHowMuch(t *testing.T) {
	p := plan(t)
	for _, c := range []struct {
		parcel Parcel
		want   []string
		price  int64 // of the last "standard"
	}{
		{to("DE", "10115", 500, 9999), []string{"standard", "express", "pickup"}, 490},
		{to("DE", "10115", 500, 10000), []string{"standard", "express", "pickup"}, 0}, // free from here on
		{to("ES", "28001", 1999, 100), []string{"standard"}, 700},
		{to("ES", "28001", 2000, 100), []string{"standard"}, 1200},
		{to("ES", "28001", 30000, 100), []string{"standard"}, 2500},
		{to("ES", "28001", 30001, 100), nil, 0}, // too heavy
		{to("ES", "35 001", 1, 100), nil, 0},    // the islands are drawn and nothing goes there
		{to("FR", "", 1, 4999), []string{"standard"}, 2000},
		{to("FR", "", 1, 5000), []string{"standard"}, 1500},
	} {
		got := p.For(c.parcel)
		if len(got) != len(c.want) {
			t.Errorf("%v: got %v, want %v", c.parcel, got, c.want)
			continue
		}
		for i, o := range got {
			if o.ID != c.want[i] || o.ID == "standard" && o.Price != eur(c.price) {
				t.Errorf("%v: got %s for %v, want %s for %d", c.parcel, o.ID, o.Price, c.want[i], c.price)
			}
			if price, ok := p.Price(o.ID, p.Zone(c.parcel.Place), c.parcel); !ok || price != o.Price {
				t.Errorf("%v: %s costs %v alone and %v in the list", c.parcel, o.ID, price, o.Price)
			}
		}
	}
	if got := p.For(Parcel{Place: area.Place{Country: "DE"}, Virtual: true}); got != nil {
		t.Errorf("a file is sent by %v", got)
	}
	for country, want := range map[string]bool{"DE": true, "ES": true, "FR": true} {
		if p.Reaches(country) != want {
			t.Errorf("%s is reached: %v", country, !want)
		}
	}
	p.Methods = p.Methods[:2]
	if p.Reaches("ES") || p.Reaches("FR") || !p.Reaches("DE") {
		t.Error("without standard only Germany is reached")
	}
}

// TestTheFreeOneToCollectIsNeverFirst keeps a parcel from waiting in a shop in
// another town because nobody chose.
func TestTheFreeOneToCollectIsNeverFirst(t *testing.T) {
	if got := plan(t).For(to("DE", "", 1, 1)); got[0].ID != "standard" || !got[len(got)-1].Collected() {
		t.Errorf("the list begins with %s", got[0].ID)
	}
}

func TestAWindowEndsWithItsOrderTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	slots := []Slot{
		{Days: []time.Weekday{time.Tuesday, time.Thursday}, From: 18 * 60, To: 21 * 60, OrderBy: 12 * 60},
		{Days: []time.Weekday{time.Saturday}, From: 9 * 60, To: 12 * 60, OrderBy: 18 * 60, DaysBefore: 1},
	}
	first := func(now string) string {
		at, err := time.ParseInLocation("2006-01-02 15:04", now, berlin)
		if err != nil {
			t.Fatal(err)
		}
		ws := Windows(slots, at.UTC(), berlin)
		for i := 1; i < len(ws); i++ {
			if !ws[i].From.After(ws[i-1].From) {
				t.Errorf("%v comes after %v", ws[i], ws[i-1])
			}
		}
		if again, ok := ParseWindow(ws[0].ID(), berlin); !ok || again.ID() != ws[0].ID() {
			t.Errorf("%s is read as %v", ws[0].ID(), again)
		}
		return ws[0].ID()
	}
	for now, want := range map[string]string{
		"2026-12-01 11:59": "2026-12-01T18:00/21:00", // a Tuesday
		"2026-12-01 12:00": "2026-12-03T18:00/21:00",
		"2026-12-03 12:01": "2026-12-05T09:00/12:00",
		"2026-12-04 18:00": "2026-12-08T18:00/21:00",
		"2026-03-28 20:00": "2026-03-31T18:00/21:00", // the clock moves in between
	} {
		if got := first(now); got != want {
			t.Errorf("at %s the first window is %s, want %s", now, got, want)
		}
	}
	if Windows(nil, time.Now(), berlin) != nil {
		t.Error("without slots there is something to choose")
	}
	for _, no := range []string{"", "2026-12-03", "2026-13-03T18:00/21:00", "2026-12-03T18:00-21:00", "2026-12-03T18:00/25:00"} {
		if w, ok := ParseWindow(no, berlin); ok {
			t.Errorf("%q is read as %v", no, w)
		}
	}
}

func TestAPriceNeverFallsBetweenSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Zone: "z", Basis: rapid.SampledFrom([]Basis{Flat, ByWeight, ByTotal}).Draw(t, "basis")}
		from := int64(0)
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			r.Steps = append(r.Steps, Step{from, eur(rapid.Int64Range(0, 9999).Draw(t, "price"))})
			from += rapid.Int64Range(1, 5000).Draw(t, "rise")
		}
		p := to("DE", "", rapid.Int64Range(0, 20000).Draw(t, "grams"), rapid.Int64Range(0, 20000).Draw(t, "total"))
		price, ok := r.Of(p)
		if !ok {
			t.Fatal("a parcel has no price")
		}
		by := map[Basis]int64{Flat: 0, ByWeight: p.Grams, ByTotal: p.Total.Minor()}[r.Basis]
		last := r.Steps[0]
		for _, s := range r.Steps {
			if s.From <= by {
				last = s
			}
		}
		if price != last.Price {
			t.Fatalf("got %v, want %v", price, last.Price)
		}
	})
}

func FuzzParseWindow(f *testing.F) {
	f.Add("2026-12-03T18:00/21:00")
	f.Add("2026-12-03T18:00/2100")
	f.Fuzz(func(t *testing.T, s string) {
		if w, ok := ParseWindow(s, time.UTC); ok && w.ID() != s {
			t.Errorf("%q is written %q", s, w.ID())
		}
	})
}

package area

import (
	"testing"

	"pgregory.net/rapid"
)

func span(t testing.TB, s string) Span {
	t.Helper()
	out, err := ParseSpan(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheClosestAreaHoldsAPlace(t *testing.T) {
	names := []string{"world", "spain", "canaries", "west", "berlin", "germany"}
	areas := []Area{
		{Countries: []string{Anywhere}},
		{Countries: []string{"ES", "PT"}},
		{Countries: []string{"ES"}, Postal: []Span{span(t, "35"), span(t, "38")}},
		{Countries: []string{"US"}, Regions: []string{"CA", "OR"}},
		{Countries: []string{"DE"}, Postal: []Span{span(t, "10115..14199")}, Regions: []string{"Berlin"}},
		{Countries: []string{"DE"}},
	}
	for place, want := range map[Place]string{
		{"FR", "", "75001"}: "world", {"ES", "", "28001"}: "spain", {"ES", "", "38 001"}: "canaries", {"ES", "", ""}: "spain",
		{"US", "ca", "94105"}: "west", {"US", "NY", "10001"}: "world", {"DE", "", "12527"}: "berlin", {"DE", "", "14200"}: "germany",
		{"DE", "berlin", ""}: "berlin", {"", "", ""}: "world",
	} {
		i := Closest(place, len(areas), func(i int) Area { return areas[i] })
		if i < 0 || names[i] != want {
			t.Errorf("%v lies in %d, want %s", place, i, want)
		}
	}
	if i := Closest(Place{Country: "FR"}, 1, func(int) Area { return areas[1] }); i != -1 {
		t.Errorf("France lies in Spain")
	}
}

func TestWhatParseSpanReadsItWritesAgain(t *testing.T) {
	for text, want := range map[string]string{"35": "35", "10115..12527": "10115..12527", "sw1a 1": "SW1A1", "D-10": "D10"} {
		if got := span(t, text).String(); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
	for _, no := range []string{"", "..", "3..44", "9..1", " - ", "12345678901234"} {
		if got, err := ParseSpan(no); err == nil {
			t.Errorf("%q is read as %v", no, got)
		}
	}
}

// TestTwoAreasWithoutOverlapNeverFitEqually is what the rule for zones rests on.
func TestTwoAreasWithoutOverlapNeverFitEqually(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Area {
			a := Area{Countries: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"DE", "US", Anywhere}), 1, 2, rapid.ID).Draw(t, name)}
			if len(a.Countries) > 1 || a.Countries[0] == Anywhere {
				return a
			}
			a.Regions = rapid.SliceOfN(rapid.SampledFrom([]string{"CA", "NY"}), 0, 1).Draw(t, name+" regions")
			for range rapid.IntRange(0, 2).Draw(t, name+" spans") {
				from := rapid.StringMatching(`[0-3]{1,3}`).Draw(t, "from")
				to := rapid.StringMatching(`[0-3]{3}`).Draw(t, "to")[:len(from)]
				a.Postal = append(a.Postal, Span{min(from, to), max(from, to)})
			}
			return a
		}
		a, b := draw("a"), draw("b")
		p := Place{rapid.SampledFrom([]string{"DE", "US", "FR"}).Draw(t, "country"), rapid.SampledFrom([]string{"", "CA", "NY"}).Draw(t, "region"), rapid.StringMatching(`[0-3]{3}`).Draw(t, "code")}
		if a.Overlaps(b) != b.Overlaps(a) {
			t.Fatal("overlap depends on the order")
		}
		if fit := a.Fit(p); fit != Outside && fit == b.Fit(p) && !a.Overlaps(b) {
			t.Fatalf("%v lies in %v and in %v", p, a, b)
		}
	})
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"35", "1..2", "SW1A..SW1B", "..", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseSpan(s)
		if err != nil {
			return
		}
		if again, err := ParseSpan(got.String()); err != nil || again != got {
			t.Errorf("%q is read as %v and then as %v, %v", s, got, again, err)
		}
	})
}

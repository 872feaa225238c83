package backup

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestWhatGoesIsPastTheWindowAndNeededByNothing: whatever lies in a place.
func TestWhatGoesIsPastTheWindowAndNeededByNothing(t *testing.T) {
	other := "018f2e6a-0000-7000-8000-0000000000ff"
	rapid.Check(t, func(t *rapid.T) {
		began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var list []Stored
		for _, day := range rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 20, rapid.ID).Draw(t, "days") {
			at := began.AddDate(0, 0, day)
			what := rapid.IntRange(1, 3).Draw(t, "parts")
			shop := rapid.SampledFrom([]string{shoptest.ID, shoptest.ID, other}).Draw(t, "shop")
			if what&1 > 0 {
				list = append(list, Stored{Name: name(shop, at, Data)})
			}
			if what&2 > 0 {
				list = append(list, Stored{Name: name(shop, at, Keys)})
			}
		}
		before := began.AddDate(0, 0, rapid.IntRange(0, 80).Draw(t, "before"))
		gone := past(list, short(shoptest.ID), before)
		var ours, left []Stored
		for _, p := range list {
			if of, _, _, _ := parseName(p.Name); of == short(shoptest.ID) {
				ours = append(ours, p)
			}
			if !slices.Contains(gone, p.Name) {
				left = append(left, p)
			}
		}
		for _, n := range gone {
			of, at, _, ok := parseName(n)
			if !ok || of != short(shoptest.ID) || !at.Before(before) {
				t.Fatalf("%s goes: another shop's, or inside the window", n)
			}
		}
		var kept []Set
		for _, s := range Sets(left) {
			if s.Shop == short(shoptest.ID) {
				kept = append(kept, s)
			}
		}
		whole := slices.IndexFunc(Sets(ours), Set.Whole)
		if whole >= 0 && !slices.Contains(kept, Sets(ours)[whole]) {
			t.Fatal("the newest whole set goes")
		}
		if whole < 0 && len(gone) > 0 {
			t.Fatalf("%v goes, and there is no whole set", gone)
		}
		for _, s := range Sets(ours) {
			if s.Data.Name != "" && s.Keys.Name != "" && !slices.Contains(gone, s.Data.Name) && slices.Contains(gone, s.Keys.Name) {
				t.Fatalf("%s goes, and %s needs it", s.Keys.Name, s.Data.Name)
			}
		}
		newest := ""
		for _, s := range Sets(ours) {
			if newest == "" {
				newest = s.Keys.Name
			}
		}
		if slices.Contains(gone, newest) {
			t.Fatal("the newest key part goes")
		}
		for i, s := range kept {
			later := slices.IndexFunc(kept[:i], Set.Whole) >= 0
			if later && s.At.Before(before) {
				t.Fatalf("%v stays past the window", s)
			}
		}
	})
}

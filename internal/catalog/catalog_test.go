package catalog

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestHandles(t *testing.T) {
	for typed, want := range map[string]string{
		"blue-bowl": "blue-bowl", " Blue-Bowl ": "blue-bowl", "a": "a", "v1.2_final": "v1.2_final",
		"schüssel": "schüssel", "碗": "碗", strings.Repeat("a", MaxHandle): strings.Repeat("a", MaxHandle),
	} {
		if got, err := ParseHandle(typed); err != nil || got != want {
			t.Errorf("ParseHandle(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, no := range []string{"", "-", "a-", "-a", "a--b", "a/b", "..", "a b", "a\x00", "a\nb", "%2e", "<a>", strings.Repeat("a", MaxHandle+1), "\xff"} {
		if got, err := ParseHandle(no); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseHandle(%q) = %q, %v; want invalid", no, got, err)
		}
	}
}

func FuzzParseHandle(f *testing.F) {
	for _, s := range []string{"blue-bowl", "İ", "ẞ", "K", "a..b", "\xff", "ǅ", "Ⱥ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHandle(s)
		if err != nil {
			return
		}
		if len(h) > MaxHandle || !utf8.ValidString(h) || strings.ContainsAny(h, "/\\?#% \"<>\n\x00") {
			t.Errorf("%q is no handle", h)
		}
		if again, err := ParseHandle(h); err != nil || again != h {
			t.Errorf("%q parses again to %q, %v", h, again, err)
		}
	})
}

func TestStock(t *testing.T) {
	for _, row := range []struct {
		name    string
		stock   Stock
		left    int64
		limited bool
	}{
		{"nobody counts", Stock{OnHand: -5}, 0, false},
		{"some left", Stock{Counted: true, OnHand: 7, Held: 3}, 4, true},
		{"all promised", Stock{Counted: true, OnHand: 3, Held: 3}, 0, true},
		{"more promised than there", Stock{Counted: true, OnHand: 1, Held: 3}, 0, true},
		{"sold on", Stock{Counted: true, OnHand: -2, Backorder: true}, 0, false},
	} {
		left, limited := row.stock.Left()
		if left != row.left || limited != row.limited {
			t.Errorf("%s: %d left, limited %v; want %d, %v", row.name, left, limited, row.left, row.limited)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Stock{rapid.Bool().Draw(t, "counted"), rapid.Int64Range(-99, 99).Draw(t, "on hand"), rapid.Int64Range(0, 99).Draw(t, "held"), rapid.Bool().Draw(t, "backorder")}
		n := rapid.Int64Range(1, 200).Draw(t, "n")
		if s.Has(n) && s.Counted && !s.Backorder && s.Held+n > s.OnHand {
			t.Fatalf("%+v sells %d", s, n)
		}
		if left, limited := s.Left(); left < 0 || limited && s.Has(left+1) || left > 0 && !s.Has(left) {
			t.Fatalf("%+v has %d left", s, left)
		}
	})
}

func TestVariantTitle(t *testing.T) {
	if got := (Variant{Values: []string{"Blue", "Large"}}).Title(); got != "Blue / Large" {
		t.Errorf("got %q", got)
	}
	if got := (Variant{}).Title(); got != "" {
		t.Errorf("a single variant is called %q", got)
	}
}

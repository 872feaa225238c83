package discount

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/money"
)

var euro = func() money.Currency { c, _ := money.ParseCurrency("EUR"); return c }()

func eur(minor int64) money.Amount { return money.Of(minor, euro) }

func shop(codes ...Code) Codes {
	all := Codes{}
	for _, c := range codes {
		all[c.Key()] = c
	}
	return all
}

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, typed := range []string{"K7Q2M-9F3XA-TB4N0", "k7q2m-9f3xa-tb4n0", " K7Q2M 9F3XA TB4NO ", "K7Q2M9F3XATB4NO"} {
		if key, ok := Key(typed); !ok || key != "K7Q2M9F3XATB4N0" {
			t.Errorf("Key(%q) = %q, %v", typed, key, ok)
		}
	}
	for _, no := range []string{"", "  ", "---", "A\x00B", "ÄÖÜ", "<b>", "' OR 1=1 --", strings.Repeat("A", 41), strings.Repeat(" ", 1000)} {
		if key, ok := Key(no); ok {
			t.Errorf("Key(%q) = %q, want nothing", no, key)
		}
	}
}

func TestAWordOfTheMerchantIsTidied(t *testing.T) {
	if got, err := ParseWord(" welcome-10 "); err != nil || got != "WELCOME-10" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, no := range []string{"", "AB", "A-B", "-ABC", "ABC-", "SUMMER SALE", "ÄPFEL", strings.Repeat("A", 41)} {
		if got, err := ParseWord(no); err == nil {
			t.Errorf("ParseWord(%q) = %q, want a refusal", no, got)
		}
	}
}

func TestACodeOfOursCannotBeGuessed(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		word := New()
		if key, ok := Key(word); !ok || len(key)*5 < 64 || seen[key] {
			t.Fatalf("got %q, %d bits, seen: %v", word, len(key)*5, seen[key])
		} else {
			seen[key] = true
		}
		if parsed, err := ParseWord(word); err != nil || parsed != word {
			t.Fatalf("ParseWord(%q) = %q, %v", word, parsed, err)
		}
	}
	for _, word := range []string{"WELCOME10", "SUMMER", "HAPPY-XMASS-TREES", "K7Q2M-9F3XA"} {
		if !Guessable(word) {
			t.Errorf("%s is not called guessable", word)
		}
	}
	if Guessable("K7Q2M-9F3XA-TB4NC") {
		t.Error("a drawn code is called guessable")
	}
}

func TestAmountsComeFirstAndPercentagesOfTheRest(t *testing.T) {
	all := shop(Code{Word: "TEN", Kind: Percentage, Rate: 100_000}, Code{Word: "FIVE", Kind: Amount, Off: eur(500)},
		Code{Word: "POST", Kind: FreeDelivery, UpTo: eur(490)})
	for _, typed := range [][]string{{"TEN", "FIVE", "POST"}, {"POST", "FIVE", "TEN"}} {
		r, err := all.Reckon(typed, Basket{Items: eur(2500), Delivery: eur(690)})
		if err != nil || r.Items != eur(700) || r.Delivery != eur(490) { // 5.00 and 10 % of 20.00
			t.Errorf("%v: got %v off the items, %v off delivery, %v", typed, r.Items, r.Delivery, err)
		}
	}
}

func TestACodeWaitsEndsOrStandsAlone(t *testing.T) {
	all := shop(Code{Word: "BIG", Kind: Amount, Off: eur(500), MinItems: eur(3000)}, Code{Word: "XMAS", Kind: Amount, Off: eur(100), From: "2026-12-01", Until: "2026-12-24"},
		Code{Word: "A1A", Kind: Percentage, Rate: 500_000, Exclusive: true}, Code{Word: "B2B", Kind: Amount, Off: eur(100)})
	got := func(items int64, day string, words ...string) string {
		r, err := all.Reckon(words, Basket{Items: eur(items), Day: day})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range r.Codes {
			out = append(out, fmt.Sprintf("%s -%d", a.Word, a.Saving.Minor()))
			if a.Missing.Minor() > 0 {
				out = append(out, fmt.Sprintf("misses %d", a.Missing.Minor()))
			}
			if a.Ended {
				out = append(out, "ended")
			}
			if a.Aside {
				out = append(out, "aside")
			}
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ got, want string }{
		{got(2999, "2026-12-01", "BIG"), "BIG -0 misses 1"}, {got(3000, "2026-12-01", "BIG"), "BIG -500"},
		{got(1000, "2026-11-30", "XMAS"), "XMAS -0 ended"}, {got(1000, "2026-12-01", "XMAS"), "XMAS -100"},
		{got(1000, "2026-12-24", "XMAS"), "XMAS -100"}, {got(1000, "2026-12-25", "XMAS"), "XMAS -0 ended"},
		{got(1000, "2026-12-01", "B2B", "A1A"), "B2B -0 aside A1A -500"}, {got(1000, "2026-12-01", "GONE"), "GONE -0 ended"},
		{got(50, "2026-12-01", "B2B"), "B2B -50"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestCodesNeverTakeMoreThanThereIs draws shops and carts with any codes.
func TestCodesNeverTakeMoreThanThereIs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all, keys := Codes{}, []string{}
		for i := range rapid.IntRange(0, 6).Draw(r, "codes") {
			c := Code{Word: fmt.Sprint("CODE", i), Kind: rapid.SampledFrom([]Kind{Percentage, Amount, FreeDelivery}).Draw(r, "kind"),
				Rate: money.Rate(rapid.Int64Range(1, 1_000_000).Draw(r, "rate")), Off: eur(rapid.Int64Range(1, 1_000_000_000).Draw(r, "off")),
				UpTo: eur(rapid.SampledFrom([]int64{0, 1, 490, 99_999}).Draw(r, "up to")), MinItems: eur(rapid.SampledFrom([]int64{0, 1, 5000}).Draw(r, "min")),
				Exclusive: rapid.IntRange(0, 5).Draw(r, "exclusive") == 0}
			all[c.Key()] = c
			keys = append(keys, c.Key())
		}
		b := Basket{Items: eur(rapid.Int64Range(0, 1_000_000_000).Draw(r, "items")), Delivery: eur(rapid.Int64Range(0, 9999).Draw(r, "delivery"))}
		got, err := all.Reckon(keys, b)
		if err != nil {
			r.Fatal(err)
		}
		if got.Items.Negative() || got.Delivery.Negative() || got.Items.Minor() > b.Items.Minor() || got.Delivery.Minor() > b.Delivery.Minor() {
			r.Fatalf("took %v of %v and %v of %v", got.Items, b.Items, got.Delivery, b.Delivery)
		}
		sum, counted, alone := int64(0), 0, false
		for _, a := range got.Codes {
			sum += a.Saving.Minor()
			if a.Saving.Negative() || a.Counts() && (a.Ended || a.Aside || a.Missing.Minor() > 0) {
				r.Fatalf("got %+v", a)
			}
			if a.Counts() {
				counted++
				alone = alone || all[a.Key].Exclusive
			}
		}
		if sum != got.Items.Minor()+got.Delivery.Minor() || counted > MaxTogether || alone && counted > 1 {
			r.Fatalf("%d codes took %d, which is not %v and %v", counted, sum, got.Items, got.Delivery)
		}
		mixed := rapid.Permutation(keys).Draw(r, "another order")
		again, err := all.Reckon(mixed, b)
		if err != nil || again.Items != got.Items || again.Delivery != got.Delivery {
			r.Fatalf("in another order: got %v and %v, want %v and %v; %v", again.Items, again.Delivery, got.Items, got.Delivery, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("welcome-10")
	f.Fuzz(func(t *testing.T, typed string) {
		key, ok := Key(typed)
		if !ok {
			return
		}
		if again, ok := Key(strings.ToLower(key)); !ok || again != key || slices.ContainsFunc([]rune(key), func(c rune) bool { return !strings.ContainsRune(alphabet+"U", c) }) {
			t.Errorf("%q reads as %q and that as %q", typed, key, again)
		}
	})
}

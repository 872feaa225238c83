package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

func item(id, title string, change func(*Item)) Item {
	it := Item{Product: catalog.Product{ID: catalog.ProductID(id), Title: title, Published: true,
		Variants: []catalog.Variant{{Price: money.Of(1000, money.Currency{})}}}}
	if change != nil {
		change(&it)
	}
	return it
}

func shop(items ...Item) *Index {
	x := New()
	for _, it := range items {
		x.Put(it)
	}
	return x
}

func TestSearchForgives(t *testing.T) {
	x := shop(
		item("1", "Whistling kettle", func(it *Item) {
			it.Kind, it.Tags = "Kitchen", []string{"enamel", "tea"}
			it.Description = "<p>It hums first &amp; whistles when it means it.</p>"
			it.Variants[0].SKU, it.Variants[0].Barcode = "HM-KETTLE-MOSS", "4006381333931"
		}),
		item("2", "Théière Ærø", func(it *Item) { it.Kind, it.Vendor = "Tea & Coffee", "Müller" }),
		item("3", "Stoneware jar", func(it *Item) { it.Description = "Beside the kettle it looks well." }),
		item("4", "Hunter's cap", nil),
		item("5", "青い茶碗", nil),
	)
	for _, c := range []struct{ text, want, meant string }{
		{"kettle", "1 3", ""}, // a title before a description
		{"KETTLE", "1 3", ""},
		{"theiere", "2", ""},
		{"THÉIÈRE", "2", ""},
		{"aero", "2", ""},
		{"muller", "2", ""},
		{"whist", "1", ""},
		{"ware", "3", ""},
		{"ketle", "1 3", "kettle"},                   // left out
		{"kettel", "1 3", "kettle"},                  // swapped
		{"kettlle", "1 3", "kettle"},                 // doubled
		{"wistlign kettle", "1", "whistling kettle"}, // two typos in a long word
		{"stonewear jar", "3", "stoneware jar"},
		{"tea kettle", "1", ""},
		{"kettle tea", "1", ""},
		{"kettle garden", "", ""},
		{"hm-kettle-moss", "1", ""},
		{"4006381333931", "1", ""},
		{"hm-kettle-moss kettle", "1", ""},
		{"hm-kettle-mos", "", ""}, // a SKU is exact
		{"hunters", "4", ""},
		{"hunter", "4", ""},
		{"茶碗", "5", ""},
		{"xyz", "", ""},
		{"%", "", ""},
		{"'; DROP TABLE products; --", "", ""},
	} {
		got := x.Ask(Question{Text: c.text, Limit: 10})
		if ids := strings.Join(got.IDs, " "); ids != c.want || got.Meant != c.meant {
			t.Errorf("%q: got %q meaning %q, want %q meaning %q", c.text, ids, got.Meant, c.want, c.meant)
		}
	}
}

func TestWhatIsReplacedOrTakenDownIsNotFound(t *testing.T) {
	x := shop(item("1", "Kettle", nil), item("2", "Bowl", nil))
	x.Put(item("1", "Teapot", nil))
	x.Put(item("2", "Bowl", func(it *Item) { it.Published = false }))
	for text, want := range map[string]int{"kettle": 0, "teapot": 1, "bowl": 0, "": 1} {
		if got := x.Ask(Question{Text: text, Limit: 5}); got.Total != want {
			t.Errorf("%q: got %d, want %d", text, got.Total, want)
		}
	}
	if got := x.Ask(Question{Text: "ketle", Limit: 5}); got.Total != 0 || got.Meant != "" {
		t.Errorf("a typo led to what is gone: %+v", got)
	}
}

// dearWay is the meaning of distance, without its economies.
func dearWay(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			default:
				cost := 1
				if a[i-1] == b[j-1] {
					cost = 0
				}
				d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestDistanceIsWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("abcé")), 0, 9, -1)
		a, b, most := []rune(word.Draw(t, "a")), []rune(word.Draw(t, "b")), rapid.IntRange(0, 3).Draw(t, "most")
		got, want := distance(a, b, most), min(dearWay(a, b), most+1)
		if got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}

// TestATypoFindsItsWord: whatever word of the shop is typed wrongly once, the
// thing is found. Letter sets must never rule out what the distance allows.
func TestATypoFindsItsWord(t *testing.T) {
	words := strings.Fields("kettle stoneware whistling napkins paperweight trowel lantern mirror théière straße")
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom(words).Draw(t, "word")
		x := shop(item("1", word, nil))
		typed := []rune(Fold(word))
		at := rapid.IntRange(0, len(typed)-2).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			typed = slices.Delete(typed, at, at+1)
		case 1:
			typed = slices.Insert(typed, at, 'q')
		case 2:
			typed[at] = 'q'
		case 3:
			typed[at], typed[at+1] = typed[at+1], typed[at]
		}
		if got := x.Ask(Question{Text: string(typed), Limit: 1}); got.Total != 1 {
			t.Fatalf("%q does not find %q", string(typed), word)
		}
	})
}

// goods draws a catalogue.
func goods(t *rapid.T) []Item {
	n := rapid.IntRange(0, 30).Draw(t, "n")
	items := make([]Item, n)
	for i := range items {
		items[i] = item(fmt.Sprintf("%02d", i), rapid.SampledFrom([]string{"Kettle", "Bowl", "Bowl of oak", "Lamp"}).Draw(t, "title"), func(it *Item) {
			it.Kind = rapid.SampledFrom([]string{"", "Kitchen", "Rooms"}).Draw(t, "kind")
			it.Vendor = rapid.SampledFrom([]string{"A", "B"}).Draw(t, "vendor")
			it.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"new", "oak", "gift"}), 0, 3, rapid.ID).Draw(t, "tags")
			it.Published = rapid.IntRange(0, 9).Draw(t, "published") > 0
			it.Created = int64(rapid.IntRange(0, 5).Draw(t, "created"))
			it.Options = []string{"Colour"}
			it.Variants = nil
			for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Red", "Blue"}), 1, 2, rapid.ID).Draw(t, "colours") {
				it.Variants = append(it.Variants, catalog.Variant{Values: []string{c}, Price: money.Of(int64(rapid.IntRange(1, 5).Draw(t, "price")), money.Currency{})})
			}
		})
	}
	return items
}

func lowest(it Item) int64 {
	low := it.Variants[0].Price.Minor()
	for _, v := range it.Variants {
		low = min(low, v.Price.Minor())
	}
	return low
}

// TestListsAreWhole: whatever is asked, following the cursor gives every
// product that fits exactly once and in order, and the counts are what
// choosing the value would bring.
func TestListsAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := goods(t)
		x := shop(items...)
		for range rapid.IntRange(0, 5).Draw(t, "again") { // saved anew: the same goods
			if len(items) > 0 {
				x.Put(items[rapid.IntRange(0, len(items)-1).Draw(t, "which")])
			}
		}
		gone := map[string]int32{}
		for _, it := range items {
			if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
				gone[string(it.ID)] = int32(len(it.Variants))
			}
		}
		x.SoldOut(gone)
		q := Question{Text: rapid.SampledFrom([]string{"", "bowl"}).Draw(t, "text"), Limit: rapid.IntRange(1, 7).Draw(t, "limit"), Facets: true,
			Sort:      rapid.SampledFrom([]Sort{ByShelf, ByRelevance, ByNewest, ByPrice, ByPriceDown, ByTitle}).Draw(t, "sort"),
			Available: rapid.Bool().Draw(t, "available"), From: int64(rapid.IntRange(0, 3).Draw(t, "from")), To: int64(rapid.IntRange(0, 5).Draw(t, "to"))}
		for _, f := range []Filter{{GroupKind, "kitchen"}, {GroupTag, "Oak"}, {GroupTag, "gift"}, {OptionGroup + "colour", "RED"}} {
			if rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
				q.Filters = append(q.Filters, f)
			}
		}
		has := func(it Item, f Filter) bool {
			switch f.Group {
			case GroupKind:
				return strings.EqualFold(it.Kind, f.Value)
			case GroupVendor:
				return strings.EqualFold(it.Vendor, f.Value)
			case GroupTag:
				return slices.ContainsFunc(it.Tags, func(s string) bool { return strings.EqualFold(s, f.Value) })
			}
			return slices.ContainsFunc(it.Variants, func(v catalog.Variant) bool { return strings.EqualFold(v.Values[0], f.Value) })
		}
		fits := func(it Item, filters []Filter) bool {
			low := lowest(it)
			if !it.Published || q.Text != "" && !strings.Contains(it.Title, "Bowl") || low < q.From || q.To > 0 && low > q.To || q.Available && gone[string(it.ID)] > 0 {
				return false
			}
			for _, f := range filters {
				if !slices.ContainsFunc(filters, func(o Filter) bool { return o.Group == f.Group && has(it, o) }) {
					return false
				}
			}
			return true
		}
		var want, got []string
		by := map[string]Item{}
		for _, it := range items {
			by[string(it.ID)] = it
			if fits(it, q.Filters) {
				want = append(want, string(it.ID))
			}
		}
		first := x.Ask(q)
		for a := first; ; a = x.Ask(q) {
			if a.BadMark || a.Total != len(want) || len(a.IDs) > q.Limit {
				t.Fatalf("got %+v, want %d in all", a, len(want))
			}
			got = append(got, a.IDs...)
			if q.Cursor = a.Next; q.Cursor == "" {
				break
			}
		}
		for i := 1; i < len(got); i++ {
			a, b := by[got[i-1]], by[got[i]]
			switch {
			case q.Sort == ByNewest && a.Created < b.Created, q.Sort == ByPrice && lowest(a) > lowest(b),
				q.Sort == ByPriceDown && lowest(a) < lowest(b), q.Sort == ByTitle && a.Title > b.Title:
				t.Fatalf("by %q %s stands before %s", q.Sort, a.ID, b.ID)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, facet := range first.Facets {
			for _, v := range facet.Values {
				group := strings.ToLower(facet.Group)
				chosen := []Filter{{group, v.Value}}
				for _, f := range q.Filters {
					if f.Group != group {
						chosen = append(chosen, f)
					}
				}
				n := 0
				for _, it := range items {
					if fits(it, chosen) {
						n++
					}
				}
				if n != v.Count {
					t.Fatalf("%s=%s: says %d, choosing it brings %d", facet.Group, v.Value, v.Count, n)
				}
			}
		}
	})
}

// TestRulesMakeCollections compares collections with what their rules say.
func TestRulesMakeCollections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := goods(t)
		x := shop(items...)
		rules := map[string]struct {
			rule catalog.Rule
			fits func(Item) bool
		}{
			"kind":   {catalog.Rule{On: catalog.RuleKind, Value: "kitchen"}, func(it Item) bool { return it.Kind == "Kitchen" }},
			"tag":    {catalog.Rule{On: catalog.RuleTag, Value: "OAK"}, func(it Item) bool { return slices.Contains(it.Tags, "oak") }},
			"vendor": {catalog.Rule{On: catalog.RuleVendor, Value: "b"}, func(it Item) bool { return it.Vendor == "B" }},
			"title":  {catalog.Rule{On: catalog.RuleTitle, Value: "oak bowl"}, func(it Item) bool { return it.Title == "Bowl of oak" }},
			"price":  {catalog.Rule{On: catalog.RulePrice, From: 2, To: 3}, func(it Item) bool { return lowest(it) >= 2 && lowest(it) <= 3 }},
		}
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"kind", "tag", "vendor", "title", "price"}), 0, 3, rapid.ID).Draw(t, "rules")
		c := Shelf{Collection: catalog.Collection{Handle: "c", Any: rapid.Bool().Draw(t, "any")}}
		for _, n := range names {
			c.Rules = append(c.Rules, rules[n].rule)
		}
		for _, it := range items {
			if rapid.IntRange(0, 4).Draw(t, "by hand") == 0 {
				c.IDs = append(c.IDs, string(it.ID))
			}
		}
		rand.Shuffle(len(c.IDs), func(i, j int) { c.IDs[i], c.IDs[j] = c.IDs[j], c.IDs[i] })
		x.Shelves([]Shelf{c})
		var want []string
		for _, id := range c.IDs {
			if i := slices.IndexFunc(items, func(it Item) bool { return string(it.ID) == id }); items[i].Published {
				want = append(want, id)
			}
		}
		for _, it := range items {
			fit := 0
			for _, n := range names {
				if rules[n].fits(it) {
					fit++
				}
			}
			if it.Published && !slices.Contains(want, string(it.ID)) && len(names) > 0 && (fit == len(names) || c.Any && fit > 0) {
				want = append(want, string(it.ID))
			}
		}
		if got := x.Ask(Question{Collection: "c", Limit: 100}); !slices.Equal(got.IDs, want) {
			t.Fatalf("got %v, want %v", got.IDs, want)
		}
		if got := x.Ask(Question{Collection: "none", Limit: 100}); got.Total != 0 {
			t.Fatal("a collection that is none has goods")
		}
	})
}

func TestRelatedHaveMostInCommon(t *testing.T) {
	in := func(kind string, tags ...string) func(*Item) {
		return func(it *Item) { it.Kind, it.Tags, it.Vendor = kind, tags, "V" }
	}
	x := shop(item("1", "Kettle", in("Kitchen", "enamel", "tea")), item("2", "Pan", in("Kitchen")), item("3", "Cup", in("Table", "tea")),
		item("4", "Pot", in("Kitchen", "tea")), item("5", "Rake", in("Garden")), item("6", "Gone pot", in("Kitchen", "tea", "enamel")))
	x.SoldOut(map[string]int32{"6": 1})
	for range 2 {
		if got := x.Related("1", 3); !slices.Equal(got, []string{"4", "2", "3"}) {
			t.Errorf("got %v, want the pot, the pan and the cup; nothing sold out, nothing that shares the maker alone", got)
		}
	}
	if got := x.Related("none", 3); got != nil {
		t.Errorf("got %v for what is not there", got)
	}
}

// FuzzAsk asks anything: no answer is longer than its limit, and none of it
// comes from outside the catalogue.
func FuzzAsk(f *testing.F) {
	x := shop(item("1", "Kettle", func(it *Item) { it.Kind = "Kitchen"; it.Variants[0].SKU = "K-1" }), item("2", "Théière", nil))
	for _, s := range []string{"kettle", "\xff\x00", strings.Repeat("a ", 5000), strings.Repeat("é", 10000), "K-1", "s0.1"} {
		f.Add(s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, text, sort, cursor, value string) {
		a := x.Ask(Question{Text: text, Sort: Sort(sort), Cursor: cursor, Limit: 1, Facets: true, Filters: []Filter{{value, text}, {GroupKind, value}}})
		if len(a.IDs) > 1 || len(a.Meant) > 4*MaxText || a.Total > 2 {
			t.Errorf("got %+v", a)
		}
	})
}

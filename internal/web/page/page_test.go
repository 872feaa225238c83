package page

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

func render(t testing.TB, s *Set, p Page) string {
	t.Helper()
	b, err := s.Bytes(p)
	return string(must(t, b, err))
}

func sources(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, fsys := range []fs.FS{templateFiles, assetFiles} {
		err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(fsys, name)
			out[name] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestEveryTemplateIsUsedAndEveryPageHasOne(t *testing.T) {
	pages := map[string]bool{"frame": true, "parts": true}
	for _, p := range pagesOf() {
		pages[p] = true
	}
	all := ""
	for name, text := range sources(t) {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		all += text
		if base := strings.TrimSuffix(filepath.Base(name), ".html"); !pages[base] {
			t.Errorf("%s belongs to no page struct", name)
		} else {
			delete(pages, base)
		}
	}
	for missing := range pages {
		t.Errorf("no template for page %q", missing)
	}
	for _, m := range regexp.MustCompile(`\{\{define "(\w+)"`).FindAllStringSubmatch(all, -1) {
		if m[1] != "above" && m[1] != "below" && !strings.Contains(all, `template "`+m[1]+`"`) {
			t.Errorf("part %q is never used", m[1])
		}
	}
	shown := map[string]bool{}
	for _, p := range samples(t) {
		shown[p.template()] = true
	}
	for _, p := range pagesOf() {
		if !shown[p] {
			t.Errorf("no sample shows page %q", p)
		}
	}
}

func pagesOf() (names []string) {
	for _, p := range pages() {
		names = append(names, p.template())
	}
	return names
}

// The content security policy forbids all of this, so a page that needed it
// would break without a word.
func TestNothingInlineAndNothingFromElsewhere(t *testing.T) {
	for name, text := range sources(t) {
		bad := map[string]string{
			"third-party address": `(?i)(https?:)?//[a-z0-9-]+\.[a-z]`,
			"import":              `@import|url\(`,
		}
		switch filepath.Ext(name) {
		case ".html":
			bad["inline script"] = `(?i)<script(?: type="application/ld\+json"| src="\{\{)?`
			bad["style"] = `(?i)<style|\sstyle\s*=`
			bad["handler"] = `(?i)\son[a-z]+\s*=`
			bad["script address"] = `(?i)javascript:`
		case ".js":
			bad["a sink for text"] = `innerHTML|outerHTML|insertAdjacentHTML|DOMParser|createContextualFragment|document\.write|\beval\b|new Function|srcdoc`
		}
		for what, pattern := range bad {
			for _, hit := range regexp.MustCompile(pattern).FindAllString(text, -1) {
				if what == "inline script" && hit != "<script" {
					continue // a data block or our own file
				}
				if strings.HasSuffix(hit, "//www.w") && strings.HasSuffix(name, ".svg") {
					continue // the name of the SVG language
				}
				t.Errorf("%s holds %s: %q", name, what, hit)
			}
		}
	}
}

func TestSentencesAreShort(t *testing.T) {
	var said []string
	for name, text := range sources(t) {
		if strings.HasSuffix(name, ".html") {
			text = regexp.MustCompile(`(?s)\{\{.*?\}\}`).ReplaceAllString(text, " ")
			said = append(said, regexp.MustCompile(`(?s)<[^>]*>`).Split(text, -1)...)
		}
	}
	for _, k := range []fault.Kind{
		fault.Malformed, fault.Invalid, fault.NotFound, fault.OutOfStock, fault.Changed, fault.CartClosed, fault.InProgress, fault.Conflict,
		fault.IdempotencyMismatch, fault.Method, fault.TooLarge, fault.MediaType, fault.Forbidden, fault.RateLimited, fault.Unavailable, fault.Internal,
	} {
		said = append(said, Problem{Kind: k}.Words().Text)
	}
	for _, s := range order.Statuses() {
		said = append(said, OrderStatus{Order: order.Order{Status: s}}.Told().Text)
	}
	for _, text := range said {
		for _, sentence := range regexp.MustCompile(`[.!?:]\s`).Split(text, -1) {
			if n := len(strings.Fields(sentence)); n > 25 {
				t.Errorf("%d words in one sentence: %s", n, sentence)
			}
		}
	}
}

func TestGoldenPages(t *testing.T) {
	set := shop(t, nil)
	hash := regexp.MustCompile(`\.[0-9a-f]{16}\.|sha384-(?:&#43;|[\w+/=])+`)
	for _, name := range []string{"product", "checkout-wrong", "cart-changed", "cart-codes", "order-paid"} {
		got := hash.ReplaceAllString(render(t, set, samples(t)[name]), ".HASH.")
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s changed; look at it with -preview, then run with -update\n%s", name, firstDifference(got, string(want)))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}

func TestHostileTextStaysText(t *testing.T) {
	const evil = `</script><script>alert(1)</script><!--cart-count-->"'><img src=x onerror=alert(1)>`
	p := samples(t)["product"].(Product)
	p.CartCount = CountLater
	p.Product.Title, p.Product.Vendor, p.TaxNote, p.Wrong = evil, evil, evil, evil
	p.Product.Options = []string{evil}
	p.Product.Pictures = []catalog.Picture{{URL: "javascript:alert(1)", Alt: evil}}
	p.Product.Variants = slices.Clone(p.Product.Variants)
	p.Product.Variants[0].Values = []string{evil}
	p.Facts = []Fact{{Text: evil, More: evil, Link: Link{evil, "javascript:alert(1)"}}}
	p.Flash = Flash{Text: evil, Undo: Undo{Variant: evil, Quantity: 1}}
	got := render(t, shop(t, func(c *Config) { c.ShopName = evil }), p)

	for _, not := range []string{"<script>alert", "<img src=x", `"javascript:`} {
		if strings.Contains(got, not) {
			t.Errorf("%q went through", not)
		}
	}
	if n := strings.Count(got, "<script"); n != 2 {
		t.Errorf("got %d script elements, want our own and the data block", n)
	}
	before, after, ok := Split([]byte(got))
	if !ok || !bytes.HasSuffix(before, []byte(`<b id="count">`)) || !bytes.HasPrefix(after, []byte("</b>")) {
		t.Error("the cart count would land in another place")
	}
	data := between(t, got, `<script type="application/ld+json">`, "</script>")
	var parsed struct {
		Graph []struct{ Name string } `json:"@graph"`
	}
	if err := json.Unmarshal([]byte(data), &parsed); err != nil || parsed.Graph[0].Name != evil {
		t.Errorf("product data is not the title any more: %v", err)
	}

	c := samples(t)["checkout-wrong"].(Checkout)
	c.Typed = Typed{Email: evil, Name: evil, Phone: evil, Note: evil + "</textarea>", ShipTo: contact.AddressFields{
		Street: evil + "</textarea>", Locality: evil, Region: evil, PostalCode: evil, Country: evil}}
	c.Problems = append(c.Problems, fault.Problem{Field: evil, Detail: evil})
	got = render(t, shop(t, nil), c)
	for _, not := range []string{"<script>alert", "<img src=x", "</textarea><"} {
		if strings.Contains(strings.ReplaceAll(got, "</textarea>\n<", ""), not) {
			t.Errorf("checkout: %q went through", not)
		}
	}
}

func between(t testing.TB, text, start, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, start)
	in, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("no %s … %s", start, end)
	}
	return in
}

func TestProductDataTellsOnlyWhatIsKnown(t *testing.T) {
	p := samples(t)["product"].(Product)
	p.Product.Variants = append(slices.Clone(p.Product.Variants), catalog.Variant{ID: "gift", Values: []string{"Gift"}, Price: euros(t, 0)})
	type product struct {
		Name, URL string
		Image     []string
		Offers    []struct {
			Price, PriceCurrency, Availability string
			ShippingDetails                    *struct{ ShippingRate struct{ Value string } }
			PriceSpecification                 *struct {
				Price             string
				ReferenceQuantity struct {
					Value    json.Number
					UnitCode string
				}
			}
		}
		ItemListElement []struct{ Name, Item string }
	}
	var all struct {
		Graph []product `json:"@graph"`
	}
	var d product
	read := func(p Product) {
		all.Graph = nil
		if err := json.Unmarshal([]byte(between(t, render(t, shop(t, nil), p), `ld+json">`, "</script>")), &all); err != nil {
			t.Fatal(err)
		}
		d = all.Graph[0]
	}
	read(p)
	if d.URL != "https://shop.example/products/slow-teapot" || len(d.Image) != 1 {
		t.Errorf("got url %s and images %v", d.URL, d.Image)
	}
	if len(d.Offers) != 3 {
		t.Fatalf("got %d offers, want 3: one without a price is no offer", len(d.Offers))
	}
	if o := d.Offers[0]; o.Price != "48.00" || o.PriceCurrency != "EUR" || o.ShippingDetails.ShippingRate.Value != "4.90" || !strings.HasSuffix(o.Availability, "/InStock") {
		t.Errorf("got %+v", o)
	}
	if !strings.HasSuffix(d.Offers[2].Availability, "/OutOfStock") {
		t.Errorf("a sold out variant is told as %s", d.Offers[2].Availability)
	}
	if way := all.Graph[1].ItemListElement; len(way) != 3 || way[2].Item != d.URL || way[0].Item != "https://shop.example/" {
		t.Errorf("got the way %+v, want shop, shelf and product", way)
	}
	p.Product.Variants[0].Measure = catalog.Measure{Amount: 1_100_000, Unit: "ml", Base: 1000, BaseUnit: "l"}
	p.ForSale = Offer{}
	read(p)
	if u := d.Offers[0].PriceSpecification; u == nil || u.Price != "43.64" || u.ReferenceQuantity.UnitCode != "LTR" || u.ReferenceQuantity.Value != "1" {
		t.Errorf("got the unit price %+v, want 43.64 a litre", u)
	}
	if d.Offers[1].PriceSpecification != nil {
		t.Error("a unit price was made up")
	}
	if d.Offers[0].ShippingDetails != nil {
		t.Error("delivery was made up")
	}
}

func TestTitlesAndRobots(t *testing.T) {
	set := shop(t, nil)
	for name, want := range map[string]struct {
		title   string
		noindex bool
	}{
		"home":           {"Hazelmott", false},
		"product":        {"Slow teapot · Hazelmott", false},
		"checkout":       {"Checkout · Hazelmott", true},
		"checkout-wrong": {"Error: Checkout · Hazelmott", true},
		"order-paid":     {"Order K7Q2M-9F3XA · Hazelmott", true},
		"cart":           {"Cart · Hazelmott", true},
		"shelf":          {"Kitchen · Hazelmott", false},
		"shelf-filtered": {"Kitchen · Hazelmott", true},
		"search":         {"Search · Hazelmott", true},
		"privacy":        {"Privacy · Hazelmott", false},
	} {
		got := render(t, set, samples(t)[name])
		if title := between(t, got, "<title>", "</title>"); title != want.title {
			t.Errorf("%s: got title %q, want %q", name, title, want.title)
		}
		if got := strings.Contains(got, `content="noindex"`); got != want.noindex {
			t.Errorf("%s: noindex is %t", name, got)
		}
	}
}

// TestReductionsAreToldWhole: beside a struck price stands the lowest of thirty
// days, and a price that was no higher is not struck.
func TestReductionsAreToldWhole(t *testing.T) {
	p := samples(t)["product"].(Product)
	p.Product = thing(t, "bowl", "Bowl", "Kitchen", 4800)
	v := &p.Product.Variants[0]
	for _, c := range []struct {
		compare, lowest int64
		struck, told    string
	}{
		{0, 0, "", ""}, {6000, 0, "€60.00", "€60.00"}, {6000, 5500, "€55.00", "€55.00"}, {6000, 7000, "€60.00", "€70.00"},
		{6000, 4800, "", ""}, {6000, 4000, "", ""}, {4000, 0, "", ""},
	} {
		v.CompareAt, v.Lowest = euros(t, c.compare), euros(t, c.lowest)
		got := render(t, shop(t, nil), p)
		if c.struck == "" {
			if strings.Contains(got, "Before:") || strings.Contains(got, "Lowest price") {
				t.Errorf("%+v: a reduction is shown", c)
			}
			continue
		}
		if !strings.Contains(got, "</span>"+c.struck+"</s>") || !strings.Contains(got, `Lowest price of the last 30 days: <span class="price">`+c.told) {
			t.Errorf("%+v: it is not shown so", c)
		}
	}
}

func TestOrderPageShowsNoPerson(t *testing.T) {
	for _, name := range []string{"order-pending", "order-paid", "order-cancelled"} {
		got := render(t, shop(t, nil), samples(t)[name])
		for _, not := range []string{"Ada", "Analytical", "example.com\"", "[name]", "[address]"} {
			if strings.Contains(got, not) {
				t.Errorf("%s shows %q", name, not)
			}
		}
	}
}

func TestTypedFormDoesNotShowItself(t *testing.T) {
	typed := Typed{Name: "Ada Lovelace", ShipTo: contact.AddressFields{PostalCode: "10115"}}
	asJSON, err := json.Marshal(typed)
	for _, got := range []string{
		fmt.Sprint(typed), fmt.Sprintf("%v %+v %#v %s", typed, typed, typed, &typed), string(must(t, asJSON, err)), typed.LogValue().String(),
	} {
		if strings.Contains(got, "Ada") || strings.Contains(got, "10115") {
			t.Errorf("it shows itself: %s", got)
		}
	}
}

func TestChangesMustBeAccepted(t *testing.T) {
	set := shop(t, nil)
	if got := render(t, set, samples(t)["cart"]); !strings.Contains(got, `href="/checkout"`) {
		t.Error("a good cart has no way to checkout")
	}
	got := render(t, set, samples(t)["cart-changed"])
	if strings.Contains(got, `href="/checkout"`) {
		t.Error("a changed cart goes to checkout unaccepted")
	}
	for _, want := range []string{"it was", "€16.00", "Only 3 left", "no longer for sale", `action="/cart/accept"`, "Opt-out request honoured"} {
		if !strings.Contains(got, want) {
			t.Errorf("the changed cart does not say %q", want)
		}
	}
}

func TestRateLimitedSaysWhen(t *testing.T) {
	got := render(t, shop(t, nil), samples(t)["problem-limit"])
	for _, want := range []string{"40 seconds", "7f3k-22ab", "Your cart is safe"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{{}, {ShopName: " "}, {ShopName: "A", Accent: "green"}, {ShopName: "A", Accent: "#12345"}, {ShopName: "A", Accent: "#+12345"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func FuzzSummary(f *testing.F) {
	for _, s := range []string{"", "<p>Tea &amp; <b>toast</b></p>", "<", "a>b", strings.Repeat("word ", 99), strings.Repeat("ü", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n := len([]rune(summary(s))); n > 161 {
			t.Errorf("%d characters", n)
		}
	})
}

func BenchmarkProductPage(b *testing.B) {
	set, p := shop(b, nil), samples(b)["product"]
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := set.Render(&buf, p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestThePictureOfAShelfComesInWidths(t *testing.T) {
	p := samples(t)["shelf"].(Shelf)
	p.Collection.Picture = catalog.Picture{URL: "/pictures/a-720.jpg", Source: "https://elsewhere.example/a.jpg", Alt: "A shelf",
		Renditions: []catalog.Rendition{{URL: "/pictures/a-360.jpg", Width: 360, Height: 120}, {URL: "/pictures/a-720.jpg", Width: 720, Height: 240}}}
	got := render(t, shop(t, nil), p)
	if !strings.Contains(got, `srcset="/pictures/a-360.jpg 360w, /pictures/a-720.jpg 720w"`) || !strings.Contains(got, `alt="A shelf" width="720" height="240"`) {
		t.Error("the picture comes in one width")
	}
	if strings.Contains(got, "elsewhere.example") {
		t.Error("the page tells where the picture came from")
	}
	p.Collection.Picture = catalog.Picture{Source: "https://elsewhere.example/a.jpg"}
	if got := render(t, shop(t, nil), p); strings.Contains(got, "plate wide") {
		t.Error("a picture that is not there is shown")
	}
}

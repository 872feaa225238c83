package storefront

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/search"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/store"
)

// jars saves things with colours and prices.
func (s *stall) jars(t testing.TB) {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	jar := func(handle, title, vendor string, minor, left int64, tags []string, colours ...string) catalog.Product {
		p := catalog.Product{Handle: handle, Title: title, Vendor: vendor, Kind: "Kitchen", Tags: tags, Published: true, Options: []string{"Colour"}}
		for _, c := range colours {
			p.Variants = append(p.Variants, catalog.Variant{Values: []string{c}, Price: money.Of(minor, eur), CompareAt: money.Zero(eur), Stock: shoptest.Counted(left)})
		}
		return p
	}
	err = s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		for _, p := range []catalog.Product{
			jar("jar-a", "Amber jar", "Hazel", 1000, 5, []string{"gift"}, "Moss", "Clay"),
			jar("jar-b", "Brown jar", "Mott", 2000, 5, []string{"gift", `"><script>alert(1)</script>`}, "Moss"),
			jar("jar-c", "Clear jar", "Mott", 3000, 0, nil, "Clay"),
		} {
			if err := tx.SaveProduct(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFiltersLiveInTheAddress filters and sorts as the form does.
func TestFiltersLiveInTheAddress(t *testing.T) {
	s := open(t)
	s.jars(t)
	b := s.shopper(t)
	for query, want := range map[string]string{
		"":                                "jar-a jar-b jar-c",
		"o.Colour=Moss":                   "jar-a jar-b",
		"o.colour=moss&o.Colour=CLAY":     "jar-a jar-b jar-c",
		"o.Colour=Clay&vendor=Mott":       "jar-c",
		"tag=gift&vendor=Hazel":           "jar-a",
		"available=1":                     "jar-a jar-b",
		"min=15&max=20":                   "jar-b",
		"min=19,99":                       "jar-b jar-c",
		"sort=price-down":                 "jar-c jar-b jar-a",
		"sort=newest&kind=kitchen&max=25": "jar-a jar-b",
		"sort=title&o.Colour=Moss":        "jar-a jar-b",
		"sort=drop+table&utm_source=x":    "jar-a jar-b jar-c",
		"o.Colour=None":                   "",
		"o.Size=Moss":                     "",
		"min=ten":                         "jar-a jar-b jar-c",
		"min=&max=&sort=":                 "jar-a jar-b jar-c",
	} {
		for _, path := range []string{"/?", "/collections/kitchen?", "/search?q=jar&"} {
			got := b.get(path + query).is(200)
			var handles []string
			for part := range strings.SplitSeq(got.body, `<li><a href="/products/`) {
				if h, _, ok := strings.Cut(part, `">`); ok && strings.HasPrefix(h, "jar-") {
					handles = append(handles, h)
				}
			}
			if path == "/search?q=jar&" || strings.Contains(query, "newest") {
				slices.Sort(handles) // here the order is not what this row is about
				fields := strings.Fields(want)
				slices.Sort(fields)
				want = strings.Join(fields, " ")
			}
			if list := strings.Join(handles, " "); list != want {
				t.Errorf("%s%s: got %q, want %q", path, query, list, want)
			}
		}
	}
	b.get("/?o.Colour=Moss").is(200, `content="noindex"`, `<link rel="canonical" href="https://shop.test/">`, "Remove </span>Moss", `checked> <span>Moss`)
	b.get("/").is(200, `<link rel="canonical"`, `"SearchAction"`, `property="og:url"`).not("noindex")
	b.get("/?max=").not("noindex")
	b.get("/?min=ten").is(200, "Please write a price such as 10", `value="ten"`)
	b.get("/?min=20&max=10").is(200, "The second price is below the first.")
	b.get("/?o.Colour=None").is(200, "Nothing fits all of these filters.", `href="/"`)
}

// TestAHostileAddressIsBounded: ten thousand filters, endless words, markup.
func TestAHostileAddressIsBounded(t *testing.T) {
	s := open(t)
	s.jars(t)
	b := s.shopper(t)
	many := strings.Repeat("&tag=x", 3000) + strings.Repeat("&o.Y=z", 3000)
	began := time.Now()
	got := b.get("/?available=1" + many)
	if got.status != http.StatusOK && got.status != http.StatusRequestHeaderFieldsTooLarge && got.status != http.StatusRequestURITooLong {
		t.Errorf("got status %d", got.status)
	}
	var different strings.Builder
	for i := range 900 {
		fmt.Fprintf(&different, "&o.n%d=v%d", i, i)
	}
	for _, query := range []string{different.String()[1:], "q=" + strings.Repeat("a+", 4000), "tag=" + strings.Repeat("%C3%A9", 2000), "after=" + strings.Repeat("9", 4000),
		"min=" + strings.Repeat("9", 5000), "min=-5", "min=1e400", "o.=x", "tag=%00%ff", "q=%00%ff&sort=%27;--"} {
		for _, path := range []string{"/?", "/search?q=jar&", "/search?"} {
			if seen := b.get(path + query); seen.status != 200 || len(seen.body) > 100_000 {
				t.Errorf("%s%.30s…: got %d and %d bytes", path, query, seen.status, len(seen.body))
			}
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	evil := `"><script>alert(1)</script>`
	for _, path := range []string{"/?tag=", "/search?q=", "/search?q=jar&vendor=", "/?min=", "/?o.Colour="} {
		if got := b.get(path + url.QueryEscape(evil)).is(200); strings.Contains(got.body, "<script>alert") {
			t.Errorf("%s: markup went through", path)
		}
	}
	if n := len(wishOf(url.Values{"tag": strings.Split(strings.Repeat("a b c d e f ", 40), " "), "vendor": strings.Fields(strings.Repeat("x ", 100))}).filters); n > search.MaxFilters {
		t.Errorf("%d filters are read", n)
	}
}

// TestATypoIsAskedAbout and an empty page leads on.
func TestATypoIsAskedAbout(t *testing.T) {
	s := open(t)
	s.jars(t)
	b := s.shopper(t)
	b.get("/search?q=ambre").is(200, "Did you mean", `href="/search?q=amber"`, "jar-a").not("jar-b")
	b.get("/search?q=unicorn").is(200, "Nothing for “unicorn”", `<li><a href="/collections/kitchen">Kitchen</a></li>`)
	b.get("/search?q="+url.QueryEscape("' OR '1'='1")).is(200, "Nothing for")
}

// TestLinksOfAListLeadWhereTheySay draws wishes and reads their addresses back.
func TestLinksOfAListLeadWhereTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z&=+"é]{1,5}`)
		w := wish{available: rapid.Bool().Draw(t, "available"), min: rapid.SampledFrom([]string{"", "5", "9.50"}).Draw(t, "min"),
			sort: rapid.SampledFrom(append(orders, "")).Draw(t, "sort")}
		for _, g := range []string{"kind", "o.Größe", "tag", "vendor"} {
			for range rapid.IntRange(0, 2).Draw(t, "n") {
				if f := (search.Filter{Group: g, Value: text.Draw(t, "value")}); !slices.Contains(w.filters, f) {
					w.filters = append(w.filters, f)
				}
			}
		}
		u, err := url.Parse(w.address("/search", text.Draw(t, "q")))
		if err != nil {
			t.Fatal(err)
		}
		if got := wishOf(u.Query()); fmt.Sprint(got) != fmt.Sprint(w) {
			t.Fatalf("got %+v, want %+v", got, w)
		}
		for i, c := range w.chosen("/", "") {
			u, _ := url.Parse(c.URL)
			if got := wishOf(u.Query()); len(got.chosen("/", "")) != len(w.chosen("/", ""))-1 {
				t.Fatalf("link %d takes away another number of filters than one", i)
			}
		}
	})
}

// TestAnOldAddressLeadsOn follows a product to its new handle.
func TestAnOldAddressLeadsOn(t *testing.T) {
	s := open(t)
	s.jars(t)
	b := s.shopper(t)
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error { return tx.RenameProduct("jar-a", "amber-jar") })
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.agent.Transport.RoundTrip(b.request("GET", "/products/jar-a", nil))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 301 || answer.Header.Get("Location") != "/products/amber-jar" {
		t.Errorf("got %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	b.get("/products/amber-jar").is(200, "Amber jar", "More like this", "/products/jar-b").not("/products/jar-c") // that is sold out
}

// TestTheMapNamesEverythingOnce reads the sitemap as a search engine does.
func TestTheMapNamesEverythingOnce(t *testing.T) {
	s := open(t)
	s.jars(t)
	b := s.shopper(t)
	if got := b.get("/robots.txt").is(200); !strings.Contains(got.body, "Sitemap: "+s.server.URL+"/sitemap.xml") {
		t.Errorf("got %q", got.body)
	}
	type entry struct {
		Loc     string `xml:"loc"`
		LastMod string `xml:"lastmod"`
	}
	read := func(path string) (out []entry) {
		t.Helper()
		var doc struct {
			Parts []entry `xml:"sitemap"`
			URLs  []entry `xml:"url"`
		}
		got := b.get(path).is(200)
		if err := xml.Unmarshal([]byte(got.body), &doc); err != nil || got.header.Get("Etag") == "" || len(b.cookies()) > 0 {
			t.Fatalf("%s: %v", path, err)
		}
		return append(doc.Parts, doc.URLs...)
	}
	var all []string
	for _, part := range read("/sitemap.xml") {
		for _, e := range read(strings.TrimPrefix(part.Loc, s.server.URL)) {
			path := strings.TrimPrefix(e.Loc, s.server.URL)
			if _, err := time.Parse(time.RFC3339, e.LastMod); strings.HasPrefix(path, "/products/") && err != nil {
				t.Errorf("%s: %v", path, err)
			}
			b.get(path).is(200)
			all = append(all, path)
		}
	}
	slices.Sort(all)
	if want := []string{"/", "/collections/kitchen", "/products/jar-a", "/products/jar-b", "/products/jar-c"}; !slices.Equal(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
	for _, path := range []string{"/sitemap/2.xml", "/sitemap/-1.xml", "/sitemap/01.xml", "/sitemap/x.xml", "/sitemap/1", "/sitemap"} {
		b.get(path).is(404)
	}
}

// TestFilteringWithoutScripts presses the form's button on a small screen.
func TestFilteringWithoutScripts(t *testing.T) {
	s := hazelmott(t)
	tab := browser.Start(t, s.server.Certificate()).Page(t, browser.View{Width: browser.Narrow, NoScript: true})
	if got := tab.Open(s.server.URL + "/"); got != 200 {
		t.Fatalf("got status %d", got)
	}
	tab.Shot("sift-folded")
	if browser.Eval[bool](tab, `document.querySelector(".sift details").open`) {
		t.Error("the filters are unfolded before anybody asks")
	}
	browser.Eval[bool](tab, `document.querySelector(".sift details").open = true`)
	tab.Shot("sift-open")
	browser.Eval[string](tab, `document.querySelector(".sift [name=max]").value = "30"`)
	browser.Eval[bool](tab, `document.querySelector(".sift [name=kind]").checked = true`)
	if got := tab.Submit(".sift .btn"); got != 200 {
		t.Fatalf("got status %d", got)
	}
	tab.Shot("sift-chosen")
	if got := browser.Eval[int64](tab, `document.querySelectorAll(".chosen li").length`); got != 3 {
		t.Errorf("got %d chips, want kind, price and the way out", got)
	}
	if got := browser.Eval[int64](tab, "document.documentElement.scrollWidth"); got > browser.Narrow {
		t.Errorf("the page is %d pixels wide", got)
	}
	wide := browser.Start(t, s.server.Certificate()).Page(t, browser.View{})
	wide.Open(s.server.URL + "/?kind=Kitchen&max=60")
	browser.Eval[bool](wide, `document.querySelector(".sift details").open = true`)
	wide.Shot("sift-wide")
	wide.Open(s.server.URL + "/products/slow-teapot")
	wide.Shot("related-wide")
}

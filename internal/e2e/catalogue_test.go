package e2e

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// catalogues are product files that others made. They are not part of the
// project; beside a checkout that lacks them the test is skipped.
func catalogues(t *testing.T) []string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/data/catalogues")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range []string{"shopify-apparel.csv", "shopify-home-and-garden.csv"} {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			t.Skipf("the product file %s is not here; lay it into shared/data/catalogues beside the project", name)
		}
		out = append(out, file)
	}
	return out
}

// expected is what a file says about a product, read without the shop's help.
type expected struct {
	handle, title string
	variants      []expectedVariant
}

type expectedVariant struct {
	title, sku       string
	price, compareAt int64 // cents
	counted          bool
	stock            string
}

// readCatalogue reads a product CSV the plain way.
func readCatalogue(t *testing.T, file string) []expected {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[strings.TrimPrefix(name, "\ufeff")] = i
	}
	var out []expected
	at := map[string]int{}
	for _, row := range rows[1:] {
		get := func(name string) string { return strings.TrimSpace(row[column[name]]) }
		i, known := at[get("Handle")]
		if !known {
			i = len(out)
			at[get("Handle")] = i
			out = append(out, expected{handle: get("Handle"), title: get("Title")})
		}
		title := get("Option1 Value")
		if title == "Default Title" {
			title = ""
		}
		out[i].variants = append(out[i].variants, expectedVariant{title: title, sku: get("Variant SKU"), price: cents(t, get("Variant Price")),
			compareAt: cents(t, get("Variant Compare At Price")), counted: get("Variant Inventory Tracker") == "shopify", stock: get("Variant Inventory Qty")})
	}
	return out
}

// cents reads a price as a fraction, so that no rounding is shared with the shop.
func cents(t *testing.T, text string) int64 {
	t.Helper()
	if text == "" {
		return 0
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no price", text)
	}
	r.Mul(r, big.NewRat(100, 1))
	if !r.IsInt() {
		t.Fatalf("%q has more than cents", text)
	}
	return r.Num().Int64()
}

// TestForeignCataloguesAreSoldAsTheirFilesSay imports one file with no shop
// running and one beside a running shop, and buys one of the things.
func TestForeignCataloguesAreSoldAsTheirFilesSay(t *testing.T) {
	files := catalogues(t)
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		if code := h.start(t).stop(); code != 0 {
			t.Fatalf("got exit %d, want 0", code)
		}
		all := readCatalogue(t, files[0])
		h.imports(t, files[0], len(all))
		s := h.start(t)
		more := readCatalogue(t, files[1])
		h.imports(t, files[1], len(more))
		done := time.Now()
		for s.ask("GET", "/api/v1/products/"+more[len(more)-1].handle, "").status != 200 {
			if time.Since(done) > time.Second {
				t.Fatal("an imported product is not in the running shop after a second")
			}
		}
		for s.ask("GET", "/products/"+more[len(more)-1].handle, "").status != 200 {
			if time.Since(done) > time.Second {
				t.Fatal("an imported product has no page in the running shop after a second")
			}
		}
		if len(all) != 20 || len(more) != 20 {
			t.Fatalf("got %d and %d products in the files, want 20 and 20", len(all), len(more))
		}
		for _, want := range append(all, more...) {
			s.matches(t, want)
		}

		before := s.onHand(t, "copper-light", 0)
		s.buy(s.product("copper-light").Variants[0].ID, 1, ada())
		s.quiet(t)
		want := before
		if want.counted {
			want.onHand--
		}
		if got := s.onHand(t, "copper-light", 0); got != want {
			t.Errorf("after buying one: got %+v, want %+v", got, want)
		}

		// Importing again changes nothing and doubles nothing.
		count := len(s.products())
		h.imports(t, files[0], len(all))
		if got := len(s.products()); got != count {
			t.Errorf("after a second import: got %d products, want %d", got, count)
		}
		if out := s.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
			t.Errorf("ledger verify: got %q, want ok", out)
		}
	})
}

func (h home) imports(t *testing.T, file string, products int) {
	t.Helper()
	out := h.must(t, "import", "products", file)
	if !strings.Contains(out, "imported 20 products") || products != 20 {
		t.Errorf("import: got %q, want 20 products", out)
	}
}

type counted struct {
	counted bool
	onHand  int64
	held    int64
}

// onHand reads the stock of a product's n-th variant from the tables.
func (s *shop) onHand(t *testing.T, handle string, n int) (c counted) {
	t.Helper()
	db := s.raw(t)
	id := s.product(handle).Variants[n].ID
	c.counted = shoptest.One[bool](t, db, `SELECT counted FROM stock WHERE variant = $1`, id)
	c.onHand = shoptest.One[int64](t, db, `SELECT on_hand FROM stock WHERE variant = $1`, id)
	c.held = shoptest.One[int64](t, db, `SELECT held FROM stock WHERE variant = $1`, id)
	return c
}

// matches compares a product of the shop with its file.
func (s *shop) matches(t *testing.T, want expected) {
	t.Helper()
	got := s.product(want.handle)
	if got.Title != want.title || len(got.Variants) != len(want.variants) {
		t.Errorf("%s: got %q with %d variants, want %q with %d", want.handle, got.Title, len(got.Variants), want.title, len(want.variants))
		return
	}
	if strings.Contains(got.Description, "<script") || len(got.Images) != 0 {
		t.Errorf("%s: got description %q and %d images, want no script and none of the far pictures", want.handle, got.Description, len(got.Images))
	}
	for i, w := range want.variants {
		g := got.Variants[i]
		stock := s.onHand(t, want.handle, i)
		if g.Title != w.title || g.SKU != w.sku || g.Price != (amount{w.price, "EUR"}) {
			t.Errorf("%s: got variant %q %q at %v, want %q %q at %d", want.handle, g.Title, g.SKU, g.Price, w.title, w.sku, w.price)
		}
		// A price that was not higher before is no reduction.
		if w.compareAt > w.price {
			if g.CompareAt == nil || g.CompareAt.Amount != w.compareAt {
				t.Errorf("%s: got compare-at price %v, want %d", want.handle, g.CompareAt, w.compareAt)
			}
		} else if g.CompareAt != nil {
			t.Errorf("%s: got compare-at price %v, want none beside %d", want.handle, *g.CompareAt, w.price)
		}
		if quantity := new(big.Int).SetInt64(stock.onHand).String(); stock.counted != w.counted || quantity != w.stock {
			t.Errorf("%s: got stock %+v, want %s counted %v", want.handle, stock, w.stock, w.counted)
		}
		if available := !w.counted || w.stock != "0"; g.Available != available {
			t.Errorf("%s: got available %v, want %v", want.handle, g.Available, available)
		}
	}
}

package demo_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/demo"
)

// columns is the first line of Shopify's product export, as merchants have it.
const columns = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value," +
	"Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Fulfillment Service,Variant Price," +
	"Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Gift Card,SEO Title," +
	"SEO Description,Google Shopping / Google Product Category,Google Shopping / Gender,Google Shopping / Age Group,Google Shopping / MPN," +
	"Google Shopping / AdWords Grouping,Google Shopping / AdWords Labels,Google Shopping / Condition,Google Shopping / Custom Product," +
	"Google Shopping / Custom Label 0,Google Shopping / Custom Label 1,Google Shopping / Custom Label 2,Google Shopping / Custom Label 3," +
	"Google Shopping / Custom Label 4,Variant Image,Variant Weight Unit,Variant Tax Code," +
	"Unit Price Total Measure,Unit Price Total Measure Unit,Unit Price Base Measure,Unit Price Base Measure Unit"

type row map[string]string

// goods reads the list as an importer would, and groups its rows by product.
func goods(t *testing.T) (handles []string, rows map[string][]row) {
	t.Helper()
	r := csv.NewReader(demo.Products())
	header, err := r.Read()
	if err != nil {
		t.Fatalf("read header: %v", err)
	}
	if got := strings.Join(header, ","); got != columns {
		t.Fatalf("header:\n got %s\nwant %s", got, columns)
	}
	r.FieldsPerRecord = len(header)
	rows = map[string][]row{}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return handles, rows
		}
		if err != nil {
			t.Fatalf("read row: %v", err)
		}
		m := row{}
		for i, name := range header {
			m[name] = rec[i]
		}
		h := m["Handle"]
		if rows[h] == nil {
			handles = append(handles, h)
		} else if handles[len(handles)-1] != h {
			t.Errorf("%s: rows stand apart", h)
		}
		rows[h] = append(rows[h], m)
	}
}

func TestEveryProductCanBeShownAndSold(t *testing.T) {
	handles, rows := goods(t)
	if len(handles) != 30 {
		t.Errorf("got %d products, want 30", len(handles))
	}
	price := regexp.MustCompile(`^\d{1,4}\.\d\d$`)
	tag := regexp.MustCompile(`<[^>]*>`)
	plain := []string{"<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>", "<strong>", "</strong>"}
	shelves := map[string]int{}
	skus := map[string]string{}
	for _, h := range handles {
		first := rows[h][0]
		shelves[first["Type"]]++
		for _, name := range []string{"Title", "Body (HTML)", "Tags", "Image Src", "Image Alt Text", "Option1 Name"} {
			if strings.TrimSpace(first[name]) == "" {
				t.Errorf("%s: no %s", h, name)
			}
		}
		if first["Vendor"] != demo.ShopName || first["Published"] != "true" {
			t.Errorf("%s: vendor %q, published %q", h, first["Vendor"], first["Published"])
		}
		for _, s := range tag.FindAllString(first["Body (HTML)"], -1) {
			if !slices.Contains(plain, s) {
				t.Errorf("%s: description holds %s", h, s)
			}
		}
		seen := map[string]bool{}
		for i, r := range rows[h] {
			if i > 0 && r["Title"]+r["Image Src"] != "" {
				t.Errorf("%s: row %d repeats the product", h, i+1)
			}
			values := r["Option1 Value"] + "/" + r["Option2 Value"] + "/" + r["Option3 Value"]
			if seen[values] {
				t.Errorf("%s: variant %s twice", h, values)
			}
			seen[values] = true
			for n := 1; n <= 3; n++ {
				o := "Option" + strconv.Itoa(n)
				if (first[o+" Name"] == "") != (r[o+" Value"] == "") {
					t.Errorf("%s: row %d: %s has a name or a value, not both", h, i+1, o)
				}
			}
			if !price.MatchString(r["Variant Price"]) {
				t.Errorf("%s: price %q", h, r["Variant Price"])
			}
			if c := r["Variant Compare At Price"]; c != "" && (!price.MatchString(c) || number(t, c) <= number(t, r["Variant Price"])) {
				t.Errorf("%s: compare-at price %q is no higher than %q", h, c, r["Variant Price"])
			}
			if g := number(t, r["Variant Grams"]); g < 50 || g > 10000 {
				t.Errorf("%s: weighs %v g", h, g)
			}
			if s := r["Variant SKU"]; s != "" {
				if skus[s] != "" {
					t.Errorf("%s: SKU %s belongs to %s", h, s, skus[s])
				}
				skus[s] = h
			}
		}
	}
	for _, c := range demo.Collections() {
		if shelves[c] == 0 {
			t.Errorf("collection %s is empty", c)
		}
		delete(shelves, c)
	}
	if len(shelves) != 0 {
		t.Errorf("products on shelves that are not in the menu: %v", shelves)
	}
}

// The list is also what a merchant tries the shop with, so each kind of
// product and of stock occurs in it.
func TestTheListShowsWhatTheShopCanDo(t *testing.T) {
	handles, rows := goods(t)
	got := map[string]int{}
	for _, h := range handles {
		options := 0
		for _, o := range []string{"Option1 Name", "Option2 Name", "Option3 Name"} {
			if n := rows[h][0][o]; n != "" && n != "Title" {
				options++
			}
		}
		got[strconv.Itoa(options)+" options"]++
		for _, r := range rows[h] {
			counted, qty, policy := r["Variant Inventory Tracker"] == "shopify", r["Variant Inventory Qty"], r["Variant Inventory Policy"]
			switch {
			case !counted:
				got["uncounted"]++
			case qty == "0" && policy == "continue":
				got["backorder"]++
			case qty == "0" && len(rows[h]) == 1:
				got["sold out"]++
			case qty == "3":
				got["low stock"]++
			}
			if r["Variant Compare At Price"] != "" {
				got["compared price"]++
			}
			if r["Variant SKU"] == "" {
				got["no SKU"]++
			}
		}
	}
	for _, want := range []string{"0 options", "1 options", "2 options", "3 options", "uncounted", "backorder", "sold out", "low stock", "compared price", "no SKU"} {
		if got[want] == 0 {
			t.Errorf("no product with %s", want)
		}
	}
}

func TestEachProductHasItsOwnDrawing(t *testing.T) {
	handles, rows := goods(t)
	used := map[string]bool{}
	for _, h := range handles {
		src := rows[h][0]["Image Src"]
		name, ok := strings.CutPrefix(src, demo.Scheme)
		if !ok || used[name] {
			t.Errorf("%s: image source %q", h, src)
		}
		used[name] = true
		b, ok := demo.Picture(name)
		if !ok {
			t.Errorf("%s: no drawing %s", h, name)
			continue
		}
		if alt := rows[h][0]["Image Alt Text"]; !bytes.Contains(b, []byte("<title>"+alt+"</title>")) {
			t.Errorf("%s: the title of the drawing is not the alt text %q", h, alt)
		}
	}
	for _, name := range demo.Pictures() {
		if !used[name] {
			t.Errorf("drawing %s belongs to no product", name)
		}
	}
}

// A drawing is served from the shop's own origin: it must not be able to run
// or fetch anything, or need a weaker policy header.
func TestDrawingsOnlyDraw(t *testing.T) {
	elements := []string{"svg", "title", "g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"}
	attributes := []string{
		"xmlns", "width", "height", "viewBox", "transform", "d", "points", "x", "y", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2", "y2",
		"fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin",
	}
	for _, name := range demo.Pictures() {
		b, _ := demo.Picture(name)
		if len(b) > 4<<10 {
			t.Errorf("%s: %d bytes, want at most 4096", name, len(b))
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch e := tok.(type) {
			case xml.StartElement:
				if !slices.Contains(elements, e.Name.Local) {
					t.Errorf("%s: holds <%s>", name, e.Name.Local)
				}
				for _, a := range e.Attr {
					if !slices.Contains(attributes, a.Name.Local) || a.Name.Space != "" || strings.Contains(a.Value, "url(") {
						t.Errorf("%s: <%s> holds %s=%q", name, e.Name.Local, a.Name.Local, a.Value)
					}
				}
			case xml.Directive, xml.ProcInst, xml.Comment:
				t.Errorf("%s: holds %T", name, e)
			}
		}
		if want := `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="780" viewBox="0 0 360 390"`; !bytes.HasPrefix(b, []byte(want)) {
			t.Errorf("%s: does not open with %s", name, want)
		}
	}
}

func TestPictureKnowsOnlyItsOwn(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../products.csv", "pictures", "sub/day-book.svg", "./day-book.svg", "day-book", "DAY-BOOK.SVG", "day-book.svg\x00"} {
		if b, ok := demo.Picture(name); ok || b != nil {
			t.Errorf("Picture(%q) gives %d bytes", name, len(b))
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Errorf("got %q, want a number", s)
	}
	return f
}

package intake_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/money"
)

// workshop is a file as WooCommerce writes it: parents and variations apart,
// every type, lists in one cell, a decimal comma.
const workshop = "\xef\xbb\xbf" + `ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Visibility in catalog","Short description",Description,"Date sale price starts","Date sale price ends","Tax status","Tax class","In stock?",Stock,"Backorders allowed?","Weight (kg)","Sale price","Regular price",Categories,Tags,Images,Parent,"Grouped products","External URL","Attribute 1 name","Attribute 1 value(s)","Attribute 2 name","Attribute 2 value(s)","Download 1 name","Download 1 URL"
10,simple,CUP-1,4006381333931,"Enamel cup, small",1,visible,"A cup.","<p onclick=""x()"">Holds 0.2 l</p>\nWash by hand.",,,taxable,,1,12,0,"0,15","7,50","9,00","Kitchen > Cups\, mugs, Gifts","red, camping","https://pictures.example/cup.jpg, https://pictures.example/cup-2.jpg",,,,,,,,,
11,variable,SHIRT,,Leinenhemd,1,visible,,Aus Leinen,,,taxable,reduced-rate,1,,0,"0.3",,,Clothes,,,,,,Größe,"S, M",Farbe,"Blau, 赤",,
12,"simple, downloadable, virtual",PLAN,,"Plan of a bench",1,visible,,,,,none,,1,,0,,,3.00,Plans,,,,,,,,,,plan.pdf,https://files.example/plan.pdf
13,variation,SHIRT-S,,"Leinenhemd - S, Blau",1,visible,,,,,taxable,parent,1,3,notify,,,49.00,,,,id:11,,,Größe,S,Farbe,Blau,,
14,variation,SHIRT-M,,"Leinenhemd - M, 赤",1,visible,,,,,taxable,parent,0,,0,,,52.00,,,,SHIRT,,,Größe,M,Farbe,赤,,
15,variation,LOST,,Lost,1,visible,,,,,taxable,parent,1,,0,,,1.00,,,,id:99,,,Größe,S,,,,
16,grouped,SET,,Camping set,1,visible,,,,,taxable,,1,,0,,,,Sets,,https://pictures.example/set.jpg,,"CUP-1, id:12",,,,,,,
17,external,,,Somebody's tent,1,visible,,,,,taxable,,1,,0,,,99.00,,,,,,https://elsewhere.example/,,,,,,
18,simple,OLD,,Old pot,-1,visible,,,2020-01-01,2020-02-01,taxable,,1,,0,,5.00,8.00,Kitchen,,,,,,,,,,,
19,simple,BAD,,Bad price,1,visible,,,,,taxable,,1,,0,,,nine,Kitchen,,,,,,,,,,,
20,simple,CUP-2,,"Enamel cup, small",1,visible,,,,,taxable,,0,,0,,,9.50,Kitchen,,,,,,,,,,,
`

func TestAShopOfWooCommerceMovesIn(t *testing.T) {
	eur := currency(t, "EUR")
	r := intake.Read(strings.NewReader(workshop), eur)
	s := &shelf{}
	report, err := intake.Import(t.Context(), r, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	for _, b := range report.Bad {
		bad = append(bad, fmt.Sprint(b.Line, " ", b.Reason))
	}
	for i, want := range []string{"7 The variation names a parent", "9 The product is sold by somebody else", "11 The regular price"} {
		if i >= len(bad) || !strings.HasPrefix(bad[i], want) {
			t.Fatalf("bad rows: got %q, want %q at %d", bad, want, i)
		}
	}
	if report.Products != 5 || len(report.Downloads) != 1 {
		t.Errorf("got %d products and %d downloads, want 5 and 1", report.Products, len(report.Downloads))
	}
	price := func(minor int64) money.Amount { return money.Of(minor, eur) }
	cup := s.products["enamel-cup-small"]
	if v := cup.Variants[0]; v.Price != price(750) || v.CompareAt != price(900) || v.Grams != 150 || v.Barcode != "4006381333931" || !v.Stock.Counted || v.Stock.OnHand != 12 {
		t.Errorf("the cup is sold as %+v", v)
	}
	if cup.Kind != "Cups, mugs" || !slices.Equal(cup.Tags, []string{"Gifts", "red", "camping"}) || len(cup.Pictures) != 2 || strings.Contains(cup.Description, "onclick") || !strings.Contains(cup.Description, "Holds 0.2 l") {
		t.Errorf("the cup is %+v", cup)
	}
	shirt := s.products["leinenhemd"]
	if !slices.Equal(shirt.Options, []string{"Größe", "Farbe"}) || len(shirt.Variants) != 2 || !slices.Equal(shirt.Variants[1].Values, []string{"M", "赤"}) {
		t.Fatalf("the shirt is %+v", shirt)
	}
	if a, b := shirt.Variants[0], shirt.Variants[1]; a.TaxClass != "reduced" || !a.Stock.Backorder || a.Stock.OnHand != 3 || !b.Stock.Counted || b.Stock.OnHand != 0 || b.Price != price(5200) {
		t.Errorf("the shirts are sold as %+v and %+v", a, b)
	}
	if plan := s.products["plan-of-a-bench"].Variants[0]; !plan.Virtual || plan.TaxClass != "exempt" || plan.Stock.Counted {
		t.Errorf("the plan is sold as %+v", plan)
	}
	if old := s.products["old-pot"]; old.Published || old.Variants[0].Price != price(800) {
		t.Errorf("a draft whose sale has ended: %+v", old)
	}
	if _, ok := s.products["enamel-cup-small-cup-2"]; !ok {
		t.Errorf("two things of one name became one")
	}
	if g := r.Groups(); len(g) != 1 || g[0].Handle != "camping-set" || g[0].Picture != "https://pictures.example/set.jpg" || !slices.Equal(g[0].SKUs, []string{"CUP-1", "PLAN"}) {
		t.Errorf("got groups %+v", g)
	}
}

func TestExcelsEuropeanFilesAreRead(t *testing.T) {
	for name, file := range map[string]string{
		"semicolons":    "Handle;Title;Variant Price\nbowl;Schüssel;12.50\n",
		"tabs":          "Handle\tTitle\tVariant Price\nbowl\tSchüssel\t12.50\n",
		"Windows-1252":  "Handle,Title,Variant Price\nbowl,Sch\xfcssel,12.50\n",
		"UTF-16 little": utf16("Handle,Title,Variant Price\nbowl,Schüssel,12.50\n", false),
		"UTF-16 big":    utf16("Handle,Title,Variant Price\nbowl,Schüssel,12.50\n", true),
	} {
		s, report := take(t, file)
		wantBad(t, report.Bad)
		if got := s.products["bowl"].Title; got != "Schüssel" {
			t.Errorf("%s: got %q", name, got)
		}
		if (len(report.Warnings) > 0) != (name == "Windows-1252") {
			t.Errorf("%s: got warnings %q", name, report.Warnings)
		}
	}
	// A file that has shown itself to be UTF-8 is damaged, not another one.
	_, report := take(t, "Handle,Title,Variant Price\nbowl,Schüssel,1\ncup,Gr\xfcn,2\n")
	wantBad(t, report.Bad, "3 not UTF-8")
}

func utf16(s string, big bool) string {
	var b strings.Builder
	for _, r := range "\ufeff" + s {
		if big {
			b.WriteByte(byte(r >> 8))
		}
		b.WriteByte(byte(r))
		if !big {
			b.WriteByte(byte(r >> 8))
		}
	}
	return b.String()
}

// drawProduct draws a product as the catalogue could hold it.
func drawProduct(t *rapid.T, n int, eur money.Currency) catalog.Product {
	text := func(label string) string {
		return strings.Join(strings.Fields(rapid.StringMatching(`[A-Za-zäé=+@'-][A-Za-z0-9 äé"';,=+@-]{0,12}[A-Za-z]`).Draw(t, label)), " ")
	}
	p := catalog.Product{Handle: fmt.Sprintf("p%d", n), Title: text("title"), Vendor: text("vendor"), Kind: text("kind"), Published: rapid.Bool().Draw(t, "published")}
	p.Description = "<p>" + strings.NewReplacer(`"`, "", "'", "").Replace(text("description")) + "</p>"
	for i := range rapid.IntRange(0, 2).Draw(t, "tags") {
		p.Tags = append(p.Tags, fmt.Sprintf("tag %d", i))
	}
	count := 1
	for i := range rapid.IntRange(0, 2).Draw(t, "options") {
		p.Options = append(p.Options, fmt.Sprintf("Option %d", i))
		count = rapid.IntRange(1, 3).Draw(t, "variants")
	}
	for i := range count {
		v := catalog.Variant{SKU: fmt.Sprintf("S-%d-%d", n, i), Price: money.Of(rapid.Int64Range(0, 99999).Draw(t, "price"), eur), CompareAt: money.Zero(eur),
			Grams: rapid.Int64Range(0, 5000).Draw(t, "grams"), Virtual: rapid.Bool().Draw(t, "virtual"),
			TaxClass: rapid.SampledFrom([]string{"", "reduced", "zero", "exempt", "books"}).Draw(t, "class"),
			Stock:    catalog.Stock{Counted: rapid.Bool().Draw(t, "counted"), Backorder: rapid.Bool().Draw(t, "backorder")}}
		if v.Stock.Counted {
			v.Stock.OnHand = rapid.Int64Range(0, 50).Draw(t, "on hand")
		}
		if rapid.Bool().Draw(t, "reduced") {
			v.CompareAt = money.Of(v.Price.Minor()+100, eur)
		}
		for o := range p.Options {
			v.Values = append(v.Values, fmt.Sprintf("value %d", i+o))
		}
		p.Variants = append(p.Variants, v)
	}
	if rapid.Bool().Draw(t, "picture") {
		p.Pictures = append(p.Pictures, catalog.Picture{Source: "https://pictures.example/a.jpg"})
	}
	return p
}

func readAll(t *rapid.T, file string, eur money.Currency) []catalog.Product {
	r := intake.Read(strings.NewReader(file), eur)
	var out []catalog.Product
	for {
		d, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, file)
		}
		out = append(out, d.Product)
	}
}

func TestWhatIsTakenOutComesBackTheSame(t *testing.T) {
	eur := currency(t, "EUR")
	rapid.Check(t, func(t *rapid.T) {
		var products []catalog.Product
		for i := range rapid.IntRange(1, 4).Draw(t, "products") {
			products = append(products, drawProduct(t, i, eur))
		}
		for name, begin := range map[string]func(io.Writer) (*intake.Writer, error){"shopify": intake.WriteShopify, "woocommerce": intake.WriteWoo} {
			var file strings.Builder
			w, err := begin(&file)
			for _, p := range products {
				if err == nil {
					err = w.Write(p)
				}
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			cells, err := csv.NewReader(strings.NewReader(file.String())).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range slices.Concat(cells...) {
				if cell != "" && strings.ContainsRune("=+@-", rune(cell[0])) {
					t.Fatalf("%s: a spreadsheet would reckon with %q", name, cell)
				}
			}
			got := readAll(t, file.String(), eur)
			if len(got) != len(products) {
				t.Fatalf("%s: got %d products, want %d\n%s", name, len(got), len(products), file.String())
			}
			for i := range got {
				if name == "woocommerce" {
					got[i].Handle = products[i].Handle // the format has no place for it
				}
				if !intake.Same(products[i], got[i]) {
					t.Fatalf("%s: got\n%+v\nwant\n%+v\n%s", name, got[i], products[i], file.String())
				}
			}
		}
	})
}

func FuzzReadWoo(f *testing.F) {
	f.Add([]byte(workshop))
	f.Add([]byte("Type,SKU,Name,Regular price\nsimple,A,B,1\nvariation,,,\n"))
	eur := currency(f, "EUR")
	f.Fuzz(func(t *testing.T, file []byte) {
		r := intake.Read(strings.NewReader(string(file)), eur)
		for range 10*len(file) + 100 {
			d, err := r.Next()
			var bad *intake.RowError
			if err != nil && !errors.As(err, &bad) {
				return
			}
			if err == nil && (d.Product.Handle == "" || len(d.Product.Variants) == 0 || len(d.Product.Options) > catalog.MaxOptions) {
				t.Fatalf("got %+v", d.Product)
			}
		}
		t.Fatal("it never ends")
	})
}

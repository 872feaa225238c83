package intake_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/intake"
)

// head is the shortest header of a product file.
const head = "Handle,Title,Variant Price\n"

// full is a header with the columns of an ordinary one, in another order.
const full = "\xef\xbb\xbfTitle,Handle,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value," +
	"Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price," +
	"Variant Barcode,Image Src,Image Position,Image Alt Text,SEO Title,Something Else\r\n"

// record writes cells by the names of full.
func record(cells map[string]string) string {
	names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(full, "\xef\xbb\xbf"), "\r\n"), ",")
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = `"` + strings.ReplaceAll(cells[name], `"`, `""`) + `"`
	}
	return strings.Join(out, ",") + "\r\n"
}

func TestOneProductInManyRows(t *testing.T) {
	file := full +
		record(map[string]string{"Handle": "Bowl-One", "Title": " A  bowl ", "Vendor": "Kiln", "Type": "Tableware", "Tags": "blue, round,blue,", "Published": "FALSE",
			"Option1 Name": "Size", "Option1 Value": "S", "Option2 Name": "Colour", "Option2 Value": "Blue",
			"Variant SKU": "=1+1", "Variant Grams": "250.0", "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "7", "Variant Price": "48.5", "Variant Compare At Price": "60",
			"Variant Barcode": "4006381333931", "Image Src": "https://pictures.example/2.jpg", "Image Position": "2", "Image Alt Text": "From above"}) +
		record(map[string]string{"Handle": "bowl-one", "Option1 Value": "M", "Option2 Value": "Blue", "Variant Inventory Policy": "continue", "Variant Inventory Tracker": "shopify",
			"Variant Inventory Qty": "-3", "Variant Price": "50", "Variant Compare At Price": "50", "Image Src": "demo:bowl.svg", "Image Position": "1"}) +
		record(map[string]string{"Handle": "bowl-one", "Image Src": "http://pictures.example/3.jpg"}) +
		strings.Repeat(",", strings.Count(full, ",")) + "\r\n\r\n" +
		record(map[string]string{"Handle": "cup", "Title": "Cup", "Option1 Name": "Title", "Option1 Value": "Default Title", "Variant Inventory Qty": "3", "Variant Price": "0"})
	eur := currency(t, "EUR")
	s := &shelf{}
	reader := intake.Read(strings.NewReader(file), eur).WithPictures(func(source string) (string, bool) {
		name, ours := strings.CutPrefix(source, "demo:")
		return "/pictures/demo/" + name, ours
	})
	report, err := intake.Import(t.Context(), reader, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantBad(t, report.Bad)
	bowl := s.products["bowl-one"]
	if bowl.Title != "A bowl" || bowl.Vendor != "Kiln" || bowl.Kind != "Tableware" || bowl.Published || fmt.Sprint(bowl.Tags) != "[blue round]" || fmt.Sprint(bowl.Options) != "[Size Colour]" {
		t.Errorf("words of the bowl: got %+v", bowl)
	}
	if len(bowl.Variants) != 2 {
		t.Fatalf("variants: got %d, want 2", len(bowl.Variants))
	}
	small, medium := bowl.Variants[0], bowl.Variants[1]
	if small.SKU != "=1+1" || small.Grams != 250 || small.Price.Minor() != 4850 || small.CompareAt.Minor() != 6000 || small.Barcode != "4006381333931" ||
		small.Title() != "S / Blue" || small.Stock != (catalog.Stock{Counted: true, OnHand: 7}) || small.Price.Currency() != eur {
		t.Errorf("small: got %+v", small)
	}
	if medium.Stock != (catalog.Stock{Counted: true, OnHand: -3, Backorder: true}) || !medium.CompareAt.IsZero() {
		t.Errorf("medium: got %+v, want backorder and no price to strike out", medium)
	}
	want := []catalog.Picture{
		{URL: "/pictures/demo/bowl.svg", Source: "demo:bowl.svg"},
		{Source: "https://pictures.example/2.jpg", Alt: "From above"},
		{Source: "http://pictures.example/3.jpg"},
	}
	if !reflect.DeepEqual(bowl.Pictures, want) || report.MissingPictures != 2 {
		t.Errorf("pictures: got %+v (%d missing), want %+v (2 missing)", bowl.Pictures, report.MissingPictures, want)
	}
	cup := s.products["cup"]
	if len(cup.Options) != 0 || len(cup.Variants) != 1 || len(cup.Variants[0].Values) != 0 || !cup.Published {
		t.Errorf("cup: got %+v, want a single variant without options", cup)
	}
	if got := cup.Variants[0].Stock; got != (catalog.Stock{OnHand: 3}) {
		t.Errorf("cup: got %+v, want not counted and the quantity kept", got)
	}
}

// TestBadRowsCostOnlyThemselves has one mistake in each case; the good cup
// after it must always come through.
func TestBadRowsCostOnlyThemselves(t *testing.T) {
	good := map[string]string{"Handle": "bowl", "Title": "Bowl", "Variant Price": "1"}
	with := func(changes ...string) string {
		cells := map[string]string{}
		for k, v := range good {
			cells[k] = v
		}
		for i := 0; i < len(changes); i += 2 {
			cells[changes[i]] = changes[i+1]
		}
		return record(cells)
	}
	size := func(value string) string {
		return with("Title", "", "Option1 Value", value)
	}
	for name, test := range map[string]struct {
		rows string
		bad  []string
		bowl int // variants of the bowl; 0 when it must not be there
	}{
		"no handle":             {with("Handle", " "), []string{"2 handle"}, 0},
		"a path for a handle":   {with("Handle", "../etc"), []string{"2 handle"}, 0},
		"no title":              {with("Title", ""), []string{"2 no title"}, 0},
		"10,000 characters":     {with("Title", strings.Repeat("ü", 10_000)), []string{"2 title is too long"}, 0},
		"title with an escape":  {with("Title", "Bowl\x1b[2J"), []string{"2 control"}, 0},
		"title turned around":   {with("Title", "Bowl\u202elwob"), []string{"2 control"}, 0},
		"NUL":                   {with("Title", "Bo\x00wl"), []string{"2 NUL"}, 0},
		"Latin-1":               {with("Title", "Sch\xfcssel"), nil, 1},
		"no price":              {with("Variant Price", ""), []string{"2 price is missing", "2 No row"}, 0},
		"price in words":        {with("Variant Price", "ten"), []string{"2 price", "2 No row"}, 0},
		"price below zero":      {with("Variant Price", "-1"), []string{"2 below zero", "2 No row"}, 0},
		"price of half a cent":  {with("Variant Price", "1.005"), []string{"2 price", "2 No row"}, 0},
		"price beyond reason":   {with("Variant Price", "99999999999999"), []string{"2 price", "2 No row"}, 0},
		"price in exponents":    {with("Variant Price", "1e3"), []string{"2 price", "2 No row"}, 0},
		"price of a formula":    {with("Variant Price", "=1+1"), []string{"2 price", "2 No row"}, 0},
		"compare-at in words":   {with("Variant Compare At Price", "NaN"), []string{"2 compare-at", "2 No row"}, 0},
		"weight below zero":     {with("Variant Grams", "-1"), []string{"2 weight", "2 No row"}, 0},
		"quantity of a half":    {with("Variant Inventory Qty", "1.5"), []string{"2 quantity", "2 No row"}, 0},
		"quantity of 2^63":      {with("Variant Inventory Qty", "9223372036854775808"), []string{"2 quantity", "2 No row"}, 0},
		"policy of its own":     {with("Variant Inventory Policy", "maybe"), []string{"2 policy", "2 No row"}, 0},
		"published perhaps":     {with("Published", "perhaps"), []string{"2 Published"}, 1},
		"value without option":  {with("Option1 Value", "Blue"), []string{"2 option", "2 No row"}, 0},
		"option without first":  {with("Option2 Name", "Size", "Option2 Value", "S"), []string{"2 option"}, 0},
		"options of one name":   {with("Option1 Name", "A", "Option1 Value", "x", "Option2 Name", "A", "Option2 Value", "y"), []string{"2 same name"}, 0},
		"picture of a script":   {with("Image Src", "javascript:alert(1)"), []string{"2 picture"}, 1},
		"picture of a file":     {with("Image Src", "demo:bowl.svg"), []string{"2 picture"}, 1},
		"picture with password": {with("Image Src", "https://a:b@pictures.example/"), []string{"2 picture"}, 1},
		"picture at no place":   {with("Image Src", "https://pictures.example/1", "Image Position", "first"), []string{"2 position"}, 1},
		"same variant again":    {with() + with("Title", ""), []string{"3 same option values"}, 1},
		"one variant of three": {with("Option1 Name", "Size", "Option1 Value", "S") + strings.Replace(size("M"), `"1"`, `"x"`, 1) + size("L"),
			[]string{"3 price"}, 2},
		"a row that says nothing": {with() + record(map[string]string{"Handle": "bowl"}), []string{"3 neither"}, 1},
		"a refused product's row": {with("Title", "") + with("Title", ""), []string{"2 no title", "3 left out"}, 0},
		"columns missing":         {"Bowl,bowl\r\n", []string{"2 number of columns"}, 0},
		"a stray quote":           {`Bowl "blue",bowl` + "\r\n", []string{"2 quotes"}, 0},
		"text after a quote":      {`"Bowl"s,bowl` + "\r\n", []string{"2 quotes"}, 0},
		"an open quote":           {`"Bowl,bowl` + "\r\n", []string{"2 quotes"}, 0},
		"a huge line":             {strings.Repeat("x", 3*intake.MaxRow) + "\r\n", []string{"2 too long"}, 0},
		"a huge field":            {with("Body (HTML)", strings.Repeat(strings.Repeat("x", 98)+"\r\n", intake.MaxField/90)), []string{"2 too long"}, 0},
		"a long description":      {with("Body (HTML)", strings.Repeat("x", 100_000)), []string{"2 too long"}, 1},
		"a thousand columns":      {strings.Repeat(",x", 1000) + "\r\n", []string{"2 columns"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, report := take(t, full+test.rows+record(map[string]string{"Handle": "cup", "Title": "Cup", "Variant Price": "2"}))
			wantBad(t, report.Bad, test.bad...)
			bowl, there := s.products["bowl"]
			if len(bowl.Variants) != test.bowl || there != (test.bowl > 0) {
				t.Errorf("bowl: got %d variants, want %d", len(bowl.Variants), test.bowl)
			}
			if cup := s.products["cup"]; len(cup.Variants) != 1 {
				t.Error("the good product after the bad row is not there")
			}
			for _, bad := range report.Bad {
				if len(bad.Error()) > 500 || strings.ContainsAny(bad.Error(), "\x00\x1b\n") {
					t.Errorf("the report repeats what the file wrote: %q", bad)
				}
			}
		})
	}
}

func TestAHandleFarApartIsNamed(t *testing.T) {
	file := head + "bowl,Bowl,1\ncup,Cup,2\nBOWL,Other bowl,3\nbowl,,4\npot,Pot,5\n"
	s, report := take(t, file)
	wantBad(t, report.Bad, "4 further up", "5 left out")
	if got := s.products["bowl"]; got.Title != "Bowl" || got.Variants[0].Price.Minor() != 100 {
		t.Errorf("bowl: got %+v, want the first one untouched", got)
	}
	if fmt.Sprint(s.order) != "[bowl cup pot]" {
		t.Errorf("products: got %v", s.order)
	}
}

func TestTooManyOfEverything(t *testing.T) {
	var variants strings.Builder
	variants.WriteString("Handle,Title,Variant Price,Option1 Name,Option1 Value,Image Src\n")
	for i := range catalog.MaxVariants + 5 {
		fmt.Fprintf(&variants, "bowl,Bowl,1,Size,%d,https://pictures.example/%d.jpg\n", i, i)
	}
	s, report := take(t, variants.String())
	bowl := s.products["bowl"]
	if len(bowl.Variants) != catalog.MaxVariants || len(bowl.Pictures) != catalog.MaxPictures {
		t.Errorf("got %d variants and %d pictures", len(bowl.Variants), len(bowl.Pictures))
	}
	if want := 5 + catalog.MaxVariants + 5 - catalog.MaxPictures; len(report.Bad) != want {
		t.Errorf("bad rows: got %d, want %d", len(report.Bad), want)
	}
	_, err := intake.Import(t.Context(), intake.Read(strings.NewReader(head+strings.Repeat("x\n", intake.MaxBad+1)), currency(t, "EUR")), &shelf{}, nil)
	if err == nil {
		t.Error("an import of bad rows only went on to the end")
	}
}

func TestPricesFollowTheCurrency(t *testing.T) {
	for code, want := range map[string]map[string]int64{
		"JPY": {"4800": 4800, "4800.00": 4800, "4800.5": -1},
		"KWD": {"4.8": 4800, "4.800": 4800, "4.8001": -1},
	} {
		for text, minor := range want {
			d, err := intake.Read(strings.NewReader(head+"bowl,Bowl,"+text+"\n"), currency(t, code)).Next()
			if minor < 0 {
				if err == nil {
					t.Errorf("%s %s: got %v, want a bad row", code, text, d.Product.Variants[0].Price)
				}
				continue
			}
			if err != nil || d.Product.Variants[0].Price.Minor() != minor {
				t.Errorf("%s %s: got %+v, %v, want %d", code, text, d, err, minor)
			}
		}
	}
}

func TestNewerTemplate(t *testing.T) {
	file := "Title,URL handle,Description,Status,SKU,Price,Compare-at price,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Product image URL,Published on online store\n" +
		"Bowl,bowl,<p>Round</p>,Draft,B-1,12.00,,shopify,4,DENY,300,https://pictures.example/b.png,TRUE\n"
	s, report := take(t, file)
	wantBad(t, report.Bad)
	bowl := s.products["bowl"]
	if bowl.Published || bowl.Description != "<p>Round</p>" || len(bowl.Variants) != 1 || bowl.Variants[0].SKU != "B-1" || bowl.Variants[0].Stock.OnHand != 4 || len(bowl.Pictures) != 1 {
		t.Errorf("got %+v", bowl)
	}
}

// TestWhatIsWrittenIsRead writes any texts as CSV and finds them again.
func TestWhatIsWrittenIsRead(t *testing.T) {
	eur := currency(t, "EUR")
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		count := rapid.IntRange(1, 5).Draw(t, "products")
		file := strings.TrimSuffix(head, "\n") + end
		var titles []string
		for i := range count {
			title := rapid.StringMatching(`[A-Za-z",;=+@<>&][A-Za-z ",;=+@'<>&\n-]{0,40}[A-Za-z",]`).Draw(t, "title")
			titles = append(titles, strings.Join(strings.Fields(title), " "))
			file += fmt.Sprintf(`p%d,"%s",%d`, i, strings.ReplaceAll(title, `"`, `""`), i+1) + end
		}
		r := intake.Read(strings.NewReader(file), eur)
		for i := range count {
			d, err := r.Next()
			if err != nil {
				t.Fatalf("product %d: %v", i, err)
			}
			if d.Product.Title != titles[i] || d.Product.Variants[0].Price.Minor() != int64(i+1)*100 {
				t.Fatalf("got %q, want %q", d.Product.Title, titles[i])
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last: got %v, want io.EOF", err)
		}
	})
}

package intake

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// Writer writes products as a CSV that the shop it is named for reads, and that
// Reader reads back. A cell that a spreadsheet would take for a formula gets a
// quote in front, which Reader takes away again.
type Writer struct {
	csv  *csv.Writer
	rows func(catalog.Product) [][]string
}

// WriteShopify begins a file for Shopify.
func WriteShopify(w io.Writer) (*Writer, error) {
	return begin(w, shopifyRows, []string{"Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value",
		"Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Variant Price",
		"Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable", "Variant Tax Class", "Variant Barcode", "Image Src", "Image Position", "Image Alt Text",
		"Unit Price Total Measure", "Unit Price Total Measure Unit", "Unit Price Base Measure", "Unit Price Base Measure Unit"})
}

// WriteWoo begins a file for WooCommerce. It has no column for a handle, the
// words of a picture or the content of a thing: those stay behind.
func WriteWoo(w io.Writer) (*Writer, error) {
	return begin(w, wooRows, []string{"Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Visibility in catalog", "Description", "Tax status", "Tax class", "In stock?", "Stock",
		"Backorders allowed?", "Weight (kg)", "Sale price", "Regular price", "Categories", "Tags", "Brands", "Images", "Parent",
		"Attribute 1 name", "Attribute 1 value(s)", "Attribute 2 name", "Attribute 2 value(s)", "Attribute 3 name", "Attribute 3 value(s)"})
}

func begin(w io.Writer, rows func(catalog.Product) [][]string, header []string) (*Writer, error) {
	out := &Writer{csv.NewWriter(w), rows}
	return out, out.csv.Write(header)
}

// Write writes one product.
func (w *Writer) Write(p catalog.Product) error {
	for _, row := range w.rows(p) {
		for i, cell := range row {
			row[i] = harmless(cell)
		}
		if err := w.csv.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is left.
func (w *Writer) Close() error {
	w.csv.Flush()
	return w.csv.Error()
}

// harmless keeps a spreadsheet from reading a cell as a formula (OWASP, CSV
// injection). What begins with the quote that says so gets another one.
func harmless(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

func shopifyRows(p catalog.Product) [][]string {
	var out [][]string
	for i := range max(len(p.Variants), len(p.Pictures)) {
		row := make([]string, 31)
		row[0] = p.Handle
		if i == 0 {
			copy(row[1:], []string{p.Title, p.Description, p.Vendor, p.Kind, strings.Join(p.Tags, ", "), strings.ToUpper(strconv.FormatBool(p.Published))})
			for n, name := range p.Options {
				row[7+2*n] = name
			}
			if len(p.Options) == 0 {
				row[7] = "Title"
			}
		}
		if i < len(p.Variants) {
			shopifyVariant(row, p.Variants[i])
		}
		if i < len(p.Pictures) {
			row[24], row[25], row[26] = p.Pictures[i].Source, strconv.Itoa(i+1), p.Pictures[i].Alt
		}
		out = append(out, row)
	}
	return out
}

func shopifyVariant(row []string, v catalog.Variant) {
	for n, value := range v.Values {
		row[8+2*n] = value
	}
	if len(v.Values) == 0 {
		row[8] = "Default Title"
	}
	row[13], row[14], row[16], row[17] = v.SKU, strconv.FormatInt(v.Grams, 10), strconv.FormatInt(v.Stock.OnHand, 10), "deny"
	if v.Stock.Counted {
		row[15] = "shopify"
	}
	if v.Stock.Backorder {
		row[17] = "continue"
	}
	row[18] = v.Price.Decimal()
	if v.CompareAt.Minor() > 0 {
		row[19] = v.CompareAt.Decimal()
	}
	row[20], row[21], row[22], row[23] = yes(!v.Virtual), yes(v.TaxClass != exempt), v.TaxClass, v.Barcode
	if m := v.Measure; m.Amount > 0 {
		row[27], row[28], row[29], row[30] = thousandths(m.Amount), m.Unit, thousandths(m.Base), m.BaseUnit
	}
}

func yes(b bool) string { return strings.ToUpper(strconv.FormatBool(b)) }

// exempt is the tax class of what is not taxed at all.
const exempt = "exempt"

// thousandths writes 1500 as 1.5.
func thousandths(n int64) string {
	s := strconv.FormatInt(n/1000, 10)
	if n%1000 == 0 {
		return s
	}
	return s + "." + strings.TrimRight(strconv.FormatInt(1000+n%1000, 10)[1:], "0")
}

// readThousandths is its inverse.
func readThousandths(s string) (int64, error) {
	whole, part, _ := strings.Cut(wooNumber(s), ".")
	if len(part) > 3 || whole == "" {
		return 0, errors.New("no amount with at most three decimals")
	}
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", 3-len(part)), 10, 40)
	return int64(n), err
}

func wooRows(p catalog.Product) [][]string {
	head := make([]string, 26)
	head[3], head[4], head[5], head[6] = p.Title, "1", "visible", strings.ReplaceAll(p.Description, "\n", `\n`)
	if !p.Published {
		head[4] = "-1"
	}
	head[15], head[17] = wooEscape(p.Kind), p.Vendor
	var tags, sources []string
	for _, tag := range p.Tags {
		tags = append(tags, wooEscape(tag))
	}
	for _, picture := range p.Pictures {
		sources = append(sources, wooEscape(picture.Source))
	}
	head[16], head[18] = strings.Join(tags, ", "), strings.Join(sources, ", ")
	if len(p.Options) == 0 && len(p.Variants) == 1 {
		head[0] = "simple"
		wooVariantCells(head, p.Variants[0])
		return [][]string{head}
	}
	// Variations name their parent by a SKU that no variant has.
	parent := "parent-" + p.Handle
	head[0], head[1] = "variable", parent
	out := [][]string{head}
	for _, v := range p.Variants {
		row := make([]string, 26)
		row[0], row[3], row[4], row[19] = "variation", p.Title, "1", parent
		wooVariantCells(row, v)
		for n, value := range v.Values {
			row[20+2*n], row[21+2*n] = p.Options[n], value
		}
		out = append(out, row)
	}
	return out
}

func wooVariantCells(row []string, v catalog.Variant) {
	if v.Virtual {
		row[0] += ", virtual"
	}
	row[1], row[2], row[7], row[8], row[9] = v.SKU, v.Barcode, "taxable", v.TaxClass, "1"
	switch v.TaxClass {
	case exempt:
		row[7], row[8] = "none", ""
	case "reduced", "zero":
		row[8] += "-rate"
	}
	if v.Stock.Counted {
		row[10] = strconv.FormatInt(v.Stock.OnHand, 10)
		if v.Stock.OnHand <= 0 {
			row[9] = "0"
		}
	}
	row[11] = "0"
	if v.Stock.Backorder {
		row[11] = "1"
	}
	if v.Grams > 0 {
		row[12] = thousandths(v.Grams)
	}
	row[14] = v.Price.Decimal()
	if v.CompareAt.Minor() > v.Price.Minor() {
		row[13], row[14] = v.Price.Decimal(), v.CompareAt.Decimal()
	}
}

func wooEscape(s string) string { return strings.ReplaceAll(s, ",", `\,`) }

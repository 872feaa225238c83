package intake

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// wooVariant reads price, stock and the rest of what is sold in a row.
func (r *Reader) wooVariant(row wooRow, kinds []string, class string) (v catalog.Variant, reason string) {
	if v.SKU, reason = plain("SKU", row.get("sku"), catalog.MaxSKU); reason != "" {
		return v, reason
	}
	if v.Barcode, reason = plain("barcode", row.get("gtin, upc, ean, or isbn"), catalog.MaxSKU); reason != "" {
		return v, reason
	}
	regular, reason := readPrice("regular price", wooNumber(row.get("regular price")), r.currency)
	if reason != "" {
		return v, reason
	}
	v.Price, v.CompareAt = regular, money.Zero(r.currency)
	if sale := row.get("sale price"); sale != "" && wooNow(row.get("date sale price starts"), row.get("date sale price ends"), time.Now()) {
		now, reason := readPrice("sale price", wooNumber(sale), r.currency)
		if reason != "" {
			return v, reason
		}
		if now.Minor() < regular.Minor() {
			v.Price, v.CompareAt = now, regular
		}
	}
	if row.weightAt >= 0 {
		if text := plainCell(row.fields[row.weightAt]); text != "" {
			weight, err := strconv.ParseFloat(wooNumber(text), 64)
			if err != nil || weight < 0 || weight > 1e9 {
				return v, "The weight is no number."
			}
			v.Grams = int64(weight*float64(row.gramsFor)/1000 + 0.5)
		}
	}
	v.TaxClass = wooClass(row, class)
	v.Virtual = slices.Contains(kinds, "virtual") || slices.Contains(kinds, "downloadable")
	switch strings.ToLower(row.get("backorders allowed?")) {
	case "1", "yes", "notify":
		v.Stock.Backorder = true
	}
	if count := row.get("stock"); count != "" && count != "parent" {
		n, ok := readWhole(wooNumber(count), maxUnits)
		if !ok {
			return v, "The stock is no whole number."
		}
		v.Stock.Counted, v.Stock.OnHand = true, n
	} else if in := row.get("in stock?"); in == "0" {
		v.Stock.Counted = true
	}
	if v.Stock.OnHand < 0 && !v.Stock.Backorder {
		v.Stock.OnHand = 0
	}
	return v, ""
}

// wooClass is the tax class of a row, in the words of package tax.
func wooClass(row wooRow, parent string) string {
	if row.get("tax status") == "none" {
		return "exempt"
	}
	switch class := strings.ToLower(row.get("tax class")); class {
	case "parent":
		return parent
	case "", "standard":
		return ""
	case "reduced-rate":
		return "reduced"
	case "zero-rate":
		return "zero"
	default:
		return class
	}
}

// wooDownloads reads the files of a row. One that can't be fetched is noted.
func (r *Reader) wooDownloads(row wooRow, handle string) (list []Download) {
	for i := 1; ; i++ {
		at := "download " + strconv.Itoa(i)
		if _, ok := row.at[at+" url"]; !ok {
			return list
		}
		source := row.get(at + " url")
		switch {
		case source == "":
		case !catalog.IsElsewhere(source):
			r.wooNote(row, handle, "The address of a download is none that is fetched from; add the file with \"cartkeep files add\".")
		case r.loads == maxLoads:
			r.wooNote(row, handle, "The file has too many downloads; this one is left out.")
		default:
			r.loads++
			list = append(list, Download{Handle: handle, Name: freeName(list, fileName(row.get(at+" name"), source)), Source: source, Line: row.line})
		}
	}
}

// wooNumber writes a decimal comma as a point.
func wooNumber(s string) string {
	if !strings.Contains(s, ".") && strings.Count(s, ",") == 1 {
		return strings.Replace(s, ",", ".", 1)
	}
	return s
}

// wooNow reports whether a sale runs. A date that can't be read bounds nothing.
func wooNow(from, to string, now time.Time) bool {
	if t, err := time.Parse(time.DateOnly, first10(from)); err == nil && now.Before(t) {
		return false
	}
	t, err := time.Parse(time.DateOnly, first10(to))
	return err != nil || now.Before(t.AddDate(0, 0, 1))
}

func first10(s string) string { return s[:min(10, len(s))] }

// wooList parts a list of the file: a comma that belongs to a name has a
// backslash before it.
func wooList(s string) (list []string) {
	const escaped = "\x00"
	for part := range strings.SplitSeq(strings.ReplaceAll(s, `\,`, escaped), ",") {
		if part = strings.TrimSpace(strings.ReplaceAll(part, escaped, ",")); part != "" {
			list = append(list, part)
		}
	}
	return list
}

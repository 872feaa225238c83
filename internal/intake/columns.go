package intake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// column is one of the columns that we read. Others are passed over.
type column int

const (
	colHandle column = iota
	colTitle
	colBody
	colVendor
	colType
	colTags
	colPublished
	colStatus
	colOption1Name
	colOption1Value
	colOption2Name
	colOption2Value
	colOption3Name
	colOption3Value
	colSKU
	colGrams
	colTracker
	colQuantity
	colPolicy
	colPrice
	colCompareAt
	colBarcode
	colImage
	colImagePosition
	colImageAlt
	colRequiresShipping
	colTaxable
	colTaxClass
	colMeasure
	colMeasureUnit
	colBase
	colBaseUnit
	columnCount
)

// columnOf finds a column by the name in the header, in lower case. The second
// name of a column is the one in Shopify's newer template.
func columnOf(name string) (column, bool) {
	switch name {
	case "handle", "url handle":
		return colHandle, true
	case "title":
		return colTitle, true
	case "body (html)", "body html", "description":
		return colBody, true
	case "vendor":
		return colVendor, true
	case "type":
		return colType, true
	case "tags":
		return colTags, true
	case "published", "published on online store":
		return colPublished, true
	case "status":
		return colStatus, true
	case "option1 name":
		return colOption1Name, true
	case "option1 value":
		return colOption1Value, true
	case "option2 name":
		return colOption2Name, true
	case "option2 value":
		return colOption2Value, true
	case "option3 name":
		return colOption3Name, true
	case "option3 value":
		return colOption3Value, true
	case "variant sku", "sku":
		return colSKU, true
	case "variant grams", "weight value (grams)":
		return colGrams, true
	case "variant inventory tracker", "inventory tracker":
		return colTracker, true
	case "variant inventory qty", "inventory quantity":
		return colQuantity, true
	case "variant inventory policy", "continue selling when out of stock":
		return colPolicy, true
	case "variant price", "price":
		return colPrice, true
	case "variant compare at price", "compare-at price":
		return colCompareAt, true
	case "variant barcode", "barcode":
		return colBarcode, true
	case "image src", "product image url":
		return colImage, true
	case "image position":
		return colImagePosition, true
	case "image alt text":
		return colImageAlt, true
	case "variant requires shipping", "requires shipping":
		return colRequiresShipping, true
	case "variant taxable", "charge tax":
		return colTaxable, true
	case "variant tax class": // ours: Shopify has none
		return colTaxClass, true
	case "unit price total measure":
		return colMeasure, true
	case "unit price total measure unit":
		return colMeasureUnit, true
	case "unit price base measure":
		return colBase, true
	case "unit price base measure unit":
		return colBaseUnit, true
	}
	return 0, false
}

// header knows at which place of a row each column stands.
type header struct {
	at    [columnCount]int // -1: the file has no such column
	width int
	woo   *wooFile // instead, in a file of WooCommerce
}

// readHeader recognises the file by its first row. Its errors end the import
// and are written for the person who chose the file.
func readHeader(rows *rows) (header, error) {
	if start, _ := rows.in.Peek(3); len(start) > 1 {
		switch {
		case string(start) == "\xef\xbb\xbf":
			_, _ = rows.in.Discard(3) // the bytes were just peeked
		case string(start[:2]) == "\xff\xfe" || string(start[:2]) == "\xfe\xff":
			utf16 := unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder() // the mark says which end comes first
			rows.in = bufio.NewReaderSize(utf16.Reader(rows.in), 64<<10)
		}
	}
	rows.comma = parting(rows.in)
	first, err := rows.next()
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		return header{}, refused("The file is empty.")
	case errors.As(err, &bad):
		return header{}, refused("The first row of the file is no header. " + bad.Reason)
	case err != nil:
		return header{}, err
	}
	h := header{width: len(first.fields)}
	if w, ok := wooHeader(first.fields); ok {
		h.woo = w
		return h, nil
	}
	for c := range h.at {
		h.at[c] = -1
	}
	for i, name := range first.fields {
		c, known := columnOf(strings.ToLower(strings.TrimSpace(name)))
		if !known {
			continue
		}
		if h.at[c] >= 0 {
			return header{}, refused("The header names a column twice.")
		}
		h.at[c] = i
	}
	for _, c := range []column{colHandle, colTitle, colPrice} {
		if h.at[c] < 0 {
			return header{}, refused("The file is no product file of Shopify or WooCommerce: its first row must name the columns Handle, Title and Variant Price, or Type, SKU, Name and Regular price.")
		}
	}
	return h, nil
}

// parting finds what parts the fields of a file: of comma, semicolon and tab the
// one that its first line has most of.
func parting(in *bufio.Reader) byte {
	start, _ := in.Peek(16 << 10)
	if end := bytes.IndexByte(start, '\n'); end >= 0 {
		start = start[:end]
	}
	best, most := byte(','), bytes.Count(start, []byte(","))
	for _, b := range []byte{';', '\t'} {
		if n := bytes.Count(start, []byte{b}); n > most {
			best, most = b, n
		}
	}
	return best
}

func refused(text string) error { return fault.New(fault.Invalid, text) }

// cells is a row seen through its header.
type cells struct {
	row
	header *header
}

// get returns a cell without the blanks around it; "" for a missing column.
func (c cells) get(col column) string {
	if i := c.header.at[col]; i >= 0 {
		return plainCell(c.fields[i])
	}
	return ""
}

// plainCell is a cell as it was meant: without blanks around it, and without
// the quote in front that keeps a spreadsheet from reading it as a formula.
func plainCell(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && s[0] == '\'' && formula(s) {
		return s[1:]
	}
	return s
}

// formula reports whether a spreadsheet would reckon with a text, were the
// quotes in front of it not there.
func formula(s string) bool {
	s = strings.TrimLeft(s, "'")
	return s != "" && strings.IndexByte("=+-@", s[0]) >= 0
}

// blank reports whether every cell of the row is empty, as in the rows of
// commas that spreadsheets leave at the end.
func (c cells) blank() bool {
	for _, f := range c.fields {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}

// any reports whether one of the columns holds something.
func (c cells) any(cols ...column) bool {
	for _, col := range cols {
		if c.get(col) != "" {
			return true
		}
	}
	return false
}

package intake

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Bounds of the numbers of a variant.
const (
	maxGrams = 1_000_000_000 // a thousand tonnes
	maxUnits = 1_000_000_000
)

// product is a product of which more rows may follow.
type product struct {
	catalog.Product
	handle   string
	line     int
	refused  bool // its rows are left out
	pictures []placed
}

// placed is a picture and where it wants to stand.
type placed struct {
	position int
	catalog.Picture
}

// draft returns the product with its pictures in order.
func (p *product) draft() Draft {
	slices.SortStableFunc(p.pictures, func(a, b placed) int { return a.position - b.position })
	for _, picture := range p.pictures {
		p.Pictures = append(p.Pictures, picture.Picture)
	}
	return Draft{Product: p.Product, Line: p.line}
}

// openProduct reads what only the first row of a product tells, and then the
// row's own variant and picture.
func (r *Reader) openProduct(c cells) {
	p := r.open
	p.Handle = p.handle
	p.Published = true
	if !c.any(colTitle) {
		p.refused = true
		r.note(c, p.handle, "The product has no title: its first row is missing or could not be used.")
		return
	}
	var reason string
	if p.Title, reason = plain("title", c.get(colTitle), catalog.MaxTitle); reason != "" {
		p.refused = true
		r.note(c, p.handle, reason+" The product is left out.")
		return
	}
	if reason = p.readOptions(c); reason != "" {
		p.refused = true
		r.note(c, p.handle, reason+" The product is left out.")
		return
	}
	// What is wrong below costs the product that one thing only.
	if p.Description, reason = r.clean.description(c.get(colBody)); reason != "" {
		r.note(c, p.handle, reason+" The product is kept without it.")
	}
	if p.Vendor, reason = plain("vendor", c.get(colVendor), maxText); reason != "" {
		r.note(c, p.handle, reason+" The product is kept without it.")
	}
	if p.Kind, reason = plain("type", c.get(colType), maxText); reason != "" {
		r.note(c, p.handle, reason+" The product is kept without it.")
	}
	if p.Tags, reason = readTags(c.get(colTags)); reason != "" {
		r.note(c, p.handle, reason+" The product is kept without them.")
	}
	if p.Published, reason = readPublished(c.get(colPublished), c.get(colStatus)); reason != "" {
		r.note(c, p.handle, reason+" The product is kept and not shown.")
	}
	r.addVariant(c)
	r.addPicture(c)
}

// addRow reads a following row of the open product.
func (r *Reader) addRow(c cells) {
	p := r.open
	if p.refused {
		r.note(c, p.handle, "The row belongs to a product that is left out.")
		return
	}
	variant := c.any(colOption1Value, colOption2Value, colOption3Value, colSKU, colPrice, colBarcode)
	if !variant && !c.any(colImage) {
		r.note(c, p.handle, "The row tells neither a variant nor a picture.")
		return
	}
	if variant {
		r.addVariant(c)
	}
	r.addPicture(c)
}

var optionColumns = [catalog.MaxOptions]struct{ name, value column }{
	{colOption1Name, colOption1Value},
	{colOption2Name, colOption2Value},
	{colOption3Name, colOption3Value},
}

// readOptions reads the names of the options.
func (p *product) readOptions(c cells) (reason string) {
	if isDefault(c.get(colOption1Name), c.get(colOption1Value)) {
		return ""
	}
	for i, col := range optionColumns {
		name, reason := plain("option name", c.get(col.name), maxText)
		switch {
		case reason != "":
			return reason
		case name == "":
			continue
		case len(p.Options) != i:
			return "An option has a name while the one before it has none."
		case slices.Contains(p.Options, name):
			return "Two options have the same name."
		}
		p.Options = append(p.Options, name)
	}
	return ""
}

// isDefault recognises Shopify's way to write a product without options.
func isDefault(name, value string) bool {
	return strings.EqualFold(name, "Title") && strings.EqualFold(value, "Default Title")
}

// addVariant adds the variant of a row, or notes why not.
func (r *Reader) addVariant(c cells) {
	p := r.open
	if len(p.Variants) == catalog.MaxVariants {
		r.note(c, p.handle, "The product has too many variants.")
		return
	}
	v, reason := readVariant(c, p.Options, r.currency)
	if reason == "" && slices.ContainsFunc(p.Variants, func(o catalog.Variant) bool { return slices.Equal(o.Values, v.Values) }) {
		reason = "The product has a variant with the same option values already."
	}
	if reason != "" {
		r.note(c, p.handle, reason)
		return
	}
	p.Variants = append(p.Variants, v)
}

// readVariant reads a row's variant, or says why it is none.
func readVariant(c cells, options []string, currency money.Currency) (v catalog.Variant, reason string) {
	if v.Values, reason = readValues(c, len(options)); reason != "" {
		return v, reason
	}
	if v.SKU, reason = plain("SKU", c.get(colSKU), catalog.MaxSKU); reason != "" {
		return v, reason
	}
	if v.Barcode, reason = plain("barcode", c.get(colBarcode), catalog.MaxSKU); reason != "" {
		return v, reason
	}
	if v.Price, reason = readPrice("price", c.get(colPrice), currency); reason != "" {
		return v, reason
	}
	v.CompareAt = money.Zero(currency)
	if c.any(colCompareAt) {
		was, reason := readPrice("compare-at price", c.get(colCompareAt), currency)
		if reason != "" {
			return v, reason
		}
		if was.Minor() > v.Price.Minor() { // striking out the same or a lower price would mislead
			v.CompareAt = was
		}
	}
	var ok bool
	if v.Grams, ok = readWhole(c.get(colGrams), maxGrams); !ok || v.Grams < 0 {
		return v, "The weight is no whole number of grams."
	}
	v.Virtual = strings.EqualFold(c.get(colRequiresShipping), "false")
	if v.TaxClass, reason = plain("tax class", c.get(colTaxClass), maxClass); reason != "" {
		return v, reason
	}
	if strings.EqualFold(c.get(colTaxable), "false") {
		v.TaxClass = exempt
	}
	if v.Measure, reason = readMeasure(c); reason != "" {
		return v, reason
	}
	v.Stock, reason = readStock(c)
	return v, reason
}

// maxClass bounds the name of a tax class, in characters.
const maxClass = 40

// readMeasure reads how much is in a variant, and of which amount prices are
// compared. A file that tells only one of them tells nothing.
func readMeasure(c cells) (m catalog.Measure, reason string) {
	if !c.any(colMeasure) || !c.any(colBase) {
		return m, ""
	}
	var err, err2 error
	m.Amount, err = readThousandths(c.get(colMeasure))
	m.Base, err2 = readThousandths(c.get(colBase))
	if err != nil || err2 != nil || m.Amount == 0 || m.Base == 0 {
		return catalog.Measure{}, "The measure of the unit price is no amount such as 1.5."
	}
	if m.Unit, reason = plain("unit", c.get(colMeasureUnit), maxClass); reason == "" {
		m.BaseUnit, reason = plain("unit", c.get(colBaseUnit), maxClass)
	}
	return m, reason
}

// readValues reads one value for each option.
func readValues(c cells, options int) (values []string, reason string) {
	single := options == 0 && (isDefault("Title", c.get(colOption1Value)) || !c.any(colOption1Value))
	for i, col := range optionColumns {
		value, reason := plain("option value", c.get(col.value), maxText)
		switch {
		case reason != "":
			return nil, reason
		case single && i == 0:
			continue
		case i >= options && value != "":
			return nil, "The row has a value for an option that the product does not have."
		case i >= options:
			continue
		case value == "":
			return nil, "The row has no value for an option of the product."
		}
		values = append(values, value)
	}
	return values, ""
}

func readPrice(name, s string, currency money.Currency) (money.Amount, string) {
	if s == "" {
		return money.Amount{}, "The " + name + " is missing."
	}
	a, err := money.Parse(s, currency)
	if err != nil {
		return money.Amount{}, "The " + name + " is no amount such as 48 or 48.00, or has more decimals than the currency."
	}
	if a.Minor() < 0 {
		return money.Amount{}, "The " + name + " is below zero."
	}
	return a, ""
}

func readStock(c cells) (s catalog.Stock, reason string) {
	s.Counted = c.any(colTracker)
	switch strings.ToLower(c.get(colPolicy)) {
	case "", "deny":
	case "continue":
		s.Backorder = true
	default:
		return s, "The inventory policy is neither deny nor continue."
	}
	var ok bool
	if s.OnHand, ok = readWhole(c.get(colQuantity), maxUnits); !ok {
		return s, "The quantity is no whole number."
	}
	if s.OnHand < 0 && !s.Backorder {
		s.OnHand = 0
	}
	return s, ""
}

// readWhole reads a whole number that may be written with zeros behind a dot.
// Nothing is zero.
func readWhole(s string, limit int64) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if whole, rest, dot := strings.Cut(s, "."); dot && len(s) < 40 && strings.Trim(rest, "0") == "" {
		s = whole
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= limit && n >= -limit
}

func readTags(s string) (tags []string, reason string) {
	for tag := range strings.SplitSeq(s, ",") {
		tag, reason := plain("list of tags", tag, maxText)
		switch {
		case reason != "":
			return nil, reason
		case tag == "" || slices.Contains(tags, tag):
			continue
		case len(tags) == maxTags:
			return nil, "The list of tags is too long."
		}
		tags = append(tags, tag)
	}
	return tags, ""
}

// readPublished tells whether a product is shown. A draft or an archived
// product is not, whatever else the row says.
func readPublished(published, status string) (bool, string) {
	shown := true
	switch strings.ToLower(published) {
	case "", "true":
	case "false":
		shown = false
	default:
		return false, "Published is neither TRUE nor FALSE."
	}
	switch strings.ToLower(status) {
	case "", "active":
		return shown, ""
	case "draft", "archived", "unlisted":
		return false, ""
	}
	return false, "The status is none of active, draft and archived."
}

// addPicture adds the picture of a row, if it has one.
func (r *Reader) addPicture(c cells) {
	p := r.open
	source := c.get(colImage)
	if source == "" {
		return
	}
	position := maxUnits
	if text := c.get(colImagePosition); text != "" {
		n, ok := readWhole(text, maxUnits)
		if !ok || n < 0 {
			r.note(c, p.handle, "The position of the picture is no whole number; the picture is left out.")
			return
		}
		position = int(n)
	}
	r.addSource(c.line, p, position, source, c.get(colImageAlt))
}

// addSource adds a picture by where the file found it, once.
func (r *Reader) addSource(line int, p *product, position int, source, alt string) {
	note := func(reason string) { r.bad = append(r.bad, &RowError{Line: line, Handle: p.handle, Reason: reason}) }
	if slices.ContainsFunc(p.pictures, func(o placed) bool { return o.Source == source }) {
		return
	}
	if len(p.pictures) == catalog.MaxPictures {
		note("The product has too many pictures; this one is left out.")
		return
	}
	picture := placed{position: position, Picture: catalog.Picture{Source: source}}
	var reason string
	if picture.Alt, reason = plain("text of the picture", alt, maxAlt); reason != "" {
		note(reason + " The picture is left out.")
		return
	}
	address, here := "", false
	if r.find != nil {
		address, here = r.find(source)
	}
	switch {
	case here:
		picture.URL = address
	case !catalog.IsElsewhere(source):
		note("The address of the picture is none; the picture is left out.")
		return
	}
	p.pictures = append(p.pictures, picture)
}

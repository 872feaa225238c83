package intake

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// WooCommerce writes a product a row, and each variation of one in a row of its
// own that names its parent, somewhere further down. So the products that may
// still get variations wait: the newest openMost of them.
//
//	simple       a product with one variant; "virtual" and "downloadable" stand beside the type
//	variable     a product; its options are the attributes that its variations name
//	variation    a variant of its parent, by "id:12" or the parent's SKU
//	grouped      a collection of other products, see Group
//	external     sold by somebody else: left out by name
const openMost = 5000

// wooFile is what is known while such a file is read.
type wooFile struct {
	at       map[string]int // column by its name in lower case
	gramsFor int64          // of one unit of weight, in milligrams
	weightAt int
	waiting  []*wooProduct
	byKey    map[string]*wooProduct // by "id:12" and by SKU
	skuOf    map[string]string      // by "id:12", for groups
	groups   []Group
	done     bool
}

// wooProduct is a product whose variations may still come.
type wooProduct struct {
	product
	keys       []string
	class      string
	names      []string   // of its attributes
	variations []wooChild // of a variable one
	downloads  []Download
	variable   bool
}

type wooChild struct {
	catalog.Variant
	line      int
	values    map[string]string // by name of the attribute
	downloads []Download
}

// wooHeader recognises the file by its first row.
func wooHeader(fields []string) (*wooFile, bool) {
	w := &wooFile{at: map[string]int{}, weightAt: -1, byKey: map[string]*wooProduct{}, skuOf: map[string]string{}}
	for i, f := range fields {
		name := strings.ToLower(strings.TrimSpace(f))
		if _, twice := w.at[name]; !twice {
			w.at[name] = i
		}
		for unit, milligrams := range map[string]int64{"kg": 1_000_000, "g": 1000, "lbs": 453_592, "oz": 28_350} {
			if name == "weight ("+unit+")" {
				w.weightAt, w.gramsFor = i, milligrams
			}
		}
	}
	for _, name := range []string{"type", "sku", "name", "regular price"} {
		if _, ok := w.at[name]; !ok {
			return nil, false
		}
	}
	return w, true
}

// wooRow is one row of it.
type wooRow struct {
	*wooFile
	row
}

func (r wooRow) get(name string) string {
	if i, ok := r.at[name]; ok && i < len(r.fields) {
		return plainCell(r.fields[i])
	}
	return ""
}

// stepWoo reads one row of WooCommerce. It returns a draft when a product is
// whole, or can't wait any longer.
func (r *Reader) stepWoo() (Draft, bool) {
	w := r.header.woo
	if w.done {
		if len(w.waiting) == 0 {
			r.failed = io.EOF
			return Draft{}, false
		}
		return r.closeWoo()
	}
	next, err := r.rows.next()
	var bad *RowError
	switch {
	case errors.As(err, &bad):
		r.bad = append(r.bad, bad)
		return Draft{}, false
	case errors.Is(err, io.EOF):
		w.done = true
		return Draft{}, false
	case err != nil:
		r.failed = err
		return Draft{}, false
	}
	row := wooRow{w, next}
	if len(row.fields) != r.header.width {
		r.wooNote(row, "", "The row has another number of columns than the header.")
		return Draft{}, false
	}
	kinds := strings.FieldsFunc(strings.ToLower(row.get("type")), func(c rune) bool { return c == ',' || c == ' ' })
	switch {
	case slices.Contains(kinds, "variation"):
		r.wooVariation(row, kinds)
	case slices.Contains(kinds, "grouped"):
		r.wooGroup(row)
	case slices.Contains(kinds, "external"):
		r.wooNote(row, "", "The product is sold by somebody else; it is left out.")
	case slices.Contains(kinds, "simple"), slices.Contains(kinds, "variable"):
		r.wooOpen(row, kinds)
	default:
		if strings.TrimSpace(strings.Join(row.fields, "")) != "" {
			r.wooNote(row, "", "The type is none of simple, variable, variation, grouped and external.")
		}
	}
	if len(w.waiting) > openMost {
		return r.closeWoo()
	}
	return Draft{}, false
}

func (r *Reader) wooNote(row wooRow, handle, reason string) {
	r.bad = append(r.bad, &RowError{Line: row.line, Handle: handle, Reason: reason})
}

// wooOpen reads the row of a product.
func (r *Reader) wooOpen(row wooRow, kinds []string) {
	if len(r.seen) >= MaxProducts {
		r.failed = refused("The file has too many products; please import it in parts.")
		return
	}
	p := &wooProduct{variable: slices.Contains(kinds, "variable")}
	p.line = row.line
	var reason string
	if p.Title, reason = plain("name", row.get("name"), catalog.MaxTitle); reason == "" && p.Title == "" {
		reason = "The product has no name."
	}
	if reason != "" {
		r.wooNote(row, "", reason+" The product is left out.")
		return
	}
	if p.handle = r.wooHandle(p.Title, row.get("sku"), row.get("id")); p.handle == "" {
		r.wooNote(row, "", "No address can be made of the name of the product; it is left out.")
		return
	}
	p.Handle = p.handle
	text := row.get("description")
	if short := row.get("short description"); short != "" {
		text = short + "\n" + text
	}
	// WooCommerce writes a line break as the two characters \n.
	if p.Description, reason = r.clean.description(strings.ReplaceAll(text, `\n`, "\n")); reason != "" {
		r.wooNote(row, p.handle, reason+" The product is kept without it.")
	}
	shelves := wooList(row.get("categories"))
	for i, shelf := range shelves {
		parts := strings.Split(shelf, " > ")
		name, reason := plain("category", parts[len(parts)-1], maxText)
		switch {
		case reason != "":
			r.wooNote(row, p.handle, reason+" The product is kept without it.")
		case i == 0:
			p.Kind = name
		case name != "" && !slices.Contains(p.Tags, name) && len(p.Tags) < maxTags:
			p.Tags = append(p.Tags, name)
		}
	}
	for _, tag := range wooList(row.get("tags")) {
		tag, reason := plain("tag", tag, maxText)
		if reason == "" && tag != "" && !slices.Contains(p.Tags, tag) && len(p.Tags) < maxTags {
			p.Tags = append(p.Tags, tag)
		}
	}
	p.Published = row.get("published") == "1" && row.get("visibility in catalog") != "hidden"
	if brand, reason := plain("brand", row.get("brands"), maxText); reason == "" {
		p.Vendor = brand
	}
	for i, source := range wooList(row.get("images")) {
		if i == catalog.MaxPictures {
			r.wooNote(row, p.handle, "The product has too many pictures; the rest is left out.")
			break
		}
		r.addSource(row.line, &p.product, i, source, "")
	}
	for i := 1; ; i++ {
		name, ok := row.at["attribute "+strconv.Itoa(i)+" name"]
		if !ok {
			break
		}
		if n := plainCell(row.fields[name]); n != "" && !slices.Contains(p.names, n) {
			p.names = append(p.names, n)
		}
	}
	p.class, p.downloads = wooClass(row, ""), r.wooDownloads(row, p.handle)
	if !p.variable {
		v, reason := r.wooVariant(row, kinds, p.class)
		if reason != "" {
			r.wooNote(row, p.handle, reason+" The product is left out.")
			return
		}
		p.Variants = append(p.Variants, v)
	}
	w := row.wooFile
	for _, key := range []string{"id:" + row.get("id"), row.get("sku")} {
		if key != "id:" && key != "" && w.byKey[key] == nil {
			p.keys = append(p.keys, key)
			w.byKey[key] = p
		}
	}
	if id, sku := row.get("id"), row.get("sku"); id != "" && sku != "" && len(w.skuOf) < MaxProducts {
		w.skuOf["id:"+id] = sku
	}
	w.waiting = append(w.waiting, p)
}

// wooHandle makes a handle of a name that no earlier product of the file has.
func (r *Reader) wooHandle(name, sku, id string) string {
	for _, try := range []string{name, name + " " + sku, name + " " + id} {
		handle, err := catalog.ParseHandle(slug(try))
		if err != nil {
			continue
		}
		if r.firstSeen(handle) {
			return handle
		}
	}
	return ""
}

// slug joins the words of a name by hyphens.
func slug(s string) string {
	words := strings.FieldsFunc(norm.NFC.String(strings.ToLower(s)), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) && !unicode.IsMark(c) })
	s = strings.Map(func(c rune) rune {
		if unicode.IsMark(c) {
			return -1
		}
		return c
	}, strings.Join(words, "-"))
	for len(s) > catalog.MaxHandle {
		cut := strings.LastIndexByte(s, '-')
		if cut < 0 {
			return ""
		}
		s = s[:cut]
	}
	return s
}

// wooVariation reads the row of a variation.
func (r *Reader) wooVariation(row wooRow, kinds []string) {
	parent := row.byKey[row.get("parent")]
	if parent == nil || !parent.variable {
		r.wooNote(row, "", "The variation names a parent that is not above it, or too far above it.")
		return
	}
	v, reason := r.wooVariant(row, kinds, parent.class)
	if reason != "" {
		r.wooNote(row, parent.handle, reason)
		return
	}
	child := wooChild{Variant: v, line: row.line, values: map[string]string{}}
	for i := 1; ; i++ {
		at := "attribute " + strconv.Itoa(i)
		name, ok := row.at[at+" name"]
		if !ok {
			break
		}
		value, reason := plain("attribute", row.get(at+" value(s)"), maxText)
		if reason != "" {
			r.wooNote(row, parent.handle, reason)
			return
		}
		if n := plainCell(row.fields[name]); n != "" && value != "" {
			child.values[n] = value
			if !slices.Contains(parent.names, n) {
				parent.names = append(parent.names, n)
			}
		}
	}
	child.downloads = r.wooDownloads(row, parent.handle)
	parent.variations = append(parent.variations, child)
}

// closeWoo ends the product that has waited longest.
func (r *Reader) closeWoo() (Draft, bool) {
	w := r.header.woo
	p := w.waiting[0]
	w.waiting = w.waiting[1:]
	for _, key := range p.keys {
		delete(w.byKey, key)
	}
	if p.variable {
		p.downloads = r.wooOptions(p)
	}
	if len(p.Variants) == 0 {
		r.bad = append(r.bad, &RowError{p.line, p.handle, "No row of the product can be sold; the product is left out."})
		return Draft{}, false
	}
	d := p.draft()
	d.Downloads = p.downloads
	return d, true
}

// wooOptions makes options of the attributes that the variations name, and
// returns the downloads of those that can be sold.
func (r *Reader) wooOptions(p *wooProduct) (loads []Download) {
	for _, name := range p.names {
		used := slices.ContainsFunc(p.variations, func(c wooChild) bool { return c.values[name] != "" })
		if used && len(p.Options) < catalog.MaxOptions {
			p.Options = append(p.Options, name)
		}
	}
	for _, c := range p.variations {
		v, whole := c.Variant, true
		for _, name := range p.Options {
			v.Values = append(v.Values, c.values[name])
			whole = whole && c.values[name] != ""
		}
		reason := ""
		switch {
		case !whole:
			reason = "The variation has no value for an option of the product."
		case slices.ContainsFunc(p.Variants, func(o catalog.Variant) bool { return slices.Equal(o.Values, v.Values) }):
			reason = "The product has a variant with the same option values already."
		case len(p.Variants) == catalog.MaxVariants:
			reason = "The product has too many variants."
		}
		if reason != "" {
			r.bad = append(r.bad, &RowError{c.line, p.handle, reason})
			continue
		}
		p.Variants = append(p.Variants, v)
		for i := range c.downloads {
			c.downloads[i].Values = v.Values
		}
		loads = append(loads, c.downloads...)
	}
	return loads
}

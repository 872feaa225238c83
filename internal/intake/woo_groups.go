package intake

import "github.com/cartkeep/cartkeep/internal/catalog"

// Group is a product of WooCommerce that only holds others together.
type Group struct {
	Handle, Title, Description string
	Picture                    string // where it is found; "" for none
	SKUs                       []string
	Line                       int
}

// wooGroup reads a product that only holds others together.
func (r *Reader) wooGroup(row wooRow) {
	title, reason := plain("name", row.get("name"), catalog.MaxTitle)
	handle, err := catalog.ParseHandle(slug(title))
	if reason != "" || err != nil {
		r.wooNote(row, "", "The group has no name that can be used; it is left out.")
		return
	}
	text, _ := r.clean.description(row.get("description"))
	g := Group{Handle: handle, Title: title, Description: text, Line: row.line}
	if list := wooList(row.get("images")); len(list) > 0 && catalog.IsElsewhere(list[0]) {
		g.Picture = list[0]
	}
	for _, part := range wooList(row.get("grouped products")) {
		g.SKUs = append(g.SKUs, part)
	}
	row.groups = append(row.groups, g)
}

// Groups returns what only held other products together, once the file is read.
// A part is a SKU; one that the file names by its id has been looked up.
func (r *Reader) Groups() []Group {
	if r.header == nil || r.header.woo == nil {
		return nil
	}
	w := r.header.woo
	for i := range w.groups {
		for j, part := range w.groups[i].SKUs {
			if sku, ok := w.skuOf[part]; ok {
				w.groups[i].SKUs[j] = sku
			}
		}
	}
	return w.groups
}

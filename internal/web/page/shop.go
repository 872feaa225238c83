package page

import (
	"html/template"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Home is the front page: a word of welcome and the list of things.
type Home struct {
	Layout
	Headline string // empty: the shop's name
	Label    string // small words above the text
	Text     string // one or two sentences
	Products []catalog.Product
	Next     string // path of the next part of the list; "" for the end
}

func (Home) template() string { return "home" }
func (p Home) head(s site) head {
	return head{Description: p.Text, Canonical: s.canonical(PathHome)}
}

// Shelf is the page of one collection.
type Shelf struct {
	Layout
	Collection catalog.Collection
	Products   []catalog.Product
	Next       string
}

func (Shelf) template() string { return "shelf" }
func (p Shelf) head(s site) head {
	path := CollectionPath(p.Collection.Handle)
	return head{Title: p.Collection.Title, Canonical: s.canonical(path), Current: path}
}

// Search shows what a search found.
type Search struct {
	Layout
	Query    string // as typed; "" shows the form alone
	Products []catalog.Product
	Next     string
}

func (Search) template() string { return "search" }
func (p Search) head(site) head {
	return head{Title: "Search", NoIndex: true, Query: p.Query}
}

// Product is the page of one product.
type Product struct {
	Layout
	Product    catalog.Product
	Collection Link              // the shelf it stands on; zero for none
	Chosen     catalog.VariantID // shown first; "" picks the first one that can be bought
	TaxNote    string            // beside the price: "incl. VAT"
	Delivery   string            // beside the price: "delivery from €4.90"
	Facts      []Fact            // three true ones
	Wrong      string            // why the thing could not be added; "" for nothing
	ForSale    Offer             // what search engines are told beside price and stock
}

// Offer is what product data for machines says about delivery and returns in
// one country. The zero value says nothing.
type Offer struct {
	Country    string       // ISO 3166-1 alpha-2
	Shipping   money.Amount // to that country
	ReturnDays int          // days to send it back; 0 says nothing
}

func (Product) template() string { return "product" }
func (p Product) head(s site) head {
	path := ProductPath(p.Product.Handle)
	return head{
		Title:       p.Product.Title,
		Description: summary(p.Product.Description),
		Canonical:   s.canonical(path),
		Current:     p.Collection.URL,
		Data:        p.data(s),
	}
}

// Description is shown as it is: the catalogue sanitised it when it came in.
func (p Product) Description() template.HTML { return template.HTML(p.Product.Description) }

// Variant is the one shown first. The zero variant means that there is none.
func (p Product) Variant() catalog.Variant {
	var first catalog.Variant
	for _, v := range p.Product.Variants {
		if v.ID == p.Chosen {
			return v
		}
		if first.ID == "" && v.Stock.Has(1) {
			first = v
		}
	}
	if first.ID == "" && len(p.Product.Variants) > 0 {
		return p.Product.Variants[0]
	}
	return first
}

// Available reports whether any variant can be bought.
func (p Product) Available() bool { return available(p.Product) }

// OnePrice reports whether all variants cost the same.
func (p Product) OnePrice() bool {
	for _, v := range p.Product.Variants {
		if v.Price != p.Product.Variants[0].Price {
			return false
		}
	}
	return true
}

// Chips reports whether the variants are few enough to be shown all at once
// rather than in a list that opens.
func (p Product) Chips() bool { return len(p.Product.Variants) <= 8 }

func available(p catalog.Product) bool {
	for _, v := range p.Variants {
		if v.Stock.Has(1) {
			return true
		}
	}
	return false
}

package page

import (
	"html/template"
	"net/url"
	"strings"

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
	Sift     Sift
}

func (Home) template() string { return "home" }
func (p Home) head(s site) head {
	return head{Description: p.Text, Canonical: s.canonical(PathHome), NoIndex: p.Sift.Sifted(), Data: s.homeData()}
}

// Shelf is the page of one collection.
type Shelf struct {
	Layout
	Collection catalog.Collection
	Products   []catalog.Product
	Next       string
	Sift       Sift
}

// Paragraphs are those of the collection's description.
func (p Shelf) Paragraphs() []string {
	var out []string
	for part := range strings.SplitSeq(p.Collection.Description, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (Shelf) template() string { return "shelf" }
func (p Shelf) head(s site) head {
	path := CollectionPath(p.Collection.Handle)
	h := head{Title: p.Collection.Title, Canonical: s.canonical(path), Current: path, NoIndex: p.Sift.Sifted(), Picture: s.share(p.Collection.Picture)}
	if words := p.Paragraphs(); len(words) > 0 {
		h.Description = shorten(words[0])
	}
	if !h.NoIndex {
		h.Data = s.trail(Link{p.Collection.Title, path})
	}
	return h
}

// Search shows what a search found.
type Search struct {
	Layout
	Query    string // as typed; "" shows the form alone
	Meant    string // what was looked for instead, when nothing is called that; "" for Query itself
	Products []catalog.Product
	Next     string
	Sift     Sift
}

// MeantURL is the search for what was meant.
func (p Search) MeantURL() string {
	return PathSearch + "?" + FieldQuery + "=" + url.QueryEscape(p.Meant)
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
	Returns    Link              // how a thing goes back; zero where the shop has not said
	Facts      []Fact            // three true ones
	Wrong      string            // why the thing could not be added; "" for nothing
	ForSale    Offer             // what search engines are told beside price and stock
	Related    []catalog.Product // others that have much in common with it

	WishTyped string // the address that was typed to hear when it is there again
	WishWrong string // what is wrong with it; "" for nothing
}

// Reduction is a price that came down.
type Reduction struct {
	Was    money.Amount // struck through
	Lowest money.Amount // of the thirty days before
}

// Reduced is the reduction of the price shown, nil for none. Variants that
// were not all reduced alike show none: it would be wrong beside some of them.
func (p Product) Reduced() *Reduction {
	var out *Reduction
	for i, v := range p.Product.Variants {
		was, lowest, ok := v.Was()
		if !ok || !p.OnePrice() {
			return nil
		}
		if now := (Reduction{was, lowest}); i == 0 {
			out = &now
		} else if *out != now {
			return nil
		}
	}
	return out
}

// OneUnit reports whether all variants have the same price for the same
// amount, so that it stands once beside the price.
func (p Product) OneUnit() bool {
	for _, v := range p.Product.Variants {
		if perUnit(v) != perUnit(p.Product.Variants[0]) {
			return false
		}
	}
	return true
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
		Wrong:       p.WishWrong != "",
		Description: summary(p.Product.Description),
		Canonical:   s.canonical(path),
		Current:     p.Collection.URL,
		Picture:     s.share(pictures(p.Product)...),
		Kind:        "product",
		Data:        p.graph(s),
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

package page

import (
	"encoding/json"
	"html"
	"strings"
	"unicode"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// graph is what a page says in the words of schema.org, for search engines. It
// is a data block: html/template writes it as JSON that can't leave its
// element, and browsers do not run it.
type graph struct {
	Context string `json:"@context"`
	Graph   []any  `json:"@graph"`
}

func graphOf(things ...any) *graph { return &graph{"https://schema.org", things} }

// siteData says who sells here, and how to search.
type siteData struct {
	Type      string      `json:"@type"`
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	Action    *actionData `json:"potentialAction,omitempty"`
	Publisher *brandData  `json:"publisher,omitempty"`
}

type actionData struct {
	Type   string `json:"@type"`
	Target string `json:"target"`
	Input  string `json:"query-input"`
}

// homeData is nil without a public address.
func (s site) homeData() *graph {
	home := s.canonical(PathHome)
	if home == "" {
		return nil
	}
	search := &actionData{"SearchAction", s.canonical(PathSearch) + "?" + FieldQuery + "={search_term_string}", "required name=search_term_string"}
	return graphOf(
		siteData{Type: "Organization", Name: s.ShopName, URL: home},
		siteData{Type: "WebSite", Name: s.ShopName, URL: home, Action: search, Publisher: &brandData{"Organization", s.ShopName}})
}

// trailData is the way from the front page to a page.
type trailData struct {
	Type  string     `json:"@type"`
	Steps []stepData `json:"itemListElement"`
}

type stepData struct {
	Type     string `json:"@type"`
	Position int    `json:"position"`
	Name     string `json:"name"`
	Item     string `json:"item"`
}

// trail is nil without a public address.
func (s site) trail(steps ...Link) *graph {
	if t := s.steps(steps...); t != nil {
		return graphOf(t)
	}
	return nil
}

func (s site) steps(steps ...Link) *trailData {
	if s.BaseURL == "" {
		return nil
	}
	t := &trailData{Type: "BreadcrumbList"}
	for i, step := range append([]Link{{s.ShopName, PathHome}}, steps...) {
		t.Steps = append(t.Steps, stepData{"ListItem", i + 1, step.Text, s.canonical(step.URL)})
	}
	return t
}

// productData is a product.
type productData struct {
	Type        string      `json:"@type"`
	Name        string      `json:"name"`
	URL         string      `json:"url,omitempty"`
	Description string      `json:"description,omitempty"`
	Image       []string    `json:"image,omitempty"`
	SKU         string      `json:"sku,omitempty"`
	Brand       *brandData  `json:"brand,omitempty"`
	Offers      []offerData `json:"offers,omitempty"`
}

type brandData struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

type offerData struct {
	Type          string        `json:"@type"`
	Name          string        `json:"name,omitempty"`
	SKU           string        `json:"sku,omitempty"`
	URL           string        `json:"url,omitempty"`
	Price         string        `json:"price"`
	PriceCurrency string        `json:"priceCurrency"`
	Availability  string        `json:"availability"`
	ItemCondition string        `json:"itemCondition"`
	Unit          *unitData     `json:"priceSpecification,omitempty"`
	Shipping      *shippingData `json:"shippingDetails,omitempty"`
	Returns       *returnsData  `json:"hasMerchantReturnPolicy,omitempty"`
}

type shippingData struct {
	Type        string     `json:"@type"`
	Rate        rateData   `json:"shippingRate"`
	Destination regionData `json:"shippingDestination"`
}

type rateData struct {
	Type     string `json:"@type"`
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

type regionData struct {
	Type    string `json:"@type"`
	Country string `json:"addressCountry"`
}

type returnsData struct {
	Type     string `json:"@type"`
	Country  string `json:"applicableCountry"`
	Category string `json:"returnPolicyCategory"`
	Days     int    `json:"merchantReturnDays"`
}

// unitData is a price for a comparable amount.
type unitData struct {
	Type      string       `json:"@type"`
	Price     string       `json:"price"`
	Currency  string       `json:"priceCurrency"`
	Reference quantityData `json:"referenceQuantity"`
}

type quantityData struct {
	Type  string      `json:"@type"`
	Value json.Number `json:"value"`
	Code  string      `json:"unitCode"`
}

// unitCodes are those of UN/CEFACT Recommendation 20.
var unitCodes = map[string]string{"mg": "MGM", "g": "GRM", "kg": "KGM", "ml": "MLT", "cl": "CLT", "dl": "DLT", "l": "LTR",
	"mm": "MMT", "cm": "CMT", "m": "MTR", "cm²": "CMK", "m²": "MTK", "m³": "MTQ", "piece": "C62"}

func unitOf(v catalog.Variant) *unitData {
	u, ok := v.UnitPrice()
	if !ok {
		return nil
	}
	amount, _, _ := strings.Cut(u.Per(), " ")
	return &unitData{"UnitPriceSpecification", u.Price.Decimal(), u.Price.Currency().Code(), quantityData{"QuantitativeValue", json.Number(amount), unitCodes[u.Unit]}}
}

// graph is the product and the way to it.
func (p Product) graph(s site) *graph {
	g := graphOf(p.data(s))
	way := []Link{{p.Product.Title, ProductPath(p.Product.Handle)}}
	if p.Collection.URL != "" {
		way = append([]Link{p.Collection}, way...)
	}
	if t := s.steps(way...); t != nil {
		g.Graph = append(g.Graph, t)
	}
	return g
}

// data leaves out what is not known rather than guessing, and variants without
// a price above zero: search engines refuse those.
func (p Product) data(s site) *productData {
	d := &productData{
		Type:        "Product",
		Name:        p.Product.Title,
		URL:         s.canonical(ProductPath(p.Product.Handle)),
		Description: summary(p.Product.Description),
	}
	if p.Product.Vendor != "" {
		d.Brand = &brandData{"Brand", p.Product.Vendor}
	}
	for _, pic := range p.Product.Pictures {
		if pic.URL != "" && s.BaseURL != "" {
			d.Image = append(d.Image, s.share(pic).URL)
		}
	}
	if len(p.Product.Variants) == 1 {
		d.SKU = p.Product.Variants[0].SKU
	}
	for _, v := range p.Product.Variants {
		if v.Price.Minor() <= 0 {
			continue
		}
		d.Offers = append(d.Offers, p.offer(v, d.URL))
	}
	return d
}

func (p Product) offer(v catalog.Variant, url string) offerData {
	o := offerData{
		Type: "Offer", Name: v.Title(), SKU: v.SKU, URL: url,
		Price: v.Price.Decimal(), PriceCurrency: v.Price.Currency().Code(),
		Availability:  "https://schema.org/" + availability(v.Stock),
		ItemCondition: "https://schema.org/NewCondition",
		Unit:          unitOf(v),
	}
	if p.ForSale.Country == "" {
		return o
	}
	if p.ForSale.Shipping != (money.Amount{}) {
		o.Shipping = &shippingData{
			Type:        "OfferShippingDetails",
			Rate:        rateData{"MonetaryAmount", p.ForSale.Shipping.Decimal(), p.ForSale.Shipping.Currency().Code()},
			Destination: regionData{"DefinedRegion", p.ForSale.Country},
		}
	}
	if p.ForSale.ReturnDays > 0 {
		o.Returns = &returnsData{
			Type: "MerchantReturnPolicy", Country: p.ForSale.Country,
			Category: "https://schema.org/MerchantReturnFiniteReturnWindow", Days: p.ForSale.ReturnDays,
		}
	}
	return o
}

func availability(s catalog.Stock) string {
	switch {
	case !s.Has(1):
		return "OutOfStock"
	case s.Counted && s.Backorder && s.OnHand-s.Held < 1:
		return "BackOrder"
	}
	return "InStock"
}

// summary is the plain text of a description, cut at a word near 160
// characters. The description is sanitised HTML, so a "<" always opens a tag.
func summary(description string) string {
	var b strings.Builder
	tag := false
	for _, r := range description {
		switch {
		case r == '<':
			tag = true
			b.WriteByte(' ')
		case r == '>':
			tag = false
		case !tag:
			b.WriteRune(r)
		}
	}
	return shorten(html.UnescapeString(b.String()))
}

// shorten cuts plain text at a word near 160 characters.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	const most = 160
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := most
	for cut > most/2 && !unicode.IsSpace(runes[cut]) {
		cut--
	}
	return strings.TrimRight(string(runes[:cut]), " ,;:") + "…"
}

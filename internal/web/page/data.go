package page

import (
	"html"
	"strings"
	"unicode"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// productData is a product in the words of schema.org, for search engines. It
// is a data block: html/template writes it as JSON that can't leave its
// element, and browsers do not run it.
type productData struct {
	Context     string      `json:"@context"`
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

// data leaves out what is not known rather than guessing, and variants without
// a price above zero: search engines refuse those.
func (p Product) data(s site) *productData {
	d := &productData{
		Context:     "https://schema.org",
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
			d.Image = append(d.Image, s.canonical(pic.URL))
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
	text := strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
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

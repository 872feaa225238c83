// Package catalog holds the words of the goods: products, their options and
// variants, pictures, collections and stock.
//
// It knows what a sellable thing is and when it is available. It does not know
// where products are stored or how they are imported, and nothing in it is
// personal.
package catalog

import (
	"regexp"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Bounds of the catalogue. They keep a page printable and a row storable.
const (
	MaxHandle   = 255
	MaxTitle    = 255
	MaxOptions  = 3   // options of a product, as in Shopify's product CSV
	MaxVariants = 250 // variants of one product
	MaxPictures = 50  // pictures of one product
	MaxSKU      = 100
)

// ProductID and VariantID are UUIDs in text form; they never tell an order.
type (
	ProductID string
	VariantID string
)

// Product is one page of the shop: a thing in one or more variants.
type Product struct {
	ID          ProductID
	Handle      string // its name in the address, unique; ParseHandle
	Title       string
	Description string // sanitised HTML, ready to be shown
	Vendor      string
	Kind        string // Shopify's "Type"
	Tags        []string
	Published   bool
	Options     []string // names of at most MaxOptions options; empty for a single variant
	Variants    []Variant
	Pictures    []Picture
}

// Variant is what goes into a cart.
type Variant struct {
	ID        VariantID
	SKU       string   // may be empty; then handle and option values tell the variant
	Values    []string // one value for each of the product's options
	Price     money.Amount
	CompareAt money.Amount // the earlier price as the merchant tells it; zero amount for none. See Was
	Lowest    money.Amount // the lowest of the 30 days before the reduction; zero when not known
	Grams     int64
	Barcode   string
	Stock     Stock
	TaxClass  string  // "" for the standard one; what it means is for package tax
	Virtual   bool    // no parcel brings it: a file, a key, a service
	Measure   Measure // what is in it; zero when that is nobody's question
}

// Measure is how much of something a variant holds, and of which amount a
// shopper compares prices: 750 ml of wine, told by 1 l. Amounts are thousandths
// of their unit, so that half a kilogram is a whole number.
type Measure struct {
	Amount   int64  // thousandths of Unit
	Unit     string // "g", "ml", "m"… as the merchant wrote it
	Base     int64  // thousandths of BaseUnit
	BaseUnit string
}

// Title names the variant among its siblings: its option values, or "".
func (v Variant) Title() string { return strings.Join(v.Values, " / ") }

// Picture is one picture of a product. A picture that could not be fetched
// keeps its Source and has no URL; it is not shown.
type Picture struct {
	URL    string // path in this shop, such as /pictures/bowl.svg; "" when missing
	Source string // where the import found it
	Alt    string // what a person who cannot see it should know

	// Renditions are the same picture in several widths, the narrowest first;
	// URL is the last one's. A drawing fits every width and has none.
	Renditions []Rendition
}

// Rendition is a picture in one width.
type Rendition struct {
	URL           string
	Width, Height int
}

// Stock is what is left of one variant.
type Stock struct {
	Counted   bool  // false: always available; OnHand is kept for staff only
	OnHand    int64 // units in the house; below zero only with Backorder
	Held      int64 // units promised to orders that are being paid
	Backorder bool  // sell on when none is left
}

// Left returns how many can still be bought. The second value is false when
// that is not limited.
func (s Stock) Left() (int64, bool) {
	if !s.Counted || s.Backorder {
		return 0, false
	}
	return max(0, s.OnHand-s.Held), true
}

// Has reports whether n units can be bought now.
func (s Stock) Has(n int64) bool {
	left, limited := s.Left()
	return !limited || left >= n
}

var handleForm = regexp.MustCompile(`^[\p{L}\p{N}]+(?:[-_.][\p{L}\p{N}]+)*$`)

// ParseHandle accepts the name of a product or collection in an address:
// letters and digits of any script joined by single hyphens, underscores or dots.
func ParseHandle(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > MaxHandle || !handleForm.MatchString(s) {
		return "", fault.Field("handle", "A handle is made of letters and digits joined by hyphens.")
	}
	return s, nil
}

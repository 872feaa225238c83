// Package cart holds the words of the cart: its lines, its limits and its sums.
//
// It knows how lines add up once prices, shipping and tax are given. It does
// not know who the shopper is: personal values never pass through this package.
package cart

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Limits of one cart. A cart beyond them is a machine's.
const (
	MaxLines    = 100
	MaxQuantity = 999
	IdleAfter   = 30 * 24 * time.Hour // a cart left alone this long ends
)

// ID is the random id of a cart. A guest's subject id is that of the cart.
type ID string

// LineID is the random id of a line within its cart.
type LineID string

// State tells whether a cart can still be changed.
type State string

const (
	Open    State = "open"
	Ordered State = "ordered" // an order was made of it; it opens again when that is cancelled
)

// Cart is a cart as it can be shown: priced from the catalogue, without any
// personal value.
type Cart struct {
	ID        ID
	State     State
	OrderID   string // the order made of it, while Ordered
	Lines     []Line
	Saved     []Line // set aside for later; in no sum
	Totals    Totals
	Codes     []discount.Applied // discount codes, those that count for nothing yet among them
	Credits   []credit.Part      // gift cards and store credit, with what each pays of the total
	Checkout  Checkout
	Estimate  string // country that delivery was estimated for; "" for none
	ExpiresAt time.Time
}

// Due is what credit leaves of the total, to be paid with a payment service.
func (c Cart) Due() money.Amount { return credit.Rest(c.Totals.Total, c.Credits) }

// Virtual reports whether there is nothing in the cart that is sent.
func (c Cart) Virtual() bool { return Virtual(c.Lines) }

// Virtual reports whether nothing of these lines is sent.
func Virtual(lines []Line) bool {
	for _, l := range lines {
		if !l.Virtual {
			return false
		}
	}
	return len(lines) > 0
}

// Count returns the number of units in the cart.
func (c Cart) Count() int64 {
	var n int64
	for _, l := range c.Lines {
		n += l.Quantity
	}
	return n
}

// Checkout says how far the details have come, not what they are.
type Checkout struct {
	Complete       bool   // all that is needed to order is there, sealed
	Country        string // ISO 3166-1 alpha-2 of the delivery address; "" before it is known
	Region         string // where tax has rules for a part of that country; else ""
	Zone           string // of delivery, as the merchant named it; a postcode is never kept beside a cart
	ShippingMethod string // id; "" before one is chosen, and when nothing is sent
	Window         string // the time of delivery that was chosen, as package shipping writes it
	Reverse        bool   // a business of another EU country, which pays the tax itself
}

// Line is one variant in a quantity, at today's price.
type Line struct {
	ID       LineID
	Variant  catalog.VariantID
	Handle   string // of the product
	Title    string // product title and variant, as one shows it
	SKU      string
	Picture  catalog.Picture
	Quantity int64
	Unit     money.Amount
	Total    money.Amount
	Grams    int64  // of one unit
	TaxClass string // "" for the standard one
	Virtual  bool   // no parcel brings it
	Stock    catalog.Stock
	Sold     bool         // false: the product is no longer for sale and must be removed
	Was      money.Amount // what a unit cost when the shopper last saw it; zero: it still does
	Saved    bool         // set aside for later
}

// Changed reports whether the price of a unit has moved since it was last
// seen: going on needs the shopper's word.
func (l Line) Changed() bool { return l.Was.Currency() == l.Unit.Currency() && l.Was != l.Unit }

// Fits reports whether the line could be ordered: it is for sale, and there is
// enough of it.
func (l Line) Fits() bool { return l.Sold && l.Stock.Has(l.Quantity) }

// Apart parts the lines of a cart from those saved for later.
func Apart(all []Line) (lines, saved []Line) {
	lines = make([]Line, 0, len(all))
	for _, l := range all {
		if l.Saved {
			saved = append(saved, l)
		} else {
			lines = append(lines, l)
		}
	}
	return lines, saved
}

// Totals of a cart or an order. Discount is taken off the items; what a code
// takes off delivery is not in Shipping any more. Where prices include tax, Total is
// Items - Discount + Shipping and Tax is the part contained in it; otherwise
// Tax is added.
type Totals struct {
	Items       money.Amount
	Discount    money.Amount
	Shipping    money.Amount
	Tax         money.Amount
	Total       money.Amount
	TaxIncluded bool
}

// ParseQuantity checks a quantity for adding or setting.
func ParseQuantity(n int64) (int64, error) {
	if n < 1 || n > MaxQuantity {
		return 0, fault.Field("quantity", "Choose a quantity from 1 to 999.")
	}
	return n, nil
}

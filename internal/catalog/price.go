package catalog

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
)

// ReductionWindow is how far back the price before a reduction is looked for:
// thirty days (Directive 98/6/EC Art. 6a).
const ReductionWindow = 30 * 24 * time.Hour

// PricePoint says that something costs this, in minor units, from a moment on.
type PricePoint struct {
	At    time.Time
	Price int64
}

// LowestPrice is the lowest price in force at any moment from one time until
// before another. The points are in order. It is false when none was.
func LowestPrice(history []PricePoint, from, until time.Time) (lowest int64, known bool) {
	for i, p := range history {
		ended := i+1 < len(history) && !history[i+1].At.After(from)
		if ended || !p.At.Before(until) {
			continue
		}
		if !known || p.Price < lowest {
			lowest, known = p.Price, true
		}
	}
	return lowest, known
}

// Was is the price that may be shown struck through beside v's, and the lowest
// of the thirty days before the reduction, which must be told with it. It is
// false when there is no reduction, or none that a shopper would call one: what
// was to be had as cheap or cheaper a month ago is not reduced. A higher
// earlier price than the lowest would promise more than is saved, so it is
// never struck. Of goods that came into the shop reduced nothing is known but
// the merchant's word for the earlier price.
func (v Variant) Was() (was, lowest money.Amount, ok bool) {
	if v.CompareAt.Minor() <= v.Price.Minor() {
		return money.Amount{}, money.Amount{}, false
	}
	if v.Lowest.Minor() == 0 {
		return v.CompareAt, v.CompareAt, true
	}
	if v.Lowest.Minor() <= v.Price.Minor() {
		return money.Amount{}, money.Amount{}, false
	}
	if v.Lowest.Minor() < v.CompareAt.Minor() {
		return v.Lowest, v.Lowest, true
	}
	return v.CompareAt, v.Lowest, true
}

// UnitPrice is a price for a comparable amount (Directive 98/6/EC Art. 3).
type UnitPrice struct {
	Price  money.Amount
	Amount int64  // thousandths of Unit
	Unit   string // as shoppers write it: "kg", "l", "m"
}

// Per is what the price is for: "1 l", "100 g".
func (u UnitPrice) Per() string { return thousandths(u.Amount) + " " + u.Unit }

// Format is the price with what it is for: "€12.00 / 1 l".
func (u UnitPrice) Format() string { return u.Price.Format() + " / " + u.Per() }

// unit is a unit of measure: its dimension and how many of the smallest unit
// of that dimension it holds.
type unit struct {
	name      string
	dimension string // the unit by which such amounts are compared
	holds     int64
}

// The smallest units are the milligram, the microlitre, the millimetre, the
// square millimetre and the piece. Shopify's words are among these.
var units = []unit{
	{"mg", "kg", 1}, {"g", "kg", 1_000}, {"kg", "kg", 1_000_000},
	{"ml", "l", 1_000}, {"cl", "l", 10_000}, {"dl", "l", 100_000}, {"l", "l", 1_000_000}, {"m³", "m³", 1},
	{"mm", "m", 1}, {"cm", "m", 10}, {"m", "m", 1_000},
	{"cm²", "m²", 100}, {"m²", "m²", 1_000_000},
	{"piece", "piece", 1},
}

// otherWords are further ways to write a unit.
var otherWords = map[string]string{"m2": "m²", "m3": "m³", "cm2": "cm²", "sqm": "m²", "ltr": "l", "litre": "l", "liter": "l",
	"pc": "piece", "pcs": "piece", "pieces": "piece", "item": "piece", "items": "piece", "count": "piece", "ct": "piece"}

func unitOf(word string) (unit, bool) {
	word = strings.ToLower(strings.TrimSpace(word))
	if other := otherWords[word]; other != "" {
		word = other
	}
	for _, u := range units {
		if u.name == word {
			return u, true
		}
	}
	return unit{}, false
}

// UnitPrice is the price of m's base amount when m costs price, rounded half
// up to the minor unit; without a base it is that of one kilogram, litre,
// metre, square metre or piece. The sum is exact before that one rounding. It
// is false when nothing can be compared: no amount, unknown units, or units of
// different kinds.
func (m Measure) UnitPrice(price money.Amount) (UnitPrice, bool) {
	of, ok := unitOf(m.Unit)
	if !ok || m.Amount <= 0 || price.Minor() < 0 {
		return UnitPrice{}, false
	}
	base, amount := unit{}, m.Base
	if amount > 0 {
		base, ok = unitOf(m.BaseUnit)
	} else {
		amount = 1000
		base, ok = unitOf(of.dimension)
	}
	if !ok || base.dimension != of.dimension {
		return UnitPrice{}, false
	}
	// price × base ÷ content, both in the smallest unit; half up.
	top := new(big.Int).Mul(big.NewInt(price.Minor()), big.NewInt(amount))
	top.Mul(top, big.NewInt(base.holds))
	bottom := new(big.Int).Mul(big.NewInt(m.Amount), big.NewInt(of.holds))
	top.Add(top.Lsh(top, 1), bottom).Quo(top, bottom.Lsh(bottom, 1))
	if !top.IsInt64() || top.Int64() > money.Limit {
		return UnitPrice{}, false
	}
	return UnitPrice{money.Of(top.Int64(), price.Currency()), amount, base.name}, true
}

// UnitPrice is v's price for a comparable amount.
func (v Variant) UnitPrice() (UnitPrice, bool) { return v.Measure.UnitPrice(v.Price) }

// Content tells how much is in it, such as "50 ml"; "" when that is unknown.
func (m Measure) Content() string {
	u, ok := unitOf(m.Unit)
	if !ok || m.Amount <= 0 {
		return ""
	}
	return thousandths(m.Amount) + " " + u.name
}

// thousandths writes 1500 as "1.5".
func thousandths(n int64) string {
	s := strconv.FormatInt(n/1000, 10)
	if rest := n % 1000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(1000+rest, 10)[1:], "0")
	}
	return s
}

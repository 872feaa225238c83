// Package money holds amounts of money: whole minor units of one currency.
//
// It knows the currencies of ISO 4217 and how many decimals each has, adds and
// shares amounts without losing or inventing a unit, and refuses what does not
// fit. It does not know exchange rates, prices or who pays.
//
// There is no floating point in it. Rounding happens in two places only, Added
// and Contained, and is half to even.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Limit is the largest amount, in minor units, that is read from outside.
const Limit = 10_000_000_000_000

// What can go wrong inside; nobody outside reads these.
var (
	ErrOverflow = errors.New("money: amount too large")
	ErrCurrency = errors.New("money: currencies differ")
	ErrWeights  = errors.New("money: weights must not be negative, nor all zero")
)

// Amount is a number of minor units (cents) of one currency. The zero value is
// nothing of no currency.
type Amount struct {
	minor    int64
	currency Currency
}

// Of makes an amount of minor units: Of(4800, EUR) is 48 euro.
func Of(minor int64, c Currency) Amount { return Amount{minor, c} }

// Zero is nothing, in a currency.
func Zero(c Currency) Amount { return Amount{0, c} }

// Minor returns the amount in minor units.
func (a Amount) Minor() int64 { return a.minor }

// Currency returns the currency of the amount.
func (a Amount) Currency() Currency { return a.currency }

// IsZero reports whether the amount is nothing, in whatever currency.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Negative reports whether the amount is below zero.
func (a Amount) Negative() bool { return a.minor < 0 }

// Cmp compares two amounts by currency code and then by size; within one
// currency it is -1, 0 or 1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.currency.code < b.currency.code:
		return -1
	case a.currency.code > b.currency.code:
		return 1
	case a.minor < b.minor:
		return -1
	case a.minor > b.minor:
		return 1
	}
	return 0
}

// Plus adds an amount of the same currency.
func (a Amount) Plus(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, ErrCurrency
	}
	sum := a.minor + b.minor
	if (sum > a.minor) != (b.minor > 0) {
		return Amount{}, ErrOverflow
	}
	return Amount{sum, a.currency}, nil
}

// Minus takes away an amount of the same currency. The rest may be negative.
func (a Amount) Minus(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, ErrCurrency
	}
	rest := a.minor - b.minor
	if (rest < a.minor) != (b.minor > 0) {
		return Amount{}, ErrOverflow
	}
	return Amount{rest, a.currency}, nil
}

// Times multiplies by a quantity.
func (a Amount) Times(n int64) (Amount, error) {
	product, err := mulDiv(a.minor, n, 1)
	if err != nil {
		return Amount{}, err
	}
	return Amount{product, a.currency}, nil
}

// Sum adds amounts of one currency. The sum of none is zero of it.
func Sum(c Currency, amounts ...Amount) (Amount, error) {
	sum := Zero(c)
	var err error
	for _, a := range amounts {
		if sum, err = sum.Plus(a); err != nil {
			return Amount{}, err
		}
	}
	return sum, nil
}

// Added returns the tax to be added to a net amount, rounded half to even.
func (a Amount) Added(r Rate) (Amount, error) {
	tax, err := mulDiv(a.minor, int64(r), int64(Whole))
	if err != nil {
		return Amount{}, err
	}
	return Amount{tax, a.currency}, nil
}

// Contained returns the tax that a gross amount contains, rounded half to
// even. What remains of the gross amount is the net one, so that both together
// are the gross amount again, exactly.
func (a Amount) Contained(r Rate) (Amount, error) {
	if r < 0 || r > math.MaxInt64-Whole {
		return Amount{}, ErrOverflow
	}
	tax, err := mulDiv(a.minor, int64(r), int64(Whole+r))
	if err != nil {
		return Amount{}, err
	}
	return Amount{tax, a.currency}, nil
}

// Allocate shares the amount in proportion to the weights. The shares add up
// to the amount: units left over by rounding go, one each, to the shares that
// lost the largest remainder, the earlier first.
func (a Amount) Allocate(weights []int64) ([]Amount, error) {
	var total uint64
	for _, w := range weights {
		if w < 0 {
			return nil, ErrWeights
		}
		if total += uint64(w); total > math.MaxInt64 {
			return nil, ErrOverflow
		}
	}
	if total == 0 {
		return nil, ErrWeights
	}
	// Shares are cut from the absolute amount, so a refund is shared exactly
	// as the payment was.
	whole := magnitude(a.minor)
	left := whole
	cut := make([]uint64, len(weights))
	lost := make([]uint64, len(weights))
	order := make([]int, len(weights))
	for i, w := range weights {
		hi, lo := bits.Mul64(whole, uint64(w))
		cut[i], lost[i] = bits.Div64(hi, lo, total) // hi < total, since w <= total and whole < 2^64
		left -= cut[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case lost[i] > lost[j]:
			return -1
		case lost[i] < lost[j]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] { // fewer units are left than there are shares
		cut[i]++
	}
	shares := make([]Amount, len(weights))
	for i, c := range cut {
		minor := int64(c)
		if a.minor < 0 {
			minor = -minor
		}
		shares[i] = Amount{minor, a.currency}
	}
	return shares, nil
}

// mulDiv returns a*b/d rounded half to even, for d > 0, without overflowing on
// the way.
func mulDiv(a, b, d int64) (int64, error) {
	negative := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	div := uint64(d)
	if hi >= div {
		return 0, ErrOverflow
	}
	q, rem := bits.Div64(hi, lo, div)
	if half := div - rem; rem > half || rem == half && q&1 == 1 {
		q++
	}
	switch {
	case negative && q == 1<<63:
		return math.MinInt64, nil
	case q > math.MaxInt64:
		return 0, ErrOverflow
	case negative:
		return -int64(q), nil
	}
	return int64(q), nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func refuse(detail string) error { return fault.Field("amount", detail) }

func wrongScale(c Currency) error {
	if c.Exponent() == 0 {
		return refuse(fmt.Sprintf("An amount in %s has no decimals, like 480.", c.code))
	}
	return refuse(fmt.Sprintf("An amount in %s has at most %d decimals, like %s.", c.code, c.Exponent(), Of(480*pow10(c.Exponent()), c).Decimal()))
}

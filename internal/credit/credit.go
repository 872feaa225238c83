// Package credit holds the words of gift cards and store credit: what they are,
// how a card's code is drawn and read, and the journal in which every unit of
// every credit has a history.
//
// The journal is double-entry book-keeping, and each credit has a book of its own:
//
//	issued ──▶ balance ──▶ held ──▶ redeemed
//	              ▲  │       │          │
//	              └──┼───────┴──────────┘   (an order that lapses, a refund)
//	                 └──▶ expired, cancelled
//
// An act is a list of entries that sum to zero. Issued is where units come from
// and is never above zero; no other side is ever below it. So what was issued of a
// credit is at every moment what is left of it, held, redeemed, expired and
// cancelled together, and no two orders spend one unit.
//
// It knows no clock and no database, nor who somebody is; the ledger is something
// else (what happened), and so is an account (a customer's). Start reading at
// Book.Post.
package credit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/money"
)

// ID is the id of a credit. It opens nothing.
type ID string

// Kind says whose a credit is.
type Kind string

// The kinds.
const (
	Card    Kind = "card"    // of whoever has its code
	Account Kind = "account" // of one customer's account
)

// Source says why a credit was issued.
type Source string

// The sources.
const (
	Granted  Source = "granted"  // the merchant gave it
	Sold     Source = "sold"     // an order bought it
	Returned Source = "returned" // the money of a refund
)

// Side is one side of the book of a credit.
type Side string

// The sides. Held and Redeemed are kept for each order.
const (
	Issued    Side = "issued"
	Balance   Side = "balance"
	Held      Side = "held"
	Redeemed  Side = "redeemed"
	Expired   Side = "expired"
	Cancelled Side = "cancelled"
)

// ByOrder reports whether a side is kept for each order.
func (s Side) ByOrder() bool { return s == Held || s == Redeemed }

// Doing says what an act does.
type Doing string

// What acts do.
const (
	Issue    Doing = "issue"
	Hold     Doing = "hold"
	Release  Doing = "release"
	Take     Doing = "take"
	GiveBack Doing = "give-back"
	Expire   Doing = "expire"
	Cancel   Doing = "cancel"
)

// moves is what each act does: from one side to another.
var moves = map[Doing][2]Side{
	Issue: {Issued, Balance}, Hold: {Balance, Held}, Release: {Held, Balance}, Take: {Held, Redeemed},
	GiveBack: {Redeemed, Balance}, Expire: {Balance, Expired}, Cancel: {Balance, Cancelled},
}

// Doings lists what acts do.
func Doings() []Doing { return slices.Sorted(maps.Keys(moves)) }

// Entry adds an amount to a side, or takes it away when it is negative.
type Entry struct {
	Side   Side
	Order  string // of a side that is kept for each order; else ""
	Amount money.Amount
}

// What can go wrong with an act.
var (
	ErrShort  = errors.New("credit: not so much is left")
	ErrUneven = errors.New("credit: entries do not sum to zero")
)

// Act is the entries of an act that moves an amount above zero. Order is the one
// that it is about, where one of its sides is kept for each order.
func Act(do Doing, order string, amount money.Amount) ([]Entry, error) {
	m, known := moves[do]
	if !known || amount.Minor() <= 0 {
		return nil, fmt.Errorf("credit: %q of %s is no act", do, amount.Format())
	}
	if (m[0].ByOrder() || m[1].ByOrder()) == (order == "") {
		return nil, fmt.Errorf("credit: %q names an order where it should not, or none", do)
	}
	of := func(s Side) string {
		if s.ByOrder() {
			return order
		}
		return ""
	}
	less, err := money.Zero(amount.Currency()).Minus(amount)
	return []Entry{{m[0], of(m[0]), less}, {m[1], of(m[1]), amount}}, err
}

// Even checks that entries sum to zero in each currency, and that there are any.
func Even(entries []Entry) error {
	sums := map[money.Currency]money.Amount{}
	for _, e := range entries {
		c := e.Amount.Currency()
		if _, there := sums[c]; !there {
			sums[c] = money.Zero(c)
		}
		var err error
		if sums[c], err = sums[c].Plus(e.Amount); err != nil {
			return fmt.Errorf("add up an act: %w", err)
		}
	}
	for _, sum := range sums {
		if !sum.IsZero() {
			return ErrUneven
		}
	}
	if len(entries) == 0 {
		return ErrUneven
	}
	return nil
}

// Key names a side of a book, with its order where it has one.
type Key struct {
	Side  Side
	Order string
}

// Book is what stands on the sides of one credit. Posting is the only way to
// change it.
type Book map[Key]money.Amount

// Post writes an act into the book: all of it, or nothing and an error.
func (b Book) Post(entries []Entry) error {
	if err := Even(entries); err != nil {
		return err
	}
	after := maps.Clone(b)
	for _, e := range entries {
		key := Key{e.Side, e.Order}
		was, there := after[key]
		if !there {
			was = money.Zero(e.Amount.Currency())
		}
		now, err := was.Plus(e.Amount)
		if err != nil {
			return fmt.Errorf("post an act: %w", err)
		}
		after[key] = now
	}
	for key, amount := range after {
		if key.Side == Issued && amount.Minor() > 0 || key.Side != Issued && amount.Negative() {
			return ErrShort
		}
	}
	maps.Copy(b, after)
	return nil
}

// Part is what one credit pays of an order.
type Part struct {
	ID     ID
	Kind   Kind
	Last   string       // the last characters of a card's code; "" of an account's credit
	Amount money.Amount // what it pays; zero while nothing is left to pay, or of it
}

// MaxTogether is how many credits may pay one order.
const MaxTogether = 5

// Spread says what each credit pays of a price: the first as much as it can, the
// next of what is left. What is on a part is what its credit has.
func Spread(price money.Amount, have []Part) (parts []Part, rest money.Amount, err error) {
	rest = price
	for _, p := range have {
		if p.Amount.Minor() > rest.Minor() {
			p.Amount = rest
		}
		if rest, err = rest.Minus(p.Amount); err != nil {
			return nil, rest, fmt.Errorf("spread credit: %w", err)
		}
		parts = append(parts, p)
	}
	return parts, rest, nil
}

// Sum is what parts pay together, in a currency.
func Sum(c money.Currency, parts []Part) (money.Amount, error) {
	sum := money.Zero(c)
	var err error
	for _, p := range parts {
		if sum, err = sum.Plus(p.Amount); err != nil {
			return sum, fmt.Errorf("add up credit: %w", err)
		}
	}
	return sum, nil
}

// Rest is what parts leave of a price that they were spread on.
func Rest(price money.Amount, parts []Part) money.Amount {
	left := price.Minor()
	for _, p := range parts {
		left -= p.Amount.Minor()
	}
	return money.Of(left, price.Currency())
}

// Name is how a credit is called where somebody sees what it paid.
func (p Part) Name() string {
	if p.Kind == Account {
		return "Store credit"
	}
	return "Gift card " + Dots + p.Last
}

// Dots stand for the part of a code that is not shown.
const Dots = "••••"

// Share says what goes back to each credit of an amount, when given are what
// each has paid less what went back to it before: the one that paid last gets its
// own back first.
func Share(back money.Amount, given []Part) ([]Part, error) {
	turned := slices.Clone(given)
	slices.Reverse(turned)
	parts, rest, err := Spread(back, turned)
	if err == nil && !rest.IsZero() {
		err = ErrShort
	}
	return slices.DeleteFunc(parts, func(p Part) bool { return p.Amount.IsZero() }), err
}

// String names a side with its order, for reports.
func (k Key) String() string { return strings.TrimSuffix(string(k.Side)+" "+k.Order, " ") }

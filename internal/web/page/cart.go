package page

import (
	"slices"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Cart is the page of the cart. A Cart without lines shows the empty state.
type Cart struct {
	Layout
	Cart     cart.Cart
	Estimate Estimate
	Own      money.Amount // store credit of who is signed in, that the cart could be paid with; zero hides it
	Popular  []Link       // shelves to begin with, for the empty state

	CodeWrong string // what is wrong with the code that was typed, which is not repeated
}

// Estimate is what delivery would cost, before anybody is asked who they are.
type Estimate struct {
	Countries []contact.Country // to choose from; empty: nothing is estimated
	Country   string            // chosen
	Postal    string            // typed, in this answer only
	AskPostal bool              // what delivery costs there depends on the postcode
	Methods   []Method          // ways of delivery, the cheapest first
	Totals    cart.Totals       // with the cheapest one
	Codes     []discount.Applied
	Credits   []credit.Part
	Wrong     string // why nothing is estimated
}

func (Cart) template() string { return "cart" }
func (p Cart) head(site) head { return head{Title: "Cart", NoIndex: true, Wrong: p.CodeWrong != ""} }

// Ready reports whether the cart can go to checkout as it is: every line is
// for sale and in stock, and no price waits to be accepted.
func (p Cart) Ready() bool {
	return len(p.Cart.Lines) > 0 && !slices.ContainsFunc(p.Cart.Lines, func(l cart.Line) bool { return l.Changed() || !l.Fits() })
}

// Changes are the lines whose price moved since the shopper last saw it.
func (p Cart) Changes() []cart.Line {
	var out []cart.Line
	for _, l := range p.Cart.Lines {
		if l.Changed() {
			out = append(out, l)
		}
	}
	return out
}

// Name is the name of the country of the estimate.
func (e Estimate) Name() string {
	for _, c := range e.Countries {
		if c.Code == e.Country {
			return c.Name
		}
	}
	return ""
}

// Slip is the summary beside the lines: sums alone, the lines stand next to it.
func (p Cart) Slip() Slip {
	s := slip(p.Cart, Method{})
	s.Lines = nil
	if e := p.Estimate; !s.Priced && len(e.Methods) > 0 {
		s.Codes, s.Credits = e.Codes, e.Credits
		s.Totals, s.Delivery, s.Priced, s.Estimated = e.Totals, e.Methods[0].Title+", "+e.Name(), true, true
	}
	return s
}

// Codes are the discount codes as the summary has them, those that wait among
// them.
func (p Cart) Codes() []discount.Applied { return p.Slip().Codes }

// Credits are the gift cards and the store credit in it, with what each pays.
func (p Cart) Credits() []credit.Part { return p.Slip().Credits }

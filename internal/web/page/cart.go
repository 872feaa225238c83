package page

import (
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Cart is the page of the cart. A Cart without lines shows the empty state.
type Cart struct {
	Layout
	Cart     cart.Cart
	Changes  []Change // what moved since the shopper last saw it; must be accepted
	Delivery string   // "Delivery €4.90 to Germany, three days"; "" says it comes next
	TaxNote  string   // "incl. VAT €7.66"; "" for none
	Popular  []Link   // shelves to begin with, for the empty state
}

// Change is a price that moved since it was shown.
type Change struct {
	Line cart.LineID
	Was  money.Amount
}

func (Cart) template() string { return "cart" }
func (Cart) head(site) head   { return head{Title: "Cart", NoIndex: true} }

// Ready reports whether the cart can go to checkout as it is: every line is
// for sale and in stock, and no change waits to be accepted.
func (p Cart) Ready() bool {
	for _, l := range p.Cart.Lines {
		if !l.Sold || !l.Stock.Has(l.Quantity) {
			return false
		}
	}
	return len(p.Cart.Lines) > 0 && len(p.Changes) == 0
}

// Was returns the earlier price of a line that changed, or zero.
func (p Cart) Was(id cart.LineID) money.Amount {
	for _, c := range p.Changes {
		if c.Line == id {
			return c.Was
		}
	}
	return money.Amount{}
}

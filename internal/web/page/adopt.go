package page

import "github.com/cartkeep/cartkeep/internal/cart"

// Adopt asks which cart it shall be: a cart came from another site, and there
// is one here already.
type Adopt struct {
	Layout
	Here cart.Cart // what this browser had; may be empty, when the shop can't tell where the other one comes from
	New  cart.Cart // what came
	Own  bool      // it comes from the account of whoever has just signed in
}

func (Adopt) template() string { return "adopt" }
func (Adopt) head(site) head   { return head{Title: "Which cart?", NoIndex: true} }

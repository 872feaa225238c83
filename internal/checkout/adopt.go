package checkout

import (
	"context"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Adopt takes over a cart that was filled on a page of another origin, and
// returns the token that opens it from now on. The old one is dead: whoever
// else knew it, such as the one who planted the cart there, can neither look at
// it nor order with what the shopper types next. A cart that holds somebody's
// details already is refused, because they may be somebody else's.
func (d *Desk) Adopt(ctx context.Context, id cart.ID, token string) (string, error) {
	fresh := newToken()
	err := d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		if row.Typed || row.Checkout.Complete {
			return fault.New(fault.Invalid, "This cart holds somebody's details already, so it can't move to another browser. Please fill a new one.")
		}
		return t.Rekey(id, fresh)
	})
	if err != nil {
		return "", err
	}
	return fresh, nil
}

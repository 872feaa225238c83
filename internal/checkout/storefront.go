package checkout

import (
	"context"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Accept takes today's prices of a cart as seen: the shopper said that they are fine.
func (d *Desk) Accept(ctx context.Context, id cart.ID, token string) (cart.Cart, error) {
	return d.change(ctx, id, token, nil, func(t *store.Tx) error { return t.SeePrices(id) })
}

// Illustrate gives the lines of a cart their pictures, which only a page needs.
func (d *Desk) Illustrate(ctx context.Context, c *cart.Cart) error {
	return d.db.View(ctx, func(v *store.View) error {
		pictures, err := v.LinePictures(c.ID)
		for _, lines := range [][]cart.Line{c.Lines, c.Saved} {
			for i := range lines {
				lines[i].Picture = pictures[lines[i].ID]
			}
		}
		return err
	})
}

// OrderOf returns the order that a cart has become and the token that opens
// it, to whoever holds the cart. A cart that is still open has none.
func (d *Desk) OrderOf(ctx context.Context, id cart.ID, token string) (order.Order, string, error) {
	var o order.Order
	err := d.db.View(ctx, func(v *store.View) error {
		row, err := v.Cart(id, token)
		if err != nil {
			return err
		}
		if row.State != cart.Ordered || row.OrderID == "" {
			return errNoOrder
		}
		o, err = v.Order(string(row.ID), order.ID(row.OrderID))
		return err
	})
	if err != nil {
		return order.Order{}, "", err
	}
	return o, d.OrderToken(o.ID), nil
}

package checkout

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Seen is a keyed hash of what a page shows before the order: goods, prices,
// sums, delivery, details and the wordings that ordering accepts. The page
// sends it back with its button, so that the button orders what stands beside
// it or nothing: another tab, or a shopper who shares the cart, may have
// changed any of it meanwhile. It tells nobody anything.
func (d *Desk) Seen(c cart.Cart, to order.Details, s store.Settings) (string, error) {
	type line struct {
		Variant              string
		Quantity, Unit, Paid int64
	}
	t := c.Totals
	shown := struct {
		Lines                                []line
		Items, Discount, Shipping, Tax, Paid int64
		Currency, Accepted                   string
		Codes, Credits                       []string
		Checkout                             cart.Checkout
		Details                              DetailsInput
	}{Items: t.Items.Minor(), Discount: t.Discount.Minor(), Shipping: t.Shipping.Minor(), Tax: t.Tax.Minor(), Paid: t.Total.Minor(),
		Currency: t.Total.Currency().Code(), Accepted: wordings(s), Checkout: c.Checkout, Details: typedFrom(to, c.Checkout)}
	for _, l := range c.Lines {
		shown.Lines = append(shown.Lines, line{string(l.Variant), l.Quantity, l.Unit.Minor(), l.Total.Minor()})
	}
	for _, a := range counting(c.Codes) {
		shown.Codes = append(shown.Codes, a.Key)
	}
	for _, p := range c.Credits {
		shown.Credits = append(shown.Credits, string(p.ID)+":"+strconv.FormatInt(p.Amount.Minor(), 10))
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return "", fmt.Errorf("note what is shown: %w", err)
	}
	mac := d.db.Keys().Token.Sum("review seen v1", []byte(c.ID), text)
	return base64.RawURLEncoding.EncodeToString(mac[:]), nil
}

// asSeen refuses an order of something else than its page showed. A caller that
// shows a page of its own sends nothing, and is held to the total it was told.
func (d *Desk) asSeen(in PlaceInput, c cart.Cart, to order.Details, s store.Settings) error {
	if in.Seen == "" {
		return nil
	}
	now, err := d.Seen(c, to, s)
	if err == nil && subtle.ConstantTimeCompare([]byte(now), []byte(in.Seen)) != 1 {
		err = errChanged
	}
	return err
}

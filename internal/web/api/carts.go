package api

import (
	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func createCart(c *call) (any, error) {
	made, token, err := c.cfg.Desk.NewCart(c.r.Context())
	if err != nil {
		return nil, err
	}
	return CartWithToken{Cart: cartOf(made), Token: token}, nil
}

func getCart(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.Cart(c.r.Context(), cart.ID(id), c.token))
}

func addLine(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	in := c.body.(*NewLine)
	return shown(c.cfg.Desk.AddLine(c.r.Context(), cart.ID(id), c.token, catalog.VariantID(in.VariantID), in.Quantity))
}

func changeLine(c *call) (any, error) {
	id, line, err := c.line()
	if err != nil {
		return nil, err
	}
	in := c.body.(*LineChange)
	return shown(c.cfg.Desk.SetQuantity(c.r.Context(), id, c.token, line, in.Quantity))
}

func removeLine(c *call) (any, error) {
	id, line, err := c.line()
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.RemoveLine(c.r.Context(), id, c.token, line))
}

func saveLine(c *call) (any, error) {
	id, line, err := c.line()
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.SaveLine(c.r.Context(), id, c.token, line))
}

func restoreLine(c *call) (any, error) {
	id, line, err := c.line()
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.RestoreLine(c.r.Context(), id, c.token, line))
}

func acceptPrices(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.Accept(c.r.Context(), cart.ID(id), c.token))
}

func handOver(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	pass, err := c.cfg.Desk.Pass(c.r.Context(), cart.ID(id), c.token)
	return Pass{pass}, err
}

// addCode counts a code that gives nothing as a guess.
func addCode(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	var out cart.Cart
	err = c.cfg.Gate.Prove(c.r, gate.Attempt{Act: abuse.Discount}, func() (err error) {
		out, err = c.cfg.Desk.TryCode(c.r.Context(), cart.ID(id), c.token, c.body.(*NewCode).Code)
		return err
	})
	return shown(out, err)
}

// dropCodes takes all codes out: none stands in an address, which others may log.
func dropCodes(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	return shown(c.cfg.Desk.DropCode(c.r.Context(), cart.ID(id), c.token, ""))
}

func listShipping(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	country := c.query["country"]
	if len(country) != 2 {
		return nil, fault.Field("country", "Expected two letters, as in ISO 3166-1 alpha-2.")
	}
	options, err := c.cfg.Desk.Shipping(c.r.Context(), cart.ID(id), c.token, area.Place{Country: country, Region: c.query["region"], PostalCode: c.query["postal_code"]})
	if err != nil {
		return nil, err
	}
	out := ShippingMethods{ShippingMethods: make([]ShippingMethod, 0, len(options))}
	for _, o := range options {
		out.ShippingMethods = append(out.ShippingMethods, methodOf(o))
	}
	return out, nil
}

func saveDetails(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	in := c.body.(*Details)
	details := checkout.DetailsInput{
		Email: in.Email, Name: in.Name, Phone: in.Phone, Note: in.Note,
		ShipTo: in.ShippingAddress.fields(), ShippingMethod: in.ShippingMethod, Window: in.DeliveryWindow, VAT: in.VATNumber,
		OrderNote: in.OrderNote, GiftName: in.GiftName, GiftMessage: in.GiftMessage,
	}
	if in.BillingAddress != nil {
		bill := in.BillingAddress.fields()
		details.BillTo = &bill
	}
	return shown(c.cfg.Desk.SaveDetails(c.r.Context(), cart.ID(id), c.token, details))
}

// line reads the ids of a cart and of a line in it.
func (c *call) line() (cart.ID, cart.LineID, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return "", "", err
	}
	line, err := idOf(c.r, "line_id")
	return cart.ID(id), cart.LineID(line), err
}

// onlyLineMissing reports whether the token opens the cart and just the line is
// not there, as after pressing remove twice. That is no guess.
func (c *call) onlyLineMissing() bool {
	return c.token != "" && c.r.PathValue("line_id") != "" && opensCart(c) == nil
}

// shown turns a cart into its answer.
func shown(c cart.Cart, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return cartOf(c), nil
}

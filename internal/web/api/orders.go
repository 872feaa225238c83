package api

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// opensCart is nil for who may order the cart.
func opensCart(c *call) error {
	_, err := getCart(c)
	return err
}

// opensOrder is nil for who may pay the order.
func opensOrder(c *call) error {
	_, err := getOrder(c)
	return err
}

func placeOrder(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	in := c.body.(*NewOrder)
	ask := checkout.PlaceInput{Key: c.key, PaymentMethod: in.PaymentMethod, AcceptTerms: in.AcceptTerms, Request: c.canonical}
	if in.Total != nil {
		currency, err := money.ParseCurrency(in.Total.Currency)
		if err != nil {
			return nil, fault.Field("total_shown/currency", "Expected three letters of ISO 4217, such as EUR.")
		}
		total := money.Of(in.Total.Amount, currency)
		ask.Total = &total
	}
	placed, err := c.cfg.Desk.Place(c.r.Context(), cart.ID(id), c.token, ask)
	if err != nil {
		return nil, err
	}
	if placed.Replayed {
		c.w.Header().Set("Idempotency-Replayed", "true")
	}
	return placedOf(placed), nil
}

func getOrder(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return shownOrder(c.cfg.Desk.Order(c.r.Context(), number, c.token))
}

func payAgain(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return shownOrder(c.cfg.Desk.PayAgain(c.r.Context(), number, c.token))
}

func getHold(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return c.shownHold(c.cfg.Desk.Order(c.r.Context(), number, c.token))
}

func moreTime(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return c.shownHold(c.cfg.Desk.MoreTime(c.r.Context(), number, c.token))
}

func cancelOrder(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return shownOrder(c.cfg.Desk.Cancel(c.r.Context(), number, c.token))
}

func (c *call) shownHold(v checkout.OrderView, err error) (any, error) {
	if err != nil || v.Order.Status != order.Pending {
		return Held{}, err
	}
	return Held{Hold: &Hold{Until: v.Order.HoldUntil.UTC().Truncate(time.Second), Limit: c.cfg.Desk.HoldLimit(v.Order).UTC().Truncate(time.Second)}}, nil
}

func shownOrder(v checkout.OrderView, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return OrderAndPayment{Order: orderOf(v.Order), Payment: paymentOf(v.Payment)}, nil
}

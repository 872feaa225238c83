package api

import (
	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func askPayCode(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	ticket, err := c.cfg.Desk.AskPayCode(c.r.Context(), cart.ID(id), c.token)
	return PayTicket{ticket}, err
}

func askOrderPayCode(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	ticket, err := c.cfg.Desk.AskOrderPayCode(c.r.Context(), number, c.token)
	return PayTicket{ticket}, err
}

func answerPayCode(c *call) (any, error) {
	id, err := idOf(c.r, "id")
	if err != nil {
		return nil, err
	}
	return c.provePay(func(ticket, code string) error {
		return c.cfg.Desk.AnswerPayCode(c.r.Context(), cart.ID(id), c.token, ticket, code)
	})
}

func answerOrderPayCode(c *call) (any, error) {
	number, err := order.ParseNumber(c.r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	return c.provePay(func(ticket, code string) error {
		return c.cfg.Desk.AnswerOrderPayCode(c.r.Context(), number, c.token, ticket, code)
	})
}

// provePay counts a try of a code, and a wrong one as a guess.
func (c *call) provePay(try func(ticket, code string) error) (any, error) {
	in := c.body.(*PayAnswer)
	err := c.cfg.Gate.Prove(c.r, gate.Attempt{Act: abuse.LookUp, Who: in.Ticket[:min(36, len(in.Ticket))], Factor: "mail"},
		func() error { return try(in.Ticket, in.Code) })
	return PayProved{err == nil}, err
}

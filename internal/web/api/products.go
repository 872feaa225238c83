package api

import (
	"strconv"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// How many products stand in one answer.
const (
	usualLimit = 50
	maxLimit   = 100
)

func listProducts(c *call) (any, error) {
	q := Query{Text: c.query["q"], Collection: c.query["collection"], Limit: usualLimit, Cursor: c.query["cursor"]}
	if limit := c.query["limit"]; limit != "" {
		q.Limit, _ = strconv.Atoi(limit) // readQuery has checked it
	}
	found, next, err := c.cfg.Shelf.Products(c.r.Context(), q)
	if err != nil {
		return nil, err
	}
	out := Products{Products: make([]Product, 0, len(found)), NextCursor: orNull(next)}
	for _, p := range found {
		out.Products = append(out.Products, c.productOf(p))
	}
	return out, nil
}

func getProduct(c *call) (any, error) {
	handle, err := catalog.ParseHandle(c.r.PathValue("handle"))
	if err != nil {
		return nil, fault.Missing("We have no such product.")
	}
	p, err := c.cfg.Shelf.ProductByHandle(c.r.Context(), handle)
	if err != nil {
		return nil, err
	}
	return c.productOf(p), nil
}

package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// CartCount returns how many units are in the open cart that token opens, in
// one read: it stands on every page. Any other cart counts as empty.
func (v *View) CartCount(id cart.ID, token string) (int64, error) {
	var mac []byte
	var state cart.State
	var expires, units int64
	err := v.row(`SELECT c.token_mac, c.state, c.expires_at, CAST((SELECT COALESCE(SUM(l.quantity), 0) FROM cart_lines l WHERE l.owner = c.owner AND NOT l.saved) AS BIGINT)
		FROM carts c WHERE c.owner = $1`, string(id)).Scan(&mac, &state, &expires, &units)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count cart: %w", err)
	}
	if state != cart.Open || !when(expires).After(v.now) || !v.db.keys.Token.Matches(mac, "cart token v1", []byte(id), []byte(token)) {
		return 0, nil
	}
	return units, nil
}

// ProductOf returns the published product that a variant on sale belongs to.
func (v *View) ProductOf(variant catalog.VariantID) (catalog.Product, error) {
	var handle string
	err := v.row(`SELECT p.handle FROM variants v JOIN products p ON p.id = v.product WHERE v.id = $1 AND v.sold AND p.published`, string(variant)).Scan(&handle)
	if errors.Is(err, sql.ErrNoRows) {
		return catalog.Product{}, fault.Field("variant_id", "We do not sell that. Please choose another one.")
	}
	if err != nil {
		return catalog.Product{}, fmt.Errorf("read variant: %w", err)
	}
	return v.ProductByHandle(handle)
}

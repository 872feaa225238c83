package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
)

// takeover is how long a request may be silent before a repeat carries it on:
// the first one has crashed.
const takeover = 30 * time.Second

// BeginOrder remembers (cart, key) and draws the id of the order to be. For a
// repeat it returns the id drawn before. Another request under the same key is
// a mismatch; the same one while it is still being carried out is in progress,
// unless its order exists or it has been silent too long.
func (t *Tx) BeginOrder(id cart.ID, key string, request []byte, fresh order.ID) (order.ID, error) {
	keyMAC := t.db.keys.Token.Sum("idempotency key v1", []byte(id), []byte(key))
	reqMAC := t.db.keys.Token.Sum("idempotency request v1", []byte(id), request)
	var known order.ID
	var began int64
	var mac []byte
	err := t.row(`SELECT order_id, request, started_at FROM idempotency WHERE owner = $1 AND key = $2`+t.forUpdate(), string(id), keyMAC[:]).Scan(&known, &mac, &began)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = t.exec(`INSERT INTO idempotency (owner, key, request, order_id, started_at) VALUES ($1, $2, $3, $4, $5)`, string(id), keyMAC[:], reqMAC[:], string(fresh), ms(t.now))
		if err != nil && !duplicate(err) {
			return "", fmt.Errorf("remember request: %w", err)
		}
		if err != nil {
			return "", errInProgress
		}
		return fresh, nil
	}
	if err != nil {
		return "", fmt.Errorf("look up request: %w", err)
	}
	if !t.db.keys.Token.Matches(mac, "idempotency request v1", []byte(id), request) {
		return "", fault.New(fault.IdempotencyMismatch, "This Idempotency-Key was used for another request.")
	}
	var placed int64
	if err := t.row(`SELECT count(*) FROM orders WHERE owner = $1 AND id = $2`, string(id), string(known)).Scan(&placed); err != nil {
		return "", fmt.Errorf("look up order: %w", err)
	}
	if placed == 0 {
		if t.now.Sub(when(began)) < takeover {
			return "", errInProgress
		}
		if _, err := t.exec(`UPDATE idempotency SET started_at = $3 WHERE owner = $1 AND key = $2`, string(id), keyMAC[:], ms(t.now)); err != nil {
			return "", fmt.Errorf("take request over: %w", err)
		}
	}
	return known, nil
}

var errInProgress = fault.New(fault.InProgress, "We are already working on this order. One moment, please.")

// DropRequest forgets a request that failed, so that it may be tried again. It
// reports false when the request, begun at the given time, was taken over by a
// repeat meanwhile: then it is no longer ours to give up.
func (t *Tx) DropRequest(id cart.ID, key string, began time.Time) (bool, error) {
	mac := t.db.keys.Token.Sum("idempotency key v1", []byte(id), []byte(key))
	n, err := t.exec(`DELETE FROM idempotency WHERE owner = $1 AND key = $2 AND started_at = $3`, string(id), mac[:], ms(began))
	if err != nil {
		return false, fmt.Errorf("forget request: %w", err)
	}
	return n == 1, nil
}

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Stock has its own key, the variant. No transaction spans it and an owner; one
// that touches several variants takes them in the order of their keys.

// Reserve holds units for an order of somebody until end, or fails: two buyers of
// the last one do not queue. Nobody holds more than a share of what is counted,
// see package abuse. Reserving again for the same order changes the end only.
func (t *Tx) Reserve(variant catalog.VariantID, id order.ID, by Payer, quantity int64, end time.Time) error {
	who, err := t.holder(by)
	if err != nil {
		return err
	}
	n, err := t.exec(`INSERT INTO holds (variant, order_id, owner, quantity, expires_at, source, mailbox, account, day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (variant, order_id) DO NOTHING`,
		string(variant), string(id), by.Cart, quantity, ms(end), now(who.source), now(who.mailbox), now(who.account), who.day)
	if err != nil {
		return fmt.Errorf("hold %s: %w", variant, err)
	}
	if n == 0 {
		n, err = t.exec(`UPDATE holds SET expires_at = $3 WHERE variant = $1 AND order_id = $2 AND quantity = $4`, string(variant), string(id), ms(end), quantity)
		if err == nil && n == 0 {
			err = errors.New("held in another quantity")
		}
		return err
	}
	var s catalog.Stock
	err = t.row(`UPDATE stock SET held = held + $2 WHERE variant = $1 AND (NOT counted OR backorder OR on_hand - held >= $2) RETURNING counted, on_hand, backorder`, string(variant), quantity).
		Scan(&s.Counted, &s.OnHand, &s.Backorder)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.OutOfStock, "Somebody was quicker: there are not enough left.")
	}
	if err != nil {
		return fmt.Errorf("hold %s: %w", variant, err)
	}
	if !s.Counted || s.Backorder {
		return nil
	}
	return t.share(variant, s.OnHand, who, by.Account != "")
}

// KeepHeld moves the end of a hold to a later time.
func (t *Tx) KeepHeld(variant catalog.VariantID, id order.ID, end time.Time) error {
	return t.later("keep held", nil, `UPDATE holds SET expires_at = $3 WHERE variant = $1 AND order_id = $2 AND expires_at < $3`, string(variant), string(id), ms(end))
}

// Release gives held units back. Without a hold it does nothing.
func (t *Tx) Release(variant catalog.VariantID, id order.ID) error {
	quantity, err := t.endHold(variant, id)
	if err != nil || quantity == 0 {
		return err
	}
	_, err = t.exec(`UPDATE stock SET held = held - $2 WHERE variant = $1`, string(variant), quantity)
	return err
}

// ReleaseEnded is Release for a hold whose end lies at or before the given
// moment. One that was held afresh meanwhile stays.
func (t *Tx) ReleaseEnded(variant catalog.VariantID, id order.ID, before time.Time) error {
	n, err := t.exec(`UPDATE holds SET expires_at = expires_at WHERE variant = $1 AND order_id = $2 AND expires_at <= $3`, string(variant), string(id), ms(before))
	if err != nil || n == 0 {
		return err
	}
	return t.Release(variant, id) // the row is locked by now
}

// Take turns held units into sold ones. Without a hold it does nothing, so it
// may be repeated.
func (t *Tx) Take(variant catalog.VariantID, id order.ID) error {
	quantity, err := t.endHold(variant, id)
	if err != nil || quantity == 0 {
		return err
	}
	_, err = t.exec(`UPDATE stock SET held = held - $2, on_hand = CASE WHEN counted THEN on_hand - $2 ELSE on_hand END WHERE variant = $1`, string(variant), quantity)
	return err
}

// Restock puts units of an order that came back on the shelf again, where they are
// counted. Doing it again for the same order changes nothing.
func (t *Tx) Restock(variant catalog.VariantID, id order.ID, quantity int64) error {
	n, err := t.exec(`INSERT INTO restocks (variant, order_id, quantity, at) VALUES ($1, $2, $3, $4) ON CONFLICT (variant, order_id) DO NOTHING`, string(variant), string(id), quantity, ms(t.now))
	if err == nil && n == 1 {
		_, err = t.exec(`UPDATE stock SET on_hand = on_hand + $2 WHERE variant = $1 AND counted`, string(variant), quantity)
	}
	if err != nil {
		return fmt.Errorf("put %s back: %w", variant, err)
	}
	return nil
}

func (t *Tx) endHold(variant catalog.VariantID, id order.ID) (quantity int64, err error) {
	err = t.row(`DELETE FROM holds WHERE variant = $1 AND order_id = $2 RETURNING quantity`, string(variant), string(id)).Scan(&quantity)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("end hold of %s: %w", variant, err)
	}
	return quantity, nil
}

// Hold is units of one variant promised to one order.
type Hold struct {
	Variant   catalog.VariantID
	Order     order.ID
	Owner     string
	ExpiresAt time.Time
}

// EndedHolds returns up to limit holds whose end has passed.
func (v *View) EndedHolds(limit int) ([]Hold, error) {
	rows, err := v.rows(`SELECT variant, order_id, owner, expires_at FROM holds WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list ended holds: %w", err)
	}
	return scanHolds(rows)
}

// HoldsOf returns the holds of an order, in the order in which stock is locked.
func (v *View) HoldsOf(id order.ID) ([]Hold, error) {
	rows, err := v.rows(`SELECT variant, order_id, owner, expires_at FROM holds WHERE order_id = $1 ORDER BY variant`, string(id))
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	return scanHolds(rows)
}

func scanHolds(rows rows) ([]Hold, error) {
	defer rows.Close()
	var out []Hold
	for rows.Next() {
		var h Hold
		var expires int64
		if err := rows.Scan(&h.Variant, &h.Order, &h.Owner, &expires); err != nil {
			return nil, err
		}
		h.ExpiresAt = when(expires)
		out = append(out, h)
	}
	return out, rows.Err()
}

// StockOf returns what is left of a variant.
func (v *View) StockOf(variant catalog.VariantID) (s catalog.Stock, err error) {
	err = v.row(`SELECT counted, on_hand, held, backorder FROM stock WHERE variant = $1`, string(variant)).Scan(&s.Counted, &s.OnHand, &s.Held, &s.Backorder)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fault.Missing("We cannot find that product.")
	}
	return s, err
}

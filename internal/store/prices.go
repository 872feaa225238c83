package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// oldPrice is what a variant cost until now.
type oldPrice struct {
	id                     string
	price, compare, lowest int64
}

func (o oldPrice) reduced() bool { return o.compare > o.price }

// pricesOf returns the prices of a product's variants by their option values.
func (t *Tx) pricesOf(product string) (map[string]oldPrice, error) {
	rows, err := t.rows(`SELECT option_values, id, price, compare_at, lowest FROM variants WHERE product = $1`, product)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]oldPrice{}
	for rows.Next() {
		var values string
		var o oldPrice
		if err := rows.Scan(&values, &o.id, &o.price, &o.compare, &o.lowest); err != nil {
			return nil, err
		}
		out[values] = o
	}
	return out, rows.Err()
}

// lowestFor is the lowest price of the thirty days before the reduction that v
// is saved with. A reduction begins when an earlier price is told for the first
// time or the price itself moves; while it runs, what was lowest before it
// stays. 0 means no reduction, or none whose past we know.
func (t *Tx) lowestFor(v catalog.Variant, old oldPrice, known bool) (int64, error) {
	switch {
	case !known || v.CompareAt.Minor() <= v.Price.Minor():
		return 0, nil
	case old.reduced() && old.price == v.Price.Minor():
		return old.lowest, nil
	}
	history, err := t.history(old.id)
	if err != nil {
		return 0, err
	}
	lowest, _ := catalog.LowestPrice(history, t.now.Add(-catalog.ReductionWindow), t.now)
	return lowest, nil
}

// history is what a variant cost, oldest first.
func (v *View) history(variant string) ([]catalog.PricePoint, error) {
	rows, err := v.rows(`SELECT at, price FROM prices WHERE variant = $1 ORDER BY at`, variant)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	defer rows.Close()
	var out []catalog.PricePoint
	for rows.Next() {
		var at int64
		var p catalog.PricePoint
		if err := rows.Scan(&at, &p.Price); err != nil {
			return nil, fmt.Errorf("read prices: %w", err)
		}
		p.At = when(at)
		out = append(out, p)
	}
	return out, rows.Err()
}

// notePrice remembers that a variant costs this from now on. What ended before
// any window that can still be asked about is forgotten.
func (t *Tx) notePrice(variant string, price int64, known bool) error {
	_, err := t.exec(`INSERT INTO prices (variant, at, price) VALUES ($1, $2, $3) ON CONFLICT (variant, at) DO UPDATE SET price = excluded.price`, variant, ms(t.now), price)
	if err != nil || !known {
		return err
	}
	_, err = t.exec(`DELETE FROM prices WHERE variant = $1 AND at < (SELECT max(o.at) FROM prices o WHERE o.variant = $1 AND o.at <= $2)`,
		variant, ms(t.now.Add(-catalog.ReductionWindow-24*time.Hour)))
	return err
}

package store

import (
	"fmt"
	"time"
)

// Listing is a published product as a list for machines names it.
type Listing struct {
	Handle  string
	Changed time.Time
}

// Listings returns published products in the order in which they came into the
// shop, up to limit after the first skip.
func (v *View) Listings(skip, limit int) ([]Listing, error) {
	rows, err := v.rows(`SELECT handle, updated_at FROM products WHERE published ORDER BY id LIMIT $1 OFFSET $2`, limit, skip)
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	defer rows.Close()
	var out []Listing
	for rows.Next() {
		var l Listing
		var changed int64
		if err := rows.Scan(&l.Handle, &changed); err != nil {
			return nil, fmt.Errorf("list products: %w", err)
		}
		l.Changed = when(changed)
		out = append(out, l)
	}
	return out, rows.Err()
}

// CountPublished returns how many products are shown.
func (v *View) CountPublished() (n int, err error) {
	err = v.row(`SELECT count(*) FROM products WHERE published`).Scan(&n)
	return n, err
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cartkeep/cartkeep/internal/order"
)

// Sample opens every sealed value of up to n orders and every chunk of up to n
// files that are sold, from both ends of what there is, and counts the orders
// and files that opened and those of which something did not.
func (db *DB) Sample(ctx context.Context, n int) (c Cleared, err error) {
	type key struct{ owner, id string }
	chosen := map[key]bool{}
	var files []File
	err = db.View(ctx, func(v *View) error {
		for _, direction := range []string{"ASC", "DESC"} {
			rows, err := v.rows(`SELECT owner, id FROM orders ORDER BY owner `+direction+`, id `+direction+` LIMIT $1`, n/2)
			if err != nil {
				return fmt.Errorf("sample orders: %w", err)
			}
			for rows.Next() {
				var k key
				if err := rows.Scan(&k.owner, &k.id); err != nil {
					return errors.Join(err, rows.Close())
				}
				chosen[k] = true
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return fmt.Errorf("sample orders: %w", err)
			}
		}
		files, err = v.Files("")
		return err
	})
	if err != nil {
		return c, err
	}
	note := func(err error) {
		if err != nil {
			c.Shut++
		} else {
			c.Opened++
		}
	}
	for k := range chosen {
		note(db.View(ctx, func(v *View) error {
			_, err := v.OrderDetails(k.owner, order.ID(k.id))
			return err
		}))
	}
	for _, f := range files[:min(n, len(files))] {
		note(db.ReadFile(ctx, f, 0, io.Discard))
	}
	return c, ctx.Err()
}

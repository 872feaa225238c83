package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// RenameProduct gives a product another handle. The old one leads on to it
// until another product takes it. An old handle names the product, never
// another handle, so there is neither a chain nor a loop to follow.
func (t *Tx) RenameProduct(old, new string) error {
	if old == new {
		return nil
	}
	change, err := t.nextChange()
	if err != nil {
		return err
	}
	var id string
	err = t.row(`SELECT id FROM products WHERE handle = $1`+t.forUpdate(), old).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing("We cannot find that product.")
	}
	if err != nil {
		return fmt.Errorf("rename %s: %w", old, err)
	}
	var taken int64
	if err := t.row(`SELECT count(*) FROM products WHERE handle = $1`, new).Scan(&taken); err != nil {
		return fmt.Errorf("rename %s: %w", old, err)
	}
	if taken > 0 {
		return fault.New(fault.Conflict, "Another product has this handle already.")
	}
	for _, step := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM old_handles WHERE handle = $1 OR handle = $2`, []any{old, new}},
		{`UPDATE products SET handle = $2, change = $3, updated_at = $4 WHERE id = $1`, []any{id, new, change, ms(t.now)}},
		{`INSERT INTO old_handles (handle, product) VALUES ($1, $2)`, []any{old, id}},
	} {
		if _, err := t.exec(step.query, step.args...); err != nil {
			return fmt.Errorf("rename %s: %w", old, err)
		}
	}
	return t.Event("product.renamed", "", new, "")
}

// MovedTo returns the handle that a product has now which once had the given
// one.
func (v *View) MovedTo(handle string) (string, error) {
	var now string
	err := v.row(`SELECT p.handle FROM old_handles o JOIN products p ON p.id = o.product WHERE o.handle = $1 AND p.published`, handle).Scan(&now)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.Missing("We cannot find that product.")
	}
	if err != nil {
		return "", fmt.Errorf("look up an old handle: %w", err)
	}
	return now, nil
}

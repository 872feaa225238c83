package store

import (
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// KnownProduct returns the product that a file tells about, shown or not: the
// one with its handle, or else the only one that has a SKU of its variants. It
// has no id when there is none.
func (v *View) KnownProduct(p catalog.Product) (catalog.Product, error) {
	old, err := v.productWhere(`p.handle = $1`, p.Handle)
	if err != nil || old.ID != "" {
		return old, err
	}
	var marks []string
	var args []any
	for _, x := range p.Variants {
		if x.SKU != "" {
			args = append(args, x.SKU)
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
	}
	if len(args) == 0 {
		return catalog.Product{}, nil
	}
	rows, err := v.rows(`SELECT DISTINCT product FROM variants WHERE sku <> '' AND sold AND sku IN (`+strings.Join(marks, ", ")+`) LIMIT 2`, args...)
	if err != nil {
		return catalog.Product{}, fmt.Errorf("look up SKUs: %w", err)
	}
	ids, err := column[string](rows)
	if err != nil || len(ids) != 1 {
		return catalog.Product{}, err
	}
	return v.productWhere(`p.id = $1`, ids[0])
}

// ProductsAfter returns up to limit products, shown or not, whose id comes
// after another one: to walk through the whole catalogue.
func (v *View) ProductsAfter(id catalog.ProductID, limit int) ([]catalog.Product, error) {
	rows, err := v.rows(`SELECT `+productColumns+` FROM products p WHERE p.id > $1 ORDER BY p.id LIMIT $2`, string(id), limit)
	if err != nil {
		return nil, fmt.Errorf("walk through products: %w", err)
	}
	list, err := scanProducts(rows)
	if err != nil {
		return nil, fmt.Errorf("walk through products: %w", err)
	}
	return list, v.complete(list)
}

func (v *View) productWhere(where, arg string) (catalog.Product, error) {
	rows, err := v.rows(`SELECT `+productColumns+` FROM products p WHERE `+where, arg)
	if err != nil {
		return catalog.Product{}, fmt.Errorf("read product: %w", err)
	}
	list, err := scanProducts(rows)
	if err != nil || len(list) == 0 {
		return catalog.Product{}, err
	}
	return list[0], v.complete(list)
}

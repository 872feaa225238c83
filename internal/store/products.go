package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// SaveProduct writes a product by its handle: the product, its variants, stock
// and pictures become exactly what p says. A variant keeps its id as long as
// its option values stay the same; one that p no longer names can't be bought
// any more, but stays for the orders that tell of it. A handle that led on to
// another product belongs to p from now on.
func (t *Tx) SaveProduct(p catalog.Product) error {
	if err := t.saveProduct(p); err != nil {
		return fmt.Errorf("save %s: %w", p.Handle, err)
	}
	return t.Event("product.saved", "", p.Handle, "")
}

func (t *Tx) saveProduct(p catalog.Product) error {
	id, isNew, err := t.putProduct(p)
	if err != nil {
		return err
	}
	var before map[string]oldPrice
	if isNew {
		_, err = t.exec(`DELETE FROM old_handles WHERE handle = $1`, p.Handle)
	} else {
		before, err = t.startOver(id)
	}
	if err != nil {
		return err
	}
	for i, v := range p.Variants {
		if err := t.putVariant(id, i, v, before); err != nil {
			return err
		}
	}
	for i, pic := range p.Pictures {
		if _, err := t.exec(`INSERT INTO pictures (product, position, url, source, alt) VALUES ($1, $2, $3, $4, $5)`, id, i, pic.URL, pic.Source, pic.Alt); err != nil {
			return err
		}
	}
	return t.shelve(p.Kind)
}

// startOver readies a product that is known for what is told about it now, and
// returns what its variants cost until this moment, by option values.
func (t *Tx) startOver(id string) (map[string]oldPrice, error) {
	before, err := t.pricesOf(id)
	if err != nil {
		return nil, err
	}
	if _, err := t.exec(`UPDATE variants SET sold = FALSE WHERE product = $1`, id); err != nil {
		return nil, err
	}
	_, err = t.exec(`DELETE FROM pictures WHERE product = $1`, id)
	return before, err
}

func (t *Tx) putProduct(p catalog.Product) (id string, isNew bool, err error) {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return "", false, err
	}
	options, err := json.Marshal(p.Options)
	if err != nil {
		return "", false, err
	}
	change, err := t.nextChange()
	if err != nil {
		return "", false, err
	}
	fresh := NewID()
	err = t.row(`INSERT INTO products (id, handle, title, description, vendor, kind, tags, options, published, change, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
		ON CONFLICT (handle) DO UPDATE SET title = excluded.title, description = excluded.description, vendor = excluded.vendor, kind = excluded.kind,
			tags = excluded.tags, options = excluded.options, published = excluded.published, change = excluded.change, updated_at = excluded.updated_at
		RETURNING id`,
		fresh, p.Handle, p.Title, p.Description, p.Vendor, p.Kind, string(tags), string(options), p.Published, change, ms(t.now)).Scan(&id)
	return id, id == fresh, err
}

func (t *Tx) putVariant(product string, position int, v catalog.Variant, before map[string]oldPrice) error {
	values, err := json.Marshal(v.Values)
	if err != nil {
		return err
	}
	old, known := before[string(values)]
	lowest, err := t.lowestFor(v, old, known)
	if err != nil {
		return err
	}
	var id string
	err = t.row(`INSERT INTO variants (id, product, position, sku, option_values, price, compare_at, currency, grams, barcode, sold,
			tax_class, virtual, measure, measure_unit, base, base_unit, lowest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (product, option_values) DO UPDATE SET position = excluded.position, sku = excluded.sku, price = excluded.price,
			compare_at = excluded.compare_at, currency = excluded.currency, grams = excluded.grams, barcode = excluded.barcode, sold = TRUE,
			tax_class = excluded.tax_class, virtual = excluded.virtual, measure = excluded.measure, measure_unit = excluded.measure_unit,
			base = excluded.base, base_unit = excluded.base_unit, lowest = excluded.lowest
		RETURNING id`,
		NewID(), product, position, v.SKU, string(values), v.Price.Minor(), v.CompareAt.Minor(), v.Price.Currency().Code(), v.Grams, v.Barcode,
		v.TaxClass, v.Virtual, v.Measure.Amount, v.Measure.Unit, v.Measure.Base, v.Measure.BaseUnit, lowest).Scan(&id)
	if err != nil {
		return err
	}
	if !known || old.price != v.Price.Minor() {
		if err := t.notePrice(id, v.Price.Minor(), known); err != nil {
			return err
		}
	}
	onHand := v.Stock.OnHand
	if v.Stock.Counted && !v.Stock.Backorder {
		onHand = max(0, onHand)
	}
	// What is held stays held: the count in the house is never below it.
	_, err = t.exec(`INSERT INTO stock (variant, counted, on_hand, held, backorder) VALUES ($1, $2, $3, 0, $4)
		ON CONFLICT (variant) DO UPDATE SET counted = excluded.counted, backorder = excluded.backorder,
			on_hand = CASE WHEN excluded.on_hand < stock.held THEN stock.held ELSE excluded.on_hand END`,
		id, v.Stock.Counted, onHand, v.Stock.Backorder)
	return err
}

// ProductByHandle returns a published product.
func (v *View) ProductByHandle(handle string) (catalog.Product, error) {
	rows, err := v.rows(`SELECT `+productColumns+` FROM products p WHERE p.handle = $1 AND p.published`, handle)
	if err != nil {
		return catalog.Product{}, fmt.Errorf("read product: %w", err)
	}
	list, err := scanProducts(rows)
	if err != nil {
		return catalog.Product{}, fmt.Errorf("read product: %w", err)
	}
	if len(list) == 0 {
		return catalog.Product{}, fault.Missing("We cannot find that product.")
	}
	return list[0], v.complete(list)
}

const productColumns = `p.id, p.handle, p.title, p.description, p.vendor, p.kind, p.tags, p.options, p.published`

func scanProducts(rows rows) ([]catalog.Product, error) {
	defer rows.Close()
	var out []catalog.Product
	for rows.Next() {
		var p catalog.Product
		var tags, options string
		if err := rows.Scan(&p.ID, &p.Handle, &p.Title, &p.Description, &p.Vendor, &p.Kind, &tags, &options, &p.Published); err != nil {
			return nil, err
		}
		if err := errors.Join(json.Unmarshal([]byte(tags), &p.Tags), json.Unmarshal([]byte(options), &p.Options)); err != nil {
			return nil, fmt.Errorf("product %s: %w", p.Handle, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// complete fills in variants and pictures of a page of products: two queries
// for all of them.
func (v *View) complete(list []catalog.Product) error {
	if len(list) == 0 {
		return nil
	}
	at, marks, args := map[string]*catalog.Product{}, make([]string, len(list)), make([]any, len(list))
	for i := range list {
		at[string(list[i].ID)] = &list[i]
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), string(list[i].ID)
	}
	in := strings.Join(marks, ", ")
	rows, err := v.rows(`SELECT v.product, v.id, v.sku, v.option_values, v.price, v.compare_at, v.currency, v.grams, v.barcode,
			v.tax_class, v.virtual, v.measure, v.measure_unit, v.base, v.base_unit, v.lowest, s.counted, s.on_hand, s.held, s.backorder
		FROM variants v JOIN stock s ON s.variant = v.id WHERE v.sold AND v.product IN (`+in+`) ORDER BY v.product, v.position`, args...)
	if err != nil {
		return fmt.Errorf("read variants: %w", err)
	}
	if err := scanVariants(rows, at); err != nil {
		return fmt.Errorf("read variants: %w", err)
	}
	if rows, err = v.rows(`SELECT i.product, i.url, i.source, i.alt, COALESCE(f.hash, ''), COALESCE(f.type, ''), COALESCE(f.sizes, '')
		FROM pictures i LEFT JOIN fetched f ON f.source = i.source WHERE i.product IN (`+in+`) ORDER BY i.product, i.position`, args...); err != nil {
		return fmt.Errorf("read pictures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var product, hash, typ, sizes string
		var pic catalog.Picture
		if err := rows.Scan(&product, &pic.URL, &pic.Source, &pic.Alt, &hash, &typ, &sizes); err != nil {
			return fmt.Errorf("read pictures: %w", err)
		}
		showFetched(&pic, hash, typ, sizes)
		at[product].Pictures = append(at[product].Pictures, pic)
	}
	return rows.Err()
}

func scanVariants(rows rows, at map[string]*catalog.Product) error {
	defer rows.Close()
	for rows.Next() {
		var product, values, currency string
		var price, compare, lowest int64
		var x catalog.Variant
		if err := rows.Scan(&product, &x.ID, &x.SKU, &values, &price, &compare, &currency, &x.Grams, &x.Barcode,
			&x.TaxClass, &x.Virtual, &x.Measure.Amount, &x.Measure.Unit, &x.Measure.Base, &x.Measure.BaseUnit, &lowest,
			&x.Stock.Counted, &x.Stock.OnHand, &x.Stock.Held, &x.Stock.Backorder); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(values), &x.Values); err != nil {
			return err
		}
		c, err := money.ParseCurrency(currency)
		if err != nil {
			return err
		}
		x.Price, x.CompareAt, x.Lowest = money.Of(price, c), money.Of(compare, c), money.Of(lowest, c)
		at[product].Variants = append(at[product].Variants, x)
	}
	return rows.Err()
}

// CountProducts returns how many products there are, published or not.
func (v *View) CountProducts() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM products`).Scan(&n)
	return n, err
}

func splitWords(s string) []string { return strings.Fields(strings.ReplaceAll(s, ",", " ")) }

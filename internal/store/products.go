package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// SaveProduct writes a product by its handle: the product, its variants, stock
// and pictures become exactly what p says. A variant keeps its id as long as
// its option values stay the same; one that p no longer names can't be bought
// any more, but stays for the orders that tell of it.
func (t *Tx) SaveProduct(p catalog.Product) error {
	id, err := t.putProduct(p)
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE variants SET sold = FALSE WHERE product = $1`, id); err != nil {
		return fmt.Errorf("save %s: %w", p.Handle, err)
	}
	for i, v := range p.Variants {
		if err := t.putVariant(id, i, v); err != nil {
			return fmt.Errorf("save %s: %w", p.Handle, err)
		}
	}
	if _, err := t.exec(`DELETE FROM pictures WHERE product = $1`, id); err != nil {
		return fmt.Errorf("save %s: %w", p.Handle, err)
	}
	for i, pic := range p.Pictures {
		if _, err := t.exec(`INSERT INTO pictures (product, position, url, source, alt) VALUES ($1, $2, $3, $4, $5)`, id, i, pic.URL, pic.Source, pic.Alt); err != nil {
			return fmt.Errorf("save %s: %w", p.Handle, err)
		}
	}
	if err := t.shelve(id, p.Kind); err != nil {
		return fmt.Errorf("save %s: %w", p.Handle, err)
	}
	return t.Event("product.saved", "", p.Handle, "")
}

func (t *Tx) putProduct(p catalog.Product) (id string, err error) {
	tags, err := json.Marshal(p.Tags)
	if err != nil {
		return "", err
	}
	options, err := json.Marshal(p.Options)
	if err != nil {
		return "", err
	}
	err = t.row(`INSERT INTO products (id, handle, title, description, vendor, kind, tags, options, published, search, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
		ON CONFLICT (handle) DO UPDATE SET title = excluded.title, description = excluded.description, vendor = excluded.vendor, kind = excluded.kind,
			tags = excluded.tags, options = excluded.options, published = excluded.published, search = excluded.search, updated_at = excluded.updated_at
		RETURNING id`,
		NewID(), p.Handle, p.Title, p.Description, p.Vendor, p.Kind, string(tags), string(options), p.Published, searchText(p), ms(t.now)).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("save %s: %w", p.Handle, err)
	}
	return id, nil
}

func (t *Tx) putVariant(product string, position int, v catalog.Variant) error {
	values, err := json.Marshal(v.Values)
	if err != nil {
		return err
	}
	var id string
	err = t.row(`INSERT INTO variants (id, product, position, sku, option_values, price, compare_at, currency, grams, barcode, sold,
			tax_class, virtual, measure, measure_unit, base, base_unit)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (product, option_values) DO UPDATE SET position = excluded.position, sku = excluded.sku, price = excluded.price,
			compare_at = excluded.compare_at, currency = excluded.currency, grams = excluded.grams, barcode = excluded.barcode, sold = TRUE,
			tax_class = excluded.tax_class, virtual = excluded.virtual, measure = excluded.measure, measure_unit = excluded.measure_unit,
			base = excluded.base, base_unit = excluded.base_unit
		RETURNING id`,
		NewID(), product, position, v.SKU, string(values), v.Price.Minor(), v.CompareAt.Minor(), v.Price.Currency().Code(), v.Grams, v.Barcode,
		v.TaxClass, v.Virtual, v.Measure.Amount, v.Measure.Unit, v.Measure.Base, v.Measure.BaseUnit).Scan(&id)
	if err != nil {
		return err
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

// shelve puts the product on the shelf of its kind, and on no other.
func (t *Tx) shelve(product, kind string) error {
	if _, err := t.exec(`DELETE FROM collection_products WHERE product = $1`, product); err != nil {
		return err
	}
	handle := shelfHandle(kind)
	if handle == "" {
		return nil
	}
	if _, err := t.exec(`INSERT INTO collections (handle, title, position) VALUES ($1, $2, (SELECT count(*) FROM collections)) ON CONFLICT (handle) DO NOTHING`, handle, kind); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO collection_products (collection, product) VALUES ($1, $2)`, handle, product)
	return err
}

func shelfHandle(kind string) string {
	words := strings.FieldsFunc(strings.ToLower(kind), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127)
	})
	handle, err := catalog.ParseHandle(strings.Join(words, "-"))
	if err != nil {
		return ""
	}
	return handle
}

// searchText is what a product is found by: folded and without accents.
func searchText(p catalog.Product) string {
	return Fold(strings.Join(append([]string{p.Title, p.Kind, p.Vendor}, p.Tags...), " "))
}

// Fold lower-cases text and drops accents, so that "Theiere" finds "Théière".
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(cases.Fold().String(s)) {
		if r < 0x300 || r > 0x36f {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ProductQuery asks for published products.
type ProductQuery struct {
	Text       string // every word must occur
	Collection string // handle; "" for all
	Limit      int    // 1..100; 0 means 24
	Cursor     string // what the last answer gave; "" to begin
}

// Products returns the published products that fit, in a stable order, and the
// cursor of the next page ("" at the end).
func (v *View) Products(q ProductQuery) ([]catalog.Product, string, error) {
	if q.Limit <= 0 {
		q.Limit = 24
	}
	q.Limit = min(q.Limit, 100)
	for _, s := range []string{q.Text, q.Collection, q.Cursor} {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return nil, "", nil // no stored text has it, and the engines differ about it
		}
	}
	where, args := []string{"p.published", "p.id > $1"}, []any{q.Cursor}
	if q.Collection != "" {
		args = append(args, q.Collection)
		where = append(where, fmt.Sprintf("EXISTS (SELECT 1 FROM collection_products c WHERE c.product = p.id AND c.collection = $%d)", len(args)))
	}
	words := strings.Fields(Fold(q.Text))
	for _, w := range words[:min(len(words), 8)] {
		args = append(args, "%"+likeEscape.Replace(w)+"%")
		where = append(where, fmt.Sprintf(`p.search LIKE $%d ESCAPE '!'`, len(args)))
	}
	args = append(args, q.Limit+1)
	rows, err := v.rows(`SELECT `+productColumns+` FROM products p WHERE `+strings.Join(where, " AND ")+fmt.Sprintf(` ORDER BY p.id LIMIT $%d`, len(args)), args...)
	if err != nil {
		return nil, "", fmt.Errorf("list products: %w", err)
	}
	list, err := scanProducts(rows)
	if err != nil {
		return nil, "", fmt.Errorf("list products: %w", err)
	}
	next := ""
	if len(list) > q.Limit {
		list = list[:q.Limit]
		next = string(list[len(list)-1].ID)
	}
	return list, next, v.complete(list)
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

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
			v.tax_class, v.virtual, v.measure, v.measure_unit, v.base, v.base_unit, s.counted, s.on_hand, s.held, s.backorder
		FROM variants v JOIN stock s ON s.variant = v.id WHERE v.sold AND v.product IN (`+in+`) ORDER BY v.product, v.position`, args...)
	if err != nil {
		return fmt.Errorf("read variants: %w", err)
	}
	if err := scanVariants(rows, at); err != nil {
		return fmt.Errorf("read variants: %w", err)
	}
	if rows, err = v.rows(`SELECT product, url, source, alt FROM pictures WHERE product IN (`+in+`) ORDER BY product, position`, args...); err != nil {
		return fmt.Errorf("read pictures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var product string
		var pic catalog.Picture
		if err := rows.Scan(&product, &pic.URL, &pic.Source, &pic.Alt); err != nil {
			return fmt.Errorf("read pictures: %w", err)
		}
		at[product].Pictures = append(at[product].Pictures, pic)
	}
	return rows.Err()
}

func scanVariants(rows rows, at map[string]*catalog.Product) error {
	defer rows.Close()
	for rows.Next() {
		var product, values, currency string
		var price, compare int64
		var x catalog.Variant
		if err := rows.Scan(&product, &x.ID, &x.SKU, &values, &price, &compare, &currency, &x.Grams, &x.Barcode,
			&x.TaxClass, &x.Virtual, &x.Measure.Amount, &x.Measure.Unit, &x.Measure.Base, &x.Measure.BaseUnit,
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
		x.Price, x.CompareAt = money.Of(price, c), money.Of(compare, c)
		at[product].Variants = append(at[product].Variants, x)
	}
	return rows.Err()
}

// Collections returns the shelves, in their order.
func (v *View) Collections() ([]catalog.Collection, error) {
	rows, err := v.rows(`SELECT handle, title FROM collections ORDER BY position, handle`)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	defer rows.Close()
	var out []catalog.Collection
	for rows.Next() {
		var c catalog.Collection
		if err := rows.Scan(&c.Handle, &c.Title); err != nil {
			return nil, fmt.Errorf("list collections: %w", err)
		}
		c.ID = c.Handle
		out = append(out, c)
	}
	return out, rows.Err()
}

// OrderCollections puts the shelves with these titles in this order.
func (t *Tx) OrderCollections(titles []string) error {
	for i, title := range titles {
		if _, err := t.exec(`UPDATE collections SET position = $1 WHERE title = $2`, i, title); err != nil {
			return fmt.Errorf("order collections: %w", err)
		}
	}
	return nil
}

// CountProducts returns how many products there are, published or not.
func (v *View) CountProducts() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM products`).Scan(&n)
	return n, err
}

func splitWords(s string) []string { return strings.Fields(strings.ReplaceAll(s, ",", " ")) }

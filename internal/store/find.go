package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/search"
)

// cards keeps the index of the catalogue and how far it has read. The rows of
// the catalogue are the truth; each question first asks a counter whether
// there are newer ones, so a change is found as soon as it is committed, by
// whichever machine. What is sold out may be a second old.
type cards struct {
	reading sync.Mutex   // one reads the rows
	mu      sync.RWMutex // guards all below
	index   *search.Index
	mark    mark
	soldAt  time.Time // when it was last read
}

// mark is how far the catalogue was read.
type mark struct {
	change   int64
	product  string // the last one of that change
	products int64  // the counters then
	shelves  int64
}

const soldAge = time.Second

// ProductQuery asks for published products.
type ProductQuery = search.Question

// Found is a part of a list of products.
type Found struct {
	search.Answer
	Products []catalog.Product
}

// Find answers a question about the catalogue.
func (v *View) Find(q ProductQuery) (f Found, err error) {
	if q.Limit <= 0 {
		q.Limit = 24
	}
	q.Limit = min(q.Limit, 100)
	if err := v.look(func(x *search.Index) { f.Answer = x.Ask(q) }); err != nil {
		return Found{}, fmt.Errorf("find products: %w", err)
	}
	f.Products, err = v.productsOf(f.IDs)
	return f, err
}

// Products is Find for who wants nothing but the list and the cursor of its
// next part ("" at the end).
func (v *View) Products(q ProductQuery) ([]catalog.Product, string, error) {
	f, err := v.Find(q)
	if err == nil && f.BadMark {
		err = fault.Field("cursor", "This is no cursor of this list. Please take the one of the last answer.")
	}
	return f.Products, f.Next, err
}

// Related returns up to n available products that have much in common with one.
func (v *View) Related(id catalog.ProductID, n int) ([]catalog.Product, error) {
	var ids []string
	if err := v.look(func(x *search.Index) { ids = x.Related(string(id), n) }); err != nil {
		return nil, fmt.Errorf("find related products: %w", err)
	}
	return v.productsOf(ids)
}

// productsOf reads published products, in the order of their ids.
func (v *View) productsOf(ids []string) ([]catalog.Product, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	marks, args, place := make([]string, len(ids)), make([]any, len(ids)), make(map[string]int, len(ids))
	for i, id := range ids {
		marks[i], args[i], place[id] = fmt.Sprintf("$%d", i+1), id, i
	}
	rows, err := v.rows(`SELECT `+productColumns+` FROM products p WHERE p.published AND p.id IN (`+strings.Join(marks, ", ")+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	list, err := scanProducts(rows)
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	if err := v.complete(list); err != nil {
		return nil, err
	}
	sorted := make([]*catalog.Product, len(ids))
	for i := range list {
		sorted[place[string(list[i].ID)]] = &list[i]
	}
	out := make([]catalog.Product, 0, len(list))
	for _, p := range sorted {
		if p != nil { // not taken down since it was found
			out = append(out, *p)
		}
	}
	return out, nil
}

// ReadCatalogue reads the cards before the first shopper asks: after a start
// of a large shop that takes a second or two.
func (db *DB) ReadCatalogue(ctx context.Context) error {
	return db.View(ctx, func(v *View) error { return v.look(func(*search.Index) {}) })
}

// look calls ask with an index that knows every change this look can see.
func (v *View) look(ask func(*search.Index)) error {
	c := &v.db.cards
	if v.locking {
		c = new(cards) // what is not committed is nobody else's
	}
	if err := v.refresh(c); err != nil {
		return err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	ask(c.index)
	return nil
}

// refresh reads what changed since the cards were last read.
func (v *View) refresh(c *cards) error {
	var now mark
	if err := v.row(`SELECT products, collections FROM catalogue WHERE id = 1`).Scan(&now.products, &now.shelves); err != nil {
		return err
	}
	if c.fresh(now) {
		return nil
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.fresh(now) {
		return nil // somebody read it while we waited
	}
	c.mu.Lock()
	if c.index == nil {
		c.index, c.mark = search.New(), mark{change: -1, products: -1, shelves: -1}
	}
	at := c.mark
	c.mu.Unlock()
	if at.shelves < now.shelves {
		list, err := v.shelvesOf()
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.index.Shelves(list)
		c.mark.shelves = now.shelves
		c.mu.Unlock()
	}
	for at.products < now.products {
		items, next, err := v.changed(at)
		if err != nil {
			return err
		}
		c.mu.Lock()
		for _, it := range items {
			c.index.Put(it)
		}
		at.change, at.product = next.change, next.product
		if len(items) < changedAtOnce {
			at.products = now.products
		}
		c.mark.change, c.mark.product, c.mark.products = at.change, at.product, at.products
		c.mu.Unlock()
	}
	gone, err := v.soldOut()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.index.SoldOut(gone)
	c.soldAt = time.Now()
	return nil
}

func (c *cards) fresh(now mark) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index != nil && c.mark.products >= now.products && c.mark.shelves >= now.shelves && time.Since(c.soldAt) < soldAge
}

const changedAtOnce = 500

// changed reads the next products that changed after a mark, and theirs.
func (v *View) changed(after mark) ([]search.Item, mark, error) {
	rows, err := v.rows(`SELECT p.id, p.title, p.description, p.vendor, p.kind, p.tags, p.options, p.published, p.created_at, p.change FROM products p
		WHERE (p.change, p.id) > ($1, $2) ORDER BY p.change, p.id LIMIT $3`, after.change, after.product, changedAtOnce)
	if err != nil {
		return nil, after, err
	}
	defer rows.Close()
	var items []search.Item
	at, last := map[string]int{}, after
	for rows.Next() {
		var it search.Item
		var tags, options string
		if err := rows.Scan(&it.ID, &it.Title, &it.Description, &it.Vendor, &it.Kind, &tags, &options, &it.Published, &it.Created, &last.change); err != nil {
			return nil, after, err
		}
		if err := errors.Join(json.Unmarshal([]byte(tags), &it.Tags), json.Unmarshal([]byte(options), &it.Options)); err != nil {
			return nil, after, fmt.Errorf("product %s: %w", it.ID, err)
		}
		last.product = string(it.ID)
		at[last.product] = len(items)
		items = append(items, it)
	}
	if err := rows.Err(); err != nil || len(items) == 0 {
		return nil, after, err
	}
	return items, last, v.variantsOf(items, at, after, last)
}

// variantsOf adds what the index wants of the variants of changed products.
func (v *View) variantsOf(items []search.Item, at map[string]int, after, last mark) error {
	rows, err := v.rows(`SELECT v.product, v.sku, v.barcode, v.option_values, v.price FROM products p JOIN variants v ON v.product = p.id
		WHERE (p.change, p.id) > ($1, $2) AND (p.change, p.id) <= ($3, $4) AND v.sold ORDER BY v.product, v.position`,
		after.change, after.product, last.change, last.product)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var product, values string
		var price int64
		var x catalog.Variant
		if err := rows.Scan(&product, &x.SKU, &x.Barcode, &values, &price); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(values), &x.Values); err != nil {
			return err
		}
		x.Price = money.Of(price, money.Currency{}) // compared among themselves only
		if i, known := at[product]; known {
			items[i].Variants = append(items[i].Variants, x)
		}
	}
	return rows.Err()
}

// soldOut counts the variants of each product that can't be bought.
func (v *View) soldOut() (map[string]int32, error) {
	rows, err := v.rows(`SELECT v.product, count(*) FROM stock s JOIN variants v ON v.id = s.variant
		WHERE s.counted AND NOT s.backorder AND s.on_hand <= s.held AND v.sold GROUP BY v.product`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int32{}
	for rows.Next() {
		var product string
		var n int32
		if err := rows.Scan(&product, &n); err != nil {
			return nil, err
		}
		out[product] = n
	}
	return out, rows.Err()
}

// nextChange numbers this transaction among the changes of the catalogue. The
// row stays locked until the transaction ends, so numbers become visible in
// their order, and none that was read over can still come.
func (t *Tx) nextChange() (int64, error) {
	if t.change == 0 {
		if err := t.row(`UPDATE catalogue SET products = products + 1 WHERE id = 1 RETURNING products`).Scan(&t.change); err != nil {
			return 0, fmt.Errorf("number a change: %w", err)
		}
	}
	return t.change, nil
}

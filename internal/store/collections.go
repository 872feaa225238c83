package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/search"
)

// shelve makes sure that a kind has its shelf. A collection that somebody made
// under the same handle stands in its place.
func (t *Tx) shelve(kind string) error {
	handle := catalog.ShelfHandle(kind)
	if handle == "" {
		return nil
	}
	n, err := t.exec(`INSERT INTO collections (handle, title, kind, position) VALUES ($1, $2, $2, (SELECT count(*) FROM collections)) ON CONFLICT (handle) DO NOTHING`, handle, kind)
	if err != nil || n == 0 {
		return err
	}
	return t.shelvesChanged()
}

func (t *Tx) shelvesChanged() error {
	_, err := t.exec(`UPDATE catalogue SET collections = collections + 1 WHERE id = 1`)
	return err
}

// SaveCollection writes a collection by its handle, so that it is exactly what
// c says. Its products must be in the shop.
func (t *Tx) SaveCollection(c catalog.Collection) error {
	if err := c.Check(); err != nil {
		return err
	}
	ids, err := t.idsOf(c.Products)
	if err != nil {
		return err
	}
	rules, err := json.Marshal(c.Rules)
	if err != nil {
		return err
	}
	here := c.Picture.URL
	if c.Picture.Source != "" {
		here = "" // what was fetched of it goes by the source
	}
	_, err = t.exec(`INSERT INTO collections (handle, title, description, picture, picture_alt, picture_source, position, unlisted, kind, rules, any_rule)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (handle) DO UPDATE SET title = excluded.title, description = excluded.description, picture = excluded.picture, picture_alt = excluded.picture_alt,
			picture_source = excluded.picture_source,			position = excluded.position, unlisted = excluded.unlisted, kind = excluded.kind, rules = excluded.rules, any_rule = excluded.any_rule`,
		c.Handle, c.Title, c.Description, here, c.Picture.Alt, c.Picture.Source, c.Position, c.Unlisted, c.Kind, string(rules), c.Any)
	if err != nil {
		return fmt.Errorf("save collection %s: %w", c.Handle, err)
	}
	if _, err := t.exec(`DELETE FROM collection_products WHERE collection = $1`, c.Handle); err != nil {
		return fmt.Errorf("save collection %s: %w", c.Handle, err)
	}
	for i, id := range ids {
		if _, err := t.exec(`INSERT INTO collection_products (collection, product, position) VALUES ($1, $2, $3)`, c.Handle, id, i); err != nil {
			return fmt.Errorf("save collection %s: %w", c.Handle, err)
		}
	}
	if err := t.shelvesChanged(); err != nil {
		return err
	}
	return t.Event("collection.saved", "", c.Handle, "")
}

// idsOf finds products by handle, in their order.
func (v *View) idsOf(handles []string) ([]string, error) {
	var wrong fault.Fields
	ids := make([]string, 0, len(handles))
	for i, handle := range handles {
		var id string
		err := v.row(`SELECT id FROM products WHERE handle = $1`, handle).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			wrong.Add(fmt.Sprintf("products.%d", i), "There is no product with this handle. Please import it first.")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find product: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, wrong.Err()
}

// CheckProducts says which of these are no products, as SaveCollection does.
func (v *View) CheckProducts(handles []string) error {
	_, err := v.idsOf(handles)
	return err
}

// RemoveCollection takes a collection away; its products stay. The shelf of a
// kind comes back with the next product of it: to hide one, save it unlisted.
func (t *Tx) RemoveCollection(handle string) error {
	if _, err := t.exec(`DELETE FROM collection_products WHERE collection = $1`, handle); err != nil {
		return fmt.Errorf("remove collection %s: %w", handle, err)
	}
	n, err := t.exec(`DELETE FROM collections WHERE handle = $1`, handle)
	if err != nil {
		return fmt.Errorf("remove collection %s: %w", handle, err)
	}
	if n == 0 {
		return fault.Missing("We cannot find that collection.")
	}
	if err := t.shelvesChanged(); err != nil {
		return err
	}
	return t.Event("collection.removed", "", handle, "")
}

// OrderCollections puts the shelves with these titles in this order.
func (t *Tx) OrderCollections(titles []string) error {
	for i, title := range titles {
		if _, err := t.exec(`UPDATE collections SET position = $1 WHERE title = $2`, i, title); err != nil {
			return fmt.Errorf("order collections: %w", err)
		}
	}
	return t.shelvesChanged()
}

// Shelves returns the collections of the menu in their order, without products
// and rules.
func (v *View) Shelves() ([]catalog.Collection, error) {
	return v.collections(`NOT c.unlisted`)
}

// Collection returns a collection without the list of its products.
func (v *View) Collection(handle string) (catalog.Collection, error) {
	list, err := v.collections(`c.handle = $1`, handle)
	if err != nil {
		return catalog.Collection{}, err
	}
	if len(list) == 0 {
		return catalog.Collection{}, fault.Missing("We cannot find that shelf.")
	}
	return list[0], nil
}

// Collections returns every collection whole, in the order of the menu.
func (v *View) Collections() ([]catalog.Collection, error) {
	list, err := v.collections(`TRUE`)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, c := range list {
		at[c.Handle] = i
	}
	err = v.collected(`SELECT c.collection, p.handle FROM collection_products c JOIN products p ON p.id = c.product ORDER BY c.collection, c.position`,
		func(collection, handle string) {
			list[at[collection]].Products = append(list[at[collection]].Products, handle)
		})
	return list, err
}

// shelvesOf returns every collection as the index wants it.
func (v *View) shelvesOf() ([]search.Shelf, error) {
	list, err := v.collections(`TRUE`)
	if err != nil {
		return nil, err
	}
	out, at := make([]search.Shelf, len(list)), map[string]int{}
	for i, c := range list {
		out[i].Collection, at[c.Handle] = c, i
	}
	err = v.collected(`SELECT collection, product FROM collection_products ORDER BY collection, position`, func(collection, id string) {
		if i, known := at[collection]; known {
			out[i].IDs = append(out[i].IDs, id)
		}
	})
	return out, err
}

func (v *View) collected(query string, add func(collection, product string)) error {
	rows, err := v.rows(query)
	if err != nil {
		return fmt.Errorf("list collected products: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var collection, product string
		if err := rows.Scan(&collection, &product); err != nil {
			return fmt.Errorf("list collected products: %w", err)
		}
		add(collection, product)
	}
	return rows.Err()
}

func (v *View) collections(where string, args ...any) ([]catalog.Collection, error) {
	rows, err := v.rows(`SELECT c.handle, c.title, c.description, c.picture, c.picture_alt, c.picture_source, COALESCE(f.hash, ''), COALESCE(f.type, ''), COALESCE(f.sizes, ''),
			c.position, c.unlisted, c.kind, c.rules, c.any_rule
		FROM collections c LEFT JOIN fetched f ON f.source = c.picture_source WHERE `+where+` ORDER BY c.position, c.handle`, args...)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	defer rows.Close()
	var out []catalog.Collection
	for rows.Next() {
		var c catalog.Collection
		var rules, hash, typ, sizes string
		if err := rows.Scan(&c.Handle, &c.Title, &c.Description, &c.Picture.URL, &c.Picture.Alt, &c.Picture.Source, &hash, &typ, &sizes,
			&c.Position, &c.Unlisted, &c.Kind, &rules, &c.Any); err != nil {
			return nil, fmt.Errorf("list collections: %w", err)
		}
		if err := json.Unmarshal([]byte(rules), &c.Rules); err != nil {
			return nil, fmt.Errorf("collection %s: %w", c.Handle, err)
		}
		c.ID = c.Handle
		showFetched(&c.Picture, hash, typ, sizes)
		out = append(out, c)
	}
	return out, rows.Err()
}

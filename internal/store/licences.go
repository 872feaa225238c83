package store

import (
	"fmt"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// licencePool is the case of the shop's dossier that all unused and used
// licence keys are sealed in.
const licencePool = "licences"

// MaxLicence bounds one licence key, in bytes.
const MaxLicence = 500

// AddLicence puts a key into a variant's pool. False means that it is there
// already: a keyed hash tells, without opening any.
func (t *Tx) AddLicence(variant catalog.VariantID, key string) (bool, error) {
	d, err := t.dossier(t.db.shop, personal.ShopSecrets, licencePool, t.now.AddDate(1000, 0, 0))
	if err != nil {
		return false, err
	}
	id := NewID()
	sealed, err := personal.Licence.Seal(d, string(variant)+"/"+id, []byte(key))
	if err != nil {
		return false, fmt.Errorf("seal licence: %w", err)
	}
	mac := t.db.keys.Token.Sum("licence v1", []byte(variant), []byte(key))
	n, err := t.exec(`INSERT INTO licences (variant, id, hash, sealed, order_id, unit, added_at) VALUES ($1, $2, $3, $4, '', 0, $5) ON CONFLICT (variant, hash) DO NOTHING`,
		string(variant), id, mac[:], sealed, ms(t.now))
	if err != nil {
		return false, fmt.Errorf("add licence: %w", err)
	}
	return n == 1, nil
}

// Pool counts the keys of a variant.
type Pool struct {
	Variant     catalog.VariantID
	SKU         string
	Given, Left int64
}

// Pools counts the keys of each variant that has some.
func (v *View) Pools() ([]Pool, error) {
	rows, err := v.rows(`SELECT l.variant, COALESCE(MAX(v.sku), ''), SUM(CASE WHEN l.order_id = '' THEN 0 ELSE 1 END), SUM(CASE WHEN l.order_id = '' THEN 1 ELSE 0 END)
		FROM licences l LEFT JOIN variants v ON v.id = l.variant GROUP BY l.variant ORDER BY 2, 1`)
	if err != nil {
		return nil, fmt.Errorf("count licences: %w", err)
	}
	defer rows.Close()
	var out []Pool
	for rows.Next() {
		var p Pool
		if err := rows.Scan(&p.Variant, &p.SKU, &p.Given, &p.Left); err != nil {
			return nil, fmt.Errorf("count licences: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// GiveLicences gives an order keys of a variant until it has as many as wanted,
// and returns how many are missing. It touches the pool alone. A key is taken
// by an update that finds it unused; two runs for one order are told apart by
// the number of the unit, which is there once.
func (t *Tx) GiveLicences(id order.ID, variant catalog.VariantID, wanted int64) (missing int64, err error) {
	var has, left, keys int64
	count := func() error {
		err := t.row(`SELECT count(*), COALESCE(SUM(CASE WHEN order_id = $2 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN order_id = '' THEN 1 ELSE 0 END), 0)
			FROM licences WHERE variant = $1`, string(variant), string(id)).Scan(&keys, &has, &left)
		if err != nil {
			return fmt.Errorf("give licences: %w", err)
		}
		return nil
	}
	if err := count(); err != nil {
		return 0, err
	}
	for keys > 0 && has < wanted {
		if left == 0 {
			return wanted - has, nil
		}
		_, err := t.exec(`UPDATE licences SET order_id = $2, unit = $3 WHERE variant = $1 AND order_id = '' AND id = (SELECT MIN(id) FROM licences WHERE variant = $1 AND order_id = '')`,
			string(variant), string(id), has)
		if err != nil {
			return 0, fmt.Errorf("give licences: %w", err)
		}
		if err := count(); err != nil { // somebody else may have got that one
			return 0, err
		}
	}
	return 0, nil
}

// HurryLicences makes the jobs of a kind run now that are about orders of a
// variant and wait for their next try: there are keys again. A job that runs
// at this moment takes what it finds.
func (t *Tx) HurryLicences(kind string, variant catalog.VariantID) error {
	return t.later("hurry "+kind, nil, `UPDATE jobs SET run_at = $3 WHERE kind = $1 AND run_at > $3 AND lease_until <= $3
		AND EXISTS (SELECT 1 FROM order_lines l WHERE l.owner = jobs.owner AND l.order_id = jobs.ref AND l.variant = $2)`, kind, string(variant), ms(t.now))
}

// LicenceKey is one key that an order has.
type LicenceKey struct {
	Variant catalog.VariantID
	Key     string
}

// LicencesOf opens the keys of an order.
func (v *View) LicencesOf(id order.ID) ([]LicenceKey, error) {
	rows, err := v.rows(`SELECT variant, id, sealed FROM licences WHERE order_id = $1 ORDER BY variant, id`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read licences: %w", err)
	}
	defer rows.Close()
	type row struct {
		variant, id string
		sealed      []byte
	}
	var found []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.variant, &r.id, &r.sealed); err != nil {
			return nil, fmt.Errorf("read licences: %w", err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return nil, err
	}
	f, err := v.folder(v.db.shop, licencePool)
	if err != nil {
		return nil, err
	}
	var out []LicenceKey
	for _, r := range found {
		key, err := personal.Licence.Open(f.open(personal.ShopSecrets), r.variant+"/"+r.id, r.sealed)
		if err != nil {
			return nil, fmt.Errorf("open licence: %w", err)
		}
		out = append(out, LicenceKey{catalog.VariantID(r.variant), string(key)})
	}
	return out, nil
}

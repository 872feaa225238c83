package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// A directory row finds the owner of something whose owner is not known yet:
// the key leads to (owner, id).
const (
	dirOrder    = "order"    // order number → order
	dirProvider = "provider" // keyed hash of a provider's reference → payment
)

// listOrder makes an order's number lead to it.
func (t *Tx) listOrder(number, owner, id string) error {
	return t.later("list order", nil, `INSERT INTO directory (kind, key, owner, id) VALUES ($1, $2, $3, $4)`, dirOrder, []byte(number), owner, id)
}

// lead makes the hashes of a value lead to (owner, id). Hashes that are there
// already are left as they are when that is fine, and an error otherwise.
func (t *Tx) lead(keys indexKeys, kind, field, value, owner, id string, fine bool) error {
	query := `INSERT INTO directory (kind, key, version, owner, id) VALUES ($1, $2, $3, $4, $5)`
	if fine {
		query += ` ON CONFLICT (kind, key) DO NOTHING`
	}
	for _, key := range keys {
		if err := t.later("list "+kind, nil, query, kind, key.Hash(field, value), key.version, owner, id); err != nil {
			return err
		}
	}
	return nil
}

// find follows a key, or one of two keys of which the other may be nil.
func (v *View) find(kind string, one, other []byte) (owner, id string, err error) {
	err = v.row(`SELECT owner, id FROM directory WHERE kind = $1 AND key IN ($2, $3) LIMIT 1`, kind, one, other).Scan(&owner, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", errNoOrder
	}
	if err != nil {
		return "", "", fmt.Errorf("look up %s: %w", kind, err)
	}
	return owner, id, nil
}

// identify writes blind index rows: the keyed hashes of a normalised value lead to
// the subject, and end with the dossier.
func (t *Tx) identify(keys indexKeys, f personal.Field, normalised, subject, dossier string) error {
	if t.db.plain {
		return nil
	}
	for _, key := range keys {
		err := t.later("index "+f.Name(), nil, `INSERT INTO identities (hash, field, version, subject, dossier) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			key.Hash(f.Name(), normalised), f.Name(), key.version, subject, dossier)
		if err != nil {
			return err
		}
	}
	return nil
}

// Subjects returns the subjects whose sealed e-mail has this key. A hit of the
// index is only a hint: the sealed value is opened and compared.
func (v *View) Subjects(emailKey string) ([]string, error) {
	odd, even, err := v.twin(personal.EmailIndex.Name(), emailKey)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT i.subject, d.case_id, o.email FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier
		JOIN order_details o ON o.owner = d.subject AND o.order_id = d.case_id WHERE i.hash IN ($1, $2) AND i.field = $3`,
		odd, even, personal.EmailIndex.Name())
	if err != nil {
		return nil, fmt.Errorf("look up e-mail: %w", err)
	}
	type hit struct {
		subject, order string
		email          []byte // sealed
	}
	var hits []hit
	var subjects []string
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.subject, &h.order, &h.email); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		hits, subjects = append(hits, h), append(subjects, h.subject)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("look up e-mail: %w", err)
	}
	if err := v.ahead(subjects); err != nil {
		return nil, err
	}
	var out []string
	seen := map[string]bool{}
	for _, h := range hits {
		if seen[h.subject] {
			continue
		}
		f, err := v.folder(h.subject, h.order)
		if err != nil {
			return nil, err
		}
		e, err := personal.OrderEmail.Open(f.open(personal.Fulfilment), h.order, h.email)
		if err == nil && bytes.Equal([]byte(e.Key()), []byte(emailKey)) {
			seen[h.subject] = true
			out = append(out, h.subject)
		}
	}
	return out, nil
}

// UnpaidBefore counts the orders of a mailbox that nobody has paid, among those
// placed in the day before a time. It asks the index alone: a hint is enough to
// write fewer letters.
func (v *View) UnpaidBefore(emailKey string, at time.Time) (n int64, err error) {
	f := personal.EmailIndex.Name()
	odd, even, err := v.twin(f, emailKey)
	if err != nil {
		return 0, err
	}
	err = v.row(`SELECT count(DISTINCT o.id) FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier
		JOIN orders o ON o.owner = d.subject AND o.id = d.case_id
		WHERE i.hash IN ($1, $2) AND i.field = $3 AND o.placed_at < $4 AND o.placed_at > $5 AND o.status IN ('pending', 'cancelled')`,
		odd, even, f, ms(at), ms(at.Add(-24*time.Hour))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count unpaid orders: %w", err)
	}
	return n, nil
}

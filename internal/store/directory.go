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

func (t *Tx) list(kind string, key []byte, owner, id string) error {
	return t.later("list "+kind, nil, `INSERT INTO directory (kind, key, owner, id) VALUES ($1, $2, $3, $4)`, kind, key, owner, id)
}

func (v *View) find(kind string, key []byte) (owner, id string, err error) {
	err = v.row(`SELECT owner, id FROM directory WHERE kind = $1 AND key = $2`, kind, key).Scan(&owner, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", errNoOrder
	}
	if err != nil {
		return "", "", fmt.Errorf("look up %s: %w", kind, err)
	}
	return owner, id, nil
}

const indexVersion = 1

// identify writes a blind index row: the keyed hash of a normalised value
// leads to the subject, and ends with the dossier.
func (t *Tx) identify(f personal.Field, normalised, subject, dossier string) error {
	if t.db.plain {
		return nil
	}
	return t.later("index "+f.Name(), nil, `INSERT INTO identities (hash, field, version, subject, dossier) VALUES ($1, $2, $3, $4, $5)`,
		t.db.keys.Index.Hash(f.Name(), normalised), f.Name(), indexVersion, subject, dossier)
}

// Subjects returns the subjects whose sealed e-mail has this key. A hit of the
// index is only a hint: the sealed value is opened and compared.
func (v *View) Subjects(emailKey string) ([]string, error) {
	rows, err := v.rows(`SELECT i.subject, d.case_id FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier WHERE i.hash = $1 AND i.field = $2`,
		v.db.keys.Index.Hash(personal.EmailIndex.Name(), emailKey), personal.EmailIndex.Name())
	if err != nil {
		return nil, fmt.Errorf("look up e-mail: %w", err)
	}
	type hit struct{ subject, order string }
	var hits []hit
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.subject, &h.order); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		hits = append(hits, h)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("look up e-mail: %w", err)
	}
	var out []string
	seen := map[string]bool{}
	for _, h := range hits {
		if seen[h.subject] {
			continue
		}
		var sealed []byte
		if err := v.row(`SELECT email FROM order_details WHERE owner = $1 AND order_id = $2`, h.subject, h.order).Scan(&sealed); err != nil {
			continue // the row has ended meanwhile
		}
		f, err := v.folder(h.subject, h.order)
		if err != nil {
			return nil, err
		}
		e, err := personal.OrderEmail.Open(f.open(personal.Fulfilment), h.order, sealed)
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
	err = v.row(`SELECT count(*) FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier
		JOIN orders o ON o.owner = d.subject AND o.id = d.case_id
		WHERE i.hash = $1 AND i.field = $2 AND o.placed_at < $3 AND o.placed_at > $4 AND o.status IN ('pending', 'cancelled')`,
		v.db.keys.Index.Hash(f, emailKey), f, ms(at), ms(at.Add(-24*time.Hour))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count unpaid orders: %w", err)
	}
	return n, nil
}

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Event writes an event of this transaction's act. The subject it is about, or
// the shop where it is about none, leads the row's key. The values are ids,
// counts and fixed words, never anything personal. It stands in the ledger,
// without a number until the sequencer passes, once the transaction commits.
func (t *Tx) Event(action, subject, object, detail string) error {
	if t.db.plain {
		return nil
	}
	owner := t.db.ownerOf(subject)
	e, err := ledger.NewEvent(NewID(), t.now, action, t.actor, subject, object, detail)
	if err != nil {
		return fmt.Errorf("event %s: %w", action, err)
	}
	salts := make([]byte, 0, 64)
	for i := range e.Salts {
		salts = append(salts, e.Salts[i][:]...)
	}
	_, err = t.exec(`INSERT INTO events (owner, id, at, action, actor, subject, object, detail, salts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		owner, e.ID, ms(e.At), e.Action, e.Actor, e.Subject, e.Object, e.Detail, salts)
	if err != nil {
		return fmt.Errorf("event %s: %w", action, err)
	}
	return nil
}

// NewestEvent returns the time of the newest numbered event, or the zero time.
func (v *View) NewestEvent() (time.Time, error) {
	var leaf []byte
	err := v.row(`SELECT leaf FROM leaves ORDER BY idx DESC LIMIT 1`).Scan(&leaf)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read newest event: %w", err)
	}
	c, err := ledger.ParseLeaf(leaf)
	if err != nil {
		return time.Time{}, fmt.Errorf("read newest event: %w", err)
	}
	return c.At, nil
}

// EventsAbout counts the events that name a subject.
func (v *View) EventsAbout(subject string) (n int, err error) {
	err = v.row(`SELECT count(*) FROM events WHERE owner = $1 AND subject = $1`, subject).Scan(&n)
	return n, err
}

// ownerOf is whose row an event about a subject is. Nothing in a leaf says it,
// so verification holds the row to this rule.
func (db *DB) ownerOf(subject string) string {
	if subject == "" {
		return db.shop
	}
	return subject
}

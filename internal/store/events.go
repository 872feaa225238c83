package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Event writes an event of this transaction's act. The subject it is about, or
// the shop where it is about none, leads the row's key. The values are ids,
// counts and fixed words, never anything personal. It is written with the last
// statement of the transaction and stands in the ledger, without a number until
// the sequencer passes, once that commits.
func (t *Tx) Event(action, subject, object, detail string) error {
	if t.db.plain {
		return nil
	}
	e, err := ledger.NewEvent(NewID(), t.now, action, t.actor, subject, object, detail)
	if err != nil {
		return fmt.Errorf("event %s: %w", action, err)
	}
	t.events = append(t.events, e)
	return nil
}

// How is the detail of an event that has one word to say: "passkey", "owner".
func How(word string) string {
	if word == "" {
		return ""
	}
	return `{"how":"` + word + `"}`
}

// eventsAtOnce bounds the events of one statement.
const eventsAtOnce = 50

// writeEvents writes the events of a transaction that has succeeded.
func (t *Tx) writeEvents() error {
	for list := t.events; len(list) > 0; list = list[min(eventsAtOnce, len(list)):] {
		var values []string
		var args []any
		for _, e := range list[:min(eventsAtOnce, len(list))] {
			salts := make([]byte, 0, 64)
			for i := range e.Salts {
				salts = append(salts, e.Salts[i][:]...)
			}
			values = append(values, marks(len(args), 9))
			args = append(args, t.db.ownerOf(e.Subject), e.ID, ms(e.At), e.Action, e.Actor, e.Subject, e.Object, e.Detail, salts)
		}
		err := t.later("write events", nil, `INSERT INTO events (owner, id, at, action, actor, subject, object, detail, salts) VALUES `+strings.Join(values, ", "), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// NewestEvent returns the time of the newest event that is numbered at or after
// a place in the ledger, or the zero time.
func (v *View) NewestEvent(from int64) (time.Time, error) {
	var leaf []byte
	err := v.row(`SELECT leaf FROM leaves WHERE idx >= $1 ORDER BY idx DESC LIMIT 1`, from).Scan(&leaf)
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

// ownerOf is whose row an event about a subject is. Nothing in a leaf says it,
// so verification holds the row to this rule.
func (db *DB) ownerOf(subject string) string {
	if subject == "" {
		return db.shop
	}
	return subject
}

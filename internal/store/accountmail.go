package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// AccountLetter is a line of an account's message centre, and what its message
// is written from: the kind says which words, the object what it is about.
type AccountLetter struct {
	Owner    string
	ID       string
	At       time.Time
	Channel  string // "email" or "sms"
	Kind     string
	Object   string // a challenge, a change, a factor; "" for none
	ToChange string // the change whose old address gets it; "" for the present one
	Agent    string // where it happened: "Firefox on Linux"
	SentAt   time.Time
}

// NewLetter keeps the line of a message that is to be sent. The job that sends
// it is the caller's.
func (t *Tx) NewLetter(a Account, l AccountLetter) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s := sealer{row: l.ID}
	agent := put(&s, box, personal.LetterAgent, l.Agent)
	if s.err != nil {
		return s.err
	}
	return t.later("keep the line of a message", nil, `INSERT INTO letters (owner, id, at, channel, kind, object, to_change, sent_at, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)`,
		a.ID, l.ID, ms(t.now), l.Channel, l.Kind, l.Object, l.ToChange, agent)
}

// KeepOrderLetter keeps the line of a letter about an order, once. Whoever
// has the order in an account finds it in the message centre; it ends with the
// people of the order.
func (t *Tx) KeepOrderLetter(owner string, id order.ID, letter, kind string) error {
	_, err := t.exec(`INSERT INTO letters (owner, id, at, channel, kind, object, to_change, sent_at) VALUES ($1, $2, $3, 'email', $4, $5, '', $3) ON CONFLICT (owner, id) DO NOTHING`,
		owner, letter, ms(t.now), kind, string(id))
	if err != nil {
		return fmt.Errorf("keep the line of a letter: %w", err)
	}
	return nil
}

const letterColumns = `id, at, channel, kind, object, to_change, sent_at, agent`

// AccountLetter returns one line.
func (v *View) AccountLetter(owner, id string) (AccountLetter, error) {
	box, err := v.safe(owner)
	if err != nil {
		return AccountLetter{}, err
	}
	l, err := scanLetter(v.row(`SELECT `+letterColumns+` FROM letters WHERE owner = $1 AND id = $2`, owner, id), box, owner)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("We can't find that message.")
	}
	return l, err
}

// AccountLetters lists the newest messages to an account, and those about its
// orders, the newest first.
func (v *View) AccountLetters(owner string, limit int) ([]AccountLetter, error) {
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT `+letterColumns+` FROM letters WHERE owner = $1 OR owner IN (SELECT subject FROM links WHERE owner = $1) ORDER BY at DESC, id DESC LIMIT $2`, owner, limit)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	defer rows.Close()
	var out []AccountLetter
	for rows.Next() {
		l, err := scanLetter(rows, box, owner)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

func scanLetter(r row, box personal.Dossier, owner string) (AccountLetter, error) {
	l := AccountLetter{Owner: owner}
	var at, sent int64
	var agent []byte
	if err := r.Scan(&l.ID, &at, &l.Channel, &l.Kind, &l.Object, &l.ToChange, &sent, &agent); err != nil {
		return AccountLetter{}, err
	}
	l.At, l.SentAt = when(at), since(sent)
	s := sealer{row: l.ID}
	l.Agent = get(&s, box, personal.LetterAgent, agent)
	return l, s.err
}

// LettersSince counts the messages of a kind to an account since a time.
func (v *View) LettersSince(owner, kind string, since time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM letters WHERE owner = $1 AND kind = $2 AND at > $3`, owner, kind, ms(since)).Scan(&n)
	return n, err
}

// LetterSent remembers that a message has left the house.
func (t *Tx) LetterSent(owner, id string) error {
	return t.later("mark a message sent", nil, `UPDATE letters SET sent_at = $3 WHERE owner = $1 AND id = $2`, owner, id, ms(t.now))
}

// Change is something about an account that can still be undone, or that
// waits before it happens.
type Change struct {
	Owner  string
	ID     string
	Kind   string
	State  string // "open", "done", "undone"
	Object string // the factor it is about; "" for none
	Old    string // the address or number before
	New    string // what it is now; never empty, for it seals the row
	MadeAt time.Time
	DueAt  time.Time // when it may happen
	EndsAt time.Time // until when it can be undone
}

// The states of a change.
const (
	ChangeOpen   = "open"
	ChangeDone   = "done"
	ChangeUndone = "undone"
)

// row is what the sealed values of a change stand for: all but its state, so
// that who can write here makes no wait shorter.
func (c Change) row() string {
	return fmt.Sprintf("%s/%s/%s/%d/%d", c.ID, c.Kind, c.Object, stamp(c.DueAt), ms(c.EndsAt))
}

var errNoChange = fault.Missing("That can't be undone any more.")

// NewChange keeps a change.
func (t *Tx) NewChange(a Account, c Change) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s := sealer{row: c.row()}
	before, after := put(&s, box, personal.ChangeOld, c.Old), put(&s, box, personal.ChangeNew, c.New)
	if s.err != nil {
		return s.err
	}
	return t.later("keep change", nil, `INSERT INTO changes (owner, id, kind, state, object, old_value, new_value, made_at, due_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, c.ID, c.Kind, c.State, c.Object, before, after, ms(t.now), stamp(c.DueAt), ms(c.EndsAt))
}

// Changes lists the changes of an account of one kind and state, oldest first.
func (v *View) Changes(owner, kind, state string) ([]Change, error) {
	return v.changes(`owner = $1 AND kind = $2 AND state = $3`, owner, kind, state)
}

// Change returns one change.
func (v *View) Change(owner, id string) (Change, error) {
	list, err := v.changes(`owner = $1 AND id = $2`, owner, id)
	if err == nil && len(list) == 0 {
		err = errNoChange
	}
	if err != nil {
		return Change{}, err
	}
	return list[0], nil
}

func (v *View) changes(where, owner string, args ...any) ([]Change, error) {
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT id, kind, state, object, old_value, new_value, made_at, due_at, ends_at FROM changes WHERE `+where+` ORDER BY made_at, id`, append([]any{owner}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		c := Change{Owner: owner}
		var before, after []byte
		var made, due, ends int64
		if err := rows.Scan(&c.ID, &c.Kind, &c.State, &c.Object, &before, &after, &made, &due, &ends); err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		if after == nil {
			return nil, fmt.Errorf("change %s holds nothing sealed", c.ID)
		}
		c.MadeAt, c.DueAt, c.EndsAt = when(made), since(due), when(ends)
		s := sealer{row: c.row()}
		c.Old, c.New = get(&s, box, personal.ChangeOld, before), get(&s, box, personal.ChangeNew, after)
		if s.err != nil {
			return nil, s.err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// CloseChange moves a change from one state to another and reports whether it
// was in the first: of two that close it, one does.
func (t *Tx) CloseChange(owner, id, from, to string) (bool, error) {
	n, err := t.exec(`UPDATE changes SET state = $4 WHERE owner = $1 AND id = $2 AND state = $3`, owner, id, from, to)
	return n == 1, err
}

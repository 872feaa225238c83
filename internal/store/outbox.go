package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Letter is a message kept instead of sent: the demo's outbox.
type Letter struct {
	ID      string
	At      time.Time
	Channel string // "email" or "sms"
	To      string
	Subject string
	Text    string
	HTML    string
}

// KeepLetter seals a message about an order under the order's fulfilment
// dossier. With id it is kept once, however often it is sent.
func (t *Tx) KeepLetter(owner string, id order.ID, l Letter) error {
	f, err := t.folder(owner, string(id))
	if err != nil {
		return err
	}
	if f.ended[personal.Fulfilment] {
		return ErrEnded
	}
	if _, there := f.ids[personal.Fulfilment]; !there && !f.clear {
		// A letter about no order has a folder of its own, for as long as a demo is looked at.
		if err := t.newDossiers(f, owner, string(id), map[personal.Purpose]time.Time{personal.Fulfilment: t.now.AddDate(0, 1, 0)}); err != nil {
			return err
		}
	}
	s, box := sealer{row: l.ID}, f.open(personal.Fulfilment)
	args := []any{owner, l.ID, f.ids[personal.Fulfilment], ms(t.now), l.Channel, put(&s, box, personal.OutboxTo, l.To), put(&s, box, personal.OutboxSubject, l.Subject),
		put(&s, box, personal.OutboxText, l.Text), put(&s, box, personal.OutboxHTML, l.HTML)}
	if s.err != nil {
		return fmt.Errorf("seal letter: %w", s.err)
	}
	_, err = t.exec(`INSERT INTO outbox (owner, id, dossier, at, channel, recipient, subject, body_text, body_html) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (owner, id) DO NOTHING`, args...)
	if err != nil {
		return fmt.Errorf("keep letter: %w", err)
	}
	return nil
}

// Letters returns the newest messages of the outbox, oldest first.
func (v *View) Letters(limit int) ([]Letter, error) {
	rows, err := v.rows(`SELECT o.owner, o.id, d.case_id, o.at, o.channel, o.recipient, o.subject, o.body_text, o.body_html
		FROM outbox o JOIN dossiers d ON d.subject = o.owner AND d.id = o.dossier ORDER BY o.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	defer rows.Close()
	type sealed struct {
		owner, id, caseID, channel string
		at                         int64
		to, subject, text, html    []byte
	}
	var list []sealed
	for rows.Next() {
		var s sealed
		if err := rows.Scan(&s.owner, &s.id, &s.caseID, &s.at, &s.channel, &s.to, &s.subject, &s.text, &s.html); err != nil {
			return nil, fmt.Errorf("list outbox: %w", err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	out := make([]Letter, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		l := list[i]
		f, err := v.folder(l.owner, l.caseID)
		if err != nil {
			return nil, err
		}
		box := f.open(personal.Fulfilment)
		if box.Key == nil {
			continue // its key is gone
		}
		s := sealer{row: l.id}
		out = append(out, Letter{ID: l.id, At: when(l.at), Channel: l.channel, To: get(&s, box, personal.OutboxTo, l.to),
			Subject: get(&s, box, personal.OutboxSubject, l.subject), Text: get(&s, box, personal.OutboxText, l.text), HTML: get(&s, box, personal.OutboxHTML, l.html)})
		if s.err != nil {
			return nil, s.err
		}
	}
	return out, nil
}

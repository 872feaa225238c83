package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// A page of due dossiers of one purpose ends by a handful of statements for all
// of them, not by some for each: first the keys go, then whatever the register
// says was sealed under them, and what leads there.

// EndsAlone reports whether dossiers of a purpose are destroyed one by one: with
// an account go its failed tries, which only the opened e-mail finds.
func EndsAlone(p personal.Purpose) bool { return p == personal.Account || p == personal.Staff }

// page is the dossiers of a purpose, $2, that have been due for longest. Its size
// stands in the text: with a number that it does not know PostgreSQL would plan
// for a tenth of the table.
func page(size int) string {
	return fmt.Sprintf(`SELECT subject, case_id, purpose, id FROM dossiers WHERE `+due+` AND purpose = $2 ORDER BY destroy_after LIMIT %d`, size)
}

// underWay is the orders o that are not finished and that somebody has touched,
// $3, for as long as an order takes: what is due must not be put off for ever.
const underWay = `o.updated_at > $3 AND o.status NOT IN ('` + string(order.Delivered) + `', '` + string(order.Cancelled) + `', '` + string(order.Refunded) + `')`

// Postpone moves the end date of those of the next page of due dossiers that are
// about an order under way: those that DestroyDue has left. It returns how many
// there were.
func (t *Tx) Postpone(p personal.Purpose, size, days int) (int, error) {
	n, err := t.exec(`UPDATE dossiers SET destroy_after = $4 WHERE (subject, case_id, purpose, id) IN (SELECT d.subject, d.case_id, d.purpose, d.id
		FROM (`+page(size)+`) d JOIN orders o ON o.owner = d.subject AND o.id = d.case_id WHERE `+underWay+`)`,
		ms(t.now), string(p), ms(t.now.Add(-openOrder)), ms(t.now.AddDate(0, 0, days)))
	if err != nil {
		return 0, fmt.Errorf("postpone due dossiers: %w", err)
	}
	return int(n), nil
}

// DestroyDue ends the next page of due dossiers of a purpose for good, as Destroy
// does. It returns how many there were: fewer than a page when no more are due, or
// when some are about an order under way.
func (t *Tx) DestroyDue(p personal.Purpose, size int) (int, error) {
	n, err := t.exec(`UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $1 WHERE (subject, case_id, purpose, id) IN (`+page(size)+`) AND `+due+`
		AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.owner = dossiers.subject AND o.id = dossiers.case_id AND `+underWay+`)`, ms(t.now), string(p), ms(t.now.Add(-openOrder)))
	if err != nil {
		return 0, fmt.Errorf("destroy due dossiers: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	for _, query := range endingsOfPage()[p] {
		if err := t.later("end what dossiers of "+string(p)+" sealed", nil, query, ms(t.now), string(p)); err != nil {
			return 0, err
		}
	}
	return int(n), nil
}

// gone is what was destroyed just now of a purpose. Others that were in the same
// millisecond are only cleared once more.
func gone(columns string) string {
	return `(SELECT ` + columns + ` FROM dossiers WHERE state = 'destroyed' AND destroyed_at = $1 AND purpose = $2)`
}

// endingsOfPage are the endings of each purpose, for a page.
var endingsOfPage = sync.OnceValue(func() map[personal.Purpose][]string {
	out := map[personal.Purpose][]string{}
	for _, t := range personal.Purposes() {
		out[t.Purpose] = endings(t.Purpose, gone)
	}
	return out
})

// endings are the statements that end what was sealed under destroyed dossiers of
// a purpose, and what leads there. which selects columns of these dossiers.
func endings(p personal.Purpose, which func(columns string) string) (out []string) {
	if indexed(p) {
		out = append(out, `DELETE FROM identities WHERE (subject, dossier) IN `+which("subject, id"))
	}
	out = append(out, endRetired+which("subject, case_id, purpose"))
	fields := sealedFields(p)
	for _, table := range slices.Sorted(maps.Keys(fields)) {
		s := standings()[table]
		if s.ours {
			continue // rows of the shop's own end with what they are for
		}
		by := `(owner, ` + s.by + `) IN ` + which("subject, case_id")
		switch s.by {
		case "owner":
			by = `owner IN ` + which("subject")
		case "dossier":
			by = `(owner, dossier) IN ` + which("subject, id")
		}
		set := make([]string, 0, len(fields[table]))
		for _, f := range fields[table] {
			set = append(set, f.Column+" = NULL")
		}
		out = append(out, `UPDATE `+table+` SET `+strings.Join(set, ", ")+` WHERE `+by)
	}
	switch p {
	case personal.Marketing:
		out = append(out, `DELETE FROM wishes WHERE owner IN `+which("subject"))
	case personal.Rights:
		out = append(out, `DELETE FROM legal_holds WHERE (owner, id) IN `+which("subject, case_id"),
			`DELETE FROM openings WHERE (owner, id) IN `+which("subject, case_id"))
	case personal.Fulfilment: // a code's use goes on counting in all, and not for anybody
		out = append(out, `UPDATE code_uses SET customer = NULL, customer_even = NULL WHERE (order_id, owner) IN `+which("case_id, subject"),
			`DELETE FROM letters WHERE (owner, object) IN `+which("subject, case_id"))
	case personal.Payment:
		out = append(out, `DELETE FROM directory WHERE kind = '`+dirProvider+`' AND (owner, id) IN (SELECT p.owner, p.id FROM payments p WHERE (p.owner, p.order_id) IN `+which("subject, case_id")+`)`)
	}
	return out
}

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// A page of due dossiers of one purpose ends by a handful of statements for all
// of them, not by some for each: first the keys go, then whatever the register
// says was sealed under them, and what leads there.

// EndsAlone reports whether dossiers of a purpose are destroyed one by one: with
// an account go its failed tries, which only the opened e-mail finds.
func EndsAlone(p personal.Purpose) bool { return p == personal.Account || p == personal.Staff }

// Span is a page of due dossiers of a purpose: those that end from one time to
// another, both included. Behind From lies what is destroyed already: PostgreSQL
// would go over all of that for each page.
type Span struct {
	From, Until time.Time
	Full        bool // as many as were asked for; more may be due after it
}

// NextDue finds the next size due dossiers of a purpose that end from a time on. As
// many more may be in it as end at the same time as the last.
func (v *View) NextDue(p personal.Purpose, from time.Time, size int) (Span, error) {
	// The place stands in the text, and what is not due yet is told apart here: with
	// numbers that it does not know PostgreSQL would plan for a few of the due, and
	// sort all of them for each page.
	var last int64
	err := v.row(fmt.Sprintf(`SELECT destroy_after FROM dossiers WHERE state <> 'destroyed' AND held_until <= $1 AND purpose = $2 AND destroy_after >= $3
		ORDER BY destroy_after LIMIT 1 OFFSET %d`, size-1), ms(v.now), string(p), ms(from)).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) || err == nil && last > ms(v.now) {
		return Span{From: from, Until: v.now}, nil
	}
	if err != nil {
		return Span{}, fmt.Errorf("look for due dossiers: %w", err)
	}
	return Span{From: from, Until: when(last), Full: true}, nil
}

// span is the dossiers of a purpose, $2, that end from $4 to $5 and that nobody
// holds. One end is enough: of two SQLite would take the later one.
const span = `state <> 'destroyed' AND held_until <= $1 AND purpose = $2 AND destroy_after >= $4 AND destroy_after <= $5`

// inSpan gives the numbers of span, none of them after now, and of underWay.
func (t *Tx) inSpan(p personal.Purpose, s Span) []any {
	return []any{ms(t.now), string(p), ms(t.now.Add(-openOrder)), ms(s.From), min(ms(s.Until), ms(t.now))}
}

// underWay is the orders o that are not finished and that somebody has touched,
// $3, for as long as an order takes: what is due must not be put off for ever. One
// that the payer's bank disputes is under way until that is decided.
const underWay = `(o.updated_at > $3 AND o.status NOT IN ('` + string(order.Delivered) + `', '` + string(order.Cancelled) + `', '` + string(order.Refunded) + `')
	OR ` + inDispute + `)`

// isOwed is the orders o whose goods went before their money, which has not come.
// An erasure waits for it; what is due by its date does not.
const isOwed = `(o.on_account AND o.paid_at = 0 AND o.status <> '` + string(order.Cancelled) + `')`

const inDispute = `EXISTS (SELECT 1 FROM payment_concerns c WHERE c.owner = o.owner AND c.order_id = o.id AND c.kind = 'dispute' AND c.ended_at = 0)`

// ofOrderUnderWay is the dossiers about such an order.
const ofOrderUnderWay = `EXISTS (SELECT 1 FROM orders o WHERE o.owner = dossiers.subject AND o.id = dossiers.case_id AND ` + underWay + `)`

// Postpone moves the end date of those of a page of due dossiers that are about an
// order under way: those that DestroyDue has left. It returns how many there were.
func (t *Tx) Postpone(p personal.Purpose, s Span, days int) (int, error) {
	n, err := t.exec(`UPDATE dossiers SET destroy_after = $6 WHERE `+span+` AND `+ofOrderUnderWay, append(t.inSpan(p, s), ms(t.now.AddDate(0, 0, days)))...)
	if err != nil {
		return 0, fmt.Errorf("postpone due dossiers: %w", err)
	}
	return int(n), nil
}

// DestroyDue ends a page of due dossiers of a purpose for good, as Destroy does,
// but for those about an order under way. It returns how many there were.
func (t *Tx) DestroyDue(p personal.Purpose, s Span) (int, error) {
	n, err := t.exec(`UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $1 WHERE `+span+` AND NOT `+ofOrderUnderWay, t.inSpan(p, s)...)
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
		// Nothing but its provider's reference leads to a payment. By kind SQLite would look at all of these for each page.
		out = append(out, `DELETE FROM directory WHERE (owner, id) IN (SELECT p.owner, p.id FROM payments p WHERE (p.owner, p.order_id) IN `+which("subject, case_id")+`)`)
	}
	return out
}

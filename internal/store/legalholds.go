package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// ErrHeld means that a dossier is under a legal hold, so that its key stays.
var ErrHeld = fault.New(fault.Conflict, "This part of the data is under a legal hold. It stays until the hold ends or is lifted.")

var (
	errNoDossier = fault.New(fault.NotFound, "There is no living dossier of that number.")
	errNoHold    = fault.New(fault.NotFound, "There is no hold of that number that still holds.")
)

// maxHolds bounds how many lines of holds are read at once.
const maxHolds = 10_000

// LegalHold is one dossier under a legal hold.
type LegalHold struct {
	ID               string // shared by the dossiers that one act held
	Subject, Dossier string
	Purpose          personal.Purpose // empty when the dossier is forgotten
	Order            order.Number     // of the order that the dossier is about, if it is about one
	Reason           contact.Note     // zero unless it was asked for
	Actor, LiftedBy  string
	Since, End       time.Time
	Lifted           time.Time // zero while nobody lifted it

	sealed []byte // the reason; read with the dossier's id, which may be another soon
}

// Holds reports whether it still holds.
func (h LegalHold) Holds(now time.Time) bool { return h.Lifted.IsZero() && h.End.After(now) }

// Holdable reports whether a hold can keep dossiers of a purpose. Those of a
// cart, a wish or a way to sign in end together with their rows, as soon as they
// have served; the shop's own have no end.
func Holdable(p personal.Purpose) bool {
	switch p {
	case personal.Account, personal.Fulfilment, personal.CourierUse, personal.Gift, personal.Invoicing,
		personal.Payment, personal.Support, personal.Rights, personal.Staff:
		return true
	}
	return false
}

// CanHold reports whether a hold can keep a dossier. What Holdable says of a purpose
// is not true of who asked for a right and of who was invited to the staff: these
// dossiers go as soon as they have served, too.
func (v *View) CanHold(d DueDossier) (bool, error) {
	served := map[personal.Purpose]string{
		personal.Rights: `SELECT count(*) FROM requests WHERE owner = $1`,
		personal.Staff:  `SELECT count(*) FROM invites WHERE owner = $1`,
	}
	query, ok := served[d.Purpose]
	if !ok || d.Subject != d.Case {
		return Holdable(d.Purpose), nil
	}
	var n int64
	if err := v.row(query, d.Subject).Scan(&n); err != nil {
		return false, fmt.Errorf("look for what a dossier is of: %w", err)
	}
	return n == 0, nil
}

// Living finds a dossier that has its key, in a transaction with a lock: it keeps
// its id until the end.
func (v *View) Living(id string) (d DueDossier, err error) {
	err = v.row(`SELECT subject, id, case_id, purpose FROM dossiers WHERE id = $1 AND state <> 'destroyed'`+v.forUpdate(), id).Scan(&d.Subject, &d.ID, &d.Case, &d.Purpose)
	if errors.Is(err, sql.ErrNoRows) {
		return d, errNoDossier
	}
	if err != nil {
		return d, fmt.Errorf("find a dossier: %w", err)
	}
	return d, nil
}

// LivingOf returns the dossiers of a case that have their key, as Living does.
func (v *View) LivingOf(subject, caseID string) ([]DueDossier, error) {
	rows, err := v.rows(`SELECT subject, id, case_id, purpose FROM dossiers WHERE subject = $1 AND case_id = $2 AND state <> 'destroyed' ORDER BY purpose, id`+v.forUpdate(), subject, caseID)
	if err != nil {
		return nil, fmt.Errorf("list the dossiers of a case: %w", err)
	}
	return scanDue(rows)
}

// held reports whether a dossier is under a hold: neither retention nor erasure
// destroys it.
func (v *View) held(d DueDossier) (bool, error) {
	var until int64
	err := v.row(`SELECT held_until FROM dossiers`+ofCase+` AND state <> 'destroyed'`, d.Subject, d.Case, string(d.Purpose)).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a hold: %w", err)
	}
	return until > ms(v.now), nil
}

// PlaceHold keeps a subject's dossiers until a time, whatever their own end date. The
// reason is sealed in a dossier for the subject's rights, which outlives the hold
// as long as anybody may ask what was kept, and why.
func (t *Tx) PlaceHold(id, subject string, dossiers []string, reason contact.Note, until time.Time) error {
	terms, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return err
	}
	box, err := t.dossier(subject, personal.Rights, id, terms.Keep.After(until))
	if err != nil {
		return err
	}
	for _, d := range dossiers {
		n, err := t.exec(`UPDATE dossiers SET held_until = CASE WHEN held_until > $3 THEN held_until ELSE $3 END WHERE subject = $1 AND id = $2 AND state <> 'destroyed'`, subject, d, ms(until))
		if err != nil {
			return fmt.Errorf("hold dossier %s: %w", d, err)
		}
		if n == 0 { // it went meanwhile
			return errNoDossier
		}
		s := sealer{row: holdRow(id, d)}
		sealed := put(&s, box, personal.HoldReason, reason)
		if s.err != nil {
			return fmt.Errorf("seal the reason of a hold: %w", s.err)
		}
		if err := t.later("keep a hold", nil, `INSERT INTO legal_holds (owner, dossier, id, reason, actor, made_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			subject, d, id, sealed, t.actor.String(), ms(t.now), ms(until)); err != nil {
			return err
		}
	}
	return t.Event("hold.placed", subject, id, fmt.Sprintf(`{"dossiers":%d,"until":%q}`, len(dossiers), until.UTC().Format(time.RFC3339)))
}

func holdRow(id, dossier string) string { return id + "/" + dossier }

// LiftHold lifts a hold before its end. What is due goes with the next pass of
// retention. It returns how many dossiers it held.
func (t *Tx) LiftHold(id string) (int, error) {
	rows, err := t.rows(`SELECT owner, dossier FROM legal_holds WHERE id = $1 AND lifted_at = 0 AND ends_at > $2 ORDER BY dossier`, id, ms(t.now))
	if err != nil {
		return 0, fmt.Errorf("find a hold: %w", err)
	}
	held, err := scanPairs(rows)
	if err != nil {
		return 0, fmt.Errorf("find a hold: %w", err)
	}
	if len(held) == 0 {
		return 0, errNoHold
	}
	terms, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return 0, err
	}
	subject := held[0][0]
	if _, err := t.exec(`UPDATE legal_holds SET lifted_at = $3, lifted_by = $4 WHERE owner = $1 AND id = $2 AND lifted_at = 0`, subject, id, ms(t.now), t.actor.String()); err != nil {
		return 0, fmt.Errorf("lift a hold: %w", err)
	}
	if _, err := t.exec(`UPDATE dossiers SET held_until = `+heldUntil+` WHERE subject = $1 AND id IN (SELECT dossier FROM legal_holds WHERE owner = $1 AND id = $2)`, subject, id); err != nil {
		return 0, fmt.Errorf("lift a hold: %w", err)
	}
	if err := t.keepUntil(subject, id, personal.Rights, terms.Keep.After(t.now)); err != nil {
		return 0, err
	}
	return len(held), t.Event("hold.lifted", subject, id, fmt.Sprintf(`{"dossiers":%d}`, len(held)))
}

// heldUntil is when the last hold of a dossier ends.
const heldUntil = `COALESCE((SELECT max(h.ends_at) FROM legal_holds h WHERE h.owner = dossiers.subject AND h.dossier = dossiers.id AND h.lifted_at = 0), 0)`

func scanPairs(rows rows) (out [][2]string, err error) {
	defer rows.Close()
	for rows.Next() {
		var one [2]string
		if err := rows.Scan(&one[0], &one[1]); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// LegalHolds lists the holds that there are and were, the newest first, without their
// reasons.
func (v *View) LegalHolds() ([]LegalHold, error) {
	rows, err := v.rows(`SELECT h.id, h.owner, h.dossier, COALESCE(d.purpose, ''), COALESCE(o.number, ''), h.actor, h.made_at, h.ends_at, h.lifted_at, h.lifted_by, h.reason
		FROM legal_holds h LEFT JOIN dossiers d ON d.subject = h.owner AND d.id = h.dossier LEFT JOIN orders o ON o.owner = d.subject AND o.id = d.case_id
		ORDER BY h.made_at DESC, h.id, d.purpose LIMIT $1`, maxHolds)
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	defer rows.Close()
	var out []LegalHold
	for rows.Next() {
		var h LegalHold
		var made, ends, lifted int64
		if err := rows.Scan(&h.ID, &h.Subject, &h.Dossier, &h.Purpose, &h.Order, &h.Actor, &made, &ends, &lifted, &h.LiftedBy, &h.sealed); err != nil {
			return nil, fmt.Errorf("list holds: %w", err)
		}
		h.Since, h.End, h.Lifted = when(made), when(ends), since(lifted)
		out = append(out, h)
	}
	return out, rows.Err()
}

// OpenReason opens the reason of a hold that LegalHolds has listed; it is zero when
// that has ended.
func (v *View) OpenReason(h LegalHold) (contact.Note, error) {
	f, err := v.folder(h.Subject, h.ID)
	if err != nil {
		return contact.Note{}, err
	}
	box := f.open(personal.Rights)
	if box.Key == nil && !f.clear {
		return contact.Note{}, nil
	}
	s := sealer{row: holdRow(h.ID, h.Dossier)}
	return get(&s, box, personal.HoldReason, h.sealed), s.err
}

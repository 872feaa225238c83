package store

import (
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// DossierOf is a dossier of a subject that still has its key.
type DossierOf struct {
	DueDossier
	Restricted bool
	Ends       time.Time
	Order      bool // its case is an order
	Paid       bool // that was paid once
	UnderWay   bool // and that is not finished
	Held       bool // under a legal hold
}

// DossiersOf lists the dossiers of subjects that still have their keys.
func (v *View) DossiersOf(subjects ...string) (out []DossierOf, err error) {
	for page := range slices.Chunk(subjects, many) {
		list, err := v.dossiersOf(page)
		if err != nil {
			return nil, fmt.Errorf("list a person's dossiers: %w", err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func (v *View) dossiersOf(subjects []string) (out []DossierOf, err error) {
	rows, err := v.rows(`SELECT d.subject, d.id, d.case_id, d.purpose, d.state, d.destroy_after, d.held_until, o.status, o.updated_at, o.paid_at, COALESCE(`+isOwed+`, FALSE), `+inDispute+`
		FROM dossiers d LEFT JOIN orders o ON o.owner = d.subject AND o.id = d.case_id WHERE d.subject IN `+marks(0, many)+` AND d.state <> 'destroyed' ORDER BY d.subject, d.case_id, d.purpose, d.id`, texts(subjects)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d DossierOf
		var state string
		var ends, held int64
		var status sql.NullString
		var updated, paid sql.NullInt64
		var owed, disputed bool
		if err := rows.Scan(&d.Subject, &d.ID, &d.Case, &d.Purpose, &state, &ends, &held, &status, &updated, &paid, &owed, &disputed); err != nil {
			return nil, err
		}
		d.Restricted, d.Ends, d.Order, d.Paid = state == "restricted", when(ends), status.Valid, paid.Int64 > 0
		d.Held = when(held).After(v.now)
		d.UnderWay = owed || disputed || d.Order && !order.Status(status.String).Final() && when(updated.Int64).After(v.now.Add(-openOrder))
		out = append(out, d)
	}
	return out, rows.Err()
}

// wished notes, with the destruction of a case's dossier, that a person wished
// it: a restore must not bring it back. It comes before the destruction.
func (t *Tx) wished(subject, caseID string, p personal.Purpose) error {
	err := t.later("note an erasure", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT subject, id, CAST($4 AS BIGINT) FROM dossiers
		WHERE subject = $1 AND case_id = $2 AND purpose = $3 AND state <> 'destroyed'`+t.forUpdate()+` ON CONFLICT (owner, dossier) DO NOTHING`, subject, caseID, string(p), ms(t.now))
	if err != nil {
		return err
	}
	return t.later("note the erasure of what was retired", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT r.subject, r.id, CAST($4 AS BIGINT) FROM retired r
		WHERE r.subject = $1 AND r.case_id = $2 AND r.purpose = $3 AND EXISTS (`+tookItsPlace+` AND d.state <> 'destroyed') ON CONFLICT (owner, dossier) DO NOTHING`, subject, caseID, string(p), ms(t.now))
}

// tookItsPlace is the dossier d of which a wrap r was retired. What names a dossier
// to backups of before has to name what it was called then.
const tookItsPlace = `SELECT 1 FROM dossiers d WHERE d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose`

// Erase destroys a dossier because a person wishes it, and notes that for the
// journal. A cart goes with all that hangs on it.
func (t *Tx) Erase(d DueDossier) error {
	if d.Purpose == personal.Cart {
		return t.EndCarts(CartErased, cart.ID(d.Case))
	}
	if err := t.wished(d.Subject, d.Case, d.Purpose); err != nil {
		return err
	}
	if d.Purpose == personal.Account { // what it signs in with ends with it, and is as little to be brought back
		if err := t.wished(d.Subject, d.Subject, personal.Security); err != nil {
			return err
		}
	}
	return t.Destroy(d)
}

// EraseAll does what Erase does to many dossiers, with few statements for each
// page of them. When one is under a hold by now it returns ErrHeld, and nothing goes.
func (t *Tx) EraseAll(list []DueDossier) error {
	var alike []DueDossier
	var carts []cart.ID
	ended := map[personal.Purpose]bool{}
	for _, d := range list {
		if EndsAlone(d.Purpose) {
			if err := t.Erase(d); err != nil {
				return err
			}
			continue
		}
		if d.Purpose == personal.Cart {
			carts = append(carts, cart.ID(d.Case))
			if err := t.cartEnded(d.Case, CartErased); err != nil {
				return err
			}
		}
		alike = append(alike, d)
		ended[d.Purpose] = true
	}
	if err := t.dropCarts(carts); err != nil {
		return err
	}
	for page := range slices.Chunk(alike, many) {
		args := append([]any{ms(t.now)}, cases(page)...)
		which := ` WHERE ` + ofCases(1)
		err := t.later("note erasures", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT subject, id, CAST($1 AS BIGINT) FROM dossiers`+which+`
			AND state <> 'destroyed' AND held_until <= $1`+t.forUpdate()+` ON CONFLICT (owner, dossier) DO NOTHING`, args...)
		if err != nil {
			return err
		}
		err = t.later("note erasures of what was retired", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT r.subject, r.id, CAST($1 AS BIGINT) FROM retired r
			`+which+` AND EXISTS (`+tookItsPlace+` AND d.state <> 'destroyed' AND d.held_until <= $1) ON CONFLICT (owner, dossier) DO NOTHING`, args...)
		if err != nil {
			return err
		}
		err = t.later("erase dossiers", nil, `UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $1`+which+` AND state <> 'destroyed' AND held_until <= $1`, args...)
		if err != nil {
			return err
		}
		var living int64
		err = t.row(`SELECT count(*) FROM dossiers WHERE `+ofCases(0)+` AND state <> 'destroyed'`, cases(page)...).Scan(&living)
		if err != nil {
			return fmt.Errorf("count what was not erased: %w", err)
		}
		if living > 0 { // a hold has come since they were listed
			return ErrHeld
		}
	}
	for p := range ended {
		for _, query := range endingsOfPage()[p] {
			if err := t.later("end what dossiers of "+string(p)+" sealed", nil, query, ms(t.now), string(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// ErasedOf counts, by purpose, the dossiers of whom a request is about that were
// destroyed since a time. Whom that is has to be kept: see NameSubjects.
func (v *View) ErasedOf(reference string, since time.Time) (map[personal.Purpose]int, error) {
	rows, err := v.rows(`SELECT d.purpose, count(*) FROM request_subjects r JOIN dossiers d ON d.subject = r.subject
		WHERE r.owner = $1 AND d.state = 'destroyed' AND d.destroyed_at >= $2 GROUP BY d.purpose`, reference, ms(since))
	if err != nil {
		return nil, fmt.Errorf("count what was erased: %w", err)
	}
	defer rows.Close()
	out := map[personal.Purpose]int{}
	for rows.Next() {
		var p personal.Purpose
		var n int64
		if err := rows.Scan(&p, &n); err != nil {
			return nil, fmt.Errorf("count what was erased: %w", err)
		}
		out[p] = int(n)
	}
	return out, rows.Err()
}

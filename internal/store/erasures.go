package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

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

// journalPage is how many entries one transaction takes into the journal.
const journalPage = 200

// SequenceErasures takes what was erased into the journal, in order, and returns
// its newest entry.
func (db *DB) SequenceErasures(ctx context.Context) (last erasure.Entry, err error) {
	for n := journalPage; n == journalPage; {
		waiting := false
		err := db.View(ctx, func(v *View) (err error) {
			if last, err = v.LastErasure(); err != nil {
				return err
			}
			var due int64
			err = v.row(`SELECT count(*) FROM (SELECT 1 AS one FROM erasures_due LIMIT 1) AS any_due`).Scan(&due)
			waiting = due > 0
			return err
		})
		if err != nil || !waiting {
			return last, err
		}
		err = db.InTx(ctx, ledger.System("sequencer"), func(t *Tx) (err error) {
			if last, err = t.lastErasureForUpdate(); err != nil {
				return err
			}
			var list []Erased
			if list, err = t.erasuresDue(); err != nil {
				return err
			}
			n = len(list)
			for _, e := range list {
				if last, err = t.addErasure(last, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return last, fmt.Errorf("number erasures: %w", err)
		}
	}
	return last, nil
}

// Erased is a dossier that a person wished to be gone.
type Erased struct {
	owner   string
	Dossier string
	At      time.Time
}

func (t *Tx) erasuresDue() (out []Erased, err error) {
	rows, err := t.rows(`SELECT owner, dossier, at FROM erasures_due ORDER BY at, dossier LIMIT $1`, journalPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Erased
		var at int64
		if err := rows.Scan(&e.owner, &e.Dossier, &at); err != nil {
			return nil, err
		}
		e.At = when(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// addErasure writes an entry after the last one, unless the journal has its
// dossier already, and returns the newest.
func (t *Tx) addErasure(last erasure.Entry, e Erased) (erasure.Entry, error) {
	next := last.Next(e.Dossier, e.At)
	n, err := t.exec(`INSERT INTO erasures (number, dossier, at, link) VALUES ($1, $2, $3, $4) ON CONFLICT (dossier) DO NOTHING`, next.Number, next.Dossier, ms(next.At), next.Link[:])
	if err != nil {
		return last, err
	}
	if n == 1 {
		last = next
	}
	_, err = t.exec(`DELETE FROM erasures_due WHERE owner = $1 AND dossier = $2`, e.owner, e.Dossier)
	return last, err
}

// LastErasure is the newest entry of the journal; the zero Entry of an empty one.
func (v *View) LastErasure() (erasure.Entry, error) {
	rows, err := v.rows(`SELECT number, dossier, at, link FROM erasures ORDER BY number DESC LIMIT 1`)
	list, err := scanErasures(rows, err)
	if err != nil || len(list) == 0 {
		return erasure.Entry{}, err
	}
	return list[0], nil
}

// lastErasureForUpdate makes those who number come one after the other.
func (t *Tx) lastErasureForUpdate() (erasure.Entry, error) {
	if err := t.turn("erasures", "journal"); err != nil {
		return erasure.Entry{}, err
	}
	return t.LastErasure()
}

// Erasures returns up to limit entries of the journal after a number.
func (v *View) Erasures(after int64, limit int) ([]erasure.Entry, error) {
	rows, err := v.rows(`SELECT number, dossier, at, link FROM erasures WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
	return scanErasures(rows, err)
}

func scanErasures(rows rows, err error) (out []erasure.Entry, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read the erasure journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e erasure.Entry
		var at int64
		var link []byte
		if err := rows.Scan(&e.Number, &e.Dossier, &at, &link); err != nil {
			return nil, fmt.Errorf("read the erasure journal: %w", err)
		}
		e.At = when(at)
		copy(e.Link[:], link)
		out = append(out, e)
	}
	return out, rows.Err()
}

// ErasedSince counts the dossiers that were erased by wish since a time, each once.
func (v *View) ErasedSince(at time.Time) (n int64, err error) {
	const once = ` AND NOT EXISTS (SELECT 1 FROM retired r WHERE r.id = e.dossier)`
	err = v.row(`SELECT (SELECT count(*) FROM erasures e WHERE e.at > $1`+once+`) + (SELECT count(*) FROM erasures_due e WHERE e.at > $1`+once+`)`, ms(at)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count erasures: %w", err)
	}
	return n, nil
}

// CountErasedSince counts the dossiers that were erased after a time, and are there
// without their keys.
func (v *View) CountErasedSince(at time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM dossiers d JOIN erasures e ON e.dossier = d.id WHERE d.state = 'destroyed' AND e.at >= $1`, ms(at)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count erased dossiers: %w", err)
	}
	return n, nil
}

// LearnErasures takes entries of a copy of the journal that this database does
// not have, and returns how many those were: somebody has put the database back
// from an older copy. They keep their numbers where they follow on.
func (db *DB) LearnErasures(ctx context.Context, entries []erasure.Entry) (learnt int64, err error) {
	for len(entries) > 0 {
		page := entries[:min(journalPage, len(entries))]
		entries = entries[len(page):]
		n := int64(0)
		err := db.InTx(ctx, ledger.System("erasures"), func(t *Tx) error {
			n = 0
			last, err := t.lastErasureForUpdate()
			if err != nil {
				return err
			}
			for _, e := range page {
				before := last
				if last, err = t.addErasure(last, Erased{Dossier: e.Dossier, At: e.At}); err != nil {
					return err
				}
				if last != before {
					n++
				}
			}
			return nil
		})
		if err != nil {
			return learnt, fmt.Errorf("learn erasures: %w", err)
		}
		learnt += n
	}
	return learnt, nil
}

// Replay destroys every dossier that is alive though the journal says that it
// was erased, and returns how many those were. What is left of their cases is
// restricted, as it was when they were erased.
func (db *DB) Replay(ctx context.Context) (total int64, err error) {
	var after DueDossier
	for n := journalPage; n == journalPage; {
		var last DueDossier
		err := db.InTx(ctx, ledger.System("erasures"), func(t *Tx) error {
			rows, err := t.rows(`SELECT subject, id, case_id, purpose FROM (
					SELECT d.subject, d.id, d.case_id, d.purpose FROM dossiers d JOIN erasures e ON e.dossier = d.id WHERE d.state <> 'destroyed'
					UNION SELECT d.subject, d.id, d.case_id, d.purpose FROM retired r JOIN erasures e ON e.dossier = r.id
						JOIN dossiers d ON d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose WHERE d.state <> 'destroyed') AS back
				WHERE (subject, case_id, purpose, id) > ($1, $2, $3, $4) ORDER BY subject, case_id, purpose, id LIMIT $5`, after.Subject, after.Case, string(after.Purpose), after.ID, journalPage)
			if err != nil {
				return fmt.Errorf("look for erased dossiers: %w", err)
			}
			list, err := scanDue(rows)
			if err != nil {
				return err
			}
			if n = len(list); n == 0 {
				return nil
			}
			last = list[n-1]
			for _, d := range list {
				if err := t.destroyAgain(d); err != nil {
					return err
				}
			}
			if err := t.scrubLater(); err != nil {
				return err
			}
			return t.Event("erasure.replayed", "", "", fmt.Sprintf(`{"dossiers":%d}`, n))
		})
		if err != nil {
			return total, err
		}
		after, total = last, total+int64(n)
	}
	return total, nil
}

// destroyAgain destroys a dossier that has come back.
func (t *Tx) destroyAgain(d DueDossier) error {
	if d.Purpose == personal.Cart {
		return t.EndCart(cart.ID(d.Case), "erased")
	}
	// What was erased was not held then; a hold that came back with it ended before.
	if _, err := t.exec(`UPDATE dossiers SET held_until = 0`+ofCase, d.Subject, d.Case, string(d.Purpose)); err != nil {
		return err
	}
	if err := t.Destroy(d); err != nil {
		return err
	}
	if d.Purpose != personal.Fulfilment && d.Purpose != personal.Account {
		return nil
	}
	if err := t.restrictCase(d.Subject, d.Case); err != nil {
		return err
	}
	return t.EmptySubject(d.Subject)
}

// EmptySubject takes the values and salts out of the numbered events about a
// person who was erased, but for who looked at what is kept. Their leaves stay, and
// verification counts them.
func (t *Tx) EmptySubject(subject string) error {
	return t.later("empty the events of a person", nil, `UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE owner = $1 AND idx IS NOT NULL AND salts IS NOT NULL AND action <> '`+revealed+`'`, subject)
}

// ErasedSubject reports whether a dossier of a subject was erased by wish.
func (v *View) ErasedSubject(subject string) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM (SELECT 1 AS one FROM dossiers d WHERE d.subject = $1 AND d.state = 'destroyed'
		AND (EXISTS (SELECT 1 FROM erasures e WHERE e.dossier = d.id) OR EXISTS (SELECT 1 FROM erasures_due u WHERE u.owner = d.subject AND u.dossier = d.id)) LIMIT 1) AS any_erased`, subject).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("look for an erasure: %w", err)
	}
	return n > 0, nil
}

// restrictCase restricts whatever is still open of a case.
func (t *Tx) restrictCase(subject, caseID string) error {
	_, err := t.exec(`UPDATE dossiers SET state = 'restricted' WHERE subject = $1 AND case_id = $2 AND state = 'open'`, subject, caseID)
	if err != nil {
		return fmt.Errorf("restrict a case: %w", err)
	}
	return nil
}

// Erase destroys a dossier because a person wishes it, and notes that for the
// journal. A cart goes with all that hangs on it.
func (t *Tx) Erase(d DueDossier) error {
	if d.Purpose == personal.Cart {
		return t.EndCart(cart.ID(d.Case), "erased")
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

// erasePage is how many dossiers one statement of EraseAll takes.
const erasePage = 16

// chosen is a page of dossiers by their cases, from $2 on.
var chosen = func() string {
	var values []string
	for i := range erasePage {
		values = append(values, marks(1+3*i, 3))
	}
	return `(VALUES ` + strings.Join(values, ", ") + `)`
}()

// EraseAll does what Erase does to many dossiers, with few statements for each
// page of them.
func (t *Tx) EraseAll(list []DueDossier) error {
	var many []DueDossier
	ended := map[personal.Purpose]bool{}
	for _, d := range list {
		if d.Purpose == personal.Cart || EndsAlone(d.Purpose) {
			if err := t.Erase(d); err != nil {
				return err
			}
			continue
		}
		many = append(many, d)
		ended[d.Purpose] = true
	}
	for page := range slices.Chunk(many, erasePage) {
		args := []any{ms(t.now)}
		for i := range erasePage {
			d := page[min(i, len(page)-1)] // the last stands for those that are not there
			args = append(args, d.Subject, d.Case, string(d.Purpose))
		}
		const which = ` WHERE (subject, case_id, purpose) IN `
		err := t.later("note erasures", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT subject, id, CAST($1 AS BIGINT) FROM dossiers`+which+chosen+`
			AND state <> 'destroyed' AND held_until <= $1`+t.forUpdate()+` ON CONFLICT (owner, dossier) DO NOTHING`, args...)
		if err != nil {
			return err
		}
		err = t.later("note erasures of what was retired", nil, `INSERT INTO erasures_due (owner, dossier, at) SELECT r.subject, r.id, CAST($1 AS BIGINT) FROM retired r
			WHERE (r.subject, r.case_id, r.purpose) IN `+chosen+` AND EXISTS (`+tookItsPlace+` AND d.state <> 'destroyed' AND d.held_until <= $1) ON CONFLICT (owner, dossier) DO NOTHING`, args...)
		if err != nil {
			return err
		}
		err = t.later("erase dossiers", nil, `UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $1`+which+chosen+` AND state <> 'destroyed' AND held_until <= $1`, args...)
		if err != nil {
			return err
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

// ErasedOf counts, by purpose, the dossiers of a subject that were destroyed
// since a time.
func (v *View) ErasedOf(subject string, since time.Time) (map[personal.Purpose]int, error) {
	rows, err := v.rows(`SELECT purpose, count(*) FROM dossiers WHERE subject = $1 AND state = 'destroyed' AND destroyed_at >= $2 GROUP BY purpose`, subject, ms(since))
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

// Restrict lets a dossier serve nothing but what cannot be given up: an order
// that is under way, money that is owed, the books (GDPR Art. 18). Nothing is
// sealed under it any more, and no e-mail leads to it.
func (t *Tx) Restrict(d DueDossier) error {
	err := t.later("restrict a dossier", nil, `UPDATE dossiers SET state = 'restricted'`+ofCase+` AND state = 'open'`, d.Subject, d.Case, string(d.Purpose))
	if err != nil || !indexed(d.Purpose) {
		return err
	}
	return t.later("end the indexes of a dossier", nil, endIndexes, d.Subject, d.Case, string(d.Purpose))
}

// Unrestrict opens a restricted dossier again, with the indexes that led to it or
// would by now: index keys may have changed meanwhile.
func (t *Tx) Unrestrict(d DueDossier) error {
	n, err := t.exec(`UPDATE dossiers SET state = 'open'`+ofCase+` AND state = 'restricted'`, d.Subject, d.Case, string(d.Purpose))
	if err != nil || n == 0 {
		return err
	}
	delete(t.folders, d.Subject+"/"+d.Case)
	email, index := `SELECT email FROM order_details WHERE owner = $1 AND order_id = $2`, (*Tx).indexOrder
	switch d.Purpose {
	case personal.Fulfilment:
	case personal.Marketing:
		email, index = `SELECT email FROM wishes WHERE owner = $1 AND owner = $2`, (*Tx).indexWish
	default:
		return nil
	}
	var sealed []byte
	err = t.row(email, d.Subject, d.Case).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sealed == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read an e-mail: %w", err)
	}
	keys, err := t.living()
	if err != nil {
		return err
	}
	return index(t, &Cleared{}, keys, indexed4{d.Subject, d.Case, d.ID, sealed})
}

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

// DossiersOf lists the dossiers of a subject that still have their keys.
func (v *View) DossiersOf(subject string) ([]DossierOf, error) {
	rows, err := v.rows(`SELECT d.subject, d.id, d.case_id, d.purpose, d.state, d.destroy_after, d.held_until, o.status, o.updated_at, o.paid_at, `+inDispute+`
		FROM dossiers d LEFT JOIN orders o ON o.owner = d.subject AND o.id = d.case_id WHERE d.subject = $1 AND d.state <> 'destroyed' ORDER BY d.case_id, d.purpose, d.id`, subject)
	if err != nil {
		return nil, fmt.Errorf("list a person's dossiers: %w", err)
	}
	defer rows.Close()
	var out []DossierOf
	for rows.Next() {
		var d DossierOf
		var state string
		var ends, held int64
		var status sql.NullString
		var updated, paid sql.NullInt64
		var disputed bool
		if err := rows.Scan(&d.Subject, &d.ID, &d.Case, &d.Purpose, &state, &ends, &held, &status, &updated, &paid, &disputed); err != nil {
			return nil, fmt.Errorf("list a person's dossiers: %w", err)
		}
		d.Restricted, d.Ends, d.Order, d.Paid = state == "restricted", when(ends), status.Valid, paid.Int64 > 0
		d.Held = when(held).After(v.now)
		d.UnderWay = disputed || d.Order && !order.Status(status.String).Final() && when(updated.Int64).After(v.now.Add(-openOrder))
		out = append(out, d)
	}
	return out, rows.Err()
}

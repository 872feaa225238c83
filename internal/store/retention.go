package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// DueDossier is a dossier whose end date has passed.
type DueDossier struct {
	Subject, ID, Case string
	Purpose           personal.Purpose
}

// due is when retention may destroy a dossier: its end date has passed, and
// nobody holds it.
const due = `state <> 'destroyed' AND destroy_after <= $1 AND held_until <= $1`

// DueDossiers returns up to limit due dossiers of a purpose.
func (v *View) DueDossiers(p personal.Purpose, limit int) ([]DueDossier, error) {
	rows, err := v.rows(`SELECT subject, id, case_id, purpose FROM dossiers WHERE `+due+` AND purpose = $2 ORDER BY destroy_after LIMIT $3`, ms(v.now), string(p), limit)
	if err != nil {
		return nil, fmt.Errorf("list due dossiers: %w", err)
	}
	return scanDue(rows)
}

// PurposeCount is how many dossiers of a purpose there are.
type PurposeCount struct {
	Purpose personal.Purpose
	N       int64
}

// ComingDue counts what is not due yet and will be by a time, by purpose.
func (v *View) ComingDue(by time.Time) (out []PurposeCount, err error) {
	rows, err := v.rows(`SELECT purpose, count(*) FROM dossiers WHERE state <> 'destroyed' AND destroy_after <= $2 AND held_until <= $2
		AND (destroy_after > $1 OR held_until > $1) GROUP BY purpose ORDER BY purpose`, ms(v.now), ms(by))
	if err != nil {
		return nil, fmt.Errorf("count what is due soon: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c PurposeCount
		if err := rows.Scan(&c.Purpose, &c.N); err != nil {
			return nil, fmt.Errorf("count what is due soon: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func scanDue(rows rows) (out []DueDossier, err error) {
	defer rows.Close()
	for rows.Next() {
		var d DueDossier
		if err := rows.Scan(&d.Subject, &d.ID, &d.Case, &d.Purpose); err != nil {
			return nil, fmt.Errorf("list due dossiers: %w", err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Destroy ends a dossier for good: its key, the blind indexes that lead to it,
// and then the sealed values that nobody can open any more. One under a legal
// hold stays: ErrHeld.
func (t *Tx) Destroy(d DueDossier) error {
	if d.Purpose == personal.Account || d.Purpose == personal.Staff {
		// Wrong tries count for the mailbox, whose name only the living key tells.
		// What does not open must not keep the rest alive.
		if a, err := t.Account(d.Subject); err == nil {
			if err := t.forgetTries(a.Email.Key()); err != nil {
				return err
			}
		}
	}
	if d.Purpose == personal.Account { // its key opens whom services know, for the last time
		if err := t.forgetAllCards(d); err != nil {
			return err
		}
	}
	if err := t.destroy(d); err != nil {
		return err
	}
	for _, query := range endings(d.Purpose, one) {
		if err := t.later("end what a dossier sealed", nil, query, d.Subject, d.Case, string(d.Purpose)); err != nil {
			return err
		}
	}
	if d.Purpose == personal.Account || d.Purpose == personal.Staff {
		return t.dropAccount(d.Subject)
	}
	return nil
}

// one is a single dossier, given by its subject, case and purpose.
func one(columns string) string { return `(SELECT ` + columns + ` FROM dossiers` + ofCase + `)` }

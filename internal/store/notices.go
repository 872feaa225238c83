package store

import "fmt"

// What a notice meant when it came.
const (
	NoticeTaken    = "taken"    // it changed where its attempt stands
	NoticeKnown    = "known"    // it changed nothing: it came again, or too late to matter
	NoticeLate     = "late"     // approved after the hold, and settled apart
	NoticeReturned = "returned" // approved, of no use, and paid back
	NoticeMismatch = "mismatch" // it did not fit its order
)

// KeepNotice writes a line of the journal of notices: what a provider said of an
// attempt, and what it meant. The same again raises a count, so that no number of
// repetitions makes the journal grow.
func (t *Tx) KeepNotice(p Payment, outcome, result string) error {
	err := t.later("keep notice", nil, `INSERT INTO notices (owner, payment, outcome, result, times, first_at, last_at) VALUES ($1, $2, $3, $4, 1, $5, $5)
		ON CONFLICT (owner, payment, outcome, result) DO UPDATE SET times = notices.times + 1, last_at = excluded.last_at`, p.Owner, p.ID, outcome, result, ms(t.now))
	if err != nil {
		return fmt.Errorf("keep notice: %w", err)
	}
	return nil
}

// NoticeKnown reports whether the journal has a notice of that meaning already.
func (v *View) NoticeKnown(p Payment, outcome, result string) (known bool, err error) {
	err = v.row(`SELECT EXISTS (SELECT 1 FROM notices WHERE owner = $1 AND payment = $2 AND outcome = $3 AND result = $4)`, p.Owner, p.ID, outcome, result).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look for a notice: %w", err)
	}
	return known, nil
}

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// Restrict lets dossiers serve nothing but what cannot be given up: an order
// that is under way, money that is owed, the books (GDPR Art. 18). Nothing is
// sealed under them any more, and no e-mail leads to them.
func (t *Tx) Restrict(list []DueDossier) error {
	for page := range slices.Chunk(list, many) {
		which := ` WHERE ` + ofCases(0)
		if err := t.later("restrict dossiers", nil, `UPDATE dossiers SET state = 'restricted'`+which+` AND state = 'open'`, cases(page)...); err != nil {
			return err
		}
		if !slices.ContainsFunc(page, func(d DueDossier) bool { return indexed(d.Purpose) }) {
			continue
		}
		if err := t.later("end the indexes of dossiers", nil, `DELETE FROM identities WHERE (subject, dossier) IN (SELECT subject, id FROM dossiers`+which+`)`, cases(page)...); err != nil {
			return err
		}
	}
	return nil
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

// restrictCase restricts whatever is still open of a case.
func (t *Tx) restrictCase(subject, caseID string) error {
	_, err := t.exec(`UPDATE dossiers SET state = 'restricted' WHERE subject = $1 AND case_id = $2 AND state = 'open'`, subject, caseID)
	if err != nil {
		return fmt.Errorf("restrict a case: %w", err)
	}
	return nil
}

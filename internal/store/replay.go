package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
)

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
		return t.EndCarts(CartErased, cart.ID(d.Case))
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
	return t.EmptySubjects(d.Subject)
}

// EmptySubjects takes the values and salts out of the numbered events about a
// person who was erased, but for who looked at what is kept. Their leaves stay, and
// verification counts them.
func (t *Tx) EmptySubjects(subjects ...string) error {
	for page := range slices.Chunk(subjects, many) {
		err := t.later("empty the events of a person", nil, `UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL
			WHERE owner IN `+marks(0, many)+` AND idx IS NOT NULL AND salts IS NOT NULL AND action <> '`+revealed+`'`, texts(page)...)
		if err != nil {
			return err
		}
	}
	return nil
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

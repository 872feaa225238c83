package store

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// DueDossier is a dossier whose end date has passed.
type DueDossier struct {
	Subject, ID, Case string
	Purpose           personal.Purpose
}

// DueDossiers returns up to limit open dossiers whose end date has passed and
// that nobody holds.
func (v *View) DueDossiers(limit int) ([]DueDossier, error) {
	rows, err := v.rows(`SELECT subject, id, case_id, purpose FROM dossiers WHERE state = 'open' AND destroy_after <= $1 AND held_until <= $1 ORDER BY destroy_after LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list due dossiers: %w", err)
	}
	return scanDue(rows)
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

// OpenOrder reports whether the case is an order that is still under way: its
// dossiers are not destroyed yet. An order that nobody has touched for longer
// than one takes is not, whatever its state says: what is due must not be put
// off for ever.
func (v *View) OpenOrder(subject, caseID string) (bool, error) {
	rows, err := v.rows(`SELECT status FROM orders WHERE owner = $1 AND id = $2 AND updated_at > $3`, subject, caseID, ms(v.now.Add(-openOrder)))
	if err != nil {
		return false, fmt.Errorf("read order of a dossier: %w", err)
	}
	status, err := column[order.Status](rows)
	if err != nil || len(status) == 0 {
		return false, err
	}
	return !status[0].Final(), nil
}

// Postpone moves a due dossier's end date.
func (t *Tx) Postpone(d DueDossier, days int) error {
	return t.keepUntil(d.Subject, d.Case, d.Purpose, t.now.AddDate(0, 0, days))
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
	if err := t.destroy(d.Subject, d.ID); err != nil {
		return err
	}
	for table, columns := range sealedColumns(d.Purpose) {
		where, value := caseColumns()[table], d.Case
		if where == "dossier" {
			value = d.ID
		}
		query := `UPDATE ` + table + ` SET ` + strings.Join(columns, " = NULL, ") + ` = NULL WHERE owner = $1 AND ` + where + ` = $2`
		if _, err := t.exec(query, d.Subject, value); err != nil {
			return fmt.Errorf("clear %s: %w", table, err)
		}
	}
	switch d.Purpose {
	case personal.Rights:
		return t.dropHold(d.Subject, d.Case)
	case personal.Marketing:
		return t.dropWish(d.Subject)
	case personal.Account, personal.Staff:
		return t.dropAccount(d.Subject)
	case personal.Fulfilment: // a code's use goes on counting in all, and not for anybody
		if _, err := t.exec(`UPDATE code_uses SET customer = NULL WHERE order_id = $1 AND owner = $2`, d.Case, d.Subject); err != nil {
			return fmt.Errorf("end the indexes of an order's codes: %w", err)
		}
		if _, err := t.exec(`DELETE FROM letters WHERE owner = $1 AND object = $2`, d.Subject, d.Case); err != nil {
			return fmt.Errorf("end the lines of an order's letters: %w", err)
		}
	}
	if d.Purpose != personal.Payment {
		return nil
	}
	_, err := t.exec(`DELETE FROM directory WHERE kind = $1 AND owner = $2 AND id IN (SELECT id FROM payments WHERE owner = $2 AND order_id = $3)`, dirProvider, d.Subject, d.Case)
	if err != nil {
		return fmt.Errorf("clear directory: %w", err)
	}
	return nil
}

// sealedColumns lists, by table, the columns that the register seals for a
// purpose. The names are constants of the program.
func sealedColumns(p personal.Purpose) map[string][]string {
	out := map[string][]string{}
	for _, f := range personal.All() {
		if f.Kind == personal.Sealed && f.Purpose == p && f.Purpose != personal.ShopSecrets {
			out[f.Table] = append(out[f.Table], f.Column)
		}
	}
	for _, columns := range out {
		sort.Strings(columns)
	}
	return out
}

// caseColumns says which column of a table with sealed values names the case,
// or the dossier itself.
func caseColumns() map[string]string {
	return map[string]string{
		"cart_details":  "owner",
		"order_details": "order_id",
		"wishes":        "owner",
		"payments":      "order_id",
		"outbox":        "dossier",

		"account_details": "owner", "staff_details": "owner", "addresses": "owner", "factors": "owner", "sessions": "owner",
		"devices": "owner", "letters": "owner", "changes": "owner", "signups": "owner", "invites": "owner",
		"legal_holds": "id",
	}
}

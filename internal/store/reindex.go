package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Blind indexes are in no backup: a restored shop computes them from what still
// opens.

// reindexPage is how many rows one transaction of a reindex takes.
const reindexPage = 200

// Cleared says what was done after a restore.
type Cleared struct {
	Opened int64 // values that were opened to be indexed
	Shut   int64 // values that have a key and did not open
}

// Reindex writes the blind indexes of a database that has none. It opens every
// value that has one.
func (db *DB) Reindex(ctx context.Context) (c Cleared, err error) {
	for _, p := range []struct {
		query string
		index func(*Tx, *Cleared, indexed4) error
	}{
		{`SELECT d.subject, d.case_id, d.id, o.email FROM dossiers d JOIN order_details o ON o.owner = d.subject AND o.order_id = d.case_id
			WHERE d.purpose = 'fulfilment' AND d.state <> 'destroyed' AND o.email IS NOT NULL AND (d.subject, d.case_id) > ($1, $2) ORDER BY d.subject, d.case_id LIMIT $3`, (*Tx).indexOrder},
		{`SELECT p.owner, p.id, p.provider, p.provider_ref FROM payments p WHERE p.provider_ref IS NOT NULL AND (p.owner, p.id) > ($1, $2) ORDER BY p.owner, p.id LIMIT $3`, (*Tx).indexPayment},
		{`SELECT w.owner, w.owner, w.variant, w.email FROM wishes w WHERE w.email IS NOT NULL AND (w.owner, w.owner) > ($1, $2) ORDER BY w.owner LIMIT $3`, (*Tx).indexWish},
		{`SELECT a.owner, a.owner, a.role, NULL FROM accounts a WHERE (a.owner, a.owner) > ($1, $2) ORDER BY a.owner LIMIT $3`, (*Tx).indexAccount},
	} {
		owner, id := "", ""
		for n := reindexPage; n == reindexPage; {
			var page Cleared
			var last indexed4
			err := db.InTx(ctx, ledger.System("restore"), func(t *Tx) error {
				page, last = Cleared{}, indexed4{}
				list, err := t.indexed4(p.query, owner, id)
				if err != nil {
					return err
				}
				n = len(list)
				for _, row := range list {
					if err := p.index(t, &page, row); err != nil {
						return err
					}
					last = row
				}
				return nil
			})
			if err != nil {
				return c, err
			}
			owner, id = last.owner, last.id
			c.Opened += page.Opened
			c.Shut += page.Shut
		}
	}
	return c, nil
}

// indexed4 is a row with a value that is indexed.
type indexed4 struct {
	owner, id, what string
	sealed          []byte
}

func (v *View) indexed4(query, owner, id string) ([]indexed4, error) {
	rows, err := v.rows(query, owner, id, reindexPage)
	if err != nil {
		return nil, fmt.Errorf("read what is indexed: %w", err)
	}
	defer rows.Close()
	var out []indexed4
	for rows.Next() {
		var r indexed4
		if err := rows.Scan(&r.owner, &r.id, &r.what, &r.sealed); err != nil {
			return nil, fmt.Errorf("read what is indexed: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// reopen opens a value to be indexed. ok is false where its dossier is due or
// gone, so that there is nothing to index.
func reopen[T any](t *Tx, c *Cleared, f personal.Value[T], subject, caseID, row string, sealed []byte) (value T, ok bool, err error) {
	folder, err := t.folder(subject, caseID)
	if err != nil {
		return value, false, err
	}
	box := folder.open(f.Purpose)
	if box.Key == nil {
		return value, false, nil
	}
	if value, err = f.Open(box, row, sealed); err != nil {
		c.Shut++
		return value, false, nil
	}
	c.Opened++
	return value, true, nil
}

func (t *Tx) indexOrder(c *Cleared, r indexed4) error {
	email, ok, err := reopen(t, c, personal.OrderEmail, r.owner, r.id, r.id, r.sealed)
	if err != nil || !ok {
		return err
	}
	if err := t.identify(personal.EmailIndex, email.Key(), r.owner, r.what); err != nil {
		return err
	}
	rows, err := t.rows(`SELECT code FROM code_uses WHERE order_id = $1 AND owner = $2`, r.id, r.owner)
	if err != nil {
		return fmt.Errorf("list uses: %w", err)
	}
	codes, err := column[string](rows)
	if err != nil {
		return fmt.Errorf("list uses: %w", err)
	}
	for _, code := range codes {
		if err := t.later("index a use", nil, `UPDATE code_uses SET customer = $3 WHERE code = $1 AND order_id = $2`, code, r.id, t.db.codeCustomer(code, email)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) indexPayment(c *Cleared, r indexed4) error {
	var order string
	if err := t.row(`SELECT order_id FROM payments WHERE owner = $1 AND id = $2`, r.owner, r.id).Scan(&order); err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	ref, ok, err := reopen(t, c, personal.PaymentRef, r.owner, order, r.id, r.sealed)
	if err != nil || !ok {
		return err
	}
	return t.list(dirProvider, t.db.providerKey(r.what, ref), r.owner, r.id)
}

func (t *Tx) indexWish(c *Cleared, r indexed4) error {
	email, ok, err := reopen(t, c, personal.WishEmail, r.owner, r.owner, r.owner, r.sealed)
	if err != nil || !ok {
		return err
	}
	return t.later("index a wish", nil, `UPDATE wishes SET email_mac = $2 WHERE owner = $1`, r.owner, t.db.keys.Index.Hash(personal.WishIndex.Name(), email.Key()))
}

func (t *Tx) indexAccount(c *Cleared, r indexed4) error {
	a, err := t.Account(r.owner)
	if errors.Is(err, ErrNoAccount) {
		return nil
	}
	if err != nil || a.Email.IsZero() {
		c.Shut++
		return nil
	}
	c.Opened++
	return t.list(a.directory(), t.db.accountKey(a.Email), a.ID, "")
}

// ClearDestroyed takes out the values of every dossier that has no key: those
// that were erased, or fell due, after the data part was made.
func (db *DB) ClearDestroyed(ctx context.Context) (total int64, err error) {
	after := ""
	for n := reindexPage; n == reindexPage; {
		last := ""
		err := db.InTx(ctx, ledger.System("restore"), func(t *Tx) error {
			rows, err := t.rows(`SELECT subject, id, case_id, purpose FROM dossiers WHERE state = 'destroyed' AND id > $1 ORDER BY id LIMIT $2`, after, reindexPage)
			if err != nil {
				return fmt.Errorf("list destroyed dossiers: %w", err)
			}
			list, err := scanDue(rows)
			if err != nil {
				return err
			}
			n, last = len(list), ""
			for _, d := range list {
				if err := t.Destroy(d); err != nil {
					return err
				}
				if d.Subject == t.db.shop { // a file that was sold, and removed since
					if _, err := t.exec(`DELETE FROM files WHERE id = $1`, d.Case); err != nil {
						return fmt.Errorf("remove file: %w", err)
					}
					if err := t.endFile(d.Case); err != nil {
						return err
					}
				}
				last = d.ID
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		after, total = last, total+int64(n)
	}
	return total, nil
}

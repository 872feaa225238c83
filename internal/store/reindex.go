package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Blind indexes are in no backup: a restored shop computes them from what still
// opens. So does a shop that replaces its index key.

// reindexPage is how many rows one transaction of a reindex takes.
const reindexPage = 200

// Cleared says what was done after a restore.
type Cleared struct {
	Opened int64 // values that were opened to be indexed
	Shut   int64 // values that have a key and did not open
}

// source is a table with values that are indexed: those after ($1, $2), in order.
type source struct {
	columns, from, order string
	index                func(*Tx, *Cleared, indexKeys, indexed4) error
}

func (s source) page() string {
	return `SELECT ` + s.order + `, ` + s.columns + ` FROM ` + s.from + ` AND (` + s.order + `) > ($1, $2) ORDER BY ` + s.order + ` LIMIT $3`
}

// sources are all of them.
var sources = []source{
	{`d.id, o.email`, `dossiers d JOIN order_details o ON o.owner = d.subject AND o.order_id = d.case_id
		WHERE d.purpose = 'fulfilment' AND d.state <> 'destroyed' AND o.email IS NOT NULL`, `d.subject, d.case_id`, (*Tx).indexOrder},
	{`p.provider, p.provider_ref`, `payments p WHERE p.provider_ref IS NOT NULL`, `p.owner, p.id`, (*Tx).indexPayment},
	{`w.variant, w.email`, `wishes w WHERE w.email IS NOT NULL`, `w.owner, w.owner`, (*Tx).indexWish},
	{`a.role, NULL`, `accounts a WHERE TRUE`, `a.owner, a.owner`, (*Tx).indexAccount},
}

// CountIndexed counts the values that FillIndex looks at. It looks at all of them.
func (v *View) CountIndexed() (total int64, err error) {
	for _, s := range sources {
		var n int64
		if err := v.row(`SELECT count(*) FROM ` + s.from).Scan(&n); err != nil {
			return 0, fmt.Errorf("count what is indexed: %w", err)
		}
		total += n
	}
	return total, nil
}

// Reindex writes the blind indexes of a database that has none. It opens every
// value that has one.
func (db *DB) Reindex(ctx context.Context) (c Cleared, err error) {
	var list []IndexKey
	err = db.View(ctx, func(v *View) error {
		list, err = v.IndexKeys()
		return err
	})
	if err != nil {
		return c, err
	}
	for over := false; !over; {
		var page Filled
		err := db.InTx(ctx, ledger.System("restore"), func(t *Tx) (err error) {
			page, err = t.FillIndex(list[len(list)-1].Version, reindexPage)
			return err
		})
		if err != nil {
			return c, err
		}
		c.Opened += page.Opened
		c.Shut += page.Shut
		over = page.Over
	}
	return c, nil
}

// Filled is how far an index key is filled.
type Filled struct {
	Cleared       // in this page
	Done    int64 // values looked at in all
	Over    bool  // nothing is left
}

// FillIndex gives the next page of what was there before an index key its hashes
// under it. Whoever calls it goes on where the last has come to.
func (t *Tx) FillIndex(version int64, size int) (out Filled, err error) {
	var stage, end int64
	var owner, id string
	err = t.row(`SELECT stage, after_subject, after_id, done, filled_at FROM index_keys WHERE version = $1`+t.forUpdate(), version).Scan(&stage, &owner, &id, &out.Done, &end)
	if err != nil {
		return out, fmt.Errorf("read how far index key %d is filled: %w", version, err)
	}
	if out.Over = end > 0; out.Over {
		return out, nil
	}
	key, err := t.indexKey(version)
	if err != nil {
		return out, err
	}
	s := sources[stage]
	list, err := t.indexed4(s.page(), owner, id, size)
	if err != nil {
		return out, err
	}
	for _, row := range list {
		if err := s.index(t, &out.Cleared, indexKeys{{version, key}}, row); err != nil {
			return out, err
		}
		owner, id = row.owner, row.id
	}
	if len(list) < size {
		stage, owner, id = stage+1, "", ""
	}
	if out.Over = int(stage) == len(sources); out.Over {
		end = ms(t.now)
	}
	out.Done += int64(len(list))
	_, err = t.exec(`UPDATE index_keys SET stage = $2, after_subject = $3, after_id = $4, filled_at = $5, done = $6 WHERE version = $1`, version, stage, owner, id, end, out.Done)
	if err != nil {
		return out, fmt.Errorf("note how far index key %d is filled: %w", version, err)
	}
	return out, nil
}

// indexed4 is a row with a value that is indexed.
type indexed4 struct {
	owner, id, what string
	sealed          []byte
}

func (v *View) indexed4(query, owner, id string, size int) ([]indexed4, error) {
	rows, err := v.rows(query, owner, id, size)
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

func (t *Tx) indexOrder(c *Cleared, keys indexKeys, r indexed4) error {
	email, ok, err := reopen(t, c, personal.OrderEmail, r.owner, r.id, r.id, r.sealed)
	if err != nil || !ok {
		return err
	}
	f, err := t.folder(r.owner, r.id)
	if err != nil {
		return err
	}
	if !f.ended[personal.Fulfilment] { // no e-mail leads to what is restricted
		if err := t.identify(keys, personal.EmailIndex, email.Key(), r.owner, f.ids[personal.Fulfilment]); err != nil {
			return err
		}
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
		if err := t.countCustomer(keys, code, r.id, email); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) indexPayment(c *Cleared, keys indexKeys, r indexed4) error {
	var order string
	if err := t.row(`SELECT order_id FROM payments WHERE owner = $1 AND id = $2`, r.owner, r.id).Scan(&order); err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	ref, ok, err := reopen(t, c, personal.PaymentRef, r.owner, order, r.id, r.sealed)
	if err != nil || !ok {
		return err
	}
	return t.lead(keys, dirProvider, providerField(r.what), ref, r.owner, r.id, true)
}

func (t *Tx) indexWish(c *Cleared, keys indexKeys, r indexed4) error {
	email, ok, err := reopen(t, c, personal.WishEmail, r.owner, r.owner, r.owner, r.sealed)
	if err != nil || !ok {
		return err
	}
	odd, even := keys.twin(personal.WishIndex.Name(), email.Key())
	return t.later("index a wish", nil, `UPDATE wishes SET email_mac = COALESCE($2, email_mac), email_mac_even = COALESCE($3, email_mac_even) WHERE owner = $1`, r.owner, odd, even)
}

func (t *Tx) indexAccount(c *Cleared, keys indexKeys, r indexed4) error {
	a, err := t.Account(r.owner)
	if errors.Is(err, ErrNoAccount) {
		return nil
	}
	if err != nil || a.Email.IsZero() {
		c.Shut++
		return nil
	}
	c.Opened++
	return t.lead(keys, a.directory(), accountField, a.Email.Key(), a.ID, "", true)
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

package store

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// A dossier's key never changes, so its values are sealed anew by giving the
// dossier another id and key and moving them over. The row stays: its state, its
// end date and its holds are the person's and not the key's. The wrap it had is
// retired: data parts of backups from before need it for as long as they are kept.
//
//	dossiers  id O, wrap O        →  id N, wrap N
//	retired   –                   →  id O, wrap O
//	values    0x01 ‖ O ‖ …        →  0x01 ‖ N ‖ …
//
// All of a person's dossier moves in one transaction. A file that is sold has too
// many chunks for that, so the shop's own values move by pages; until the last
// has, the retired wrap opens the others.
//
// Whoever seals holds the dossier's row, and so does this. Whoever reads a value
// and its dossier apart may meet one of them before and the other after, and then
// finds the right key by [View.other].

// movePage is how many rows of the shop's own one transaction moves.
const movePage = 16

// resealSetting remembers that every dossier older than a time gets another key.
const resealSetting = "reseal.before"

// ResealMark is which dossiers are to be sealed anew.
type ResealMark struct {
	Before time.Time // those that got their key before; zero for none
	Format byte      // those that are in an older format
}

// due is the SQL condition on a dossier for a mark, of which $1 is the time and $2
// the format.
const stale = `state <> 'destroyed' AND (created_at < $1 OR substr(wrap, 1, 1) < $2)`

func (m ResealMark) args() []any {
	before := int64(0)
	if !m.Before.IsZero() {
		before = ms(m.Before)
	}
	return []any{before, []byte{m.Format}}
}

// ResealMark tells which dossiers are to be sealed anew.
func (v *View) ResealMark() (ResealMark, error) {
	m := ResealMark{Format: v.db.ring.Newest()}
	var at string
	err := v.row(`SELECT value FROM settings WHERE name = $1`, resealSetting).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read what is to be sealed anew: %w", err)
	}
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return m, fmt.Errorf("setting %s is no time", resealSetting)
	}
	m.Before = when(n)
	return m, nil
}

// ResealAll gives every dossier that there is now another key, by and by.
func (t *Tx) ResealAll() error {
	_, err := t.exec(`INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, resealSetting, strconv.FormatInt(ms(t.now), 10))
	if err != nil {
		return fmt.Errorf("note what is to be sealed anew: %w", err)
	}
	return t.Event("keys.reseal_all", "", "", "")
}

// Resealed notes that nothing is left to be sealed anew, of n dossiers.
func (t *Tx) Resealed(m ResealMark, n int64) error {
	if !m.Before.IsZero() {
		if _, err := t.exec(`DELETE FROM settings WHERE name = $1 AND value = $2`, resealSetting, strconv.FormatInt(ms(m.Before), 10)); err != nil {
			return fmt.Errorf("note that everything was sealed anew: %w", err)
		}
	}
	return t.Event("keys.resealed", "", "", fmt.Sprintf(`{"dossiers":%d,"format":%d}`, n, m.Format))
}

// CountStale counts the dossiers that are to be sealed anew. It looks at every one.
func (v *View) CountStale(m ResealMark) (n int64, err error) {
	if err = v.row(`SELECT count(*) FROM dossiers WHERE `+stale, m.args()...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count what is to be sealed anew: %w", err)
	}
	return n, nil
}

// Stale lists up to limit dossiers that are to be sealed anew, in the order of
// the table, after the given one; nil begins.
func (v *View) Stale(m ResealMark, after *seal.Owner, limit int) ([]seal.Owner, error) {
	if after == nil {
		after = &seal.Owner{}
	}
	rows, err := v.rows(`SELECT subject, case_id, purpose, id FROM dossiers WHERE `+stale+` AND (subject, case_id, purpose, id) > ($3, $4, $5, $6)
		ORDER BY subject, case_id, purpose, id LIMIT $7`, append(m.args(), after.Subject, after.Case, after.Purpose, after.Dossier, limit)...)
	return scanOwners(rows, err)
}

// Leaving lists the retired dossiers that still have values, with those that took
// their place as they are named there.
func (v *View) Leaving() ([]seal.Owner, error) {
	rows, err := v.rows(`SELECT subject, case_id, purpose, id FROM retired WHERE left_at = 0 AND wrap IS NOT NULL ORDER BY subject, case_id, purpose, id`)
	return scanOwners(rows, err)
}

func scanOwners(rows rows, err error) (out []seal.Owner, _ error) {
	if err != nil {
		return nil, fmt.Errorf("list what is to be sealed anew: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o seal.Owner
		if err := rows.Scan(&o.Subject, &o.Case, &o.Purpose, &o.Dossier); err != nil {
			return nil, fmt.Errorf("list what is to be sealed anew: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// Reseal seals the values of a dossier anew, under another id and key and in the
// newest format. false tells that some of the shop's own are left, for MoveOn. One
// that was destroyed or sealed anew since it was listed is left as it is.
//
// It is for InLaggingTx: what is lost of it is found and done again, and whoever
// seals under a new key waits for the disk, and so for that too.
//
// It opens what is restricted, held or due as well: nobody gets to see it, and
// what a hold keeps has to open when the hold ends.
func (t *Tx) Reseal(o seal.Owner, m ResealMark) (whole bool, err error) {
	if err := t.yield(); err != nil {
		return false, err
	}
	if personal.Purpose(o.Purpose) == personal.Security {
		// The guard of an account is a hash over what it signs in with. One that does
		// not hold now is not made good.
		err := t.guarding(o.Subject, func() error { whole, err = t.reseal(o, m); return err })
		if !errors.Is(err, ErrNoAccount) {
			return whole, err
		}
	}
	return t.reseal(o, m)
}

func (t *Tx) reseal(o seal.Owner, m ResealMark) (bool, error) {
	var wrap []byte
	var born int64
	err := t.row(`SELECT wrap, created_at FROM dossiers`+ofCase+` AND id = $4 AND state <> 'destroyed'`+t.forUpdate(), o.Subject, o.Case, o.Purpose, o.Dossier).Scan(&wrap, &born)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read a dossier: %w", err)
	}
	from, err := t.db.ring.Unwrap(o, wrap)
	if err != nil {
		return false, fmt.Errorf("open dossier %s: %w", o.Dossier, err)
	}
	defer from.Destroy()
	to, err := t.retire(o, wrap, m)
	if err != nil {
		return false, err
	}
	defer to.Destroy()
	if err := t.follow(o, to.ID()); err != nil {
		return false, err
	}
	return t.move(o, from, to)
}

// yield lets the shop go first: on PostgreSQL this transaction gives up before the
// database would take it and a shopper's for a deadlock.
func (t *Tx) yield() error {
	if t.db.engine != onPostgres {
		return nil
	}
	return t.later("sealing anew waits briefly", nil, `SET LOCAL lock_timeout = '200ms'`)
}

// retire gives a dossier another id and key, and keeps its wrap.
func (t *Tx) retire(o seal.Owner, wrap []byte, m ResealMark) (*seal.Dossier, error) {
	t.reopen(o.Subject, o.Case)
	is := o
	is.Dossier = NewID()
	to, fresh, err := t.db.ring.NewDossier(is)
	if err != nil {
		return nil, fmt.Errorf("make dossier for %s: %w", o.Purpose, err)
	}
	epoch, err := seal.WrapEpoch(fresh)
	if err != nil {
		return nil, err
	}
	was, err := seal.WrapEpoch(wrap)
	if err != nil {
		return nil, err
	}
	born := max(ms(t.now), m.args()[0].(int64)) // a clock that went back makes it no older than the mark
	if err := t.later("give a dossier another key", nil, `UPDATE dossiers SET id = $5, epoch = `+t.usable(6)+`, wrap = $7, created_at = $8`+ofCase+` AND id = $4`,
		o.Subject, o.Case, o.Purpose, o.Dossier, is.Dossier, int64(epoch), fresh, born); err != nil {
		return nil, err
	}
	return to, t.later("retire a wrap", nil, `INSERT INTO retired (subject, case_id, purpose, id, epoch, wrap, retired_at, left_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
		ON CONFLICT (subject, case_id, purpose, id) DO UPDATE SET epoch = excluded.epoch, wrap = excluded.wrap, left_at = 0`, // somebody has put it back meanwhile
		o.Subject, o.Case, o.Purpose, o.Dossier, int64(was), wrap, ms(t.now))
}

// follow changes the id wherever else a dossier is named by it. The erasure
// journal and the retired wraps name it as it was.
func (t *Tx) follow(o seal.Owner, id string) error {
	if indexed(personal.Purpose(o.Purpose)) {
		if err := t.later("lead to a dossier", nil, `UPDATE identities SET dossier = $3 WHERE subject = $1 AND dossier = $2`, o.Subject, o.Dossier, id); err != nil {
			return err
		}
	}
	if _, letters := sealedFields(personal.Purpose(o.Purpose))["outbox"]; letters {
		if err := t.later("file letters", nil, `UPDATE outbox SET dossier = $3 WHERE owner = $1 AND dossier = $2`, o.Subject, o.Dossier, id); err != nil {
			return err
		}
	}
	if !Holdable(personal.Purpose(o.Purpose)) {
		return nil
	}
	return t.followHolds(o, id)
}

// followHolds changes the id in the holds on a dossier. The reason of a hold is
// bound to the dossier it is on, so it is sealed anew for that.
func (t *Tx) followHolds(o seal.Owner, id string) error {
	rows, err := t.rows(`SELECT id, reason FROM legal_holds WHERE owner = $1 AND dossier = $2`, o.Subject, o.Dossier)
	if err != nil {
		return fmt.Errorf("read holds: %w", err)
	}
	holds, err := scanReasons(rows)
	if err != nil {
		return fmt.Errorf("read holds: %w", err)
	}
	for hold, reason := range holds {
		f, err := t.folder(o.Subject, hold)
		if err != nil {
			return err
		}
		if box := f.open(personal.Rights); reason != nil && box.Key != nil {
			if reason, err = personal.HoldReason.Move(box.Key, holdRow(hold, o.Dossier), box.Key, holdRow(hold, id), reason); err != nil {
				return err
			}
		}
		if err := t.later("follow a hold", nil, `UPDATE legal_holds SET dossier = $4, reason = $5 WHERE owner = $1 AND dossier = $2 AND id = $3`, o.Subject, o.Dossier, hold, id, reason); err != nil {
			return err
		}
	}
	return nil
}

func scanReasons(rows rows) (map[string][]byte, error) {
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var id string
		var reason []byte
		if err := rows.Scan(&id, &reason); err != nil {
			return nil, err
		}
		out[id] = reason
	}
	return out, rows.Err()
}

// MoveOn moves the next page of values that a retired dossier still has, and
// reports whether those were the last.
func (t *Tx) MoveOn(o seal.Owner) (whole bool, err error) {
	if err := t.yield(); err != nil {
		return false, err
	}
	is := o
	var wrap, was []byte
	err = t.row(`SELECT d.id, d.wrap, r.wrap FROM dossiers d JOIN retired r ON r.subject = d.subject AND r.case_id = d.case_id AND r.purpose = d.purpose
		WHERE d.subject = $1 AND d.case_id = $2 AND d.purpose = $3 AND r.id = $4 AND d.state <> 'destroyed' AND r.wrap IS NOT NULL`+t.forUpdate(),
		o.Subject, o.Case, o.Purpose, o.Dossier).Scan(&is.Dossier, &wrap, &was)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil // it was destroyed
	}
	if err != nil {
		return false, fmt.Errorf("read a dossier: %w", err)
	}
	from, err := t.db.ring.Unwrap(o, was)
	if err != nil {
		return false, fmt.Errorf("open retired dossier %s: %w", o.Dossier, err)
	}
	defer from.Destroy()
	to, err := t.db.ring.Unwrap(is, wrap)
	if err != nil {
		return false, fmt.Errorf("open dossier %s: %w", is.Dossier, err)
	}
	defer to.Destroy()
	return t.move(o, from, to)
}

// move seals values of a retired dossier under the one that took its place: all
// of a person's, a page of the shop's own.
func (t *Tx) move(o seal.Owner, from, to *seal.Dossier) (whole bool, err error) {
	limit := -1
	if personal.Purpose(o.Purpose) == personal.ShopSecrets {
		limit = movePage
	}
	tables := sealedFields(personal.Purpose(o.Purpose))
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		n, err := t.moveRows(table, tables[table], o, from, to, limit)
		if err != nil || n == limit {
			return false, err
		}
	}
	return true, t.later("note that a dossier is empty", nil, `UPDATE retired SET left_at = $5`+ofCase+` AND id = $4`, o.Subject, o.Case, o.Purpose, o.Dossier, ms(t.now))
}

// values are the sealed columns of a row, before the keys that tell it.
type values struct {
	row    string
	keys   []any
	sealed [][]byte
}

// moveRows moves the values of a table, of up to limit rows, and returns of how
// many. It finds them by the id at the head of each, and changes no other.
func (t *Tx) moveRows(table string, fields []personal.Field, o seal.Owner, from, to *seal.Dossier, limit int) (int, error) {
	where, args := standings()[table].of(o, to.ID())
	head, err := hex.DecodeString(strings.ReplaceAll(o.Dossier, "-", ""))
	if err != nil {
		return 0, fmt.Errorf("move values: %w", err)
	}
	list, err := t.valuesOf(table, fields, where, args, head, limit)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", table, err)
	}
	for _, v := range list {
		set := make([]string, 0, len(fields))
		with := slices.Clone(args)
		for i, f := range fields {
			if !from.Sealed(v.sealed[i]) {
				continue
			}
			moved, err := f.Move(from, v.row, to, v.row, v.sealed[i])
			if err != nil {
				return 0, err
			}
			with = append(with, moved)
			set = append(set, fmt.Sprintf("%s = $%d", f.Column, len(with)))
		}
		one := where
		for i, key := range standings()[table].keys {
			with = append(with, v.keys[i])
			one += fmt.Sprintf(" AND %s = $%d", key, len(with))
		}
		if err := t.later("move values of "+table, nil, `UPDATE `+table+` SET `+strings.Join(set, ", ")+` WHERE `+one, with...); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// of is the condition on the rows of a dossier's case, and its arguments. is is
// what the dossier is called now.
func (s standing) of(o seal.Owner, is string) (string, []any) {
	switch {
	case s.by == "":
		return `1 = 1`, nil
	case s.ours:
		return s.by + ` = $1`, []any{o.Case}
	case s.by == "owner":
		return `owner = $1`, []any{o.Subject}
	case s.by == "dossier":
		return `owner = $1 AND dossier = $2`, []any{o.Subject, is}
	}
	return `owner = $1 AND ` + s.by + ` = $2`, []any{o.Subject, o.Case}
}

// valuesOf reads the rows of a table in which any of the fields is sealed under
// the dossier with this head.
func (t *Tx) valuesOf(table string, fields []personal.Field, where string, args []any, head []byte, limit int) ([]values, error) {
	s := standings()[table]
	args = append(slices.Clone(args), head)
	columns, under := []string{s.row}, make([]string, 0, len(fields))
	columns = append(columns, s.keys...)
	for _, f := range fields {
		columns = append(columns, f.Column)
		under = append(under, fmt.Sprintf("substr(%s, 2, 16) = $%d", f.Column, len(args)))
	}
	query := `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + table + ` WHERE ` + where + ` AND (` + strings.Join(under, " OR ") + `)`
	if limit >= 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []values
	for rows.Next() {
		v := values{keys: make([]any, len(s.keys)), sealed: make([][]byte, len(fields))}
		into := []any{&v.row}
		for i := range v.keys {
			into = append(into, &v.keys[i])
		}
		for i := range v.sealed {
			into = append(into, &v.sealed[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// other opens the dossier with an id that has stood, or stands now, where one of
// a folder does.
func (v *View) other(f *folder, subject, caseID string, p personal.Purpose, id string) (*seal.Dossier, error) {
	if d := f.others[id]; d != nil {
		return d, nil
	}
	var wrap []byte
	err := v.row(`SELECT wrap FROM dossiers`+ofCase+` AND id = $4 AND wrap IS NOT NULL UNION ALL SELECT wrap FROM retired`+ofCase+` AND id = $4 AND wrap IS NOT NULL`,
		subject, caseID, string(p), id).Scan(&wrap)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, seal.ErrOpen
	}
	if err != nil {
		return nil, fmt.Errorf("find a dossier: %w", err)
	}
	d, err := v.db.ring.Unwrap(seal.Owner{Dossier: id, Subject: subject, Purpose: string(p), Case: caseID}, wrap)
	if err != nil {
		return nil, fmt.Errorf("open dossier %s: %w", id, err)
	}
	if f.others == nil {
		f.others = map[string]*seal.Dossier{}
	}
	f.others[id] = d
	return d, nil
}

// endRetired ends what was retired where a dossier ended, with the same key.
const endRetired = `UPDATE retired SET wrap = NULL WHERE wrap IS NOT NULL AND (subject, case_id, purpose) IN `

// LetGo ends up to limit retired wraps that nothing has needed since a time, and
// returns how many.
func (t *Tx) LetGo(before time.Time, limit int) (int, error) {
	n, err := t.exec(`UPDATE retired SET wrap = NULL WHERE (subject, case_id, purpose, id) IN
		(SELECT subject, case_id, purpose, id FROM retired WHERE wrap IS NOT NULL AND left_at > 0 AND left_at <= $1 ORDER BY left_at LIMIT $2)`, ms(before), limit)
	if err != nil {
		return 0, fmt.Errorf("let retired wraps go: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	if err := t.scrubLater(); err != nil {
		return 0, err
	}
	return int(n), t.Event("keys.let_go", "", "", fmt.Sprintf(`{"dossiers":%d}`, n))
}

// Retired counts the retired wraps that are kept, and says when the newest left.
func (v *View) Retired() (n int64, last time.Time, err error) {
	var at int64
	if err = v.row(`SELECT count(*), COALESCE(max(left_at), 0) FROM retired WHERE wrap IS NOT NULL`).Scan(&n, &at); err != nil {
		return 0, last, fmt.Errorf("count retired wraps: %w", err)
	}
	return n, since(at), nil
}

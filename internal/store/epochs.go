package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Epoch is what the database knows of an epoch. Its key is in the key store.
type Epoch struct {
	ID      seal.EpochID
	Begun   time.Time
	Left    time.Time // nothing is sealed under it since; zero before
	Emptied time.Time // no living dossier needs it since; zero while one does
	Closed  time.Time // it was decided that its key goes; zero before
	Gone    time.Time // the key store has forgotten it; zero before

	mark []byte
}

// ErrForeignKeys means that the key store has another key than the one that
// this database was sealed with.
var ErrForeignKeys = errors.New("the key store holds another key under this number than the one this database was sealed with")

// MissingEpochs is the error of a key store without an epoch that dossiers need.
type MissingEpochs struct{ IDs []seal.EpochID }

func (e *MissingEpochs) Error() string {
	return fmt.Sprintf("the key store lacks epoch %v, under which dossiers are wrapped; put it back from a copy of the key file or from the recovery file", e.IDs)
}

// Epochs lists every epoch there ever was, oldest first.
func (v *View) Epochs() ([]Epoch, error) {
	rows, err := v.rows(`SELECT id, mark, begun_at, left_at, emptied_at, closed_at, gone_at FROM epochs ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list epochs: %w", err)
	}
	defer rows.Close()
	var out []Epoch
	for rows.Next() {
		var e Epoch
		var id, begun, left, emptied, closed, gone int64
		if err := rows.Scan(&id, &e.mark, &begun, &left, &emptied, &closed, &gone); err != nil {
			return nil, fmt.Errorf("list epochs: %w", err)
		}
		e.ID, e.Begun, e.Left = seal.EpochID(id), when(begun), since(left)
		e.Emptied, e.Closed, e.Gone = since(emptied), since(closed), since(gone)
		out = append(out, e)
	}
	return out, rows.Err()
}

// MeetEpochs compares the epochs of the ring with those the database knows of,
// takes note of new ones and lets new wraps use the newest that is noted. It
// refuses a ring that means another key by a number, and one that lacks an epoch
// which something may need. A rotation that was cut short goes on by it.
func (db *DB) MeetEpochs(ctx context.Context) error {
	if db.ring == nil {
		return nil
	}
	err := db.meetEpochs(ctx)
	if errors.Is(err, ErrEpochTaken) {
		err = db.meetEpochs(ctx) // another node took note of the same one; now it is there to be compared
	}
	return err
}

func (db *DB) meetEpochs(ctx context.Context) error {
	marks := map[seal.EpochID][]byte{}
	for _, e := range db.ring.Epochs() {
		mark, err := db.ring.Check(e.ID)
		if err != nil {
			return err
		}
		marks[e.ID] = mark
	}
	var newest seal.EpochID
	err := db.transact(ctx, ledger.System("epochs"), func(t *Tx) error {
		newest = 0
		known, err := t.Epochs()
		if err != nil {
			return err
		}
		var missing []seal.EpochID
		noted := map[seal.EpochID]bool{}
		for _, e := range known {
			noted[e.ID] = true
			mark, here := marks[e.ID]
			switch {
			case here && !bytes.Equal(mark, e.mark):
				return fmt.Errorf("epoch %d: %w", e.ID, ErrForeignKeys)
			case here && e.Closed.IsZero():
				newest = max(newest, e.ID)
			case !here && e.Closed.IsZero():
				missing = append(missing, e.ID)
			}
		}
		if len(missing) > 0 {
			return &MissingEpochs{missing}
		}
		for _, e := range db.ring.Epochs() {
			if noted[e.ID] || marks[e.ID] == nil {
				continue
			}
			if err := t.noteEpoch(e.ID, marks[e.ID], e.Created); err != nil {
				return err
			}
			newest = max(newest, e.ID)
		}
		return nil
	}, false)
	if err != nil || newest == 0 {
		return err
	}
	return db.ring.Use(newest)
}

// ErrEpochTaken means that somebody else began an epoch with the same number.
var ErrEpochTaken = errors.New("another epoch with this number was begun at the same moment")

// NoteEpoch takes note of an epoch that the ring has begun, before it is used.
func (db *DB) NoteEpoch(ctx context.Context, who ledger.Actor, id seal.EpochID) error {
	mark, err := db.ring.Check(id)
	if err != nil {
		return err
	}
	return db.InTx(ctx, who, func(t *Tx) error { return t.noteEpoch(id, mark, t.now) })
}

func (t *Tx) noteEpoch(id seal.EpochID, mark []byte, begun time.Time) error {
	if _, err := t.exec(`INSERT INTO epochs (id, mark, begun_at) VALUES ($1, $2, $3)`, int64(id), mark, ms(begun)); err != nil {
		if duplicate(err) {
			return fmt.Errorf("epoch %d: %w", id, ErrEpochTaken)
		}
		return fmt.Errorf("note epoch %d: %w", id, err)
	}
	return t.Event("keys.begun", "", fmt.Sprintf("epoch %d", id), "")
}

// CountByEpoch counts the dossiers that are not destroyed, and the retired wraps
// that are kept, by the epoch under which they are wrapped. It looks at each.
func (v *View) CountByEpoch() (map[seal.EpochID]int64, error) {
	rows, err := v.rows(`SELECT epoch, count(*) FROM (SELECT epoch FROM dossiers WHERE state <> 'destroyed' UNION ALL SELECT epoch FROM retired WHERE wrap IS NOT NULL) AS kept GROUP BY epoch`)
	if err != nil {
		return nil, fmt.Errorf("count dossiers: %w", err)
	}
	defer rows.Close()
	out := map[seal.EpochID]int64{}
	for rows.Next() {
		var id, n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, fmt.Errorf("count dossiers: %w", err)
		}
		out[seal.EpochID(id)] = n
	}
	return out, rows.Err()
}

// Wrapped is a dossier's key as it is stored, and whose it is.
type Wrapped struct {
	Owner seal.Owner
	Wrap  []byte
	Moved []byte // the same key under another epoch, to be stored instead

	table wrapTable
}

// wrapTable is a table that keeps wraps, and which of its rows have one.
type wrapTable struct{ name, kept string }

// wrapTables are both, in the order in which WrapsBefore goes over them.
var wrapTables = [...]wrapTable{{"dossiers", "state <> 'destroyed'"}, {"retired", "wrap IS NOT NULL"}}

// WrapsBefore returns up to limit wraps that were made under an earlier epoch than
// the given one: first those of dossiers in the order of their table, then those
// that were retired. after is where the page before it ended; nil begins.
func (v *View) WrapsBefore(epoch seal.EpochID, after *Wrapped, limit int) ([]Wrapped, error) {
	for _, table := range wrapTables {
		var from *seal.Owner
		if after != nil && after.table != table {
			if table == wrapTables[0] {
				continue
			}
		} else if after != nil {
			from = &after.Owner
		}
		list, err := v.wrapsBefore(table, epoch, from, limit)
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	return nil, nil
}

func (v *View) wrapsBefore(table wrapTable, epoch seal.EpochID, after *seal.Owner, limit int) ([]Wrapped, error) {
	which := `SELECT subject, case_id, purpose, id, wrap FROM ` + table.name + ` WHERE epoch < $1 AND ` + table.kept
	query, args := which+` ORDER BY subject, case_id, purpose, id LIMIT $2`, []any{int64(epoch), limit}
	if after != nil {
		query = which + ` AND (subject, case_id, purpose, id) > ($3, $4, $5, $6) ORDER BY subject, case_id, purpose, id LIMIT $2`
		args = append(args, after.Subject, after.Case, after.Purpose, after.Dossier)
	}
	rows, err := v.rows(query, args...)
	if err != nil {
		return nil, fmt.Errorf("read wraps: %w", err)
	}
	defer rows.Close()
	out := make([]Wrapped, 0, limit)
	for rows.Next() {
		w := Wrapped{table: table}
		if err := rows.Scan(&w.Owner.Subject, &w.Owner.Case, &w.Owner.Purpose, &w.Owner.Dossier, &w.Wrap); err != nil {
			return nil, fmt.Errorf("read wraps: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

// rewrapRows is how many wraps one statement of Rewrap stores. A journey to
// PostgreSQL costs more than a row. SQLite's driver looks every parameter up by
// name, and between two statements it is seen whether somebody waits.
func (e engine) rewrapRows() int {
	if e == onPostgres {
		return 64
	}
	return 8
}

// usable is an epoch, given by a parameter, in a statement that keeps a wrap made
// under it: NULL, which no wrap may have, once it was left or where nobody took note
// of it. Until COMMIT nobody can leave it.
func (t *Tx) usable(parameter int) string { return t.db.engine.usable(parameter) }

func (e engine) usable(parameter int) string {
	share := ""
	if e == onPostgres {
		share = " FOR SHARE"
	}
	return fmt.Sprintf(`(SELECT e.id FROM epochs e WHERE e.id = $%d AND e.left_at = 0 AND e.closed_at = 0%s)`, parameter, share)
}

// LeaveEpochs ends the use of every epoch before the given one. It waits for
// whoever seals under one of them now; who tries so later fails, and learns of the
// newer one (see knowing).
func (t *Tx) LeaveEpochs(before seal.EpochID) error {
	_, err := t.exec(`UPDATE epochs SET left_at = $2 WHERE id < $1 AND left_at = 0 AND EXISTS (SELECT 1 FROM epochs e WHERE e.id = $1 AND e.left_at = 0)`, int64(before), ms(t.now))
	if err != nil {
		return fmt.Errorf("leave the epochs before %d: %w", before, err)
	}
	return nil
}

// rewrapQueries moves the wraps of one statement, on each engine. The key under a
// wrap never changes, so it matters not which wrap is replaced, only that the
// dossier is alive.
var rewrapQueries = map[engine]map[wrapTable]string{onSQLite: rewrapQuery(onSQLite), onPostgres: rewrapQuery(onPostgres)}

func rewrapQuery(e engine) map[wrapTable]string {
	var values []string
	for i := range e.rewrapRows() {
		n := 2 + 5*i
		values = append(values, fmt.Sprintf("($%d, $%d, $%d, $%d, CAST($%d AS BYTEA))", n, n+1, n+2, n+3, n+4))
	}
	out := map[wrapTable]string{}
	for _, table := range wrapTables {
		out[table] = e.dialect(`WITH n (subject, case_id, purpose, id, wrap) AS (VALUES ` + strings.Join(values, ", ") + `)
			UPDATE ` + table.name + ` AS d SET epoch = ` + e.usable(1) + `, wrap = n.wrap FROM n WHERE d.subject = n.subject AND d.case_id = n.case_id
			AND d.purpose = n.purpose AND d.id = n.id AND epoch < $1 AND d.` + table.kept)
	}
	return out
}

// Rewrap stores the moved wraps of a page, all of one epoch, each unless its dossier was
// destroyed or re-wrapped since it was read. It returns how many of the list it
// has seen to: where one writes at a time it stops when somebody waits.
//
// It is for InLaggingTx. Nothing is lost when it is cut off: the old wraps open as
// well, until their epoch is closed, and the COMMIT of that waits for the disk,
// and so for everything before it.
func (t *Tx) Rewrap(list []Wrapped) (n int, err error) {
	rows := t.db.engine.rewrapRows()
	for part := range slices.Chunk(list, rows) {
		if n > 0 && t.db.writer.awaited() {
			return n, nil
		}
		epoch, err := seal.WrapEpoch(part[0].Moved)
		if err != nil {
			return 0, fmt.Errorf("re-wrap dossiers: %w", err)
		}
		args := make([]any, 1, 1+5*rows)
		args[0] = int64(epoch)
		for i := range rows {
			w := part[min(i, len(part)-1)] // the last stands for those that are not there
			args = append(args, w.Owner.Subject, w.Owner.Case, w.Owner.Purpose, w.Owner.Dossier, w.Moved)
		}
		if err := t.later("re-wrap dossiers", nil, rewrapQueries[t.db.engine][part[0].table], args...); err != nil {
			return 0, err
		}
		n += len(part)
	}
	return n, nil
}

// MarkEmptied notes since when nothing alive needs an epoch; with empty false
// that something does again.
func (t *Tx) MarkEmptied(id seal.EpochID, empty bool) error {
	at := int64(0)
	if empty {
		at = ms(t.now)
	}
	_, err := t.exec(`UPDATE epochs SET emptied_at = $2 WHERE id = $1 AND (emptied_at = 0) = $3 AND closed_at = 0`, int64(id), at, empty)
	return err
}

// errNeeded tells that a dossier still needs the epoch, or may soon.
var errNeeded = errors.New("a dossier still needs this epoch")

// CloseEpoch decides that the key of an epoch goes, which was left. It refuses when
// anything alive is wrapped under it.
func (t *Tx) CloseEpoch(id seal.EpochID) error {
	var one int64
	err := t.row(`SELECT count(*) FROM (SELECT epoch FROM dossiers WHERE epoch = $1 AND state <> 'destroyed' UNION ALL SELECT epoch FROM retired WHERE epoch = $1 AND wrap IS NOT NULL LIMIT 1) AS any_dossier`, int64(id)).Scan(&one)
	if err != nil {
		return fmt.Errorf("close epoch %d: %w", id, err)
	}
	if one > 0 {
		return fmt.Errorf("close epoch %d: %w", id, errNeeded)
	}
	n, err := t.exec(`UPDATE epochs SET closed_at = $2 WHERE id = $1 AND closed_at = 0 AND left_at > 0`, int64(id), ms(t.now))
	if err != nil || n == 0 {
		return err
	}
	return t.Event("keys.closed", "", fmt.Sprintf("epoch %d", id), "")
}

// EpochGone notes that the key store has forgotten a closed epoch.
func (t *Tx) EpochGone(id seal.EpochID) error {
	n, err := t.exec(`UPDATE epochs SET gone_at = $2 WHERE id = $1 AND closed_at > 0 AND gone_at = 0`, int64(id), ms(t.now))
	if err != nil || n == 0 {
		return err
	}
	return t.Event("keys.destroyed", "", fmt.Sprintf("epoch %d", id), "")
}

// Shared reports whether other nodes may use the same database.
func (db *DB) Shared() bool { return db.engine == onPostgres }

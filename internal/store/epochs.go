package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// branchEvent is the action of the event that begins a branch.
const branchEvent = "ledger.branched"

// branchRow is a place where this ledger was restored from a backup.
type branchRow struct {
	first  int64
	origin string // of the ledger that was before
	note   string // its newest known checkpoint, signed
}

// branchDetail is what the event that begins a branch says.
type branchDetail struct {
	Origin string `json:"origin"`
	Known  int64  `json:"known"`
	Root   string `json:"root"`
	Kept   int64  `json:"kept"`
	Lost   int64  `json:"lost"`
}

func (v *View) branches() ([]branchRow, error) {
	rows, err := v.rows(`SELECT first, origin, note FROM branches ORDER BY first`)
	if err != nil {
		return nil, fmt.Errorf("read branches: %w", err)
	}
	defer rows.Close()
	var out []branchRow
	for rows.Next() {
		var b branchRow
		if err := rows.Scan(&b.first, &b.origin, &b.note); err != nil {
			return nil, fmt.Errorf("read branches: %w", err)
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

// announced opens the branches of this ledger: its checkpoints name each.
func (v *View) announced() ([]ledger.Branch, error) {
	rows, err := v.branches()
	if err != nil {
		return nil, err
	}
	out := make([]ledger.Branch, 0, len(rows))
	for _, b := range rows {
		c, err := v.db.openOf(b.note, b.origin)
		if err != nil {
			return nil, fmt.Errorf("branch at %d: its checkpoint: %w", b.first, err)
		}
		out = append(out, ledger.Branch{Origin: b.origin, Kept: b.first, Known: c.Size, Root: c.Root})
	}
	return out, nil
}

// openOf opens a checkpoint that this shop, or the one that it was restored
// from, has signed: the key went along, the origin did not.
func (db *DB) openOf(note string, origin string) (ledger.Checkpoint, error) {
	signer, err := ledger.NewSigner(origin, db.keys.Ledger)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	return ledger.OpenCheckpoint(note, signer.VerifierKey())
}

// verifierKeys are the keys that signed this ledger's checkpoints, its older
// branches' included.
func (db *DB) verifierKeys(list []ledger.Branch) ([]string, error) {
	signer, err := db.Signer()
	if err != nil {
		return nil, err
	}
	keys := []string{signer.VerifierKey()}
	for _, b := range list {
		old, err := ledger.NewSigner(b.Origin, db.keys.Ledger)
		if err != nil {
			return nil, err
		}
		keys = append(keys, old.VerifierKey())
	}
	return keys, nil
}

// VerifierKeys are the keys that signed this ledger's checkpoints, the present
// one first.
func (db *DB) VerifierKeys(ctx context.Context) (keys []string, err error) {
	err = db.View(ctx, func(v *View) error {
		list, err := v.announced()
		if err == nil {
			keys, err = db.verifierKeys(list)
		}
		return err
	})
	return keys, err
}

// extensions are the lines that a checkpoint ends with.
func extensions(list []ledger.Branch) []string {
	var out []string
	for _, b := range list {
		out = append(out, b.Line())
	}
	return out
}

// firstID sorts before the id of every event that waits for its number, so that
// the sequencer takes the one that begins a branch first.
func firstID() string { return "00000000-0000-7000-8000-" + NewID()[24:] }

var errBranch = errors.New("none of the checkpoints at hand is of the ledger that was restored")

// OpenBranch announces that this ledger goes on from what a backup of another
// shop held: size events. The notes are checkpoints of the old ledger that are
// known; the newest counts. What also does is done with it. Doing it again changes
// nothing.
func (db *DB) OpenBranch(ctx context.Context, who ledger.Actor, shop string, size int64, notes []string, also func(*Tx) error) (ledger.Branch, error) {
	b := ledger.Branch{Origin: ledgerOrigin(shop), Kept: size, Known: -1}
	newest := ""
	for _, note := range notes {
		if c, err := db.openOf(note, b.Origin); err == nil && c.Size > b.Known {
			b.Known, b.Root, newest = c.Size, c.Root, note
		}
	}
	if newest == "" {
		return b, errBranch
	}
	detail, err := json.Marshal(branchDetail{b.Origin, b.Known, b.Root.String(), b.Kept, b.Lost()})
	if err != nil {
		return b, err
	}
	return b, db.InTx(ctx, who, func(t *Tx) error {
		n, err := t.exec(`INSERT INTO branches (first, origin, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT (first) DO NOTHING`, b.Kept, b.Origin, newest, ms(t.now))
		if err != nil || n == 0 {
			return err
		}
		e, err := ledger.NewEvent(firstID(), t.now, branchEvent, t.actor, "", "", string(detail))
		if err != nil {
			return err
		}
		t.events = append(t.events, e)
		return also(t)
	})
}

// misbranched notes what is wrong with the announced branches: each begins with
// an event that says the same.
func (v *View) misbranched(note func(int64, string)) error {
	list, err := v.announced()
	if err != nil {
		note(0, "a branch does not hold: "+err.Error())
		return nil
	}
	for _, b := range list {
		rows, err := v.rows(`SELECT `+eventColumns+` FROM events WHERE (owner, id) = (SELECT owner, event FROM leaves WHERE idx = $1)`, b.Kept)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		found := false
		for rows.Next() {
			_, e, err := scanEvent(rows)
			if err != nil {
				return errors.Join(err, rows.Close())
			}
			want, err := json.Marshal(branchDetail{b.Origin, b.Known, b.Root.String(), b.Kept, b.Lost()})
			if err != nil {
				return errors.Join(err, rows.Close())
			}
			found = e.Action == branchEvent && (e.Detail == string(want) || len(e.Emptied()) > 0)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		if !found {
			note(b.Kept, "a restore is announced here, and the event is of something else")
		}
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// ledgerOrigin is the first line of the shop's checkpoints. A restore opens
// another branch under another origin.
func ledgerOrigin(shop string) string { return "cartkeep/" + shop + "/ledger/1" }

// sequenceMax bounds the events numbered in one transaction.
const sequenceMax = 500

// Signer returns what signs the shop's checkpoints.
func (db *DB) Signer() (*ledger.Signer, error) {
	return ledger.NewSigner(ledgerOrigin(db.shop), db.keys.Ledger)
}

// BackupSigner returns what signs the manifests of this shop's backups, or those
// of the shop that it was restored from: the key went along.
func (db *DB) BackupSigner(shop string) (*ledger.Signer, error) {
	return ledger.NewSigner("cartkeep/"+shop+"/backup/1", db.keys.Ledger)
}

// Sequence gives every committed event its place in the tree and returns how
// many it numbered. Writers never queue on the tree: they insert events without
// a number, and this passes every second.
func (db *DB) Sequence(ctx context.Context) (int, error) {
	total := 0
	for {
		waiting := false
		err := db.View(ctx, func(v *View) (err error) {
			waiting, err = v.unnumberedEvents()
			return err
		})
		if err != nil || !waiting {
			return total, err // a quiet shop writes nothing
		}
		n := 0
		err = db.InTx(ctx, ledger.System("sequencer"), func(t *Tx) (err error) {
			n, err = t.sequence()
			return err
		})
		total += n
		if err != nil || n < sequenceMax {
			return total, err
		}
	}
}

func (v *View) unnumberedEvents() (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM (SELECT 1 FROM events WHERE idx IS NULL LIMIT 1) AS one`).Scan(&n)
	return n > 0, err
}

type numbered struct {
	owner, id string
	leaf      []byte
}

func (t *Tx) sequence() (int, error) {
	var size int64
	if err := t.row(`SELECT size FROM tree WHERE id = 1` + t.forUpdate()).Scan(&size); err != nil {
		return 0, fmt.Errorf("read the tree: %w", err)
	}
	list, err := t.unnumbered()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	tree, err := ledger.OpenTree(tileRows{&t.View, t}, size)
	if err != nil {
		return 0, err
	}
	leaves := make([][]byte, len(list))
	for i, e := range list {
		leaves[i] = e.leaf
	}
	if err := tree.Append(leaves); err != nil {
		return 0, fmt.Errorf("append to the tree: %w", err)
	}
	for from := 0; from < len(list); from += 100 {
		if err := t.number(size+int64(from), list[from:min(from+100, len(list))]); err != nil {
			return 0, err
		}
	}
	n, err := t.exec(`UPDATE tree SET size = $1 WHERE id = 1 AND size = $2`, tree.Size(), size)
	if err != nil || n != 1 {
		return 0, fmt.Errorf("grow the tree: %w", errors.Join(err, errors.New("another sequencer was quicker")))
	}
	return len(list), nil
}

// unnumbered reads the events without a number, in the order of their ids.
func (t *Tx) unnumbered() ([]numbered, error) {
	rows, err := t.rows(`SELECT `+eventColumns+` FROM events WHERE idx IS NULL ORDER BY id LIMIT $1`, sequenceMax)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var out []numbered
	for rows.Next() {
		owner, e, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, numbered{owner, e.ID, ledger.Leaf(e)})
	}
	return out, rows.Err()
}

// number writes leaves and marks their events, a hundred with each statement.
func (t *Tx) number(first int64, list []numbered) error {
	var leaves, pairs []string
	var leafArgs, pairArgs []any
	for i, e := range list {
		leaves = append(leaves, marks(len(leafArgs), 4))
		leafArgs = append(leafArgs, first+int64(i), e.leaf, e.owner, e.id)
		n := len(pairArgs)
		pairs = append(pairs, fmt.Sprintf("(CAST($%d AS BIGINT), $%d, $%d)", n+1, n+2, n+3))
		pairArgs = append(pairArgs, first+int64(i), e.owner, e.id)
	}
	if _, err := t.exec(`INSERT INTO leaves (idx, leaf, owner, event) VALUES `+strings.Join(leaves, ", "), leafArgs...); err != nil {
		return fmt.Errorf("write leaves: %w", err)
	}
	_, err := t.exec(`WITH n (idx, owner, id) AS (VALUES `+strings.Join(pairs, ", ")+`)
		UPDATE events SET idx = n.idx FROM n WHERE events.owner = n.owner AND events.id = n.id`, pairArgs...)
	if err != nil {
		return fmt.Errorf("number events: %w", err)
	}
	return nil
}

const eventColumns = `owner, id, at, action, actor, subject, object, detail, salts`

func scanEvent(rows rows, more ...any) (owner string, e ledger.Event, err error) {
	var at int64
	var parts [4]sql.NullString
	var salts []byte
	into := append([]any{&owner, &e.ID, &at, &e.Action, &parts[0], &parts[1], &parts[2], &parts[3], &salts}, more...)
	if err := rows.Scan(into...); err != nil {
		return "", e, fmt.Errorf("read event: %w", err)
	}
	e.At, e.Actor, e.Subject, e.Object, e.Detail = when(at), parts[0].String, parts[1].String, parts[2].String, parts[3].String
	for i := range e.Salts {
		if len(salts) >= 16*(i+1) {
			copy(e.Salts[i][:], salts[16*i:])
		}
	}
	return owner, e, nil
}

// tileRows keeps the tree's tiles as rows.
type tileRows struct {
	v *View
	t *Tx // nil for reading only
}

// ReadTile implements ledger.TileStore.
func (s tileRows) ReadTile(level int, n int64) ([]byte, error) {
	var data []byte
	err := s.v.row(`SELECT data FROM tiles WHERE level = $1 AND n = $2`, level, n).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ledger.ErrTile
	}
	return data, err
}

// WriteTile implements ledger.TileStore.
func (s tileRows) WriteTile(level int, n int64, data []byte) error {
	if s.t == nil {
		return errors.New("tiles are written in a transaction only")
	}
	_, err := s.t.exec(`INSERT INTO tiles (level, n, data) VALUES ($1, $2, $3) ON CONFLICT (level, n) DO UPDATE SET data = excluded.data`, level, n, data)
	return err
}

// TreeSize returns how many events are numbered.
func (v *View) TreeSize() (size int64, err error) {
	err = v.row(`SELECT size FROM tree WHERE id = 1`).Scan(&size)
	return size, err
}

// Tiles returns the tree's tiles for proofs.
func (v *View) Tiles() ledger.TileStore { return tileRows{v, nil} }

// Checkpoint signs the tree as it stands and keeps the note. A public one is
// what strangers see; there is one a day, because its size tells volume.
func (db *DB) Checkpoint(ctx context.Context, public bool) (string, error) {
	signer, err := db.Signer()
	if err != nil {
		return "", err
	}
	note := ""
	err = db.InTx(ctx, ledger.System("sequencer"), func(t *Tx) error {
		size, err := t.TreeSize()
		if err != nil {
			return err
		}
		root, err := ledger.Root(t.Tiles(), size)
		if err != nil {
			return fmt.Errorf("root of the tree: %w", err)
		}
		branches, err := t.announced()
		if err != nil {
			return err
		}
		if note, err = signer.Sign(size, root, extensions(branches)...); err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO checkpoints (size, at, public, note) VALUES ($1, $2, $3, $4) ON CONFLICT (size, at) DO NOTHING`, size, ms(t.now), public, note)
		return err
	})
	return note, err
}

// PublicCheckpoint returns the newest checkpoint that strangers may see, and
// its time in Unix milliseconds.
func (v *View) PublicCheckpoint() (note string, at int64, err error) {
	err = v.row(`SELECT note, at FROM checkpoints WHERE public ORDER BY at DESC LIMIT 1`).Scan(&note, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, fault.Missing("There is no checkpoint yet.")
	}
	return note, at, err
}

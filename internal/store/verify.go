package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// pageSize is how many leaves one read of an export or a verification takes:
// small enough that a read never holds up a checkpoint of the WAL for long.
const pageSize = 2000

// ExportLedger writes every leaf and, as the last line, a fresh checkpoint.
func (db *DB) ExportLedger(ctx context.Context, w io.Writer) error {
	note, err := db.Checkpoint(ctx, false)
	if err != nil {
		return err
	}
	c, err := db.OpenCheckpoint(note)
	if err != nil {
		return err
	}
	out := ledger.NewExportWriter(w)
	for next := int64(0); next < c.Size; {
		n, err := db.eachLeaf(ctx, next, c.Size, func(l leafRow) error { return out.Leaf(l.leaf) })
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("leaf %d is missing", next)
		}
		next += n
	}
	return out.Close(note)
}

// OpenCheckpoint checks that this shop signed a note, and reads it.
func (db *DB) OpenCheckpoint(note string) (ledger.Checkpoint, error) {
	signer, err := db.Signer()
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	return ledger.OpenCheckpoint(note, signer.VerifierKey())
}

// VerifyLedger checks the ledger in the database: that the leaves are there
// without a gap and give the tree's root, that every event still says what its
// leaf committed to and was not emptied before its date, that no numbered event
// is missing, and that the tree begins with what an older checkpoint says: a
// note that someone kept, or else the newest one in this database. It returns
// the report of the export it would write, with the first bad index.
func (db *DB) VerifyLedger(ctx context.Context, old string) (ledger.Report, error) {
	signer, err := db.Signer()
	if err != nil {
		return ledger.Report{}, err
	}
	var size int64
	var notes []string
	var branches []ledger.Branch
	err = db.View(ctx, func(v *View) (err error) {
		if branches, err = v.announced(); err != nil {
			branches = nil // what is wrong with them is noted below
		}
		// In this order: the tree only grows, so it is at least as long as any
		// note that was there before.
		if notes, err = v.notes(); err != nil {
			return err
		}
		size, err = v.TreeSize()
		return err
	})
	if err != nil {
		return ledger.Report{}, err
	}
	keys, err := db.verifierKeys(branches)
	if err != nil {
		return ledger.Report{}, err
	}
	if old == "" && len(notes) > 0 {
		old = notes[len(notes)-1]
	}
	r, w := io.Pipe()
	var found findings
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(db.writeForVerify(ctx, w, size, signer, branches, &found))
	}()
	report, err := ledger.VerifyExport(r, old, keys...)
	r.CloseWithError(errStopped)
	<-written
	if err != nil && !errors.Is(err, errStopped) {
		return report, err
	}
	report.Emptied += found.emptied
	if found.problem != "" && (report.OK() || !report.Exact || found.index <= report.FirstBad) {
		report.FirstBad, report.Exact, report.Problem = found.index, true, found.problem
	}
	return report, nil
}

// findings are what stands beside the leaves: the first bad place, and how many
// events have been emptied.
type findings struct {
	index   int64
	problem string
	emptied int64
}

func (f *findings) note(index int64, problem string) {
	if f.problem == "" || index < f.index {
		f.index, f.problem = index, problem
	}
}

// writeForVerify writes an export from leaves and compares each with its event
// and with the tree's own hash of it on the way.
func (db *DB) writeForVerify(ctx context.Context, w io.Writer, size int64, signer *ledger.Signer, branches []ledger.Branch, found *findings) error {
	terms, err := personal.TermsOf(personal.Security)
	if err != nil {
		return err
	}
	cutoff := terms.Keep.Before(db.Now())
	out := ledger.NewExportWriter(w)
	note, erased := found.note, map[string]bool{}
	for next := int64(0); next < size; {
		hashes, err := db.leafHashes(ctx, next, min(next+pageSize, size))
		if err != nil {
			return err
		}
		first, early := next, map[int64]string{}
		n, err := db.eachLeaf(ctx, next, size, func(l leafRow) error {
			if l.index != next {
				note(next, "the leaf is missing")
				return errGap
			}
			next++
			if h, ok := hashes[l.index-first]; ok && h != ledger.LeafHash(l.leaf) {
				note(l.index, "the leaf was changed")
			}
			if l.event != nil && len(l.event.Emptied()) > 0 {
				found.emptied++
			}
			if l.event != nil && l.event.Action == branchEvent && !slices.ContainsFunc(branches, func(b ledger.Branch) bool { return b.Kept == l.index }) {
				note(l.index, "the event tells of a restore that is not announced")
			}
			problem := l.wrong(db, cutoff)
			if problem == emptiedEarly {
				early[l.index] = l.owner
			} else if problem != "" {
				note(l.index, problem)
			}
			return out.Leaf(l.leaf)
		})
		if err != nil && !errors.Is(err, errGap) {
			return err
		}
		if err := db.explain(ctx, early, erased, note); err != nil {
			return err
		}
		if n == 0 || err != nil {
			note(next, "the leaf is missing")
			break
		}
	}
	if err := errors.Join(db.squatters(ctx, note), db.View(ctx, func(v *View) error { return v.misbranched(note) })); err != nil {
		return err
	}
	var root ledger.Hash
	err = db.View(ctx, func(v *View) (err error) {
		root, err = ledger.Root(v.Tiles(), size)
		return err
	})
	if err != nil {
		note(0, "the tree's tiles are damaged: "+err.Error())
	}
	signed, err := signer.Sign(size, root, extensions(branches)...)
	if err != nil {
		return err
	}
	return out.Close(signed)
}

// leafHashes returns what the tree's own tiles say of the leaves from..to,
// counted from the first. A tile that is missing is told by the root.
func (db *DB) leafHashes(ctx context.Context, from, to int64) (map[int64]ledger.Hash, error) {
	const width = 1 << ledger.TileHeight
	out := make(map[int64]ledger.Hash, to-from)
	err := db.View(ctx, func(v *View) error {
		for n := from / width; n*width < to; n++ {
			tile, err := v.Tiles().ReadTile(0, n)
			if errors.Is(err, ledger.ErrTile) {
				continue
			}
			if err != nil {
				return err
			}
			for i := int64(0); (i+1)*int64(len(ledger.Hash{})) <= int64(len(tile)); i++ {
				var h ledger.Hash
				copy(h[:], tile[i*int64(len(h)):])
				out[n*width+i-from] = h
			}
		}
		return nil
	})
	return out, err
}

// squatters notes the first event or leaf that claims a place which belongs to
// another one, or to none, and a tree that calls itself something else.
func (db *DB) squatters(ctx context.Context, note func(int64, string)) error {
	return db.View(ctx, func(v *View) error {
		var event, leaf sql.NullInt64
		var origin string
		err := errors.Join(
			v.row(`SELECT MIN(e.idx) FROM events e LEFT JOIN leaves l ON l.idx = e.idx AND l.owner = e.owner AND l.event = e.id
				WHERE e.idx IS NOT NULL AND (l.idx IS NULL OR e.idx < 0 OR e.idx >= (SELECT size FROM tree WHERE id = 1))`).Scan(&event),
			v.row(`SELECT MIN(idx) FROM leaves WHERE idx < 0 OR idx >= (SELECT size FROM tree WHERE id = 1)`).Scan(&leaf),
			v.row(`SELECT origin FROM tree WHERE id = 1`).Scan(&origin))
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		if event.Valid {
			note(event.Int64, "an event claims a place that is not its own")
		}
		if leaf.Valid {
			note(leaf.Int64, "a leaf stands outside the tree")
		}
		if origin != ledgerOrigin(db.shop) {
			note(0, "the tree calls itself another shop's")
		}
		return nil
	})
}

var errStopped = errors.New("verification has ended")

var errGap = errors.New("gap in the leaves")

// eachLeaf reads one page of leaves with their events and returns how many there were.
func (db *DB) eachLeaf(ctx context.Context, from, to int64, each func(leafRow) error) (int64, error) {
	n := int64(0)
	err := db.View(ctx, func(v *View) error {
		rows, err := v.rows(`SELECT l.idx, l.leaf, l.owner, e.at, e.action, e.actor, e.subject, e.object, e.detail, e.salts
			FROM leaves l LEFT JOIN events e ON e.owner = l.owner AND e.id = l.event AND e.idx = l.idx
			WHERE l.idx >= $1 AND l.idx < $2 ORDER BY l.idx LIMIT $3`, from, to, pageSize)
		if err != nil {
			return fmt.Errorf("read leaves: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			l, err := scanLeaf(rows)
			if err != nil {
				return err
			}
			n++
			if err := each(l); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return n, err
}

// leafRow is a leaf with the event that stands beside it.
type leafRow struct {
	index int64
	leaf  []byte
	owner string        // who leads the event's key
	event *ledger.Event // nil: it is missing
	salts int           // how many bytes of salts there are
}

func scanLeaf(rows rows) (leafRow, error) {
	var l leafRow
	var at sql.NullInt64
	var action sql.NullString
	var parts [4]sql.NullString
	var salts []byte
	if err := rows.Scan(&l.index, &l.leaf, &l.owner, &at, &action, &parts[0], &parts[1], &parts[2], &parts[3], &salts); err != nil {
		return leafRow{}, fmt.Errorf("read leaf: %w", err)
	}
	if !at.Valid {
		return l, nil
	}
	e := &ledger.Event{At: when(at.Int64), Action: action.String, Actor: parts[0].String, Subject: parts[1].String, Object: parts[2].String, Detail: parts[3].String}
	for i := range e.Salts {
		if len(salts) >= 16*(i+1) {
			copy(e.Salts[i][:], salts[16*i:])
		}
	}
	l.event, l.salts = e, len(salts)
	return l, nil
}

// emptiedEarly is right where the person that the event is about was erased.
const emptiedEarly = "the event was emptied before its date"

// explain notes the events that were emptied early, by their places and owners,
// unless their owner was erased by wish. known remembers the answers.
func (db *DB) explain(ctx context.Context, early map[int64]string, known map[string]bool, note func(int64, string)) error {
	if len(early) == 0 {
		return nil
	}
	return db.View(ctx, func(v *View) error {
		for index, owner := range early {
			erased, ok := known[owner]
			if !ok {
				var err error
				if erased, err = v.ErasedSubject(owner); err != nil {
					return err
				}
				known[owner] = erased
			}
			if !erased {
				note(index, emptiedEarly)
			}
		}
		return nil
	})
}

// wrong says what is wrong with the event beside a leaf, or "".
func (l leafRow) wrong(db *DB, cutoff time.Time) string {
	e := l.event
	if e == nil {
		return "the event is missing"
	}
	if e.Action == revealed {
		cutoff = personal.Reveals().Before(db.Now())
	}
	if len(e.Emptied()) > 0 && e.At.After(cutoff) {
		return emptiedEarly
	}
	if err := ledger.CheckLeaf(l.leaf, *e); err != nil {
		return "the event was changed: " + err.Error()
	}
	if l.salts != 0 && l.salts != 16*len(e.Salts) {
		return "the event was changed: its salts have another length"
	}
	if len(e.Emptied()) == 0 && l.owner != db.ownerOf(e.Subject) {
		return "the event stands under another owner"
	}
	return ""
}

// notes returns the checkpoints this database has signed, smallest first.
func (v *View) notes() ([]string, error) {
	rows, err := v.rows(`SELECT note FROM checkpoints ORDER BY size, at`)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return column[string](rows)
}

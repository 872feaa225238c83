package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// journalPage is how many entries one transaction takes into the journal.
const journalPage = 500

// SequenceErasures takes what was erased into the journal, in order, and returns
// its newest entry.
func (db *DB) SequenceErasures(ctx context.Context) (last erasure.Entry, err error) {
	for n := journalPage; n == journalPage; {
		waiting := false
		err := db.View(ctx, func(v *View) (err error) {
			if last, err = v.LastErasure(); err != nil {
				return err
			}
			var due int64
			err = v.row(`SELECT count(*) FROM (SELECT 1 AS one FROM erasures_due LIMIT 1) AS any_due`).Scan(&due)
			waiting = due > 0
			return err
		})
		if err != nil || !waiting {
			return last, err
		}
		err = db.InTx(ctx, ledger.System("sequencer"), func(t *Tx) (err error) {
			if last, err = t.lastErasureForUpdate(); err != nil {
				return err
			}
			var list []Erased
			if list, err = t.erasuresDue(); err != nil {
				return err
			}
			n = len(list)
			last, err = t.addErasures(last, list)
			return err
		})
		if err != nil {
			return last, fmt.Errorf("number erasures: %w", err)
		}
	}
	return last, nil
}

// Erased is a dossier that a person wished to be gone.
type Erased struct {
	owner   string
	Dossier string
	At      time.Time
}

func (t *Tx) erasuresDue() (out []Erased, err error) {
	rows, err := t.rows(`SELECT owner, dossier, at FROM erasures_due ORDER BY at, dossier LIMIT $1`, journalPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Erased
		var at int64
		if err := rows.Scan(&e.owner, &e.Dossier, &at); err != nil {
			return nil, err
		}
		e.At = when(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// addErasures writes entries after the last one, but for dossiers that the journal
// has already, and returns the newest. What waited for it waits no more.
func (t *Tx) addErasures(last erasure.Entry, list []Erased) (erasure.Entry, error) {
	known, err := t.inJournal(list)
	if err != nil {
		return last, err
	}
	for page := range slices.Chunk(list, many) {
		var values []string
		var args, pairs []any
		for i := range many {
			e := page[min(i, len(page)-1)] // the last stands for those that are not there
			pairs = append(pairs, e.owner, e.Dossier)
			if known[e.Dossier] {
				continue
			}
			known[e.Dossier] = true
			next := last.Next(e.Dossier, e.At)
			values = append(values, marks(len(args), 4))
			args = append(args, next.Number, next.Dossier, ms(next.At), next.Link[:])
			last = next
		}
		if len(values) > 0 {
			if err := t.later("write the erasure journal", nil, `INSERT INTO erasures (number, dossier, at, link) VALUES `+strings.Join(values, ", "), args...); err != nil {
				return last, err
			}
		}
		if err := t.later("take erasures as written", nil, `DELETE FROM erasures_due WHERE (owner, dossier) IN (`+tuples(0, 2)+`)`, pairs...); err != nil {
			return last, err
		}
	}
	return last, nil
}

// inJournal tells which dossiers of at most journalPage the journal has.
func (t *Tx) inJournal(page []Erased) (map[string]bool, error) {
	if len(page) == 0 {
		return nil, nil
	}
	var args []any
	for i := range journalPage {
		args = append(args, page[min(i, len(page)-1)].Dossier) // the last stands for those that are not there
	}
	rows, err := t.rows(`SELECT dossier FROM erasures WHERE dossier IN `+marks(0, journalPage), args...)
	if err != nil {
		return nil, fmt.Errorf("read the erasure journal: %w", err)
	}
	list, err := column[string](rows)
	if err != nil {
		return nil, fmt.Errorf("read the erasure journal: %w", err)
	}
	known := map[string]bool{}
	for _, d := range list {
		known[d] = true
	}
	return known, nil
}

// LastErasure is the newest entry of the journal; the zero Entry of an empty one.
func (v *View) LastErasure() (erasure.Entry, error) {
	rows, err := v.rows(`SELECT number, dossier, at, link FROM erasures ORDER BY number DESC LIMIT 1`)
	list, err := scanErasures(rows, err)
	if err != nil || len(list) == 0 {
		return erasure.Entry{}, err
	}
	return list[0], nil
}

// lastErasureForUpdate makes those who number come one after the other.
func (t *Tx) lastErasureForUpdate() (erasure.Entry, error) {
	if err := t.turn("erasures", "journal"); err != nil {
		return erasure.Entry{}, err
	}
	return t.LastErasure()
}

// Erasures returns up to limit entries of the journal after a number.
func (v *View) Erasures(after int64, limit int) ([]erasure.Entry, error) {
	rows, err := v.rows(`SELECT number, dossier, at, link FROM erasures WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
	return scanErasures(rows, err)
}

func scanErasures(rows rows, err error) (out []erasure.Entry, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read the erasure journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e erasure.Entry
		var at int64
		var link []byte
		if err := rows.Scan(&e.Number, &e.Dossier, &at, &link); err != nil {
			return nil, fmt.Errorf("read the erasure journal: %w", err)
		}
		e.At = when(at)
		copy(e.Link[:], link)
		out = append(out, e)
	}
	return out, rows.Err()
}

// ErasedSince counts the dossiers that were erased by wish since a time, each once.
func (v *View) ErasedSince(at time.Time) (n int64, err error) {
	const once = ` AND NOT EXISTS (SELECT 1 FROM retired r WHERE r.id = e.dossier)`
	err = v.row(`SELECT (SELECT count(*) FROM erasures e WHERE e.at > $1`+once+`) + (SELECT count(*) FROM erasures_due e WHERE e.at > $1`+once+`)`, ms(at)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count erasures: %w", err)
	}
	return n, nil
}

// CountErasedSince counts the dossiers that were erased after a time, and are there
// without their keys.
func (v *View) CountErasedSince(at time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM dossiers d JOIN erasures e ON e.dossier = d.id WHERE d.state = 'destroyed' AND e.at >= $1`, ms(at)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count erased dossiers: %w", err)
	}
	return n, nil
}

// LearnErasures takes entries of a copy of the journal that this database does
// not have, and returns how many those were: somebody has put the database back
// from an older copy. They keep their numbers where they follow on.
func (db *DB) LearnErasures(ctx context.Context, entries []erasure.Entry) (learnt int64, err error) {
	for len(entries) > 0 {
		page := entries[:min(journalPage, len(entries))]
		entries = entries[len(page):]
		n := int64(0)
		err := db.InTx(ctx, ledger.System("erasures"), func(t *Tx) error {
			last, err := t.lastErasureForUpdate()
			if err != nil {
				return err
			}
			var list []Erased
			for _, e := range page {
				list = append(list, Erased{Dossier: e.Dossier, At: e.At})
			}
			newest, err := t.addErasures(last, list)
			n = newest.Number - last.Number
			return err
		})
		if err != nil {
			return learnt, fmt.Errorf("learn erasures: %w", err)
		}
		learnt += n
	}
	return learnt, nil
}

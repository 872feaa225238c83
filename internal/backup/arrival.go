package backup

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/store"
)

// ErrStartOver means that what an earlier try has left can't be gone on with: it is
// to be thrown away, and the restore begun anew.
var ErrStartOver = errors.New("what an earlier try has left can't be gone on with")

// ID names one backup among all.
func (h Header) ID() string { return h.Shop + " " + h.At.UTC().Format(stamp) }

// keepEvery is after how much of the file the rows so far are kept. Tests keep
// more often.
var keepEvery int64 = 16 << 20

// arrival is the way of the two parts of a backup into a database, which may have
// been begun by a try that was cut short. The parts are read whole each time, since
// their signatures stand at their ends; what was brought in is not brought in again.
type arrival struct {
	data    *part
	keys    []keyPart // the newest first
	ids     []age.Identity
	pairing *pairing
	out     *Restored
	read    []*part // whose signatures are to be checked
}

// paired is what pairing told, for those who go on from there.
type paired struct {
	Taken []Taken  `json:"taken,omitempty"`
	Lost  []Lost   `json:"lost,omitempty"`
	Older []string `json:"older,omitempty"` // key parts that were read besides the newest
}

func (a *arrival) run(ctx context.Context, r *store.Reception) error {
	if keys, report, ok := r.Paired(); ok {
		return a.again(ctx, r, keys, report)
	}
	if err := a.rows(r); err != nil {
		return err
	}
	if err := r.Keys(); err != nil {
		return err
	}
	newest, err := a.pairing.read(ctx, a.keys[0].held, a.ids, func(d dossier) error { return r.Row(d.row) })
	if err != nil {
		return err
	}
	a.read = append(a.read, newest)
	missing, err := r.Pair()
	if err != nil {
		return err
	}
	if err := r.Keys(); err != nil {
		return err
	}
	older, err := a.pairing.search(ctx, r, missing, a.keys[1:], a.ids, a.out)
	if err != nil {
		return err
	}
	told := paired{Taken: a.out.Taken, Lost: a.out.Lost}
	for _, p := range older {
		a.read = append(a.read, p)
		told.Older = append(told.Older, p.name)
	}
	if err := r.Retire(); err != nil {
		return err
	}
	report, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return r.SetPaired(newest.content(), string(report))
}

// rows brings in those of the data part that an earlier try has not kept.
func (a *arrival) rows(r *store.Reception) error {
	kept, p := r.Kept(), a.data
	begun, last, since := false, store.Mark{}, int64(0)
	err := p.each(func(table string, columns []string) error {
		if begun = p.total >= kept.Rows; !begun {
			return nil
		}
		return r.Begin(table, columns, false)
	}, func(row []store.Value) error {
		if p.total <= kept.Rows {
			return nil
		}
		if !begun {
			if err := r.Begin(p.table.Name, p.table.Columns, true); err != nil {
				return err
			}
			begun = true
		}
		return r.Row(row)
	}, func(m store.Mark) error {
		// Marks are set where frames end: the same part has one in the same place.
		if last.Rows < kept.Rows && m.Rows >= kept.Rows && m != kept {
			return fmt.Errorf("%w: %w", ErrStartOver, store.ErrAnother)
		}
		if last = m; m.Rows <= kept.Rows || p.read.n.Load()-since < keepEvery {
			return nil
		}
		since = p.read.n.Load()
		return r.Keep(m)
	})
	if err == nil && last.Rows < kept.Rows {
		err = fmt.Errorf("%w: %w", ErrStartOver, store.ErrAnother)
	}
	if err != nil || last.Rows == kept.Rows {
		return err
	}
	return r.Keep(last)
}

// again reads the parts of a pair that an earlier try has brought in, to see that
// they are what they are signed to be. Where the newest key part says anything else
// than the one that was paired, somebody was erased, or more, since.
func (a *arrival) again(ctx context.Context, r *store.Reception, keys, report string) error {
	var told paired
	if err := json.Unmarshal([]byte(report), &told); err != nil {
		return fmt.Errorf("%w: %w", ErrStartOver, err)
	}
	var last store.Mark
	err := a.data.each(func(string, []string) error { return nil }, func([]store.Value) error { return nil }, func(m store.Mark) error {
		last = m
		return nil
	})
	if err != nil {
		return err
	}
	if last != r.Kept() { // the rows that are there came from other bytes, which nobody has checked
		return fmt.Errorf("%w: %w", ErrStartOver, store.ErrAnother)
	}
	for i, k := range a.keys {
		if i > 0 && !slices.Contains(told.Older, k.String()) {
			continue
		}
		p, err := a.pairing.look(ctx, k.held, a.ids, func(dossier) error { return nil })
		if err != nil {
			return err
		}
		if i == 0 && p.content() != keys {
			return fmt.Errorf("%w: there is a newer key part now", ErrStartOver)
		}
		a.read = append(a.read, p)
	}
	a.out.Taken, a.out.Lost = told.Taken, told.Lost
	if len(a.read) != 2+len(told.Older) {
		return fmt.Errorf("%w: a key part that it has read is gone", ErrStartOver)
	}
	return nil
}

// content is the digest of what a part holds, apart from when that was.
func (p *part) content() string { return hex.EncodeToString(p.held.Sum(nil)) }

package privacy

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Copy is a place where the erasure journal is kept beside the database.
type Copy interface {
	String() string
	// Bring brings the copy to the end of the journal and returns the number of
	// the entry it ends with.
	Bring(ctx context.Context, db *store.DB) (int64, error)
}

// Spread takes what was erased into the journal and brings the copy beside the
// key file to its end. Where a request waits for it, those in the places of
// backups follow, and it is noted which requests are done everywhere by that. A
// place that can't be reached keeps those open.
func (o *Officer) Spread(ctx context.Context) error {
	o.busy.Lock()
	defer o.busy.Unlock()
	if _, err := o.db.SequenceErasures(ctx); err != nil {
		return err
	}
	reached, err := o.beside.Bring(ctx, o.db)
	if err != nil {
		return fmt.Errorf("copy of the erasure journal in %s: %w", o.beside, err)
	}
	missing := false
	err = o.db.View(ctx, func(v *store.View) (err error) {
		missing, err = v.SomewhereMissing()
		return err
	})
	if err != nil || !missing {
		return err
	}
	var errs []error
	for _, c := range o.places {
		n, err := c.Bring(ctx, o.db)
		if err != nil {
			errs = append(errs, fmt.Errorf("copy of the erasure journal in %s: %w", c, err))
		}
		reached = min(reached, n)
	}
	err = o.db.InTx(ctx, ledger.System("rights"), func(t *store.Tx) error {
		_, err := t.CopiesReached(reached)
		return err
	})
	return errors.Join(append(errs, err)...)
}

// Replay destroys again whatever of the whole journal is alive: a row that
// somebody put back without the rest of its database.
func (o *Officer) Replay(ctx context.Context) error {
	n, err := o.db.Replay(ctx)
	if n > 0 {
		o.log.WarnContext(ctx, "erased dossiers had come back and are destroyed again", "dossiers", n)
	}
	return errors.Join(err, o.db.ScrubDue(ctx))
}

// Beside is the copy of the journal beside the key file. It is read at every
// start, before anything is served.
type Beside struct {
	file   *erasure.File
	path   string
	signer *ledger.Signer
}

// String names the file.
func (b *Beside) String() string { return b.path }

// Bring implements Copy.
func (b *Beside) Bring(ctx context.Context, db *store.DB) (int64, error) {
	for {
		var list []erasure.Entry
		err := db.View(ctx, func(v *store.View) (err error) {
			list, err = v.Erasures(b.file.Last().Number, 1000)
			return err
		})
		if err != nil || len(list) == 0 {
			return b.file.Last().Number, err
		}
		if err := b.file.Append(list, b.signer); err != nil {
			return b.file.Last().Number, err
		}
	}
}

// Met says what the journal beside the key file told at a start.
type Met struct {
	Learnt   int64 // entries that the database did not have: it was put back from an older copy
	Replayed int64 // dossiers that were alive again, and are destroyed
}

// Meet compares the journal in a file with that of the database, both ways. What
// the database does not know is replayed: whoever was erased stays so.
func Meet(ctx context.Context, db *store.DB, path string) (*Beside, Met, error) {
	var met Met
	signer, err := erasure.Signer(db.ShopID(), db.Keys().Ledger)
	if err != nil {
		return nil, met, err
	}
	b := &Beside{path: path, signer: signer}
	var ours erasure.Entry
	err = db.View(ctx, func(v *store.View) (err error) {
		ours, err = v.LastErasure()
		return err
	})
	if err != nil {
		return nil, met, err
	}
	// Only what goes beyond the database is kept; of the rest, whether it agrees.
	var beyond []erasure.Entry
	agrees := ours.Number == 0
	b.file, err = erasure.Open(path, []string{signer.VerifierKey()}, func(e erasure.Entry) error {
		if e.Number == ours.Number {
			agrees = e == ours
		}
		if e.Number > ours.Number {
			beyond = append(beyond, e)
		}
		return nil
	})
	if err != nil {
		return nil, met, err
	}
	last := b.file.Last()
	if last.Number < ours.Number {
		agrees, err = holds(ctx, db, last)
		if err != nil {
			return nil, met, err
		}
	}
	if !agrees { // the two went different ways: every entry of the file counts
		beyond = nil
		if b.file, err = erasure.Open(path, []string{signer.VerifierKey()}, func(e erasure.Entry) error { beyond = append(beyond, e); return nil }); err != nil {
			return nil, met, err
		}
	}
	if len(beyond) > 0 {
		if met.Learnt, err = db.LearnErasures(ctx, beyond); err != nil {
			return nil, met, err
		}
		if met.Replayed, err = db.Replay(ctx); err != nil {
			return nil, met, err
		}
	}
	if !agrees {
		if err := b.file.Restart(); err != nil {
			return nil, met, err
		}
	}
	_, err = b.Bring(ctx, db)
	return b, met, err
}

// holds reports whether the database's journal has an entry.
func holds(ctx context.Context, db *store.DB, e erasure.Entry) (same bool, err error) {
	if e.Number == 0 {
		return true, nil
	}
	err = db.View(ctx, func(v *store.View) error {
		list, err := v.Erasures(e.Number-1, 1)
		same = len(list) == 1 && list[0] == e
		return err
	})
	return same, err
}

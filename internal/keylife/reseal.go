package keylife

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Sealing anew gives dossiers other keys, and their values the newest format. A
// dossier is sealed anew when it is in an older format than the newest, or when
// somebody asked for all (ResealAll) and it got its key before that. Both stand in
// the database, so whoever is cut off, or another node, goes on from there.
//
// What took a dossier's place is wrapped like any other. Its old wrap is retired:
// it is re-wrapped with the rest for as long as a backup may need it, and then let
// go (letGo).

// resealPage is how many dossiers one transaction seals anew. While it runs nobody
// else writes on SQLite.
const resealPage = 8

// Resealed is what a pass of Reseal did.
type Resealed struct {
	Done int64 // dossiers that were sealed anew
	Left int64 // dossiers in which something does not open, left as they are
}

// ResealAll asks that every dossier there is now gets another key, and so does
// Reseal, or the next Tend.
func (k *Keeper) ResealAll(ctx context.Context, who ledger.Actor) error {
	return k.db.InTx(ctx, who, func(t *store.Tx) error { return t.ResealAll() })
}

// Reseal seals anew what is due for it. The shop serves meanwhile. tell is called
// after each page.
func (k *Keeper) Reseal(ctx context.Context, pace Pace, tell func(Progress)) (Resealed, error) {
	k.busy.Lock()
	defer k.busy.Unlock()
	return k.reseal(ctx, pace, tell)
}

func (k *Keeper) reseal(ctx context.Context, pace Pace, tell func(Progress)) (Resealed, error) {
	p := resealing{Keeper: k, pace: pace, tell: tell}
	if err := p.moveOn(ctx); err != nil {
		return p.out, err
	}
	mark, all, err := k.stale(ctx)
	if err != nil || all == 0 && mark.Before.IsZero() {
		return p.out, err
	}
	p.mark, p.all = mark, all
	if err := p.pass(ctx); err != nil || p.out.Left > 0 {
		return p.out, err
	}
	if mark, all, err = k.stale(ctx); err != nil || all > 0 {
		return p.out, err // another node has not heard of the format yet; the next pass finds the rest
	}
	return p.out, k.db.InTx(ctx, system, func(t *store.Tx) error { return t.Resealed(mark, p.out.Done) })
}

// stale says what is to be sealed anew, and counts it where there can be any.
func (k *Keeper) stale(ctx context.Context) (m store.ResealMark, n int64, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		if m, err = v.ResealMark(); err != nil || m.Before.IsZero() && k.ring.Formats() == 1 {
			return err
		}
		n, err = v.CountStale(m)
		return err
	})
	return m, n, err
}

// resealing is one pass.
type resealing struct {
	*Keeper
	pace Pace
	tell func(Progress)
	mark store.ResealMark
	all  int64
	out  Resealed
}

// pass goes over the dossiers once.
func (p *resealing) pass(ctx context.Context) error {
	var after *seal.Owner
	for {
		began := time.Now()
		var list []seal.Owner
		err := p.db.View(ctx, func(v *store.View) (err error) {
			list, err = v.Stale(p.mark, after, resealPage)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		after = &list[len(list)-1]
		if err := p.page(ctx, list); err != nil {
			return err
		}
		p.tell(Progress{Done: p.out.Done, All: max(p.all, p.out.Done)})
		if err := p.rest(ctx, began); err != nil {
			return err
		}
	}
}

// rest lets others at the epochs between two pages: a node that does not hear of a
// new one would go on sealing under the one before, which may be shredded meanwhile.
func (p *resealing) rest(ctx context.Context, began time.Time) error {
	p.busy.Unlock()
	defer p.busy.Lock()
	if p.pace != Calm {
		return nil
	}
	return rest(ctx, time.Since(began)/2)
}

// page seals dossiers anew together, or one by one where one of them hinders the
// others.
func (p *resealing) page(ctx context.Context, list []seal.Owner) error {
	var more bool
	err := p.db.InLaggingTx(ctx, system, func(t *store.Tx) error {
		more = false
		for _, o := range list {
			whole, err := t.Reseal(o, p.mark)
			if err != nil {
				return err
			}
			more = more || !whole
		}
		return nil
	})
	switch {
	case err == nil && more:
		p.out.Done += int64(len(list))
		return p.moveOn(ctx)
	case err == nil:
		p.out.Done += int64(len(list))
		return nil
	case len(list) == 1:
		return p.hindered(ctx, list[0], err)
	}
	for one := range slices.Chunk(list, 1) {
		if err := p.page(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// moveOn moves what retired dossiers still have, of this pass and of any that was
// cut off.
func (p *resealing) moveOn(ctx context.Context) error {
	var list []seal.Owner
	err := p.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.Leaving()
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range list {
		for whole := false; !whole; {
			began := time.Now()
			err := p.db.InLaggingTx(ctx, system, func(t *store.Tx) (err error) {
				whole, err = t.MoveOn(o)
				return err
			})
			if err != nil {
				if err = p.hindered(ctx, o, err); err != nil {
					return err
				}
				break
			}
			if err := p.rest(ctx, began); err != nil {
				return err
			}
		}
	}
	return nil
}

// hindered tells of a dossier that can't be sealed anew now. The pass goes on
// without one in which something does not open, and without one that somebody is
// at work with: that waits for the next pass.
func (p *resealing) hindered(ctx context.Context, o seal.Owner, err error) error {
	if store.GaveWay(err) {
		return nil
	}
	if !errors.Is(err, seal.ErrOpen) && !errors.Is(err, seal.ErrFormat) && !errors.Is(err, store.ErrTampered) {
		return fmt.Errorf("seal dossier %s anew: %w", o.Dossier, err)
	}
	p.out.Left++
	p.log.ErrorContext(ctx, "a dossier can't be sealed anew, since something in it does not open", "dossier", o.Dossier, "purpose", o.Purpose)
	return nil
}

// letGo ends the retired wraps that no backup of the window needs any more.
func (k *Keeper) letGo(ctx context.Context) error {
	const page = 200
	all := 0
	for n := page; n == page; all += n {
		err := k.db.InTx(ctx, system, func(t *store.Tx) (err error) {
			n, err = t.LetGo(t.Now().Add(-k.window), page)
			return err
		})
		if err != nil {
			return err
		}
	}
	if all > 0 {
		k.log.InfoContext(ctx, "retired wraps were let go", "dossiers", all)
	}
	return k.db.ScrubDue(ctx)
}

// Resealing tells how far sealing anew is.
type Resealing struct {
	Left    int64     // dossiers that are to be sealed anew
	Retired int64     // wraps that are kept for backups
	Until   time.Time // when the last of those goes, by what is known now; zero without any
}

// Resealing counts what is to be sealed anew, and what is kept of before.
func (k *Keeper) Resealing(ctx context.Context) (r Resealing, err error) {
	if _, r.Left, err = k.stale(ctx); err != nil {
		return r, err
	}
	err = k.db.View(ctx, func(v *store.View) (err error) {
		r.Retired, r.Until, err = v.Retired()
		return err
	})
	if r.Retired > 0 {
		r.Until = r.Until.Add(k.window)
	}
	return r, err
}

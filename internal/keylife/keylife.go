// Package keylife looks after the epochs: it begins one each month, re-wraps what
// is alive, and destroys the key of an old one when nothing alive needs it and no
// backup that may still be restored does. When it is told to, it replaces the key
// of the blind indexes too (index.go). It has values sealed anew that are in an
// older format, or all of them when somebody asks for it (reseal.go).
//
// It knows when. It does not know where keys are kept (a seal.KeyStore does), how
// a wrap is made (seal) or how one is stored (store). Everything here may be cut
// off at any moment and goes on from what it finds: the key store and the
// database are the only memory.
//
//	NewEpoch   the key store keeps the key       cut off: Meet takes note of it
//	note       the database knows of it          cut off: the same
//	Use        new wraps are made with it
//	leave      none is made under an older one   other nodes learn of the new one by that
//	re-wrap    page by page                      cut off: the next pass finds the rest
//	emptied    nothing alive needs the old one
//	           … the backup window passes …
//	close      the database has decided          cut off: the key store is told again
//	destroy    the key store has forgotten it
package keylife

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// EpochLasts is how long an epoch is used before the next one begins.
	EpochLasts = 30 * 24 * time.Hour
	// Window is how long backups are kept unless the shop says otherwise. An
	// epoch outlives its last dossier by as much.
	Window = 35 * 24 * time.Hour
	// MeetEvery is how often a node asks whether another one began an epoch.
	MeetEvery = 10 * time.Second
	// TendEvery is how often the shop looks after its epochs by itself.
	TendEvery = time.Hour
)

// Keeper looks after the epochs of one shop. It is safe for concurrent use.
type Keeper struct {
	db     *store.DB
	ring   *seal.Ring
	window time.Duration
	save   func(context.Context) error
	log    *slog.Logger

	busy     sync.Mutex // held by whoever changes epochs in this program
	indexing sync.Mutex // held by whoever changes index keys in this program
}

// New makes a keeper. window is how long a backup may be restored after it was
// made; zero is Window.
func New(db *store.DB, ring *seal.Ring, window time.Duration, log *slog.Logger) *Keeper {
	if window <= 0 {
		window = Window
	}
	return &Keeper{db: db, ring: ring, window: window, log: log, save: func(context.Context) error { return nil }}
}

// Saving says who brings the recovery file up to date. It is called whenever the
// key store may have changed: after a new epoch was kept and before anything is
// wrapped with it, and after one was destroyed.
func (k *Keeper) Saving(save func(context.Context) error) { k.save = save }

var system = ledger.System("keys")

// Rotate begins an epoch now. What is wrapped under older ones stays readable
// and is re-wrapped by Rewrap, or by the next Tend.
func (k *Keeper) Rotate(ctx context.Context, who ledger.Actor) (seal.EpochID, error) {
	k.busy.Lock()
	defer k.busy.Unlock()
	return k.rotate(ctx, who)
}

func (k *Keeper) rotate(ctx context.Context, who ledger.Actor) (seal.EpochID, error) {
	// Another node may have begun one; ours is to follow it.
	if err := k.meet(ctx); err != nil {
		return 0, err
	}
	id, err := k.ring.NewEpoch(ctx, k.db.Now())
	if err != nil {
		return 0, err
	}
	if err := k.save(ctx); err != nil {
		return 0, fmt.Errorf("the new epoch is not used: %w", err)
	}
	if err := k.db.NoteEpoch(ctx, who, id); err != nil {
		if !errors.Is(err, store.ErrEpochTaken) {
			return 0, err
		}
		// Another node noted it, from the key store that both use; or it has a key
		// store of its own, and then ours, which has wrapped nothing, goes again.
		if err = k.meet(ctx); errors.Is(err, store.ErrForeignKeys) {
			err = errors.Join(err, k.ring.DestroyEpoch(ctx, id))
		}
		if err != nil {
			return 0, err
		}
	} else if err := k.ring.Use(id); err != nil {
		return 0, err
	}
	k.log.InfoContext(ctx, "a new epoch began", "epoch", id)
	return id, nil
}

// meet learns of what other nodes did with the key store. An epoch is in the key store
// before it is noted, so one that was noted after we have read it is there when it is
// read again; only one that is missing twice is lost. The others may note the next
// meanwhile.
func (k *Keeper) meet(ctx context.Context) error {
	var before []seal.EpochID
	for {
		if err := k.ring.Reload(ctx); err != nil {
			return err
		}
		err := k.db.MeetEpochs(ctx)
		missing, ok := errors.AsType[*store.MissingEpochs](err)
		if !ok || slices.ContainsFunc(missing.IDs, func(id seal.EpochID) bool { return slices.Contains(before, id) }) {
			return err
		}
		before = missing.IDs
	}
}

// Meet learns of epochs that other nodes have begun.
func (k *Keeper) Meet(ctx context.Context) error {
	k.busy.Lock()
	defer k.busy.Unlock()
	newest, err := k.newest(ctx)
	if err != nil || newest <= k.ring.Sealing() {
		return err
	}
	return k.meet(ctx)
}

func (k *Keeper) newest(ctx context.Context) (seal.EpochID, error) {
	list, err := k.epochs(ctx)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[len(list)-1].ID, nil
}

// Tend does whatever is due: it begins an epoch when the present one is a month
// old, re-wraps what is under older ones, destroys those whose time has come, and
// goes on with sealing anew.
func (k *Keeper) Tend(ctx context.Context) error {
	k.busy.Lock()
	defer k.busy.Unlock()
	if err := k.save(ctx); err != nil {
		return err
	}
	if err := k.meet(ctx); err != nil {
		return err
	}
	for _, e := range k.ring.Epochs() {
		if e.ID == k.ring.Sealing() && k.db.Now().Sub(e.Created) >= EpochLasts {
			if _, err := k.rotate(ctx, system); err != nil {
				return err
			}
		}
	}
	if err := k.letGo(ctx); err != nil {
		return err
	}
	if err := k.rewrap(ctx, Calm, func(Progress) {}); err != nil {
		return err
	}
	if _, err := k.destroy(ctx, k.window); err != nil {
		return err
	}
	if err := k.save(ctx); err != nil {
		return err
	}
	_, err := k.reseal(ctx, Calm, func(Progress) {})
	return err
}

// Shred begins an epoch, re-wraps everything alive and destroys every older
// epoch at once, without waiting for the backup window: what was erased cannot
// be opened any more even by whoever kept old copies of the database beside
// today's key store. Key parts of backups from before it open nothing any more,
// so the caller makes a new one.
func (k *Keeper) Shred(ctx context.Context, who ledger.Actor, tell func(Progress)) (int, error) {
	k.busy.Lock()
	defer k.busy.Unlock()
	if _, err := k.rotate(ctx, who); err != nil {
		return 0, err
	}
	if err := k.rewrap(ctx, Swift, tell); err != nil {
		return 0, err
	}
	n, err := k.destroy(ctx, 0)
	if err != nil {
		return n, err
	}
	return n, errors.Join(k.save(ctx), k.db.Scrub(ctx))
}

// destroy ends the epochs that have been empty for as long as wait says.
func (k *Keeper) destroy(ctx context.Context, wait time.Duration) (int, error) {
	list, err := k.epochs(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range list {
		if e.ID == k.ring.Sealing() || !e.Gone.IsZero() {
			continue
		}
		if e.Closed.IsZero() {
			if e.Emptied.IsZero() || k.db.Now().Before(e.Emptied.Add(wait)) {
				continue
			}
			if err := k.db.InTx(ctx, system, func(t *store.Tx) error { return t.CloseEpoch(e.ID) }); err != nil {
				return n, err
			}
		}
		if err := k.ring.DestroyEpoch(ctx, e.ID); err != nil {
			return n, err
		}
		if err := k.db.InTx(ctx, system, func(t *store.Tx) error { return t.EpochGone(e.ID) }); err != nil {
			return n, err
		}
		k.log.InfoContext(ctx, "an epoch was destroyed", "epoch", e.ID)
		n++
	}
	return n, nil
}

func (k *Keeper) epochs(ctx context.Context) (list []store.Epoch, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		list, err = v.Epochs()
		return err
	})
	return list, err
}

// State says what an epoch is doing.
type State int

// The states of an epoch, in their order.
const (
	Sealing  State = iota // new wraps use it
	Leaving               // dossiers are still wrapped under it
	Waiting               // nothing alive needs it; backups may
	Ending                // its key goes
	Finished              // its key is gone
)

var stateNames = [...]string{"sealing", "leaving", "waiting", "ending", "finished"}

// String is one word.
func (s State) String() string { return stateNames[s] }

// Epoch is an epoch and what keeps it.
type Epoch struct {
	store.Epoch
	State    State
	Dossiers int64     // that are not destroyed
	Ends     time.Time // when its key goes, by what is known now; zero unless Waiting
}

// List tells of every epoch, oldest first.
func (k *Keeper) List(ctx context.Context) ([]Epoch, error) {
	var out []Epoch
	err := k.db.View(ctx, func(v *store.View) error {
		list, err := v.Epochs()
		if err != nil {
			return err
		}
		counts, err := v.CountByEpoch()
		if err != nil {
			return err
		}
		out = make([]Epoch, 0, len(list))
		for _, e := range list {
			out = append(out, k.epoch(e, counts[e.ID]))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list epochs: %w", err)
	}
	return out, nil
}

func (k *Keeper) epoch(e store.Epoch, dossiers int64) Epoch {
	out := Epoch{Epoch: e, Dossiers: dossiers}
	switch {
	case !e.Gone.IsZero():
		out.State = Finished
	case !e.Closed.IsZero():
		out.State = Ending
	case e.ID == k.ring.Sealing():
		out.State = Sealing
	case e.Emptied.IsZero():
		out.State = Leaving
	default:
		out.State, out.Ends = Waiting, e.Emptied.Add(k.window)
	}
	return out
}

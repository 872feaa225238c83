package seal

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal/locked"
)

// Ring holds the living epochs in memory. It is safe for concurrent use.
type Ring struct {
	store KeyStore
	room  *locked.Room // where the keys are

	formats []*Format // the newest last

	mu      sync.RWMutex
	epochs  map[EpochID]*epoch
	sealing EpochID // new wraps use it; 0 while the ring is empty
}

// epoch keeps what wrapping needs. The HKDF extract step depends on the epoch
// key alone, so it is done once here and not for every wrap.
type epoch struct {
	prk     secret
	created time.Time
}

// Open loads the living epochs from a key store; new wraps use the highest one.
// A ring may be empty: a new shop calls NewEpoch and Use next. newer are formats
// beyond those that the program has; only tests give any.
func Open(ctx context.Context, store KeyStore, newer ...Format) (*Ring, error) {
	known, err := formats(newer)
	if err != nil {
		return nil, err
	}
	r := &Ring{store: store, room: &locked.Room{}, formats: known, epochs: map[EpochID]*epoch{}}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the key store again: after ErrEpochUnknown, when another node
// may have begun an epoch, and after another one destroyed one. New wraps go on
// using the epoch they used, as long as it lives.
func (r *Ring) Reload(ctx context.Context) error {
	list, err := r.store.Load(ctx)
	if err != nil {
		return fmt.Errorf("load epoch keys: %w", err)
	}
	epochs := make(map[EpochID]*epoch, len(list))
	read := false
	defer func() {
		for _, e := range epochs {
			if !read {
				r.end(e)
			}
		}
	}()
	var highest EpochID
	for _, e := range list {
		if e.ID == 0 || e.Key.IsZero() || epochs[e.ID] != nil {
			return fmt.Errorf("load epoch keys: epoch %d is empty or there twice", e.ID)
		}
		made, err := r.newEpoch(e)
		e.Key.Wipe()
		if err != nil {
			return err
		}
		epochs[e.ID] = made
		highest = max(highest, e.ID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	read = true
	for _, old := range r.epochs {
		r.end(old)
	}
	r.epochs = epochs
	if epochs[r.sealing] == nil {
		r.sealing = highest
	}
	return nil
}

func (r *Ring) newEpoch(e Epoch) (*epoch, error) {
	prk, err := hkdf.Extract(sha256.New, e.Key.key()[:], nil)
	if err != nil {
		return nil, fmt.Errorf("prepare epoch %d: %w", e.ID, err)
	}
	defer clear(prk)
	kept := r.room.Take()
	copy(kept[:], prk)
	return &epoch{prk: secret{&kept}, created: e.Created}, nil
}

// end overwrites the key of an epoch.
func (r *Ring) end(e *epoch) { r.room.Give(e.prk.key()) }

// Unlocked says why the system may write the keys of the ring to its swap space;
// nil when it does not.
func (r *Ring) Unlocked() error { return r.room.Fault() }

// Sealing is the epoch that new wraps use; 0 when the ring is empty.
func (r *Ring) Sealing() EpochID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sealing
}

// EpochInfo is what may be shown of an epoch.
type EpochInfo struct {
	ID      EpochID
	Created time.Time
}

// Epochs lists the living epochs, oldest first.
func (r *Ring) Epochs() []EpochInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]EpochInfo, 0, len(r.epochs))
	for id, e := range r.epochs {
		list = append(list, EpochInfo{ID: id, Created: e.created})
	}
	slices.SortFunc(list, func(a, b EpochInfo) int { return int(a.ID) - int(b.ID) })
	return list
}

// NewEpoch draws the key of the epoch after the highest one. The store keeps it
// before it is in the ring, and nothing is wrapped with it before [Ring.Use]: the
// caller first lets everybody else learn of it. The first of an empty ring is
// used at once.
func (r *Ring) NewEpoch(ctx context.Context, now time.Time) (EpochID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Epoch{ID: 1, Key: NewEpochKey(), Created: now.UTC().Truncate(time.Millisecond)}
	defer e.Key.Wipe()
	for id := range r.epochs {
		e.ID = max(e.ID, id+1)
	}
	if err := r.store.Add(ctx, e); err != nil {
		return 0, fmt.Errorf("keep epoch %d: %w", e.ID, err)
	}
	made, err := r.newEpoch(e)
	if err != nil {
		return 0, err
	}
	r.epochs[e.ID] = made
	if r.sealing == 0 {
		r.sealing = e.ID
	}
	return e.ID, nil
}

// Use makes new wraps use an epoch of the ring, unless they use a later one by now:
// what somebody has read is no reason to go back behind a rotation that came meanwhile.
func (r *Ring) Use(id EpochID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epochs[id] == nil {
		return ErrEpochUnknown
	}
	r.sealing = max(r.sealing, id)
	return nil
}

// CheckSize is the length in bytes of an epoch's check.
const CheckSize = 16

// Check is HKDF-Expand(epoch key, "cartkeep/epoch-check/v1", 16 bytes): it tells
// whether two key stores mean the same key by a number, and nothing of the key.
// An epoch that is not in the ring is ErrEpochUnknown.
func (r *Ring) Check(id EpochID) ([]byte, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.epochs[id]
	if e == nil {
		return nil, ErrEpochUnknown
	}
	out := make([]byte, CheckSize)
	expand(hmacOf(e.prk.key()), []byte("cartkeep/epoch-check/v1"), out)
	return out, nil
}

var errInUse = errors.New("seal: this epoch is in use; use another one first")

// DestroyEpoch ends an epoch here and in the key store. Every wrap still under
// it is lost: the caller has re-wrapped the living ones. The one that new wraps
// use is refused.
func (r *Ring) DestroyEpoch(ctx context.Context, id EpochID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id == r.sealing {
		return errInUse
	}
	if err := r.store.Destroy(ctx, id); err != nil {
		return fmt.Errorf("destroy epoch %d: %w", id, err)
	}
	if e := r.epochs[id]; e != nil {
		r.end(e)
		delete(r.epochs, id)
	}
	return nil
}

// Close wipes every key. The ring then knows no epoch.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.epochs {
		r.end(e)
	}
	r.epochs, r.sealing = map[EpochID]*epoch{}, 0
}

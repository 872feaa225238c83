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
)

// Ring holds the living epochs in memory. It is safe for concurrent use.
type Ring struct {
	store KeyStore

	mu     sync.RWMutex
	epochs map[EpochID]*epoch
	newest EpochID
}

// epoch keeps what wrapping needs. The HKDF extract step depends on the epoch
// key alone, so it is done once here and not for every wrap.
type epoch struct {
	prk     secret
	created time.Time
}

// Open loads the living epochs from a key store. A ring may be empty: a new
// shop calls NewEpoch next.
func Open(ctx context.Context, store KeyStore) (*Ring, error) {
	r := &Ring{store: store, epochs: map[EpochID]*epoch{}}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the key store again: after ErrEpochUnknown, when another node
// may have begun an epoch, and after another one destroyed one.
func (r *Ring) Reload(ctx context.Context) error {
	list, err := r.store.Load(ctx)
	if err != nil {
		return fmt.Errorf("load epoch keys: %w", err)
	}
	epochs := make(map[EpochID]*epoch, len(list))
	var newest EpochID
	for _, e := range list {
		if e.ID == 0 || e.Key.IsZero() || epochs[e.ID] != nil {
			return fmt.Errorf("load epoch keys: epoch %d is empty or there twice", e.ID)
		}
		made, err := newEpoch(e)
		e.Key.Wipe()
		if err != nil {
			return err
		}
		epochs[e.ID] = made
		newest = max(newest, e.ID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range r.epochs {
		old.prk.zero()
	}
	r.epochs, r.newest = epochs, newest
	return nil
}

func newEpoch(e Epoch) (*epoch, error) {
	prk, err := hkdf.Extract(sha256.New, e.Key.key()[:], nil)
	if err != nil {
		return nil, fmt.Errorf("prepare epoch %d: %w", e.ID, err)
	}
	defer clear(prk)
	return &epoch{prk: hide((*[KeySize]byte)(prk)), created: e.Created}, nil
}

// Newest is the epoch that new wraps use; 0 when the ring is empty.
func (r *Ring) Newest() EpochID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.newest
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

// NewEpoch begins an epoch: its key is kept by the store first and used after.
// With several nodes the caller lets all of them reload before wraps are made.
func (r *Ring) NewEpoch(ctx context.Context, now time.Time) (EpochID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Epoch{ID: r.newest + 1, Key: NewEpochKey(), Created: now.UTC().Truncate(time.Millisecond)}
	defer e.Key.Wipe()
	if err := r.store.Add(ctx, e); err != nil {
		return 0, fmt.Errorf("keep epoch %d: %w", e.ID, err)
	}
	made, err := newEpoch(e)
	if err != nil {
		return 0, err
	}
	r.epochs[e.ID], r.newest = made, e.ID
	return e.ID, nil
}

var errNewest = errors.New("seal: the newest epoch is in use; begin another first")

// DestroyEpoch ends an epoch here and in the key store. Every wrap still under
// it is lost: the caller has re-wrapped the living ones. The newest epoch is
// refused.
func (r *Ring) DestroyEpoch(ctx context.Context, id EpochID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id == r.newest {
		return errNewest
	}
	if err := r.store.Destroy(ctx, id); err != nil {
		return fmt.Errorf("destroy epoch %d: %w", id, err)
	}
	if e := r.epochs[id]; e != nil {
		e.prk.zero()
		delete(r.epochs, id)
	}
	return nil
}

// Close wipes every key. The ring then knows no epoch.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.epochs {
		e.prk.zero()
	}
	r.epochs, r.newest = map[EpochID]*epoch{}, 0
}

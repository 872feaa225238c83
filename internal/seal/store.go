package seal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors that callers branch on. None of them says which byte was wrong: to a
// thief trying things out, every refusal looks the same.
var (
	// ErrOpen means a wrong key, owner or place, or changed bytes.
	ErrOpen = errors.New("seal: does not open")
	// ErrEpochUnknown means the ring does not hold the epoch: it was destroyed,
	// or another node made it and this one has to reload.
	ErrEpochUnknown = errors.New("seal: epoch unknown")
	// ErrFormat means the bytes are no wrap or value of a version we know.
	ErrFormat = errors.New("seal: not a format we know")
	// ErrTooLong means a value above MaxPlain.
	ErrTooLong = errors.New("seal: value is too long")
)

// EpochID numbers epochs, from 1 upwards. The highest is the newest.
type EpochID uint32

// Epoch is a key under which dossiers are wrapped for about a month.
type Epoch struct {
	ID      EpochID
	Key     EpochKey
	Created time.Time
}

// KeyStore keeps epoch keys outside the shop's data.
type KeyStore interface {
	// Load gives all living epochs. The caller owns the keys and wipes them.
	Load(ctx context.Context) ([]Epoch, error)
	// Add keeps a new epoch durably before it returns. An id that is there
	// already is refused.
	Add(ctx context.Context, e Epoch) error
	// Destroy forgets an epoch for good before it returns. Destroying what is
	// gone already is no error, so that a crash can be repeated.
	Destroy(ctx context.Context, id EpochID) error
}

// Memory is a KeyStore that ends with the program: for tests, and for a
// recovery that has read its keys from somewhere else.
type Memory struct {
	mu     sync.Mutex
	epochs []Epoch
}

// NewMemory holds copies of the given epochs.
func NewMemory(epochs ...Epoch) *Memory { return &Memory{epochs: copyEpochs(epochs)} }

// Load gives copies of the epochs.
func (m *Memory) Load(context.Context) ([]Epoch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return copyEpochs(m.epochs), nil
}

// Add keeps an epoch.
func (m *Memory) Add(_ context.Context, e Epoch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.epochs {
		if have.ID == e.ID {
			return fmt.Errorf("seal: epoch %d is there already", e.ID)
		}
	}
	m.epochs = append(m.epochs, copyEpochs([]Epoch{e})...)
	return nil
}

// Destroy forgets an epoch.
func (m *Memory) Destroy(_ context.Context, id EpochID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range m.epochs {
		if e.ID == id {
			e.Key.Wipe()
			m.epochs = append(m.epochs[:i], m.epochs[i+1:]...)
			return nil
		}
	}
	return nil
}

func copyEpochs(in []Epoch) []Epoch {
	out := make([]Epoch, len(in))
	for i, e := range in {
		out[i] = e
		if b := e.Key.key(); b != nil {
			out[i].Key = EpochKey{hide(b)}
		}
	}
	return out
}

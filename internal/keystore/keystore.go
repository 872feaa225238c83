// Package keystore keeps epoch keys wrapped by somebody else: HashiCorp Vault or
// OpenBao (vault.go), or a program that knows a key management service or a
// hardware module (plugin.go).
//
// Each epoch has a key of its own at the provider, so that no key there outlives
// an epoch and opens it again. What the provider has wrapped stands in a file
// where the key file would be; without the provider the file opens nothing:
//
//	cartkeep wrapped keys v1
//	# two sentences for people
//	shop: ID
//	provider: WHO
//	epoch: 1 2026-05-04T12:00:00.000Z BASE64 CHECK-8-HEX
//	check: SHA-256-HEX of everything above
//
// Destroying an epoch takes the line out first and then deletes the provider's
// key: cut off in between, the shop starts without the line, and deletes the key
// when it destroys the epoch again. The other way round it would not start.
//
// The provider is asked when the shop starts, when an epoch begins or ends, and
// when another node may have begun one. When it does not answer at start, the
// shop does not start and says why; later the shop goes on serving with the keys
// that it holds in memory, and whatever needed the provider is tried again
// within the hour.
//
// The package knows the file, the providers and their errors. It does not know
// when an epoch begins, nor what it wraps.
package keystore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
)

// Wrapper is a provider that wraps keys under keys which it never hands out.
type Wrapper interface {
	// Name says which provider it is and where. It holds no secret.
	Name() string
	// New makes a key. One that is there already is no error.
	New(ctx context.Context, key string) error
	// Wrap and Unwrap use a key. data has at most 64 bytes.
	Wrap(ctx context.Context, key string, data []byte) ([]byte, error)
	Unwrap(ctx context.Context, key string, wrapped []byte) ([]byte, error)
	// Delete ends a key for good. One that is gone already is no error.
	Delete(ctx context.Context, key string) error
}

// Errors that callers branch on.
var (
	// ErrUnreachable means that the provider does not answer, or says that it
	// can't now: sealed, starting, too busy.
	ErrUnreachable = errors.New("the key provider does not answer")
	// ErrRefused means that the provider answers and does not let us.
	ErrRefused = errors.New("the key provider refuses")
	// ErrDamaged means that the file, or what the provider gave, is not what was kept.
	ErrDamaged = errors.New("the wrapped keys are damaged")
	// ErrShop means that the file belongs to another shop.
	ErrShop = errors.New("the wrapped keys belong to another shop")
	// ErrProvider means that the file was made with another provider.
	ErrProvider = errors.New("the keys are wrapped by another provider")
	// ErrThere means that the provider wraps the keys already.
	ErrThere = errors.New("this provider keeps the keys already")
)

// Store is a seal.KeyStore whose keys are wrapped by a provider. It is safe for
// concurrent use, by several programs of one machine too.
type Store struct {
	path, shop string
	with       Wrapper

	mu sync.Mutex
}

// keyName is what the provider calls the key of an epoch.
func (s *Store) keyName(id seal.EpochID) string { return fmt.Sprintf("cartkeep-%s-%d", s.shop, id) }

// Name says which provider wraps the keys.
func (s *Store) Name() string { return s.with.Name() }

// Open uses the file at path. It asks the provider nothing yet.
func Open(path, shopID string, with Wrapper) (*Store, error) {
	s := &Store{path: path, shop: shopID, with: with}
	if _, err := s.read(); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace wraps epochs, puts the file of them at path in place of whatever key
// file stands there, and is done only once they were unwrapped again and are the
// same. Until then the old file is as it was. The caller wipes the epochs' keys.
func Replace(ctx context.Context, path, shopID string, with Wrapper, epochs []seal.Epoch) (*Store, error) {
	s := &Store{path: path, shop: shopID, with: with}
	doc := document{shop: shopID, provider: with.Name()}
	for _, e := range epochs {
		l, err := s.wrap(ctx, e)
		if err != nil {
			return nil, err
		}
		if err := s.same(ctx, l, e); err != nil {
			return nil, err
		}
		doc.lines = append(doc.lines, l)
	}
	return s, replace(path, doc.text())
}

// same checks that a line gives back the key that it was made of.
func (s *Store) same(ctx context.Context, l line, e seal.Epoch) error {
	again, err := s.unwrap(ctx, l)
	if err != nil {
		return err
	}
	defer again.Key.Wipe()
	want, got := e.Key.Reveal(), again.Key.Reveal()
	defer clear(want)
	defer clear(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("epoch %d: %w: the provider gave another key back", e.ID, ErrDamaged)
	}
	return nil
}

func (s *Store) wrap(ctx context.Context, e seal.Epoch) (line, error) {
	name := s.keyName(e.ID)
	if err := s.with.New(ctx, name); err != nil {
		return line{}, fmt.Errorf("epoch %d: %w", e.ID, err)
	}
	key := e.Key.Reveal()
	defer clear(key)
	wrapped, err := s.with.Wrap(ctx, name, key)
	if err != nil {
		return line{}, fmt.Errorf("epoch %d: %w", e.ID, err)
	}
	return line{id: e.ID, created: e.Created.UTC().Truncate(time.Millisecond), wrapped: wrapped}, nil
}

func (s *Store) unwrap(ctx context.Context, l line) (seal.Epoch, error) {
	raw, err := s.with.Unwrap(ctx, s.keyName(l.id), l.wrapped)
	if err != nil {
		return seal.Epoch{}, fmt.Errorf("epoch %d: %w", l.id, err)
	}
	defer clear(raw)
	key, err := seal.ParseEpochKey(raw)
	if err != nil {
		return seal.Epoch{}, fmt.Errorf("epoch %d: %w", l.id, ErrDamaged)
	}
	return seal.Epoch{ID: l.id, Key: key, Created: l.created}, nil
}

// Load asks the provider for every epoch. The caller wipes the keys.
func (s *Store) Load(ctx context.Context) ([]seal.Epoch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	out := make([]seal.Epoch, 0, len(doc.lines))
	for _, l := range doc.lines {
		e, err := s.unwrap(ctx, l)
		if err != nil {
			for _, e := range out {
				e.Key.Wipe()
			}
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Add keeps a new epoch: it is wrapped, gives itself back, and is on the disk
// when Add returns.
func (s *Store) Add(ctx context.Context, e seal.Epoch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.ID == 0 || e.Key.IsZero() {
		return fmt.Errorf("epoch %d has no number or no key", e.ID)
	}
	unlock, err := hold(s.path)
	if err != nil {
		return err
	}
	defer unlock()
	doc, err := s.read()
	if err != nil {
		return err
	}
	if n := len(doc.lines); n > 0 && doc.lines[n-1].id >= e.ID {
		return fmt.Errorf("epoch %d is there already, or a later one", e.ID)
	}
	l, err := s.wrap(ctx, e)
	if err != nil {
		return err
	}
	if err := s.same(ctx, l, e); err != nil {
		return err
	}
	doc.lines = append(doc.lines, l)
	return replace(s.path, doc.text())
}

// Destroy takes the line of an epoch out, and deletes the provider's key. A
// provider that does not let us use the key is asked to delete it before the line
// goes, so that a failure leaves the file as it was.
func (s *Store) Destroy(ctx context.Context, id seal.EpochID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := hold(s.path)
	if err != nil {
		return err
	}
	defer unlock()
	doc, err := s.read()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(doc.lines, func(l line) bool { return l.id == id })
	if at < 0 {
		return s.delete(ctx, id)
	}
	e, err := s.unwrap(ctx, doc.lines[at])
	e.Key.Wipe()
	usable := err == nil
	if !usable {
		if err := s.delete(ctx, id); err != nil {
			return err
		}
	}
	doc.lines = slices.Delete(doc.lines, at, at+1)
	if err := replace(s.path, doc.text()); err != nil || !usable {
		return err
	}
	return s.delete(ctx, id)
}

func (s *Store) delete(ctx context.Context, id seal.EpochID) error {
	if err := s.with.Delete(ctx, s.keyName(id)); err != nil {
		return fmt.Errorf("epoch %d: %w", id, err)
	}
	return nil
}

// Close lets go of nothing: no key stays here.
func (s *Store) Close() {}

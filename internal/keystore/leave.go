package keystore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
)

// Whoever leaves a provider has its keys deleted once somebody else keeps the
// epochs: it could unwrap copies of the old file for ever. A move that is cut off
// in between must not forget them, so a copy of the old file, which opens nothing
// by itself, lies beside the new one until they are gone.
const leftSuffix = ".left"

// Leave notes that the keys are about to move away from this provider. LetGo
// deletes them there when they have moved, and takes the note away in any case.
func (s *Store) Leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.read()
	if err != nil {
		return err
	}
	return replace(s.path+leftSuffix, d.text())
}

// Left tells which provider still has keys that were moved away from it; "" for
// none. path is that of the key file.
func Left(path string) (string, error) {
	d, err := left(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return d.provider, err
}

func left(path string) (document, error) {
	text, err := os.ReadFile(path + leftSuffix)
	if err != nil {
		return document{}, fmt.Errorf("read which keys were left: %w", err)
	}
	d, err := parse(text)
	if err != nil {
		return d, fmt.Errorf("%s: %w", path+leftSuffix, err)
	}
	return d, nil
}

// LetGo ends a move: where the key file says that somebody else keeps the keys
// now, those that the old provider has are deleted, and deleted tells so. Where
// nothing has moved yet it only takes the note away. provider makes the one that
// the settings name by a word.
func LetGo(ctx context.Context, path string, provider func(word string) (Wrapper, error)) (deleted bool, err error) {
	old, err := left(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now, err := named(path)
	if err != nil {
		return false, err
	}
	if now != old.provider {
		word, _, _ := strings.Cut(old.provider, " ")
		with, err := provider(word)
		if err == nil && with.Name() != old.provider {
			err = fmt.Errorf("%w: the settings say %q", ErrProvider, with.Name())
		}
		if err != nil {
			return false, fmt.Errorf("%s still has keys that were moved away from it: %w", old.provider, err)
		}
		s := &Store{path: path, shop: old.shop, with: with}
		for _, l := range old.lines {
			err = errors.Join(err, s.delete(ctx, l.id))
		}
		if err != nil {
			return false, fmt.Errorf("%s still has keys that were moved away from it: %w", old.provider, err)
		}
	}
	if err := keyfile.Remove(path + leftSuffix); err != nil {
		return false, fmt.Errorf("forget which keys were left: %w", err)
	}
	return now != old.provider, nil
}

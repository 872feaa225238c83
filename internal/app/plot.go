package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// plot is where a restored shop is built: beside its folder, which gets its name
// when all is done. What a try that was cut short has left there, its key file
// included, goes when the next one begins.
type plot struct {
	final    *folder
	work     *folder
	database string // a postgres:// URL, or ""
	set      Settings
	key      string // the new key file
}

var errNotAgreed = errors.New("nothing was changed")

func newPlot(dir, database, keyFile string, set *Settings) (*plot, error) {
	final, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	work, err := openFolder(final.path + ".restoring")
	if err != nil {
		return nil, err
	}
	s := &plot{final: final, work: work, database: database, set: *set}
	s.set.KeyFile = keyFile
	return s, nil
}

// clear makes room: it asks before anything in the way is touched, and removes
// what an earlier try has left.
func (s *plot) clear(ctx context.Context, ask func(string) bool) error {
	entries, err := os.ReadDir(s.final.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	aside := ""
	if len(entries) > 0 {
		aside = s.final.path + ".before-" + time.Now().UTC().Format("20060102T150405Z")
		if !ask(fmt.Sprintf("%s is not empty. It will be moved to %s.", s.final.path, aside)) {
			return errNotAgreed
		}
		// Whoever serves there holds the lock, and goes on to.
		if err := s.final.take(); err != nil {
			return err
		}
		if err := errors.Join(os.Rename(s.final.path, aside), s.final.release()); err != nil {
			return err
		}
	}
	return s.sweep(ctx)
}

// sweep removes what a try that was cut short has left.
func (s *plot) sweep(ctx context.Context) error {
	if _, err := os.Lstat(s.work.path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := s.work.take(); err != nil {
		return err // another restore into this folder runs
	}
	id, err := readID(s.work.file(draftName))
	if err != nil {
		id, err = readID(s.work.file("shop.id"))
	}
	if err == nil {
		if s.database != "" {
			if err := store.Wipe(ctx, s.database, id); err != nil {
				return errors.Join(err, s.work.release())
			}
		}
		if err := s.removeKey(id); err != nil {
			return errors.Join(err, s.work.release())
		}
	}
	return errors.Join(os.RemoveAll(s.work.path), s.work.release())
}

// removeKey removes the key file of a shop that never came to be.
func (s *plot) removeKey(id string) error {
	path, err := keyPath(&s.set, s.final, id)
	if err != nil {
		return err
	}
	keys, err := openKeys(path, id, &s.set, silent)
	if err != nil {
		return nil // there is none, or it is another shop's
	}
	keys.Close()
	return os.Remove(path)
}

// build makes the new shop, or leaves nothing.
func (s *plot) build(ctx context.Context, restore func(context.Context, store.Config) (backup.Restored, error)) (got backup.Restored, err error) {
	if err := s.work.take(); err != nil {
		return got, err
	}
	defer func() {
		err = errors.Join(err, s.work.release())
		if err != nil {
			err = errors.Join(err, s.sweep(context.WithoutCancel(ctx)))
		}
	}()
	id, err := s.work.draftID()
	if err != nil {
		return got, err
	}
	if s.key, err = keyPath(&s.set, s.final, id); err != nil {
		return got, err
	}
	if inside(s.work.path, s.key) {
		return got, errors.New("key file: it must not lie inside the new shop's folder")
	}
	if err := firstKey(s.key, id, &s.set, time.Now()); err != nil {
		return got, err
	}
	keys, err := openKeys(s.key, id, &s.set, silent)
	if err != nil {
		return got, err
	}
	defer keys.Close()
	ring, err := seal.Open(ctx, keys)
	if err != nil {
		return got, err
	}
	defer ring.Close()
	database := s.database
	if database == "" {
		database = s.work.file("shop.db")
	}
	if got, err = restore(ctx, store.Config{Database: database, Ring: ring, ShopID: id}); err != nil {
		return got, err
	}
	// In this order: what has a shop.id is whole, and only then gets its name.
	if err := errors.Join(os.Rename(s.work.file(draftName), s.work.file("shop.id")), s.work.sync()); err != nil {
		return got, err
	}
	if err := os.Remove(s.final.path); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty one
		return got, err
	}
	if err := os.Rename(s.work.path, s.final.path); err != nil {
		return got, err
	}
	up := &folder{path: filepath.Dir(s.final.path)}
	return got, up.sync()
}

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
// when all is done. A try that was cut short is gone on with by the next one, if
// that is of the same backup; else what it has left, its key file included, goes.
//
//	restoring    which backup it is of
//	shop.id.new  the new shop's id, shop.id once it is whole
type plot struct {
	final    *folder
	work     *folder
	database string // a postgres:// URL, or ""
	set      Settings
	backup   string // which one is restored
	key      string // the new key file
}

var errNotAgreed = errors.New("nothing was changed")

func newPlot(dir, database, keyFile, backup string, set *Settings) (*plot, error) {
	final, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	work, err := openFolder(final.path + ".restoring")
	if err != nil {
		return nil, err
	}
	s := &plot{final: final, work: work, database: database, set: *set, backup: backup}
	s.set.KeyFile = keyFile
	return s, nil
}

// clear makes room: it asks before anything in the way is touched, and removes
// what an earlier try of another backup has left.
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
	if s.begun() {
		return nil
	}
	return s.sweep(ctx)
}

const noteName = "restoring"

// begun tells whether there is a try of the same backup that can be gone on with.
func (s *plot) begun() bool {
	of, err := os.ReadFile(s.work.file(noteName))
	if err != nil || string(of) != s.backup {
		return false
	}
	_, err = s.id()
	return err == nil
}

// note says which backup is restored here, before anything else is there.
func (s *plot) note() error {
	if s.begun() {
		return nil
	}
	out, err := os.OpenFile(s.work.file(noteName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteString(s.backup)
	return errors.Join(err, out.Sync(), out.Close(), s.work.sync())
}

// id reads the id of the shop that is being built.
func (s *plot) id() (string, error) {
	id, err := readID(s.work.file(draftName))
	if err != nil {
		id, err = readID(s.work.file("shop.id"))
	}
	return id, err
}

// sweep removes what a try that was cut short has left.
func (s *plot) sweep(ctx context.Context) error {
	if _, err := os.Lstat(s.work.path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := s.work.take(); err != nil {
		return err // another restore into this folder runs
	}
	if id, err := s.id(); err == nil {
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

// build makes the new shop, or leaves nothing. What an earlier try has left and
// can't be gone on with is thrown away, and all is built anew.
func (s *plot) build(ctx context.Context, restore func(context.Context, store.Config) (backup.Restored, error)) (backup.Restored, error) {
	got, err := s.once(ctx, restore)
	if errors.Is(err, backup.ErrStartOver) || errors.Is(err, store.ErrAnother) {
		return s.once(ctx, restore)
	}
	return got, err
}

func (s *plot) once(ctx context.Context, restore func(context.Context, store.Config) (backup.Restored, error)) (got backup.Restored, err error) {
	if err := s.work.take(); err != nil {
		return got, err
	}
	defer func() {
		err = errors.Join(err, s.work.release())
		if err != nil {
			err = errors.Join(err, s.sweep(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.note(); err != nil {
		return got, err
	}
	id, err := s.id()
	if err != nil {
		if id, err = s.work.draftID(); err != nil {
			return got, err
		}
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
	if err := os.Rename(s.work.file(draftName), s.work.file("shop.id")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return got, err
	}
	if err := errors.Join(s.work.sync(), os.Remove(s.work.file(noteName))); err != nil {
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

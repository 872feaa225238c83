package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/store"
)

// folder is a shop's data folder:
//
//	shop.id        the shop's id, which names its key file
//	shop.db        the database, unless it is on PostgreSQL
//	cartkeep.toml  settings, if any
//	certs/         certificates
//	lock           held by the one server, or by a command that writes
//	control.sock   where commands reach a running server
//	sandbox.jsonl  the make-believe bank's own books (demo)
//
// The key file is never inside: whoever copies the folder has no key.
type folder struct {
	path string
	lock *os.File
}

var (
	errNoShop = errors.New("there is no shop in this folder; make one with: cartkeep init")
	errLocked = errors.New("another cartkeep is using this folder")
)

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// openFolder takes an existing folder.
func openFolder(path string) (*folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return &folder{path: abs}, nil
}

// take makes the folder if need be and holds its lock until release.
func (f *folder) take() error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	lock, err := os.OpenFile(f.file("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errLocked
		}
		return fmt.Errorf("lock data folder: %w", err)
	}
	f.lock = lock
	return nil
}

func (f *folder) release() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

// shopID reads the shop's id. A folder without one has no shop yet.
func (f *folder) shopID() (string, error) {
	b, err := os.ReadFile(f.file("shop.id"))
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoShop
	}
	if err != nil {
		return "", fmt.Errorf("read shop id: %w", err)
	}
	id := strings.TrimSpace(string(b))
	if _, err := uuid.Parse(id); err != nil {
		return "", errors.New("the file shop.id is damaged: it does not hold a shop id")
	}
	return id, nil
}

// found gives the folder a shop: an id and a key file with a first epoch. What
// is there already stays.
func (f *folder) found(ctx context.Context, s *Settings) (made bool, err error) {
	id, err := f.shopID()
	if errors.Is(err, errNoShop) {
		if _, err := os.Stat(f.file("shop.db")); err == nil {
			return false, errors.New("there is a database but no shop.id in this folder: put the file back from a backup")
		}
		id, made = store.NewID(), true
		if err := writeOnce(f.file("shop.id"), []byte(id+"\n")); err != nil {
			return false, fmt.Errorf("write shop id: %w", err)
		}
	} else if err != nil {
		return false, err
	}
	path, err := keyPath(s, f, id)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(path); err == nil {
		return made, nil
	}
	if !made {
		if _, err := os.Stat(f.file("shop.db")); err == nil {
			return false, fmt.Errorf("the key file of this shop is missing: %s", path)
		}
	}
	keys, err := keyfile.Create(path, id, keyfile.Options{Passphrase: []byte(s.Passphrase)})
	if err != nil {
		return false, err
	}
	ring, err := seal.Open(ctx, keys)
	if err != nil {
		return false, err
	}
	defer ring.Close()
	_, err = ring.NewEpoch(ctx, time.Now())
	return made, err
}

func writeOnce(path string, content []byte) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return errors.Join(err, out.Sync(), out.Close())
}

// keyPath says where the key file is, and refuses a place inside the folder.
func keyPath(s *Settings, f *folder, id string) (string, error) {
	path := s.KeyFile
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", errors.New("no place for the key file: set CARTKEEP_KEY_FILE")
		}
		path = filepath.Join(dir, "cartkeep", id+".key")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if rel, err := filepath.Rel(f.path, abs); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		return "", errors.New("key file: it must not lie inside the data folder, where a thief of the data would find it")
	}
	return abs, nil
}

// vault is an open shop: its ring of keys and its store.
type vault struct {
	ring *seal.Ring
	db   *store.DB
}

// unlock opens the ring and the store of the folder's shop.
func (f *folder) unlock(ctx context.Context, s *Settings, log *slog.Logger) (*vault, error) {
	id, err := f.shopID()
	if err != nil {
		return nil, err
	}
	path, err := keyPath(s, f, id)
	if err != nil {
		return nil, err
	}
	keys, err := keyfile.Open(path, id, keyfile.Options{Passphrase: []byte(s.Passphrase)})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the key file of this shop is missing: %s", path)
	}
	if err != nil {
		return nil, err
	}
	ring, err := seal.Open(ctx, keys)
	if err != nil {
		return nil, err
	}
	database := s.Database
	if database == "" {
		database = f.file("shop.db")
	}
	db, err := store.Open(ctx, store.Config{Database: database, Ring: ring, ShopID: id, Log: log})
	if err != nil {
		ring.Close()
		return nil, err
	}
	return &vault{ring, db}, nil
}

func (v *vault) close() error {
	err := v.db.Close()
	v.ring.Close()
	return err
}

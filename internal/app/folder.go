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

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/store"
)

// folder is a shop's data folder:
//
//	shop.id        the shop's id, which names its key file
//	shop.id.new    the same while the shop is being founded
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

// openFolder takes a folder. One that others may write in is refused: they
// could put their own socket, database or settings there.
func openFolder(path string) (*folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	info, err := os.Stat(abs)
	if err == nil && info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("others can write in the data folder (mode %04o); run: chmod go-w '%s'", info.Mode().Perm(), abs)
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
	id, err := readID(f.file("shop.id"))
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoShop
	}
	return id, err
}

func readID(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read shop id: %w", err)
	}
	id := strings.TrimSpace(string(b))
	if _, err := uuid.Parse(id); err != nil {
		return "", errors.New("the file shop.id is damaged: it does not hold a shop id")
	}
	return id, nil
}

// found gives a folder without a shop an id and a key file with a first epoch.
// A shop that is there already stays, and needs the key file it has.
//
// The order lets a crash happen anywhere: the id is drawn into shop.id.new, the
// key file is made for it, whole, and the new name becomes shop.id last. So what
// has a shop.id has had its key file, and a founding that was cut short goes on
// with the same id and the same key.
func (f *folder) found(s *Settings, now time.Time) (made bool, err error) {
	id, err := f.shopID()
	if err == nil {
		path, err := keyPath(s, f, id)
		if err != nil {
			return false, err
		}
		if _, err := os.Stat(path); err != nil {
			return false, keyFileError(path, err)
		}
		return false, nil
	}
	if !errors.Is(err, errNoShop) {
		return false, err
	}
	if _, err := os.Lstat(f.file("shop.db")); err == nil {
		return false, errors.New("there is a database but no shop.id in this folder: put the file back from a backup")
	}
	if id, err = f.draftID(); err != nil {
		return false, err
	}
	path, err := keyPath(s, f, id)
	if err != nil {
		return false, err
	}
	if err := firstKey(path, id, s, now); err != nil {
		return false, err
	}
	if err := errors.Join(os.Rename(f.file(draftName), f.file("shop.id")), f.sync()); err != nil {
		return false, fmt.Errorf("write shop id: %w", err)
	}
	return true, nil
}

const draftName = "shop.id.new"

// draftID gives the id of the shop that is being founded: that of a founding
// which was cut short, else a new one, on the disk before any key is made for it.
func (f *folder) draftID() (string, error) {
	if id, err := readID(f.file(draftName)); err == nil {
		return id, nil // anything else there is half a line, for which no key was made
	}
	id := store.NewID()
	out, err := os.OpenFile(f.file(draftName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fmt.Errorf("write shop id: %w", err)
	}
	_, err = out.WriteString(id + "\n")
	if err := errors.Join(err, out.Sync(), out.Close(), f.sync()); err != nil {
		return "", fmt.Errorf("write shop id: %w", err)
	}
	return id, nil
}

// sync makes names in the folder durable.
func (f *folder) sync() error {
	dir, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// firstKey makes the key file of a shop that is being founded, or takes the one
// that an earlier try has made for this id.
func firstKey(path, id string, s *Settings, now time.Time) error {
	if _, err := os.Lstat(path); err == nil {
		keys, err := openKeys(path, id, s, silent)
		if err != nil {
			return err
		}
		keys.Close()
		return nil
	}
	epoch := seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: now.UTC().Truncate(time.Millisecond)}
	defer epoch.Key.Wipe()
	pass := []byte(s.Passphrase)
	defer clear(pass)
	keys, err := keyfile.Create(path, id, keyfile.Options{Passphrase: pass}, epoch)
	if err != nil {
		return err
	}
	keys.Close()
	return nil
}

// keyPath says where the key file is, and refuses a place inside the folder,
// whichever links lead there.
func keyPath(s *Settings, f *folder, id string) (string, error) {
	path := s.KeyFile
	if path == "" {
		dir, err := keyFolder()
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, id+".key")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if inside(f.path, abs) || inside(resolved(f.path), resolved(abs)) {
		return "", errors.New("key file: it must not lie inside the data folder, where a thief of the data would find it")
	}
	return abs, nil
}

// keyFolder is where key files lie that nobody has named a place for.
func keyFolder() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", errors.New("no place for the key file: set CARTKEEP_KEY_FILE")
	}
	return filepath.Join(dir, "cartkeep"), nil
}

func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// resolved follows the symbolic links in the part of a path that exists.
func resolved(path string) string {
	for there, rest := path, ""; ; {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, rest)
		}
		up := filepath.Dir(there)
		if up == there {
			return path
		}
		there, rest = up, filepath.Join(filepath.Base(there), rest)
	}
}

// vault is an open shop: its key file, its ring of keys, its store and who looks
// after the keys.
type vault struct {
	keys  keeper
	ring  *seal.Ring
	db    *store.DB
	life  *keylife.Keeper
	saver *saver

	office   *privacy.Officer
	identity string // where the identities of its backups lie
	backups  *backup.Routine
	// For how many days copies that others make last, as the owner says; 0: none.
	copiesKept int
	target     func(string) (backup.Target, error)
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
	keys, err := openKeys(path, id, s, func(note string) { log.WarnContext(ctx, "the provider of the keys says", "note", note) })
	if err != nil {
		return nil, err
	}
	ring, err := seal.Open(ctx, keys)
	if err != nil {
		keys.Close()
		return nil, err
	}
	database := s.Database // a postgres:// URL: Settings.check lets nothing else in
	if database == "" {
		database = f.file("shop.db")
	}
	db, err := store.Open(ctx, store.Config{Database: database, Ring: ring, ShopID: id, Log: log})
	if err != nil {
		ring.Close()
		keys.Close()
		return nil, err
	}
	life, save := keylife.New(db, ring, time.Duration(s.BackupWindow)*24*time.Hour, log), &saver{keys, db, path, id}
	life.Saving(save.save)
	v := &vault{keys: keys, ring: ring, db: db, life: life, saver: save, identity: identityPath(path), target: s.target, copiesKept: s.CopiesKept}
	if v.backups, err = s.routine(v, log); err != nil {
		return nil, errors.Join(err, v.close())
	}
	if v.office, err = v.newOfficer(ctx, path, log); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *vault) close() error {
	err := v.db.Close()
	v.ring.Close()
	v.keys.Close()
	return err
}

// Package keyfile keeps epoch keys in one file outside the shop's data folder.
//
// It knows the file's form, its protection and how to replace it safely. It
// does not know where the file should be: the caller brings the path.
//
// The file is text, so that its owner can see what it is:
//
//	cartkeep key file v1
//	# two sentences for people
//	shop: ID
//	protection: none
//	epoch: 1 2026-05-04T12:00:00.000Z KEY-BASE64 CHECK-8-HEX
//	check: SHA-256-HEX of everything above
//
// or, with a passphrase, the epoch lines sealed by AES-256-GCM under a key that
// Argon2id makes of it; everything above is the associated data:
//
//	protection: argon2id time=3 memory=65536 threads=2 salt=BASE64
//	sealed: BASE64 of nonce 12 ‖ sealed epoch lines ‖ tag 16
//	check: …
//
// There is one spelling: a file that is not byte for byte what this package
// writes is damaged and nothing of it is used. The check is against broken
// disks and editors, not against attackers: who can write the file has the keys.
//
// The first file, too, is written beside its place and then put there whole. A
// change writes a new file beside the old one and renames it over. Blocks of
// the replaced file stay on the disk until something overwrites them, which no
// program can force on modern disks: use full-disk encryption, or a passphrase.
package keyfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/locked"
)

// Errors that callers branch on. Each is wrapped with the path.
var (
	// ErrDamaged means the file is not what was written.
	ErrDamaged = errors.New("key file is damaged")
	// ErrMode means others than the owner can read the file.
	ErrMode = errors.New("key file can be read by others")
	// ErrShop means the file belongs to another shop.
	ErrShop = errors.New("key file belongs to another shop")
	// ErrPassphrase means the passphrase is wrong.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrPassphraseNeeded means the file is sealed and no passphrase was given.
	ErrPassphraseNeeded = errors.New("key file is sealed with a passphrase")
	// ErrNotSealed means a passphrase was given for a file that has none: its
	// owner believes in a protection that is not there.
	ErrNotSealed = errors.New("key file is not sealed, though a passphrase was given")
)

// Options says how a key file is protected.
type Options struct {
	// Passphrase seals the keys when it is not empty. Whether a file has one is
	// settled when it is made.
	Passphrase []byte
	// Cost is the work of Argon2id for a new file. Zero means DefaultCost. A
	// file that exists says its own.
	Cost Cost
}

// File is a key store in a file. It is safe for concurrent use, by several
// programs of one machine too.
type File struct {
	path string
	shop string
	kek  []byte      // what the passphrase becomes; nil when the file has none
	room locked.Room // where kek is

	mu sync.Mutex
}

// Create makes a key file, mode 0600, with its folder, that holds the given
// epochs from its first moment: a crash leaves the whole file or none. A path
// where anything stands is refused: a key file is made once. The caller wipes
// the epochs' keys.
func Create(path, shopID string, o Options, epochs ...seal.Epoch) (*File, error) {
	doc := document{shop: shopID, epochs: epochs}
	f := &File{path: path, shop: shopID}
	if err := f.protect(&doc, o); err != nil {
		return nil, err
	}
	if err := f.create(&doc); err != nil {
		f.Close()
		return nil, fmt.Errorf("create key file: %w", err)
	}
	return f, nil
}

// Replace puts a key file with the given epochs in place of whatever keeps them
// at path now. It was read again before it took that place.
func Replace(ctx context.Context, path, shopID string, o Options, epochs []seal.Epoch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	doc := document{shop: shopID, epochs: epochs}
	f := &File{path: path, shop: shopID}
	defer f.Close()
	if err := f.protect(&doc, o); err != nil {
		return err
	}
	text, err := f.text(&doc)
	if err != nil {
		return fmt.Errorf("replace key file: %w", err)
	}
	defer clear(text)
	if err := Put(path, text); err != nil {
		return fmt.Errorf("replace key file: %w", err)
	}
	return nil
}

// protect makes what a passphrase turns into, where there is one.
func (f *File) protect(doc *document, o Options) error {
	if len(o.Passphrase) == 0 {
		return nil
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	lock, err := newLock(o.Cost)
	if err != nil {
		return err
	}
	doc.lock = lock
	f.hold(lock.key(o.Passphrase))
	return nil
}

// hold moves what a passphrase became to where it stays until Close.
func (f *File) hold(kek []byte) {
	kept := f.room.Take()
	copy(kept[:], kek)
	clear(kek)
	f.kek = kept[:]
}

func (f *File) create(doc *document) error {
	text, err := f.text(doc)
	if err != nil {
		return err
	}
	defer clear(text)
	if _, err := os.Lstat(f.path); err == nil {
		return &fs.PathError{Op: "create", Path: f.path, Err: fs.ErrExist}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	if err := writeTemp(f.path, text); err != nil {
		return err
	}
	defer os.Remove(temp(f.path))
	// A link, unlike a rename, replaces nothing: two shops started at once must
	// not make two keys for one path.
	if err := os.Link(temp(f.path), f.path); err != nil {
		return err
	}
	return syncDir(f.path)
}

// Open reads an existing key file of this shop. A missing file is fs.ErrNotExist.
func Open(path, shopID string, o Options) (*File, error) {
	// The file behind a symbolic link is replaced, not the link.
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	f := &File{path: real, shop: shopID}
	if err := f.tidy(); err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	head, err := f.read()
	if err != nil {
		return nil, err
	}
	if head.lock != nil {
		if len(o.Passphrase) == 0 {
			return nil, fmt.Errorf("%s: %w", path, ErrPassphraseNeeded)
		}
		f.hold(head.lock.key(o.Passphrase))
	} else if len(o.Passphrase) > 0 {
		head.wipe()
		return nil, fmt.Errorf("%s: %w", path, ErrNotSealed)
	}
	if err := head.open(f.kek); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	head.wipe()
	return f, nil
}

// tidy removes the new file that a crash may have left before it was renamed: it
// holds keys.
func (f *File) tidy() error {
	unlock, err := Hold(f.path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(temp(f.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove unfinished copy: %w", err)
	}
	return nil
}

// Close wipes what was made of the passphrase; a sealed file must be opened
// again to be used.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.kek)
	f.kek = nil
}

// Load gives all epochs. The caller wipes their keys.
func (f *File) Load(context.Context) ([]seal.Epoch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	doc, err := f.load()
	if err != nil {
		return nil, err
	}
	return doc.epochs, nil
}

// Add keeps a new epoch: it is on the disk when Add returns.
func (f *File) Add(_ context.Context, e seal.Epoch) error {
	return f.change(func(doc *document) (bool, error) {
		if slices.ContainsFunc(doc.epochs, func(have seal.Epoch) bool { return have.ID >= e.ID }) {
			return false, fmt.Errorf("%s: epoch %d does not follow the newest one", f.path, e.ID)
		}
		if key := e.Key.Reveal(); e.ID == 0 || e.Key.IsZero() {
			clear(key)
			return false, fmt.Errorf("%s: epoch %d has no number or no key", f.path, e.ID)
		} else {
			defer clear(key)
			copied, err := seal.ParseEpochKey(key)
			if err != nil {
				return false, err
			}
			doc.epochs = append(doc.epochs, seal.Epoch{ID: e.ID, Key: copied, Created: e.Created})
		}
		return true, nil
	})
}

// Destroy forgets an epoch: it is in the file no more when Destroy returns.
func (f *File) Destroy(_ context.Context, id seal.EpochID) error {
	return f.change(func(doc *document) (bool, error) {
		for i, e := range doc.epochs {
			if e.ID == id {
				e.Key.Wipe()
				doc.epochs = slices.Delete(doc.epochs, i, i+1)
				return true, nil
			}
		}
		return false, nil
	})
}

// change reads the file afresh, so that nothing which stands there is lost, and
// replaces it. Other programs that use the file wait meanwhile.
func (f *File) change(edit func(*document) (changed bool, err error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := Hold(f.path)
	if err != nil {
		return fmt.Errorf("lock key file: %w", err)
	}
	defer unlock()
	doc, err := f.load()
	if err != nil {
		return err
	}
	defer doc.wipe()
	changed, err := edit(doc)
	if err != nil || !changed {
		return err
	}
	text, err := f.text(doc)
	if err != nil {
		return fmt.Errorf("replace key file: %w", err)
	}
	defer clear(text)
	if err := Put(f.path, text); err != nil {
		return fmt.Errorf("replace key file: %w", err)
	}
	return nil
}

// text writes a document down. What could not be read again must not become,
// or replace, a key file.
func (f *File) text(doc *document) ([]byte, error) {
	text, err := doc.marshal(f.kek)
	if err != nil {
		return nil, err
	}
	check, err := parse(text)
	if err == nil {
		err = check.open(f.kek)
		check.wipe()
	}
	if err != nil {
		clear(text)
		return nil, err
	}
	return text, nil
}

// writeTemp puts text beside the file at path, on the disk. What an earlier crash
// left there goes first.
func writeTemp(path string, text []byte) error {
	if err := os.Remove(temp(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(temp(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := writeSynced(out, text); err != nil {
		os.Remove(temp(path))
		return err
	}
	return nil
}

// Put replaces the file at path, mode 0600: after a crash the old one or the new
// one is there, whole.
func Put(path string, text []byte) error {
	if err := writeTemp(path, text); err != nil {
		return err
	}
	if err := os.Rename(temp(path), path); err != nil {
		os.Remove(temp(path))
		return err
	}
	return syncDir(path)
}

// Remove takes the file at path away, durably. One that is not there is no error.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(path)
}

func temp(path string) string { return path + ".new" }

func (f *File) load() (*document, error) {
	doc, err := f.read()
	if err != nil {
		return nil, err
	}
	if err := doc.open(f.kek); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return doc, nil
}

// read checks the file's mode and parses it. Epochs under a passphrase are
// still sealed.
func (f *File) read() (*document, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer in.Close()
	// Asked of the open file, so that it cannot be exchanged in between.
	info, err := in.Stat()
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: not a regular file", f.path, ErrDamaged)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w (mode %04o); run: chmod 600 '%s'", ErrMode, info.Mode().Perm(), f.path)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer clear(text)
	doc, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if doc.shop != f.shop {
		doc.wipe()
		return nil, fmt.Errorf("%s: %w: it says %q, this shop is %q", f.path, ErrShop, doc.shop, f.shop)
	}
	return doc, nil
}

func writeSynced(out *os.File, text []byte) error {
	_, err := out.Write(text)
	if err == nil {
		err = out.Sync()
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	return err
}

// syncDir makes a rename durable. Systems that cannot sync folders keep
// renames in order by themselves.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && runtime.GOOS != "windows" {
		return err
	}
	return nil
}

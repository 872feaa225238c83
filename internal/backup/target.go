package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Target is where parts are kept.
type Target interface {
	// String says where that is, without what opens it.
	String() string
	// Put keeps what write writes under a name, whole or not at all.
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	// Get opens what was put.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List tells which parts are there, whole, by name.
	List(ctx context.Context) ([]Stored, error)
	// Delete removes a part. One that is gone already is no error.
	Delete(ctx context.Context, name string) error
	// Tidy removes what tries that were cut short have left of a shop's parts.
	Tidy(ctx context.Context, shop8 string) error
}

// Stored is a part that is kept somewhere.
type Stored struct {
	Name string
	Size int64
}

// held is a part in its place.
type held struct {
	in   Target
	name string
}

// onDisk is a part that somebody named by its path.
func onDisk(path string) held { return held{Folder(filepath.Dir(path)), filepath.Base(path)} }

// Path is what a part in a place is called in front of people.
func Path(in Target, name string) string { return held{in, name}.String() }

// String is its path.
func (h held) String() string {
	if f, ok := h.in.(Folder); ok {
		return filepath.Join(string(f), h.name)
	}
	return h.in.String() + "/" + h.name
}

// Folder is a target on a disk.
type Folder string

// String is its path.
func (f Folder) String() string { return string(f) }

// unfinished is what a part is called until it is whole.
const unfinished = ".part"

// Put writes beside the name and gives it the name when all of it is on the
// disk: half a part never looks like a whole one. What an earlier try has left
// behind goes first.
func (f Folder) Put(_ context.Context, name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	path := filepath.Join(string(f), name)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	out, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	// Held until it has its name, so that nobody takes it for a leftover.
	if err = syscall.Flock(int(out.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		err = write(out)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(path+unfinished, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path+unfinished))
	}
	dir, err := os.Open(string(f))
	if err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Get opens a part.
func (f Folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(f), name))
}

// List tells of the parts.
func (f Folder) List(context.Context) ([]Stored, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	var out []Stored
	for _, e := range entries {
		if _, _, _, ok := parseName(e.Name()); !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Stored{e.Name(), info.Size()})
	}
	return out, nil
}

// Delete removes a part.
func (f Folder) Delete(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(string(f), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Tidy removes unfinished parts that nobody is writing.
func (f Folder) Tidy(_ context.Context, shop8 string) error {
	left, err := filepath.Glob(filepath.Join(string(f), "cartkeep-"+shop8+"-*"+unfinished))
	if err != nil {
		return err
	}
	for _, path := range left {
		if _, _, _, ok := parseName(strings.TrimSuffix(filepath.Base(path), unfinished)); ok {
			err = errors.Join(err, removeLeftover(path))
		}
	}
	return err
}

// removeLeftover removes an unfinished part that nobody is writing.
func removeLeftover(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	return os.Remove(path)
}

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
	// Put keeps what write writes under a name, whole or not at all.
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	// Get opens what was put.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List names what is there, in order.
	List(ctx context.Context) ([]string, error)
	// Delete removes a part. One that is gone already is no error.
	Delete(ctx context.Context, name string) error
}

// Folder is a target on a disk.
type Folder string

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

// List names the parts.
func (f Folder) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if _, _, _, ok := parseName(e.Name()); ok && e.Type().IsRegular() {
			out = append(out, e.Name())
		}
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

// tidy removes what tries that were cut short have left of a shop's parts.
func (f Folder) tidy(shop8 string) error {
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

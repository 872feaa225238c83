package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// openInput opens the file that a command reads, "-" for standard input.
func openInput(p *Process, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.In), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, misused("%w", err)
	}
	return f, nil
}

// writeFile has a command write into a file, for its owner only. A file of that
// name stays as it was until all is written; what is no plain file (a pipe, a
// device, a link) is written to as it stands.
func writeFile(p *Process, name string, write func(*Process) error) error {
	to := *p
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return misused("%w", err)
		}
		to.Out = f
		return errors.Join(write(&to), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return misused("%w", err)
	}
	defer os.Remove(f.Name()) // gone already where all went well
	to.Out = f
	if err := errors.Join(write(&to), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("put the file in its place: %w", err)
	}
	return nil
}

package app

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAFailedExportLeavesTheFileOfBefore(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "shop.toml")
	say := func(text string, fail error) error {
		return writeFile(&Process{}, name, func(p *Process) error {
			if _, err := io.WriteString(p.Out, text); err != nil {
				return err
			}
			return fail
		})
	}
	if err := say("before", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the database is gone")
	if err := say("half of", broken); !errors.Is(err, broken) {
		t.Fatalf("a failed export gave %v, want what failed", err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != "before" {
		t.Fatalf("the file holds %q, %v, want what it held", got, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", info.Mode(), err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("half a file is left behind: %v", list)
	}

	// A link is followed, not replaced.
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	err = writeFile(&Process{}, link, func(p *Process) error { _, err := io.WriteString(p.Out, "after"); return err })
	if got, _ := os.ReadFile(name); err != nil || string(got) != "after" {
		t.Errorf("through a link the file holds %q, %v", got, err)
	}
}

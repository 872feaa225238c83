package erasure_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

func signer(t testing.TB) *ledger.Signer {
	t.Helper()
	s, err := erasure.Signer("shop", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entries(n int) []erasure.Entry {
	var list []erasure.Entry
	var e erasure.Entry
	for i := range n {
		e = e.Next(fmt.Sprintf("dossier-%d", i), time.UnixMilli(1_790_000_000_000+int64(i)))
		list = append(list, e)
	}
	return list
}

func read(t testing.TB, path string, keys ...string) ([]erasure.Entry, error) {
	t.Helper()
	var got []erasure.Entry
	_, err := erasure.Open(path, keys, func(e erasure.Entry) error { got = append(got, e); return nil })
	return got, err
}

// TestAFileKeepsWhatWasAppended writes two batches and opens the file again.
func TestAFileKeepsWhatWasAppended(t *testing.T) {
	s, path := signer(t), filepath.Join(t.TempDir(), "j")
	all := entries(5)
	f, err := erasure.Open(path, []string{s.VerifierKey()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range [][]erasure.Entry{all[:2], nil, all[2:]} {
		if err := f.Append(batch, s); err != nil {
			t.Fatal(err)
		}
	}
	if f.Last() != all[4] {
		t.Errorf("got %v at the end, want %v", f.Last(), all[4])
	}
	got, err := read(t, path, s.VerifierKey())
	if err != nil || fmt.Sprint(got) != fmt.Sprint(all) {
		t.Errorf("got %v, %v, want what was appended", got, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
	// What does not follow is refused.
	if err := f.Append(entries(3), s); !errors.Is(err, erasure.ErrDamaged) {
		t.Errorf("got %v for entries that do not follow, want ErrDamaged", err)
	}
}

// TestABatchThatWasCutShortIsNotThere cuts a file anywhere in its second batch:
// the first one is read, and the next batch takes its place.
func TestABatchThatWasCutShortIsNotThere(t *testing.T) {
	s, path := signer(t), filepath.Join(t.TempDir(), "j")
	all := entries(4)
	f, _ := erasure.Open(path, []string{s.VerifierKey()}, nil)
	if err := f.Append(all[:2], s); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(path)
	if err := f.Append(all[2:], s); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	for cut := len(first); cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := read(t, path, s.VerifierKey())
		if err != nil || len(got) != 2 {
			t.Fatalf("cut at %d: got %d entries, %v, want the first batch", cut, len(got), err)
		}
	}
	os.WriteFile(path, whole[:len(first)+10], 0o600)
	f, err := erasure.Open(path, []string{s.VerifierKey()}, func(erasure.Entry) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Append(all[2:], s); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, whole) {
		t.Errorf("got %q after the batch was written again", got)
	}
}

// TestAChangedByteIsFound changes every byte of a file, one after the other.
func TestAChangedByteIsFound(t *testing.T) {
	s, path := signer(t), filepath.Join(t.TempDir(), "j")
	f, _ := erasure.Open(path, []string{s.VerifierKey()}, nil)
	if err := f.Append(entries(3), s); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		os.WriteFile(path, bad, 0o600)
		got, err := read(t, path, s.VerifierKey())
		// A head whose own line is broken is a batch that was cut short.
		if err == nil && len(got) != 0 {
			t.Fatalf("byte %d changed: got %d entries and no error", i, len(got))
		}
		if err != nil && !errors.Is(err, erasure.ErrDamaged) {
			t.Fatalf("byte %d changed: got %v, want ErrDamaged", i, err)
		}
	}
	// Nor is a line left out, nor does another's signature count.
	lines := strings.SplitAfter(string(whole), "\n")
	os.WriteFile(path, []byte(lines[0]+lines[2]+lines[3]+lines[4]), 0o600)
	if _, err := read(t, path, s.VerifierKey()); !errors.Is(err, erasure.ErrDamaged) {
		t.Errorf("a line left out: got %v, want ErrDamaged", err)
	}
	os.WriteFile(path, whole, 0o600)
	other, _ := erasure.Signer("shop", bytes.Repeat([]byte{8}, 32))
	if _, err := read(t, path, other.VerifierKey()); !errors.Is(err, erasure.ErrDamaged) {
		t.Errorf("another shop's key: got %v, want ErrDamaged", err)
	}
}

// FuzzRead reads whatever somebody put in the place of a journal.
func FuzzRead(f *testing.F) {
	s := signer(f)
	path := filepath.Join(f.TempDir(), "j")
	j, _ := erasure.Open(path, nil, nil)
	if err := j.Append(entries(2), s); err != nil {
		f.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	f.Add(whole)
	f.Add([]byte("cartkeep erasures 1\n1 a 0\nhead AAAA\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []erasure.Entry
		last, size, err := erasure.Read(bytes.NewReader(b), []string{s.VerifierKey()}, func(e erasure.Entry) error { got = append(got, e); return nil })
		if size > int64(len(b)) {
			t.Fatalf("%d bytes of %d", size, len(b))
		}
		if err == nil && len(got) > 0 && (got[len(got)-1] != last || !bytes.HasPrefix(b, whole[:size])) {
			t.Fatalf("got %v of what nobody signed", got)
		}
	})
}

package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestACrashWhileWritingLosesNothingTold cuts the journal at every byte of its
// last record, as a crash would.
func TestACrashWhileWritingLosesNothingTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	count := func() (n int) {
		j, err := openJournal(path, func(record) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		j.close()
		return n
	}
	j, err := openJournal(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := j.add(record{Kind: answered, Ref: "sb_1", Event: "ev_1"}); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	if err := j.add(record{Kind: answered}); err == nil {
		t.Error("a closed journal takes records")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	one := len(whole) / 3
	for cut := 2 * one; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != 2 {
			t.Fatalf("cut at %d: got %d records, want 2", cut, got)
		}
		if got, _ := os.ReadFile(path); len(got) != 2*one {
			t.Fatalf("cut at %d: %d bytes are left", cut, len(got))
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v", info.Mode())
	}
	// Damage that no crash makes stops the start and is left as it is.
	bad := strings.Replace(string(whole), `"v":1`, `"v":7`, 1)
	if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(path, func(record) error { return nil }); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v, want line 1", err)
	}
	if got, _ := os.ReadFile(path); string(got) != bad {
		t.Error("a damaged journal was changed")
	}
}

func TestTheJournalHoldsNoSecret(t *testing.T) {
	n := newTown(t)
	n.press(n.open().URL, "approved")
	raw, err := os.ReadFile(n.journal)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{string(secret), apiToken(secret), "v1="} {
		if strings.Contains(string(raw), bad) {
			t.Errorf("the journal holds %q", bad)
		}
	}
	if strings.Count(string(raw), "\n") != 3 {
		t.Errorf("want opened, decided, answered; got:\n%s", raw)
	}
}

// FuzzJournal: any file is read, or refused with an error; never a panic.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"v":1,"kind":"opened","ref":"sb_1","at":"2026-01-02T03:04:05Z"}` + "\n"))
	f.Add([]byte(`{"v":1,"kind":"decided","ref":"sb_1","at":"2026-01-02T03:04:05Z","outcome":"approved"}` + "\nx"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s := &Service{sessions: map[string]*session{}, byKey: map[string]*session{}}
		if j, err := openJournal(path, s.apply); err == nil {
			j.close()
		}
	})
}

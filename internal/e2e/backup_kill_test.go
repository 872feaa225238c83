package e2e

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// killed runs a command and kills it at a random moment of the time that it takes.
func (h home) killed(t *testing.T, takes time.Duration, args ...string) {
	t.Helper()
	c := h.command(t, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(rand.Int64N(int64(takes))))
	c.Process.Kill()
	c.Wait()
}

// timed carries out a command that has to work and tells how long it took.
func (h home) timed(t *testing.T, args ...string) (last string, took time.Duration) {
	t.Helper()
	began := time.Now()
	lines := strings.Split(strings.TrimSpace(h.must(t, args...)), "\n")
	return lines[len(lines)-1], time.Since(began)
}

func found(t *testing.T, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestKillingBackupsAndRestoresLeavesNothingHalf: whatever has a data part's name
// is whole and has its key part, and a folder that is there is a shop.
func TestKillingBackupsAndRestoresLeavesNothingHalf(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		s := h.start(t)
		s.cmd.Process.Kill()
		<-s.exited
		base := filepath.Dir(h.dir)
		copies, fresh, keys := filepath.Join(base, "copies"), filepath.Join(base, "fresh"), filepath.Join(base, ".config", "cartkeep", "*.key")

		_, takes := h.timed(t, "backup", "create", "--to", copies)
		parts := func() []string { return found(t, filepath.Join(copies, "*.part")) }
		writing := 0 // kills that left a part that is not whole
		for i := range shoptest.Tenth(50) {
			before := parts()
			begun := func() bool {
				return slices.ContainsFunc(parts(), func(p string) bool { return !slices.Contains(before, p) })
			}
			// Every other one when a part has been begun, or soon after.
			if i%2 == 1 {
				h.killed(t, takes, "backup", "create", "--to", copies)
			} else {
				h.killedOnce(t, begun, time.Duration(i/2%2)*rand.N(takes/8), "backup", "create", "--to", copies)
			}
			if begun() {
				writing++
			}
		}
		last, _ := h.timed(t, "backup", "create", "--to", copies)
		if left := found(t, filepath.Join(copies, "*.part")); len(left) > 0 {
			t.Errorf("got %v left over", left)
		}
		made, restored := len(found(t, filepath.Join(copies, "*.data")))-2, 0
		for _, part := range found(t, filepath.Join(copies, "*.data")) {
			h.must(t, "backup", "verify", part)
		}

		keyOf := func() string {
			id, err := os.ReadFile(filepath.Join(fresh, "shop.id"))
			if err != nil {
				t.Fatalf("got %v: a folder that is no shop", err)
			}
			return strings.ReplaceAll(keys, "*", strings.TrimSpace(string(id)))
		}
		drop := func() {
			if err := errors.Join(os.Remove(keyOf()), os.RemoveAll(fresh)); err != nil {
				t.Fatal(err)
			}
		}
		verified := func() {
			home{dir: fresh, key: keyOf(), env: h.env}.verified(t)
		}
		_, takes = h.timed(t, "backup", "restore", last, "--into", fresh)
		verified()
		drop()
		filling := 0 // kills that left a folder that is no shop yet
		begun := func() bool { return len(found(t, fresh+".restoring")) > 0 }
		for i := range shoptest.Tenth(50) {
			// Every other one some time after the folder has been begun, by this one or
			// one before it.
			if i%2 == 1 {
				h.killed(t, takes, "backup", "restore", last, "--into", fresh)
			} else {
				h.killedOnce(t, begun, time.Duration(i/2%2)*rand.N(takes), "backup", "restore", last, "--into", fresh)
			}
			if begun() {
				filling++
			}
			if _, err := os.Lstat(fresh); err == nil {
				restored++
				verified()
				drop()
			}
		}
		h.must(t, "backup", "restore", last, "--into", fresh)
		verified()
		if left := found(t, fresh+".restoring"); len(left) > 0 {
			t.Errorf("got %v left over", left)
		}
		if list := found(t, keys); len(list) != 1 {
			t.Errorf("got %d key files of new shops, want that of the one there is", len(list))
		}
		h.verified(t)
		t.Logf("%d kills of a backup: %d came to be, %d left a part; %d kills of a restore: %d came to be, %d left a folder", shoptest.Tenth(50), made, writing, shoptest.Tenth(50), restored, filling)
		if writing == 0 || filling == 0 {
			t.Error("no kill fell amid the work, so nothing was tried")
		}
	})
}

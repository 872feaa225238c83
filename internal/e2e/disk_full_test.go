package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// TestTheDiskIsFull fills the disk of the database under a running shop. Reading
// goes on, saving is refused kindly, nothing that was acknowledged is lost, no key is
// lost and nobody is erased by half; once there is room the shop sells again.
func TestTheDiskIsFull(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		disk := smallDisk(t, "12m")
		h := newHome(t, "")
		h.dir = filepath.Join(disk, "data")
		h.onFullDisk(t, disk)
	})
	t.Run("postgres", func(t *testing.T) {
		disk, elsewhere := smallDisk(t, "160m"), os.TempDir()
		t.Setenv("TMPDIR", disk)
		server, err := pg.Start()
		if errors.Is(err, pg.ErrAbsent) && os.Getenv(pg.RequireEnv) == "" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		t.Setenv("TMPDIR", elsewhere)
		newHome(t, server.NewDatabase(t)).onFullDisk(t, disk)
	})
}

// smallDisk is a folder with a disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	disk, err := os.MkdirTemp("", "cartkeep-disk-") // a test's own folder is shut to PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(disk) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=755,size="+size, "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("a small disk can be mounted by root only: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", disk).Run() })
	return disk
}

// fill takes all that is left of a disk, and returns what gives it back.
func fill(t *testing.T, disk string) (empty func()) {
	t.Helper()
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 1<<12); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	return func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
}

func (h home) onFullDisk(t *testing.T, disk string) {
	s := h.start(t)
	v := s.product("whistling-kettle").Variants[0].ID
	kept := s.buy(v, 1, ada())
	empty := fill(t, disk)

	var refused answer
	for range 20_000 { // until the pages that are there are used up
		if refused = s.ask("POST", "/api/v1/carts", "{}"); refused.status != 201 {
			break
		}
	}
	problem(t, refused, 503, "unavailable")
	for _, path := range []string{"/", "/products/whistling-kettle", "/cart", "/healthz", "/search?q=kettle"} {
		if a := s.ask("GET", path, ""); a.status != 200 {
			t.Errorf("%s on a full disk: got %d, want 200", path, a.status)
		}
	}
	b := &browserless{shop: s}
	if a := b.post("/cart/lines", "variant_id", v, "quantity", "1"); a.status != 503 || !strings.Contains(a.body, "</html>") {
		t.Errorf("adding by form on a full disk: got %d, want a page that says 503", a.status)
	}
	if got := s.order(kept).Order.Status; got != "paid" {
		t.Errorf("the order from before: got %q, want paid", got)
	}
	for _, args := range [][]string{{"keys", "rotate"}, {"privacy", "erase", "--now", "--email", "ada@example.com"}} {
		out, errs, code := h.run(t, args...)
		t.Logf("%s: %d %s%s", args, code, out, errs) // where pages have room to spare it may be done
		if strings.Contains(errs, "ada@") || code != 0 && !strings.Contains(errs, "full") && !strings.Contains(errs, "No space left") {
			t.Errorf("%s on a full disk: got %d, %q, want it to say why, without the address", args, code, errs)
		}
	}
	empty()
	// A COMMIT that failed stops SQLite's writer for good: what is on the disk is then
	// unknown, and readyz says so to whoever starts the shop again.
	ready := func() bool { return s.ask("GET", "/readyz", "").status == 200 }
	if h.database == "" && !ready() {
		s.kill()
		s = h.start(t)
		t.Log("the shop had to be started again")
	}
	eventually(t, 30*time.Second, "the shop is ready", ready)
	if got := s.order(kept).Order.Status; got != "paid" {
		t.Errorf("the order from before, afterwards: got %q, want paid", got)
	}
	bought := s.buy(v, 1, ada())
	for _, args := range [][]string{{"keys", "rotate"}, {"privacy", "erase", "--now", "--email", "ada@example.com"}} {
		t.Log(h.must(t, args...))
	}
	if got := s.order(bought).Order.Status; got != "paid" {
		t.Errorf("the order of who was erased: got %q, want paid: it is under way", got)
	}
	if out := s.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
		t.Errorf("ledger verify: got %q, want ok", out)
	}
	db := h.raw(t)
	defer db.Close()
	if h.database == "" {
		if got := shoptest.One[string](t, db, `PRAGMA integrity_check`); got != "ok" {
			t.Errorf("the file: got %q, want ok", got)
		}
	}
}

package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

var noLog = slog.New(slog.DiscardHandler)

// site is where a shop is to be: a data folder, and a key file apart from it.
type site struct {
	dir string
	set *Settings
}

// newSite makes an empty site. named tells whether the key file's place is
// given or the usual one, which follows from the shop's id.
func newSite(t *testing.T, database string, named bool) site {
	t.Helper()
	base := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(base, "config"))
	s := site{filepath.Join(base, "data"), &Settings{Database: database, Currency: "EUR", Country: "DE"}}
	s.set.Data = s.dir
	if named {
		s.set.KeyFile = filepath.Join(base, "keys", "shop.key")
	}
	return s
}

func (s site) key(t *testing.T, id string) string {
	t.Helper()
	path, err := keyPath(s.set, &folder{path: s.dir}, id)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// found founds a shop, as demo and init do.
func (s site) found(t *testing.T) (made bool, err error) {
	t.Helper()
	f, err := openFolder(s.dir)
	if err != nil {
		return false, err
	}
	if err := f.take(); err != nil {
		t.Fatal(err)
	}
	defer f.release()
	return f.found(s.set, time.Now())
}

// open founds the shop if there is none and opens it, as the demo does.
func (s site) open(t *testing.T) (id string, err error) {
	t.Helper()
	if _, err := s.found(t); err != nil {
		return "", err
	}
	f, err := openFolder(s.dir)
	if err != nil {
		return "", err
	}
	v, err := f.unlock(context.Background(), s.set, noLog)
	if err != nil {
		return "", err
	}
	if v.ring.Sealing() != 1 {
		t.Errorf("got epoch in use %d, want 1", v.ring.Sealing())
	}
	id = v.db.ShopID()
	return id, v.close()
}

// onBoth runs fn with each engine's database setting.
func onBoth(t *testing.T, fn func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, "") })
	t.Run("postgres", func(t *testing.T) { fn(t, pg.Shared(t).NewDatabase(t)) })
}

// TestAFoundingThatIsCutShortGoesOn: each step undoes a little more of a
// founding, so each is what a crash can leave; the next start ends well.
func TestAFoundingThatIsCutShortGoesOn(t *testing.T) {
	move := func(t *testing.T, from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	half := func(t *testing.T, path string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name   string
		undo   func(t *testing.T, s site, id string)
		sameID bool
	}{
		{"before the database", func(*testing.T, site, string) {}, true},
		{"before the id has its name", func(t *testing.T, s site, id string) {
			move(t, filepath.Join(s.dir, "shop.id"), filepath.Join(s.dir, draftName))
		}, true},
		{"before the key file has its name", func(t *testing.T, s site, id string) {
			move(t, s.key(t, id), s.key(t, id)+".new")
		}, true},
		{"amid the key file", func(t *testing.T, s site, id string) { half(t, s.key(t, id)+".new") }, true},
		{"before the key file", func(t *testing.T, s site, id string) {
			if err := os.Remove(s.key(t, id) + ".new"); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"amid the id", func(t *testing.T, s site, id string) { half(t, filepath.Join(s.dir, draftName)) }, false},
	}
	onBoth(t, func(t *testing.T, database string) {
		for _, named := range []bool{true, false} {
			for at := range steps {
				t.Run(steps[at].name, func(t *testing.T) {
					// Every case founds a shop of its own, so on PostgreSQL each
					// needs an empty database.
					if database != "" {
						database = pg.Shared(t).NewDatabase(t)
					}
					s := newSite(t, database, named)
					if made, err := s.found(t); err != nil || !made {
						t.Fatalf("found: %v, %v", made, err)
					}
					f := &folder{path: s.dir}
					id, err := f.shopID()
					if err != nil {
						t.Fatal(err)
					}
					for _, step := range steps[:at+1] {
						step.undo(t, s, id)
					}
					again, err := s.open(t)
					if err != nil {
						t.Fatalf("the next start: %v", err)
					}
					if (again == id) != steps[at].sameID {
						t.Errorf("the shop went on as %s, was %s", again, id)
					}
					for _, left := range []string{filepath.Join(s.dir, draftName), s.key(t, again) + ".new"} {
						if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
							t.Errorf("left over: %s", left)
						}
					}
					if last, err := s.open(t); err != nil || last != again {
						t.Errorf("the start after it: %v, %v", last, err)
					}
				})
			}
		}
	})
}

// TestAMissingKeyFileIsNeverReplaced: a new one would open nothing, and the
// shop would seal under it what nobody looks for.
func TestAMissingKeyFileIsNeverReplaced(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, true)
		if _, err := s.open(t); err != nil {
			t.Fatal(err)
		}
		aside := s.set.KeyFile + ".aside"
		if err := os.Rename(s.set.KeyFile, aside); err != nil {
			t.Fatal(err)
		}
		if _, err := s.open(t); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("got %v, want to be told that the key file is missing", err)
		}
		if _, err := os.Lstat(s.set.KeyFile); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a new key file was made")
		}
		if err := os.Rename(aside, s.set.KeyFile); err != nil {
			t.Fatal(err)
		}
		if _, err := s.open(t); err != nil {
			t.Errorf("with the key file: %v", err)
		}
	})
}

// TestAnotherShopsKeyFileIsNotTaken: a new shop does not settle on it, and its
// folder is fit for the right place afterwards.
func TestAnotherShopsKeyFileIsNotTaken(t *testing.T) {
	first := newSite(t, "", true)
	if _, err := first.open(t); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(first.set.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	second := newSite(t, "", true)
	right := second.set.KeyFile
	second.set.KeyFile = first.set.KeyFile
	if _, err := second.open(t); err == nil || !strings.Contains(err.Error(), "another shop") {
		t.Errorf("got %v, want to be told that it is another shop's", err)
	}
	if after, err := os.ReadFile(first.set.KeyFile); err != nil || string(after) != string(before) {
		t.Errorf("the first shop's key file has changed: %v", err)
	}
	second.set.KeyFile = right
	if _, err := second.open(t); err != nil {
		t.Errorf("with a place of its own: %v", err)
	}
}

// TestNoLinkLeadsTheKeyFileIntoTheFolder asks for a key file inside the data
// folder in every roundabout way.
func TestNoLinkLeadsTheKeyFileIntoTheFolder(t *testing.T) {
	base := t.TempDir()
	at := func(names ...string) string { return filepath.Join(append([]string{base}, names...)...) }
	for _, dir := range []string{at("data", "deep"), at("keys")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(at("data", "there.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"alias": at("data"), "door": at("data", "deep"), "keys/link.key": at("data", "there.key")} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		data, key string
		inside    bool
	}{
		{"data", "data/new.key", true},
		{"alias", "data/new.key", true},
		{"alias", "data/not/yet/new.key", true},
		{"data", "alias/new.key", true},
		{"data", "door/new.key", true},
		{"data", "door/not/yet/new.key", true},
		{"data", "keys/link.key", true},
		{"data", "keys/new.key", false},
		{"alias", "keys/new.key", false},
		{"data", "data.key", false},
		{"alias", "data.key", false},
	} {
		f, err := openFolder(at(c.data))
		if err != nil {
			t.Fatal(err)
		}
		_, err = keyPath(&Settings{KeyFile: base + "/" + c.key}, f, "id")
		if (err != nil) != c.inside {
			t.Errorf("data folder %s, key file %s: got %v, want refused: %v", c.data, c.key, err, c.inside)
		}
	}
}

func TestAFolderOthersCanWriteInIsRefused(t *testing.T) {
	for mode, refused := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o770: true, 0o775: true, 0o707: true, 0o777: true} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := openFolder(dir)
		if (err != nil) != refused {
			t.Errorf("mode %o: got %v, want refused: %v", mode, err, refused)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod go-w '"+dir+"'") {
			t.Errorf("mode %o: got %q, want to be told what to run", mode, err)
		}
	}
}

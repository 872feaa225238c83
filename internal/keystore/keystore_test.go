package keystore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/shoptest/vault"
)

const shop = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b"

var may = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func each(t *testing.T, fn func(t *testing.T, w Wrapper)) {
	t.Run("vault", func(t *testing.T) { fn(t, asked(t, newDouble(t))) })
	t.Run("plugin", func(t *testing.T) { p, _ := newPlugin(t); fn(t, p) })
}

func TestProvidersConform(t *testing.T) {
	each(t, func(t *testing.T, w Wrapper) {
		if err := Conform(t.Context(), w); err != nil {
			t.Error(err)
		}
	})
}

// lax is a provider with one fault.
type lax struct {
	Wrapper
	unwrap func(key string, wrapped []byte) (string, []byte)
	delete bool
}

func (l lax) Unwrap(ctx context.Context, key string, wrapped []byte) ([]byte, error) {
	if l.unwrap != nil {
		key, wrapped = l.unwrap(key, wrapped)
	}
	return l.Wrapper.Unwrap(ctx, key, wrapped)
}

func (l lax) Delete(ctx context.Context, key string) error {
	if l.delete {
		return nil
	}
	return l.Wrapper.Delete(ctx, key)
}

func TestAProviderThatIsLaxDoesNotConform(t *testing.T) {
	w := asked(t, newDouble(t))
	if err := Conform(t.Context(), lax{Wrapper: w, delete: true}); err == nil || !strings.Contains(err.Error(), "deleted key unwraps") {
		t.Errorf("deletes nothing: %v", err)
	}
	first := ""
	one := func(key string, wrapped []byte) (string, []byte) {
		if first == "" {
			first = key
		}
		return first, wrapped
	}
	if err := Conform(t.Context(), lax{Wrapper: w, unwrap: one}); err == nil {
		t.Error("one key for all")
	}
}

func first(t *testing.T) []seal.Epoch {
	t.Helper()
	return []seal.Epoch{{ID: 1, Key: seal.NewEpochKey(), Created: may}, {ID: 2, Key: seal.NewEpochKey(), Created: may.AddDate(0, 1, 0)}}
}

// TestALifeOfWrappedKeys: kept, read again, added to, destroyed; what the file
// held before opens nothing once the provider's key is gone.
func TestALifeOfWrappedKeys(t *testing.T) {
	each(t, func(t *testing.T, w Wrapper) {
		path := filepath.Join(t.TempDir(), "k.key")
		s, err := Replace(t.Context(), path, shop, w, first(t))
		if err != nil {
			t.Fatal(err)
		}
		ring, err := seal.Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		owner := seal.Owner{Dossier: shop, Subject: "s", Purpose: "cart", Case: "c"}
		_, wrap, err := ring.NewDossier(owner)
		if err != nil {
			t.Fatal(err)
		}
		id, err := ring.NewEpoch(t.Context(), may)
		if err != nil || id != 3 {
			t.Fatal(id, err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := ring.DestroyEpoch(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := s.Destroy(t.Context(), 1); err != nil {
			t.Errorf("destroyed twice: %v", err)
		}
		if s, err = Open(path, shop, w); err != nil {
			t.Fatal(err)
		}
		again, err := seal.Open(t.Context(), s)
		if err != nil || len(again.Epochs()) != 2 {
			t.Fatal(again, err)
		}
		if _, err := again.Unwrap(owner, wrap); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		// A thief's copy of the file from before, and today's provider.
		write(t, path, string(before))
		if _, err := s.Load(t.Context()); !errors.Is(err, ErrRefused) {
			t.Errorf("a destroyed epoch: %v", err)
		}
		for _, add := range []seal.Epoch{{ID: 2, Key: seal.NewEpochKey()}, {ID: 0, Key: seal.NewEpochKey()}, {ID: 9}} {
			if err := s.Add(t.Context(), add); err == nil {
				t.Errorf("added %d", add.ID)
			}
		}
	})
}

func TestAFileThatIsNotOursIsRefused(t *testing.T) {
	w := asked(t, newDouble(t))
	path := filepath.Join(t.TempDir(), "k.key")
	if _, err := Replace(t.Context(), path, shop, w, first(t)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if word, err := Provider(path); err != nil || word != "vault" {
		t.Errorf("got %q, %v", word, err)
	}
	for at := range text {
		broken := []byte(string(text))
		broken[at] ^= 1
		write(t, path, string(broken))
		if _, err := Open(path, shop, w); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	write(t, path, string(text[:len(text)/2]))
	if _, err := Open(path, shop, w); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut off: %v", err)
	}
	write(t, path, string(text))
	if _, err := Open(path, "another", w); !errors.Is(err, ErrShop) {
		t.Errorf("another shop: %v", err)
	}
	p, _ := newPlugin(t)
	if _, err := Open(path, shop, p); !errors.Is(err, ErrProvider) || !strings.Contains(err.Error(), "vault http://127.0.0.1") {
		t.Errorf("another provider: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestAVaultThatFails: what may pass is tried again, what may not is said at once,
// and a failure leaves the file as it was.
func TestAVaultThatFails(t *testing.T) {
	d := newDouble(t)
	w := asked(t, d)
	path := filepath.Join(t.TempDir(), "k.key")
	s, err := Replace(t.Context(), path, shop, w, first(t))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what          string
		status, times int
		want          error
		words         string
		asked         int
	}{
		{"sealed", 503, -1, ErrUnreachable, "sealed", attempts},
		{"broken", 500, -1, ErrUnreachable, "500", attempts},
		{"not allowed", 403, -1, ErrRefused, "403", 1},
		{"busy for a moment", 429, 1, nil, "", 3},
		{"broken for a moment", 500, 2, nil, "", 4},
		{"an answer of another kind", 302, -1, ErrRefused, "302", 1},
	} {
		d.Tell(row.status, row.times)
		d.Asked() // what was before does not count
		list, err := s.Load(t.Context())
		times := d.Asked()
		switch {
		case row.want == nil && (err != nil || len(list) != 2):
			t.Errorf("%s: %v", row.what, err)
		case row.want != nil && (!errors.Is(err, row.want) || !strings.Contains(err.Error(), row.words)):
			t.Errorf("%s: %v", row.what, err)
		}
		if times != row.asked {
			t.Errorf("%s: asked %d times, want %d", row.what, times, row.asked)
		}
		if row.want != nil {
			if err := s.Add(t.Context(), seal.Epoch{ID: 3, Key: seal.NewEpochKey(), Created: may}); !errors.Is(err, row.want) {
				t.Errorf("%s, adding: %v", row.what, err)
			}
			if err := s.Destroy(t.Context(), 1); !errors.Is(err, row.want) {
				t.Errorf("%s, destroying: %v", row.what, err)
			}
		}
		d.Tell(0, 0)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
		t.Error("a failure changed the file")
	}
	d.Delay(80 * time.Millisecond)
	if _, err := s.Load(t.Context()); err != nil {
		t.Errorf("late: %v", err)
	}
	w.client.Timeout = 20 * time.Millisecond
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("too late: %v", err)
	}
	d.Close()
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), vault.Token) {
		t.Errorf("gone: %v", err)
	}
}

func TestVaultSettingsAreChecked(t *testing.T) {
	for _, s := range []VaultSettings{
		{}, {Address: "http://vault.example:8200", TokenFile: "x"}, {Address: "https://u:p@vault.example", TokenFile: "x"},
		{Address: "https://vault.example/v1", TokenFile: "x"}, {Address: "https://vault.example"}, {Address: "https://vault.example", TokenFile: "x", CAFile: "absent"},
	} {
		if _, err := NewVault(s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func TestAPluginThatFails(t *testing.T) {
	p, how := newPlugin(t)
	path := filepath.Join(t.TempDir(), "k.key")
	s, err := Replace(t.Context(), path, shop, p, first(t))
	if err != nil {
		t.Fatal(err)
	}
	for way, want := range map[string]error{"crash": ErrRefused, "rubbish": ErrDamaged, "endless": ErrRefused, "refuse": ErrRefused} {
		how(way)
		if _, err := s.Load(t.Context()); !errors.Is(err, want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", way, err)
		}
	}
	how("environment")
	if _, err := s.Load(t.Context()); err == nil || strings.Contains(err.Error(), "S3CRET") {
		t.Errorf("a plugin gets the shop's secrets: %v", err)
	}
	how("")
	if list, err := s.Load(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("well again: %v", err)
	}
	for _, bad := range []string{"", "plugin", "./plugin"} {
		if _, err := NewPlugin(bad, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestAPluginThatSleepsIsNotWaitedFor: it is ended and found unreachable, and asked
// again once it is awake.
func TestAPluginThatSleepsIsNotWaitedFor(t *testing.T) {
	p, how := newPlugin(t)
	s, err := Replace(t.Context(), filepath.Join(t.TempDir(), "k.key"), shop, p, first(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.within != 30*time.Second {
		t.Errorf("it has %v, and is promised 30 seconds", p.within)
	}
	how("sleep")
	p.within = 50 * time.Millisecond
	began := time.Now()
	_, err = s.Load(t.Context())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "took too long") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a plugin that sleeps: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second { // it sleeps for a minute
		t.Errorf("it was waited for: %v", took)
	}
	how("")
	p.within = pluginFor
	if list, err := s.Load(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("awake again: %v", err)
	}
}

// TestMovingFromAFileLetsGoOfItLast: when the provider fails in the middle, or
// gives another key back, the key file stands as it was.
func TestMovingFromAFileLetsGoOfItLast(t *testing.T) {
	d := newDouble(t)
	path := filepath.Join(t.TempDir(), "k.key")
	epochs := first(t)
	file, err := keyfile.Create(path, shop, keyfile.Options{}, epochs...)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d.Tell(403, -1)
	if _, err := Replace(t.Context(), path, shop, asked(t, d), epochs); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
	d.Tell(0, 0)
	other := ""
	forgetful := lax{Wrapper: asked(t, d), unwrap: func(key string, wrapped []byte) (string, []byte) {
		if other == "" {
			if other = "other"; asked(t, d).New(t.Context(), other) != nil {
				t.Error("no other key")
			}
			made, err := asked(t, d).Wrap(t.Context(), other, make([]byte, 32))
			if err != nil {
				t.Error(err)
			}
			return other, made
		}
		return key, wrapped
	}}
	if _, err := Replace(t.Context(), path, shop, forgetful, epochs); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key back: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
		t.Error("the key file was let go of")
	}
	if list, err := file.Load(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("the key file: %v", err)
	}
}

// cut is a provider whose Delete the program does not live to see.
type cut struct{ Wrapper }

var errKilled = errors.New("killed")

func (cut) Delete(context.Context, string) error { return errKilled }

// TestADestructionThatIsCutOffDoesNotStopTheNextStart: between the file and the
// provider the epoch is in the file no more, and destroying it again ends it.
func TestADestructionThatIsCutOffDoesNotStopTheNextStart(t *testing.T) {
	each(t, func(t *testing.T, w Wrapper) {
		path := filepath.Join(t.TempDir(), "k.key")
		if _, err := Replace(t.Context(), path, shop, w, first(t)); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		killed, err := Open(path, shop, cut{w})
		if err != nil {
			t.Fatal(err)
		}
		if err := killed.Destroy(t.Context(), 1); !errors.Is(err, errKilled) {
			t.Fatalf("got %v", err)
		}
		next, err := Open(path, shop, w)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := next.Load(t.Context()); err != nil || len(list) != 1 || list[0].ID != 2 {
			t.Errorf("at the next start: %d epochs, %v", len(list), err)
		}
		if err := next.Destroy(t.Context(), 1); err != nil {
			t.Errorf("destroyed again: %v", err)
		}
		write(t, path, string(before))
		if _, err := next.Load(t.Context()); !errors.Is(err, ErrRefused) {
			t.Errorf("the provider still opens it: %v", err)
		}
		// A line whose key is gone, as it was cut off before: destroying it works too.
		if err := next.Destroy(t.Context(), 1); err != nil {
			t.Errorf("a line without a key: %v", err)
		}
		if list, err := next.Load(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("got %d epochs, %v", len(list), err)
		}
	})
}

// TestLeavingAProviderIsFinishedLater cuts a move off before and after the file
// was replaced: keys that are in use stay, keys that were left go.
func TestLeavingAProviderIsFinishedLater(t *testing.T) {
	each(t, func(t *testing.T, w Wrapper) {
		path := filepath.Join(t.TempDir(), "k.key")
		epochs := first(t)
		s, err := Replace(t.Context(), path, shop, w, epochs)
		if err != nil {
			t.Fatal(err)
		}
		is := func(word string) (Wrapper, error) {
			if !strings.HasPrefix(w.Name(), word) {
				t.Errorf("asked for %q", word)
			}
			return w, nil
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if deleted, err := LetGo(t.Context(), path, is); deleted || err != nil {
			t.Errorf("nothing was left: %v, %v", deleted, err)
		}
		if err := s.Leave(); err != nil {
			t.Fatal(err)
		}
		if deleted, err := LetGo(t.Context(), path, is); deleted || err != nil {
			t.Errorf("nothing has moved: %v, %v", deleted, err)
		}
		if list, err := s.Load(t.Context()); err != nil || len(list) != 2 {
			t.Fatalf("keys in use were deleted: %v", err)
		}
		if err := s.Leave(); err != nil {
			t.Fatal(err)
		}
		if err := keyfile.Replace(t.Context(), path, shop, keyfile.Options{}, epochs); err != nil {
			t.Fatal(err)
		}
		absent := errors.New("no settings")
		if _, err := LetGo(t.Context(), path, func(string) (Wrapper, error) { return nil, absent }); !errors.Is(err, absent) {
			t.Errorf("without the provider: %v", err)
		}
		if name, err := Left(path); err != nil || name != w.Name() {
			t.Errorf("left %q, %v", name, err)
		}
		if deleted, err := LetGo(t.Context(), path, is); !deleted || err != nil {
			t.Errorf("got %v, %v", deleted, err)
		}
		if name, err := Left(path); err != nil || name != "" {
			t.Errorf("left %q, %v", name, err)
		}
		write(t, path, string(before))
		if _, err := s.Load(t.Context()); !errors.Is(err, ErrRefused) {
			t.Errorf("the old provider still opens the old file: %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(document{shop: shop, provider: "p", lines: []line{{1, may, []byte("x")}}}.text()))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := parse(text); err == nil && string(d.text()) != string(text) {
			t.Errorf("%q reads as %q", text, d.text())
		}
	})
}

package keystore

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
)

const shop = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b"

var may = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// double answers like the transit engine, as its documentation says: it is no
// Vault. What it is told to do wrong, it does.
type double struct {
	*httptest.Server
	mu        sync.Mutex
	keys      map[string]cipher.AEAD
	deletable map[string]bool
	token     string
	say       int           // a status instead of an answer
	times     int           // how many more times; -1 for ever
	late      time.Duration // before each answer
	asked     int
}

func newDouble(t *testing.T) *double {
	d := &double{keys: map[string]cipher.AEAD{}, deletable: map[string]bool{}, token: "t0ken"}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	time.Sleep(d.late)
	fail := func(status int, text string) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
	}
	if d.times != 0 {
		d.times--
		fail(d.say, "told to")
		return
	}
	if r.Header.Get("X-Vault-Token") != d.token {
		fail(403, "permission denied")
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/transit/"), "/")
	var body map[string]any
	json.NewDecoder(r.Body).Decode(&body)
	name := parts[1]
	box := d.keys[name]
	give := func(data map[string]any) { json.NewEncoder(w).Encode(map[string]any{"data": data}) }
	text := func(field string) []byte {
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(fmt.Sprint(body[field]), "vault:v1:"))
		return b
	}
	switch act := r.Method + " " + parts[0] + strings.Join(parts[2:], "/"); {
	case act == "POST keys":
		if box == nil {
			raw := make([]byte, 32)
			rand.Read(raw)
			block, _ := aes.NewCipher(raw)
			d.keys[name], _ = cipher.NewGCM(block)
		}
		give(nil)
	case box == nil && strings.HasPrefix(act, "POST encrypt"), box == nil && act == "DELETE keys", box == nil && act == "POST keysconfig":
		fail(400, "could not delete policy; not found")
	case box == nil:
		fail(400, "encryption key not found")
	case act == "POST encrypt":
		nonce := make([]byte, 12)
		rand.Read(nonce)
		give(map[string]any{"ciphertext": "vault:v1:" + base64.StdEncoding.EncodeToString(box.Seal(nonce, nonce, text("plaintext"), nil))})
	case act == "POST decrypt":
		raw := text("ciphertext")
		if len(raw) < 12 {
			fail(400, "invalid ciphertext: too short")
			return
		}
		plain, err := box.Open(nil, raw[:12], raw[12:], nil)
		if err != nil {
			fail(400, "cipher: message authentication failed")
			return
		}
		give(map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
	case act == "POST keysconfig":
		d.deletable[name] = body["deletion_allowed"] == true
		w.WriteHeader(204)
	case act == "DELETE keys":
		if !d.deletable[name] {
			fail(400, "deletion is not allowed for this key")
			return
		}
		delete(d.keys, name)
		w.WriteHeader(204)
	default:
		fail(404, act)
	}
}

// told makes the double answer a status for some times.
func (d *double) told(status, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.say, d.times = status, times
}

func (d *double) vault(t *testing.T) *Vault {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, d.token+"\n")
	v, err := NewVault(VaultSettings{Address: d.URL, TokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asPlugin makes this test's program a plugin that keeps its keys in a folder.
const asPlugin = "KEYSTORE_TEST_PLUGIN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asPlugin); dir != "" {
		plugin(dir)
		return
	}
	os.Exit(m.Run())
}

func plugin(dir string) {
	out := json.NewEncoder(os.Stdout)
	switch how, _ := os.ReadFile(filepath.Join(dir, "how")); string(how) {
	case "crash":
		os.Exit(3)
	case "rubbish":
		fmt.Println("not JSON")
		return
	case "endless":
		for {
			fmt.Print(strings.Repeat("x", 1<<16))
		}
	case "refuse":
		out.Encode(map[string]any{"error": "the token was pulled out\nepoch: 1"})
		return
	case "environment":
		out.Encode(map[string]any{"error": strings.Join(os.Environ(), " ")})
		return
	}
	var q question
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil || q.Version != 1 {
		out.Encode(map[string]any{"error": "what was asked?"})
		return
	}
	file := filepath.Join(dir, q.Key)
	raw, err := os.ReadFile(file)
	switch {
	case q.Act == "new" && err != nil:
		raw = make([]byte, 32)
		rand.Read(raw)
		os.WriteFile(file, raw, 0o600)
		out.Encode(struct{}{})
		return
	case q.Act == "new" || q.Act == "delete":
		os.Remove(map[bool]string{true: "", false: file}[q.Act == "new"])
		out.Encode(struct{}{})
		return
	case err != nil:
		out.Encode(map[string]any{"error": "no such key"})
		return
	}
	block, _ := aes.NewCipher(raw)
	box, _ := cipher.NewGCM(block)
	if q.Act == "wrap" {
		nonce := make([]byte, 12)
		rand.Read(nonce)
		out.Encode(map[string]any{"data": box.Seal(nonce, nonce, q.Data, nil)})
		return
	}
	plain, err := box.Open(nil, q.Data[:min(12, len(q.Data))], q.Data[min(12, len(q.Data)):], nil)
	if err != nil {
		out.Encode(map[string]any{"error": "does not open"})
		return
	}
	out.Encode(map[string]any{"data": plain})
}

func newPlugin(t *testing.T) (p *Plugin, how func(string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, err = NewPlugin(self, []string{asPlugin + "=" + dir, "CARTKEEP_PASSPHRASE=S3CRET"})
	if err != nil {
		t.Fatal(err)
	}
	return p, func(s string) { write(t, filepath.Join(dir, "how"), s) }
}

func each(t *testing.T, fn func(t *testing.T, w Wrapper)) {
	t.Run("vault", func(t *testing.T) { fn(t, newDouble(t).vault(t)) })
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
	w := newDouble(t).vault(t)
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
	w := newDouble(t).vault(t)
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
	w := d.vault(t)
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
		d.told(row.status, row.times)
		d.mu.Lock()
		d.asked = 0
		d.mu.Unlock()
		list, err := s.Load(t.Context())
		d.mu.Lock()
		asked := d.asked
		d.mu.Unlock()
		switch {
		case row.want == nil && (err != nil || len(list) != 2):
			t.Errorf("%s: %v", row.what, err)
		case row.want != nil && (!errors.Is(err, row.want) || !strings.Contains(err.Error(), row.words)):
			t.Errorf("%s: %v", row.what, err)
		}
		if asked != row.asked {
			t.Errorf("%s: asked %d times, want %d", row.what, asked, row.asked)
		}
		if row.want != nil {
			if err := s.Add(t.Context(), seal.Epoch{ID: 3, Key: seal.NewEpochKey(), Created: may}); !errors.Is(err, row.want) {
				t.Errorf("%s, adding: %v", row.what, err)
			}
			if err := s.Destroy(t.Context(), 1); !errors.Is(err, row.want) {
				t.Errorf("%s, destroying: %v", row.what, err)
			}
		}
		d.told(0, 0)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
		t.Error("a failure changed the file")
	}
	d.mu.Lock()
	d.late = 80 * time.Millisecond
	d.mu.Unlock()
	if _, err := s.Load(t.Context()); err != nil {
		t.Errorf("late: %v", err)
	}
	w.client.Timeout = 20 * time.Millisecond
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("too late: %v", err)
	}
	d.Close()
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), d.token) {
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
	d.told(403, -1)
	if _, err := Replace(t.Context(), path, shop, d.vault(t), epochs); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
	d.told(0, 0)
	other := ""
	forgetful := lax{Wrapper: d.vault(t), unwrap: func(key string, wrapped []byte) (string, []byte) {
		if other == "" {
			if other = "other"; d.vault(t).New(t.Context(), other) != nil {
				t.Error("no other key")
			}
			made, err := d.vault(t).Wrap(t.Context(), other, make([]byte, 32))
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

func FuzzParse(f *testing.F) {
	f.Add([]byte(document{shop: shop, provider: "p", lines: []line{{1, may, []byte("x")}}}.text()))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := parse(text); err == nil && string(d.text()) != string(text) {
			t.Errorf("%q reads as %q", text, d.text())
		}
	})
}

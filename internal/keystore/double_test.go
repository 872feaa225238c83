package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

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
	case box == nil && act == "POST keysconfig":
		fail(400, fmt.Sprintf("no existing key named %s could be found", name))
	case box == nil && act == "DELETE keys":
		fail(400, "error deleting policy "+name+": could not delete key; not found")
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
	case "sleep":
		time.Sleep(time.Minute)
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

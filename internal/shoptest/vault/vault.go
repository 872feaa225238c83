// Package vault answers like the transit engine of HashiCorp Vault and OpenBao, for
// tests: as its documentation says (developer.hashicorp.com/vault/api-docs/secret/transit),
// as far as Cartkeep asks it. It is no Vault and keeps its keys in memory; what it is
// told to do wrong, it does.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Token is what a caller must show.
const Token = "t0ken"

// Double is the engine, listening on a loopback address without TLS.
type Double struct {
	*httptest.Server
	mu        sync.Mutex
	keys      map[string]cipher.AEAD
	deletable map[string]bool
	say       int           // a status instead of an answer
	times     int           // how many more times; -1 for ever
	late      time.Duration // before each answer
	asked     int
}

// Start starts one. It is over with its Close.
func Start() *Double {
	d := &Double{keys: map[string]cipher.AEAD{}, deletable: map[string]bool{}}
	d.Server = httptest.NewServer(d)
	return d
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	if r.Header.Get("X-Vault-Token") != Token {
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

// Tell makes it answer a status for some times; -1 is for ever.
func (d *Double) Tell(status, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.say, d.times = status, times
}

// Delay has each answer come so much later.
func (d *Double) Delay(late time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = late
}

// Asked is how often it was asked since this was called before.
func (d *Double) Asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.asked
	d.asked = 0
	return n
}

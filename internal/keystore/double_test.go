package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/vault"
)

func newDouble(t *testing.T) *vault.Double {
	d := vault.Start()
	t.Cleanup(d.Close)
	return d
}

// asked is a Vault that asks the double.
func asked(t *testing.T, d *vault.Double) *Vault {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, vault.Token+"\n")
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

package keystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// policy is what docs/operations.md says that the token needs.
const policy = `
path "transit/keys/cartkeep-*" { capabilities = ["create", "update", "delete"] }
path "transit/keys/cartkeep-*/config" { capabilities = ["create", "update"] }
path "transit/encrypt/cartkeep-*" { capabilities = ["create", "update"] }
path "transit/decrypt/cartkeep-*" { capabilities = ["create", "update"] }`

// server is a real OpenBao or Vault, in memory, that we are root of.
type server struct {
	t       *testing.T
	address string
}

// realVault starts one: the program CARTKEEP_OPENBAO, or bao or vault in PATH. No
// package of Debian's has one, so without it the double of this package stands in.
func realVault(t *testing.T) server {
	t.Helper()
	program := os.Getenv("CARTKEEP_OPENBAO")
	for _, name := range []string{"bao", "vault"} {
		if at, err := exec.LookPath(name); program == "" && err == nil {
			program = at
		}
	}
	if program == "" {
		t.Skip("no OpenBao and no Vault is here: name one by CARTKEEP_OPENBAO, or put bao or vault into PATH")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	var said bytes.Buffer
	c := exec.Command(program, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root", "-dev-listen-address="+at)
	c.Env = append(os.Environ(), "HOME="+t.TempDir())
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	s := server{t, "http://" + at}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get(s.address + "/v1/sys/health"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("it does not start within 30 seconds")
		}
	}
	s.root("POST", "sys/mounts/transit", map[string]any{"type": "transit"})
	s.root("PUT", "sys/policies/acl/cartkeep", map[string]any{"policy": policy})
	return s
}

// root asks what only its owner may.
func (s server) root(method, path string, body any) (answer struct {
	Auth struct {
		ClientToken string `json:"client_token"`
	}
}) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(method, s.address+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", "root")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		s.t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			s.t.Fatal(err)
		}
	}
	return answer
}

// TestARealVaultKeepsKeys: as our double does, with the token that
// docs/operations.md describes and no more.
func TestARealVaultKeepsKeys(t *testing.T) {
	s := realVault(t)
	file := filepath.Join(t.TempDir(), "token")
	token := func(policies ...string) {
		made := s.root("POST", "auth/token/create", map[string]any{"policies": policies, "no_default_policy": true})
		write(t, file, made.Auth.ClientToken+"\n")
	}
	token("cartkeep")
	v, err := NewVault(VaultSettings{Address: s.address, TokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	keeps(t, v)
	if err := v.New(t.Context(), "other"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "403") {
		t.Errorf("a name that the policy does not allow: %v", err)
	}

	path := filepath.Join(t.TempDir(), "k.key")
	store, err := Replace(t.Context(), path, shop, v, first(t)[1:])
	if err != nil {
		t.Fatal(err)
	}
	load := func(what string, want error, words string) {
		t.Helper()
		if list, err := store.Load(t.Context()); !errors.Is(err, want) || want == nil && len(list) != 1 || !strings.Contains(fmt.Sprint(err), words) {
			t.Errorf("%s: %d epochs, %v", what, len(list), err)
		}
	}
	load("well", nil, "")
	write(t, file, "nobody\n")
	load("a token that is none", ErrRefused, "403")
	token("default")
	load("a token that may nothing", ErrRefused, "403")
	token("cartkeep")
	load("well again", nil, "")
	s.root("PUT", "sys/seal", nil)
	load("sealed", ErrUnreachable, "sealed")
}

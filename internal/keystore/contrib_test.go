package keystore

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/seal"
)

// missing skips a test whose peer is not here, or fails it where it must be.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CARTKEEP_TEST_REQUIRE") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// contributed builds a program of contrib, which is a module of its own.
func contributed(t *testing.T, dir string, env ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(dir))
	build := exec.Command("go", "build", "-o", to, ".")
	build.Dir = filepath.Join("..", "..", "contrib", dir)
	build.Env = append(os.Environ(), append(env, "GOWORK=off", "GOFLAGS=-mod=readonly")...)
	if out, err := build.CombinedOutput(); err != nil {
		missing(t, "contrib/"+dir+" does not build here: "+err.Error()+"\n"+string(out))
	}
	return to
}

// keepsByPlugin is keeps for a program.
func keepsByPlugin(t *testing.T, program string, env []string) (notes []string) {
	t.Helper()
	p, err := NewPlugin(program, append(os.Environ(), env...))
	if err != nil {
		t.Fatal(err)
	}
	p.Telling(func(note string) { notes = append(notes, note) })
	keeps(t, p)
	if _, err := p.Unwrap(t.Context(), "../other", []byte("x")); !errors.Is(err, ErrRefused) {
		t.Errorf("a name that is none: %v", err)
	}
	return notes
}

// keeps tries a provider out and lets it keep the keys of a shop, from the first
// epoch to the end of one.
func keeps(t *testing.T, p Wrapper) {
	t.Helper()
	if err := Conform(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k.key")
	s, err := Replace(t.Context(), path, shop, p, first(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(t.Context(), seal.Epoch{ID: 3, Key: seal.NewEpochKey(), Created: may}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Destroy(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Load(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("got %d epochs, %v", len(list), err)
	}
	write(t, path, string(before))
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrRefused) {
		t.Errorf("the provider still opens a destroyed epoch: %v", err)
	}
	// The name of a wrap is bound to it: one epoch's is none of another's.
	d, err := parse(before)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Unwrap(t.Context(), s.keyName(2), d.lines[2].wrapped); !errors.Is(err, ErrRefused) {
		t.Errorf("one epoch opens another: %v", err)
	}
}

// TestThePluginForHardwareModulesKeepsKeys runs contrib/keystore-pkcs11 against
// SoftHSM, a module in software.
func TestThePluginForHardwareModulesKeepsKeys(t *testing.T) {
	util, err := exec.LookPath("softhsm2-util")
	modules, _ := filepath.Glob("/usr/lib/softhsm/libsofthsm2.so")
	if more, _ := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so"); len(modules) == 0 {
		modules = more
	}
	if err != nil || len(modules) == 0 {
		missing(t, "SoftHSM is not installed (Debian package softhsm2)")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		missing(t, "PKCS #11 is spoken through C, and there is no C compiler (Debian packages gcc and libc6-dev)")
	}
	program := contributed(t, "keystore-pkcs11", "CGO_ENABLED=1")
	dir := t.TempDir()
	conf, pin := filepath.Join(dir, "softhsm.conf"), filepath.Join(dir, "pin")
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, conf, "directories.tokendir = "+filepath.Join(dir, "tokens")+"\n")
	write(t, pin, "567890\n")
	env := []string{"SOFTHSM2_CONF=" + conf, "PKCS11_MODULE=" + modules[0], "PKCS11_TOKEN=shop", "PKCS11_PIN_FILE=" + pin}
	made := exec.Command(util, "--init-token", "--free", "--label", "shop", "--so-pin", "123456", "--pin", "567890")
	made.Env = append(os.Environ(), env...)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if notes := keepsByPlugin(t, program, env); len(notes) != 0 {
		t.Errorf("got notes %q", notes)
	}
	write(t, pin, "wrong\n")
	p, err := NewPlugin(program, append(os.Environ(), env...))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.New(t.Context(), "cartkeep-x"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "PIN_INCORRECT") {
		t.Errorf("a wrong PIN: %v", err)
	}
}

// TestThePluginForAWSKeepsKeys runs contrib/keystore-awskms against local-kms,
// which answers as AWS KMS does, behind a check of each request's signature.
func TestThePluginForAWSKeepsKeys(t *testing.T) {
	program := contributed(t, "keystore-awskms", "CGO_ENABLED=0")
	env := []string{"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=not+a/secret", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "KMS_PENDING_DAYS=9"}
	peer := exec.Command(contributed(t, "keystore-awskms/localkms", "CGO_ENABLED=0"), t.TempDir())
	peer.Env = append(os.Environ(), env...)
	in, err := peer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); peer.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	env = append(env, "AWS_ENDPOINT_URL_KMS="+strings.TrimSpace(address))
	notes := keepsByPlugin(t, program, env)
	if len(notes) != 3 || !strings.Contains(notes[2], "cartkeep-"+shop+"-1 no more and deletes it on ") || !strings.Contains(notes[2], "can cancel that") {
		t.Errorf("got notes %q, want the waiting period of each deleted key", notes)
	}
	for what, change := range map[string][2]string{
		"InvalidSignatureException":     {"AWS_SECRET_ACCESS_KEY=another", ""},
		"no AWS region":                 {"AWS_REGION=", ""},
		"KMS_PENDING_DAYS is 7 to 30":   {"KMS_PENDING_DAYS=1", ""},
		"AWS KMS can't be asked: no co": {"AWS_ENDPOINT_URL_KMS=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1"},
	} {
		p, err := NewPlugin(program, append(append(os.Environ(), env...), change[:]...))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.New(t.Context(), "cartkeep-x"); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

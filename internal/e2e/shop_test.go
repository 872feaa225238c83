package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// built is the binary under test, made by the first test that needs it.
var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(pluginEnv); dir != "" {
		if err := shoptest.KeyPlugin(dir, os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary builds cartkeep as the Makefile does and returns its path.
func binary(t testing.TB) string {
	t.Helper()
	if ready := os.Getenv("CARTKEEP_E2E_BINARY"); ready != "" {
		return ready // a release, say, instead of this source
	}
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "cartkeep-e2e-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-w", "-o", built.dir, "github.com/cartkeep/cartkeep/cmd/cartkeep")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build cartkeep: %v", built.err)
	}
	return filepath.Join(built.dir, "cartkeep")
}

// soak reports whether the long tests were asked for.
func soak() bool { return os.Getenv("CARTKEEP_SOAK") != "" }

// eachEngine runs fn once on each engine. The setting is what --database gets.
func eachEngine(t *testing.T, fn func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, "") })
	t.Run("postgres", func(t *testing.T) { fn(t, pg.Shared(t).NewDatabase(t)) })
}

// home is where a shop lives: a data folder, a key file apart from it, and the
// environment that its commands run in.
type home struct {
	dir, key, database string
	env                []string // besides PATH and the places
}

// newHome makes a home for a shop that does not exist yet. Load tests and
// parallel buyers come from one address, so it is free from request rates.
func newHome(t testing.TB, database string) home {
	t.Helper()
	base := t.TempDir()
	return home{dir: filepath.Join(base, "data"), key: filepath.Join(base, "keys", "shop.key"), database: database,
		env: []string{"CARTKEEP_LIMITS_EXEMPT=127.0.0.1/32,::1/128"}}
}

// command prepares a run of the binary in this home.
func (h home) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(binary(t), args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(h.dir), "CARTKEEP_DATA=" + h.dir, "CARTKEEP_KEY_FILE=" + h.key}, h.env...)
	if h.database != "" {
		c.Env = append(c.Env, "CARTKEEP_DATABASE="+h.database)
	}
	// No server outlives a test that ended in a way nobody foresaw.
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// run carries out a command and returns what it said and its exit code.
func (h home) run(t testing.TB, args ...string) (out, errs string, code int) {
	t.Helper()
	c := h.command(t, args...)
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	err := c.Run()
	if c.ProcessState == nil {
		t.Fatalf("cartkeep %s: %v", strings.Join(args, " "), err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

// must is run for a command that has to work.
func (h home) must(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, code := h.run(t, args...)
	if code != 0 {
		t.Fatalf("cartkeep %s: got exit %d, want 0\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// shop is a running demo.
type shop struct {
	home
	t      testing.TB
	cmd    *exec.Cmd
	said   *kept // both outputs, as a log collector would have them
	exited chan struct{}

	origin, admin, bank, outbox, private, owner string
	client                                      *http.Client // trusts the local authority, follows no redirect
}

// demo starts a new demo.
func demo(t testing.TB, database string) *shop {
	t.Helper()
	return newHome(t, database).start(t)
}

// start starts the demo of this home and returns when it is ready.
func (h home) start(t testing.TB) *shop {
	t.Helper()
	s := &shop{home: h, t: t, said: &kept{}, exited: make(chan struct{})}
	s.cmd = h.command(t, "demo", "--listen", "localhost:0")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.said
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(io.TeeReader(out, s.said))
		for lines.Scan() {
			s.line(lines.Text(), ready)
		}
	}()
	go func() {
		<-read
		s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.kill)
	select {
	case <-ready:
	case <-s.exited:
		t.Fatalf("the demo ended before it was ready:\n%s", s.said)
	case <-time.After(60 * time.Second):
		t.Fatalf("the demo is not ready after a minute:\n%s", s.said)
	}
	s.client = trusting(t, filepath.Join(h.dir, "certs", "ca.pem"))
	return s
}

// line reads one printed line.
func (s *shop) line(text string, ready chan struct{}) {
	word, rest, _ := strings.Cut(strings.TrimPrefix(text, "cartkeep: "), " ")
	switch word {
	case "admin":
		s.admin = rest
	case "sandbox":
		s.bank = strings.TrimSuffix(rest, "/")
	case "outbox":
		s.outbox = rest
	case "private":
		s.private = strings.TrimSuffix(rest, "/")
	case "owner":
		s.owner = rest
	case "ready":
		s.origin = rest
		close(ready)
	}
}

// trusting makes a client that trusts one authority and follows no redirect.
func trusting(t testing.TB, ca string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", ca)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// kill ends the server as a power cut would. It is fine to call it again.
func (s *shop) kill() {
	s.cmd.Process.Kill() // our own child, and no other process
	<-s.exited
}

// stop asks the server to end and returns its exit code.
func (s *shop) stop() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the server did not end within 20 seconds of SIGTERM:\n%s", s.said)
	}
	return s.cmd.ProcessState.ExitCode()
}

// kept keeps what a process says.
type kept struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.Write(p)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.String()
}

// eventually waits until fn reports true, or fails.
func eventually(t testing.TB, within time.Duration, what string, fn func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		if fn() {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %v", what, within)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

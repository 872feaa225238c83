// Package stripemock starts Stripe's own stand-in for its API. It checks each
// request against Stripe's published description of the API and answers with
// Stripe's own examples; it remembers nothing. It is built from the module in
// tools/stripe, which the product does not know.
//
// Start reading at Run.
package stripemock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// RequireEnv names the environment variable that turns a skip for want of the
// program into a failure. make test sets it.
const RequireEnv = "CARTKEEP_TEST_REQUIRE"

// build finds the program in the build cache, or builds it.
var build = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "tool", "-n", "stripe-mock")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "tools", "stripe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("build stripe-mock in %s: %w", cmd.Dir, err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Server is a running stand-in.
type Server struct {
	URL   string // http://127.0.0.1:PORT
	cmd   *exec.Cmd
	alive io.Closer
	ended chan struct{}
}

// Run starts one on the loopback address. It answers until it is closed, or this
// process ends.
func Run() (*Server, error) {
	binary, err := build()
	if err != nil {
		return nil, err
	}
	// Without both addresses it would listen on every interface. The shell ends it
	// when the pipe closes, and so when this process does.
	s := &Server{ended: make(chan struct{}), cmd: exec.Command("sh", "-c", `"$0" "$@" < /dev/null & pid=$!; cat > /dev/null; kill $pid; wait $pid`,
		binary, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")}
	if s.alive, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	said, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	found := make(chan string, 1)
	go func() {
		defer close(s.ended)
		defer close(found)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if address, ok := strings.CutPrefix(lines.Text(), "Listening for HTTP at address: "); ok {
				found <- address
			}
		}
	}()
	address, ok := <-found
	if !ok {
		s.Close()
		return nil, errors.New("stripe-mock ended without listening")
	}
	s.URL = "http://" + address
	return s, nil
}

// Close ends it.
func (s *Server) Close() {
	s.alive.Close()
	<-s.ended
	_ = s.cmd.Wait() // its status is that of a kill
}

// Absent skips a test for want of the program, or fails it where that must not be.
func Absent(t testing.TB, err error) {
	t.Helper()
	if os.Getenv(RequireEnv) == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

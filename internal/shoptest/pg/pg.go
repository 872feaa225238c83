// Package pg starts a PostgreSQL server for tests.
//
// It knows how to find Debian's PostgreSQL, how to run it without the
// machine's own clusters noticing, and how to give each test a database of its
// own. It does not know the shop's tables. The server is durable (fsync is on),
// because a test that kills the shop must find what a disk would have kept.
//
// A server lives in one temporary folder and listens in two ways: on a socket
// in that folder, and on 127.0.0.1 with TLS only, behind a password made for
// the run. A small shell stands between the test and the server and holds the
// reading end of a pipe; when the test process ends, in whatever way, the pipe
// closes, the shell stops the server and removes the folder.
//
// Start reading at Shared.
package pg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrAbsent says that PostgreSQL is not installed here.
var ErrAbsent = errors.New("PostgreSQL is not installed (Debian package postgresql; make test installs it)")

// RequireEnv names the environment variable that turns a skip for want of
// PostgreSQL or the browser into a failure. make test sets it.
const RequireEnv = "CARTKEEP_TEST_REQUIRE"

// readyWithin bounds the start: initdb and the first answer.
const readyWithin = 60 * time.Second

// Server is a running PostgreSQL server.
type Server struct {
	dir      string // everything of this server
	port     int
	password string
	alive    *os.File  // the server ends when this closes
	shell    *exec.Cmd // see watch
	ended    chan struct{}
	stop     sync.Once
}

// shared is the one server of a test binary. It is started by the first test
// that asks, and ends with the process.
var shared = sync.OnceValues(Start)

// Shared returns the server of this test binary and starts it when needed. The
// test is skipped when PostgreSQL is not installed, and fails instead when
// RequireEnv is set.
func Shared(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	if errors.Is(err, ErrAbsent) && os.Getenv(RequireEnv) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Apart is a server of the test's own, for what no other should notice, and a database
// in it. It skips as Shared does.
func Apart(t testing.TB) (s *Server, database string) {
	t.Helper()
	Shared(t)
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if database, err = s.Database(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	return s, database
}

// Start starts a server of its own. Tests want Shared, or Apart.
func Start() (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	var problem error
	for range 3 { // another process may take the free port first
		s, err := startIn(bin)
		if err == nil {
			return s, nil
		}
		problem = err
	}
	return nil, problem
}

func startIn(bin string) (_ *Server, err error) {
	dir, err := os.MkdirTemp("", "ckpg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, password: rand.Text(), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			s.Stop()
			_ = os.RemoveAll(dir) // nothing was started, or the shell has done it
		}
	}()
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	who, err := owner()
	if err != nil {
		return nil, err
	}
	if err := who.give(dir); err != nil {
		return nil, err
	}
	if err := s.initialise(bin, who); err != nil {
		return nil, err
	}
	if err := s.watch(bin, who); err != nil {
		return nil, err
	}
	return s, s.awaitReady()
}

// findBin finds the folder of the server's programs: the newest of Debian's,
// or that of a postgres on the path.
func findBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	best, version := "", 0
	for _, f := range found {
		var n int
		if _, err := fmt.Sscanf(f, "/usr/lib/postgresql/%d/", &n); err == nil && n > version {
			best, version = filepath.Dir(f), n
		}
	}
	if best != "" {
		return best, nil
	}
	if f, err := exec.LookPath("initdb"); err == nil {
		if f, err = filepath.EvalSymlinks(f); err == nil {
			return filepath.Dir(f), nil
		}
	}
	return "", ErrAbsent
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// awaitReady returns when the server answers, or says what it wrote instead.
func (s *Server) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.socketURL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			return fmt.Errorf("PostgreSQL ended while starting: %s", s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, s.logTail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server at once and removes its folder. A test that uses Shared
// need not call it.
func (s *Server) Stop() {
	s.stop.Do(func() {
		if s.alive != nil {
			_ = s.alive.Close() // closing is the signal; there is nothing to flush
			<-s.ended
		}
	})
}

// DataDir is the folder with all that the server wrote: tables, WAL and
// temporary files.
func (s *Server) DataDir() string { return filepath.Join(s.dir, "data") }

// PID is the process above the server's own ones, for counting what they cost.
func (s *Server) PID() int { return s.shell.Process.Pid }

// LogFile is what the server logged.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "postgres.log") }

// logTail returns the end of the log, for a message about a failed start.
func (s *Server) logTail() string {
	b, err := os.ReadFile(s.LogFile())
	if err != nil {
		return "no log"
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// NewDatabase makes an empty database for one test and returns its address on
// the socket. The database goes when the test ends.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	return s.newDatabase(t, "template0")
}

// CopyOf makes a copy of a database that nobody is connected to, given by its
// address. It goes when the test ends.
func (s *Server) CopyOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return s.newDatabase(t, strings.TrimPrefix(u.Path, "/"))
}

func (s *Server) newDatabase(t testing.TB, template string) string {
	t.Helper()
	name := "shop_" + strings.ToLower(rand.Text()[:16])
	if err := s.exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.socketURL(name)
}

// Database makes an empty database that stays as long as the server. The name
// is a plain lower-case word.
func (s *Server) Database(ctx context.Context, name string) (string, error) {
	return s.socketURL(name), s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0")
}

// TLSURL returns the address of the same database over TCP with TLS, the
// server's certificate checked.
func (s *Server) TLSURL(socketURL string) string {
	u, err := url.Parse(socketURL)
	if err != nil {
		panic("pg: TLSURL wants what NewDatabase returned: " + err.Error())
	}
	u.User = url.UserPassword("postgres", s.password)
	u.Host = fmt.Sprintf("127.0.0.1:%d", s.port)
	u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {filepath.Join(s.dir, "server.crt")}}.Encode()
	return u.String()
}

// Flush writes everything in the server's memory to DataDir, so that a search
// for bytes finds what is there.
func (s *Server) Flush(t testing.TB) {
	t.Helper()
	if err := s.exec(t.Context(), "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) socketURL(name string) string {
	q := url.Values{"host": {s.dir}, "port": {fmt.Sprint(s.port)}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + name + "?" + q.Encode()
}

// exec runs one statement beside all databases of tests.
func (s *Server) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.socketURL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement is done or has told
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

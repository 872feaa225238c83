package pg

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pair is a primary and its synchronous standby: the primary acknowledges a
// COMMIT only when the standby has it on its disk too.
type Pair struct{ Primary, Standby *Server }

// StartPair starts a pair that ends with the test. Like Shared it skips, or
// fails when RequireEnv is set, where PostgreSQL is not installed.
func StartPair(t testing.TB) *Pair {
	t.Helper()
	primary, err := Start()
	if errors.Is(err, ErrAbsent) && os.Getenv(RequireEnv) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(primary.Stop)
	standby, err := primary.follow()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.Stop)
	p := &Pair{primary, standby}
	if err := p.synchronise(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// follow makes a standby of s from a copy of its data.
func (s *Server) follow() (f *Server, err error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	who, err := owner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ckpg-")
	if err != nil {
		return nil, err
	}
	f = &Server{dir: dir, password: s.password, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			f.Stop()
			_ = os.RemoveAll(dir) // nothing was started, or the shell has done it
		}
	}()
	if err := who.give(dir); err != nil {
		return nil, err
	}
	if f.port, err = freePort(); err != nil {
		return nil, err
	}
	args := append(who.prefix, filepath.Join(bin, "pg_basebackup"), "--pgdata="+f.DataDir(), "--host="+s.dir, fmt.Sprint("--port=", s.port),
		"--username=postgres", "--checkpoint=fast", "--wal-method=stream", "--no-sync")
	backup := exec.Command(args[0], args[1:]...)
	backup.Dir = dir
	if out, err := backup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	source := fmt.Sprintf("primary_conninfo = 'host=%s port=%d user=postgres application_name=standby'\n", s.dir, s.port)
	for name, content := range map[string]string{"data/postgresql.auto.conf": f.settings() + source, "data/standby.signal": ""} {
		if err := who.write(filepath.Join(dir, name), []byte(content)); err != nil {
			return nil, err
		}
	}
	// One certificate for both, as one authority would have made two.
	for _, name := range []string{"server.key", "server.crt"} {
		content, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			return nil, err
		}
		if err := who.write(filepath.Join(dir, name), content); err != nil {
			return nil, err
		}
	}
	if err := f.watch(bin, who); err != nil {
		return nil, err
	}
	return f, f.awaitReady()
}

// synchronise makes the primary wait for the standby from now on.
func (p *Pair) synchronise(ctx context.Context) error {
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if err := p.Primary.exec(ctx, statement); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.Primary.socketURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only asked
	for {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&n); err != nil || n == 1 {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// URL returns the address of a database of the pair: both servers, by TLS, and
// whichever of them takes writes.
func (p *Pair) URL(name string) string {
	q := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {filepath.Join(p.Standby.dir, "server.crt")}, "target_session_attrs": {"read-write"}}
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d,127.0.0.1:%d/%s?%s", p.Primary.password, p.Primary.port, p.Standby.port, name, q.Encode())
}

// Promote makes the standby the primary.
func (p *Pair) Promote(ctx context.Context) error {
	return p.Standby.exec(ctx, "SELECT pg_promote(true, 60)")
}

// Kill ends every process of the server with SIGKILL, as the loss of its
// machine would. A server that was killed does not come back.
func (s *Server) Kill() error {
	main, err := s.postmaster()
	if err != nil {
		return err
	}
	// Stopped first, so that it starts no more while its processes are listed.
	if err := syscall.Kill(main, syscall.SIGSTOP); err != nil {
		return err
	}
	listed, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", main))
	if err != nil {
		return err
	}
	for _, word := range strings.Fields(string(listed)) {
		if child, err := strconv.Atoi(word); err == nil {
			_ = syscall.Kill(child, syscall.SIGKILL) // one that ended meanwhile is as good
		}
	}
	if err := syscall.Kill(main, syscall.SIGKILL); err != nil {
		return err
	}
	s.Stop() // its shell alone is left
	return nil
}

// Away ends the server as a crash would. Back starts it again.
func (s *Server) Away() error {
	if err := os.WriteFile(filepath.Join(s.dir, "away"), nil, 0o600); err != nil {
		return err
	}
	if err := s.alive.Close(); err != nil {
		return err
	}
	<-s.ended
	return nil
}

// Back starts a server that is away, on the same port with the same data.
func (s *Server) Back() error {
	bin, err := findBin()
	if err != nil {
		return err
	}
	who, err := owner()
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.dir, "away")); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	if err := s.watch(bin, who); err != nil {
		return err
	}
	return s.awaitReady()
}

// postmaster is the server's first process.
func (s *Server) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.DataDir(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

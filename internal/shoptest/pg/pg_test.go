package pg_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

func ask(t *testing.T, url, question string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), question).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return answer
}

func TestEachTestHasItsOwnDurableDatabase(t *testing.T) {
	began := time.Now()
	s := pg.Shared(t)
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	one, two := s.NewDatabase(t), s.NewDatabase(t)
	if one == two {
		t.Fatal("two tests got one database")
	}
	if got := ask(t, one, "SHOW fsync"); got != "on" {
		t.Errorf("fsync: got %s, want on", got)
	}
	conn, err := pgx.Connect(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE t (x TEXT)"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, two, "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'"); got != "0" {
		t.Errorf("the other database has the table too")
	}
	s.Flush(t)
	if _, err := os.Stat(filepath.Join(s.DataDir(), "pg_wal")); err != nil {
		t.Error(err)
	}
}

func TestTCPWantsTLSAndThePassword(t *testing.T) {
	s := pg.Shared(t)
	url := s.TLSURL(s.NewDatabase(t))
	if got := ask(t, url, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); got != "TLSv1.3" {
		t.Errorf("got %q, want TLSv1.3", got)
	}
	for name, bad := range map[string]string{
		"without TLS":       strings.Replace(url, "sslmode=verify-full", "sslmode=disable", 1),
		"with another word": strings.Replace(url, "postgres:", "postgres:x", 2),
	} {
		if conn, err := pgx.Connect(t.Context(), bad); err == nil {
			conn.Close(context.Background())
			t.Errorf("%s: got a connection, want none", name)
		}
	}
}

// TestServerEndsWithItsTest kills a process that holds a server.
func TestServerEndsWithItsTest(t *testing.T) {
	if os.Getenv("CARTKEEP_PG_CHILD") != "" {
		s, err := pg.Start()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("dir " + filepath.Dir(s.DataDir()) + "\n")
		time.Sleep(time.Minute)
		return
	}
	pg.Shared(t)
	child := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsTest$")
	child.Env = append(os.Environ(), "CARTKEEP_PG_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if d, ok := strings.CutPrefix(lines.Text(), "dir "); ok {
			dir = d
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed, as meant
	if dir == "" {
		t.Fatal("the child did not start its server")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server's folder is still there")
		}
	}
}

func TestAPairAcknowledgesWhatBothHaveAndTheStandbyTakesOver(t *testing.T) {
	p := pg.StartPair(t)
	if _, err := p.Primary.Database(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), p.URL("pair"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('kept')"); err != nil {
		t.Fatal(err)
	}
	if err := p.Primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "INSERT INTO t VALUES ('lost')"); err == nil {
		t.Error("the killed primary still answers")
	}
	if again, err := pgx.Connect(t.Context(), p.URL("pair")); err == nil {
		again.Close(t.Context())
		t.Error("a standby that was not promoted takes writes")
	}
	if err := p.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, p.URL("pair"), "SELECT string_agg(x, ' ') FROM t"); got != "kept" {
		t.Errorf("got %q on the new primary, want what was acknowledged", got)
	}
	if got := ask(t, p.URL("pair"), "INSERT INTO t VALUES ('new') RETURNING x"); got != "new" {
		t.Errorf("got %q, want the new primary to take writes", got)
	}
}

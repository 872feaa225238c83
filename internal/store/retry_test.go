package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// counter is a number that transactions raise, so that a test can tell how
// often one took effect.
func counter(t *testing.T, s *shoptest.Shop) (raise func(*store.Tx) error, read func() int64) {
	raw := s.Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE counter (n BIGINT NOT NULL)`)
	shoptest.Do(t, raw, `INSERT INTO counter (n) VALUES (0)`)
	raise = func(t *store.Tx) error {
		_, err := t.Exec(`UPDATE counter SET n = n + 1`)
		return err
	}
	return raise, func() int64 { return shoptest.One[int64](t, raw, `SELECT n FROM counter`) }
}

// kill ends the connection that t runs on, as an administrator or a failover would.
func kill(t *store.Tx, raw *sql.DB) error {
	var pid int64
	if err := t.Row(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return err
	}
	_, err := raw.Exec(`SELECT pg_terminate_backend($1)`, pid)
	return err
}

func TestATransactionRunsAgainWhenPostgresAsks(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	raw := s.Raw(t)
	raise, read := counter(t, s)
	for name, trouble := range map[string]func(*store.Tx) error{
		"serialization failure": func(t *store.Tx) error {
			_, err := t.Exec(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`)
			return err
		},
		"deadlock": func(t *store.Tx) error {
			_, err := t.Exec(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$`)
			return err
		},
		"killed in the middle": func(t *store.Tx) error { return kill(t, raw) },
	} {
		before, tries := read(), 0
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			tries++
			if err := raise(t); err != nil {
				return err
			}
			if tries < 3 {
				if err := trouble(t); err != nil {
					return fmt.Errorf("wrapped: %w", err)
				}
			}
			return raise(t)
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := read() - before; got != 2 || tries != 3 {
			t.Errorf("%s: raised by %d in %d tries, want by 2 in the third", name, got, tries)
		}
	}
}

func TestTwoThatLockEachOtherBothFinish(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	raw := s.Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE pair (id TEXT PRIMARY KEY, n BIGINT NOT NULL)`)
	shoptest.Do(t, raw, `INSERT INTO pair (id, n) VALUES ('a', 0), ('b', 0)`)
	var met sync.WaitGroup
	met.Add(2)
	errs := make(chan error, 2)
	for _, way := range [][2]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			first := true
			errs <- s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
				_, err := t.Exec(`UPDATE pair SET n = n + 1 WHERE id = $1`, way[0])
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				if err == nil {
					_, err = t.Exec(`UPDATE pair SET n = n + 1 WHERE id = $1`, way[1])
				}
				return err
			})
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if n := shoptest.One[int64](t, raw, `SELECT sum(n)::bigint FROM pair`); n != 4 {
		t.Errorf("got %d, want 4: each of both once", n)
	}
}

// TestAMistakeIsNotRetried: what is wrong stays wrong.
func TestAMistakeIsNotRetried(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	tries := 0
	err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
		tries++
		_, err := t.Exec(`SELECT 1 / 0`)
		return err
	})
	if err == nil || tries != 1 {
		t.Errorf("got %v after %d tries, want an error after one", err, tries)
	}
}

// TestEachTransactionRunsOnceInAStorm kills connections at random while many
// transactions run: before, in the middle of and after their COMMIT.
func TestEachTransactionRunsOnceInAStorm(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	raw := s.Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE done (worker BIGINT NOT NULL, turn BIGINT NOT NULL)`)
	const workers = 8
	turns := shoptest.Tenth(400)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond):
			}
			// One of the connections that are at work, never our own.
			raw.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
				AND state <> 'idle' ORDER BY random() LIMIT 1`)
		}
	}()
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for n := range turns {
				err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
					_, err := t.Exec(`INSERT INTO done (worker, turn) VALUES ($1, $2)`, w, n)
					return err
				})
				if err != nil {
					t.Errorf("worker %d, turn %d: %v", w, n, err)
				}
			}
		})
	}
	group.Wait()
	close(stop)
	<-stopped
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM done`); n != int64(workers*turns) {
		t.Errorf("got %d effects, want %d", n, workers*turns)
	}
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM (SELECT DISTINCT worker, turn FROM done) d`); n != int64(workers*turns) {
		t.Errorf("got %d different effects, want %d: none twice, none lost", n, workers*turns)
	}
}

// TestAnAnswerLostAfterCommitIsLookedUp lets the server commit and then cuts
// the line before its answer arrives: the effect is there, so the function
// must not run again.
func TestAnAnswerLostAfterCommitIsLookedUp(t *testing.T) {
	var armed atomic.Bool
	address := lossyLine(t, pg.Shared(t).NewDatabase(t), &armed)
	s := shoptest.OpenAt(t, address, t.TempDir())
	raise, read := counter(t, s)
	tries := 0
	err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
		tries++
		armed.Store(true)
		return raise(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	if armed.Load() {
		t.Fatal("no answer was lost: the test does not test")
	}
	if got := read(); got != 1 || tries != 1 {
		t.Errorf("raised by %d in %d tries, want once in one", got, tries)
	}
}

// TestAConnectionKilledDuringCommitIsTriedAgain holds COMMIT up inside the
// server and kills it there: nothing is kept, so the function runs again.
func TestAConnectionKilledDuringCommitIsTriedAgain(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	raw := s.Raw(t)
	raise, read := counter(t, s)
	shoptest.Do(t, raw, `CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$`)
	shoptest.Do(t, raw, `CREATE CONSTRAINT TRIGGER slowly AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly()`)
	tries := 0
	err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
		tries++
		if tries > 1 {
			_, err := t.Exec(`SET CONSTRAINTS ALL IMMEDIATE`)
			if err == nil {
				_, err = t.Exec(`SET LOCAL session_replication_role = replica`) // the trigger sleeps
			}
			return errors.Join(err, raise(t))
		}
		var pid int64
		if err := t.Row(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		go func() {
			for range 500 {
				var n int
				err := raw.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`, pid).Scan(&n)
				if err == nil && n == 1 {
					raw.Exec(`SELECT pg_terminate_backend($1)`, pid)
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		return raise(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(); got != 1 || tries != 2 {
		t.Errorf("raised by %d in %d tries, want once in the second", got, tries)
	}
}

// lossyLine stands between store and server. Once armed it loses the server's
// next answer to a COMMIT together with the connection.
func lossyLine(t *testing.T, database string, armed *atomic.Bool) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	socket := ".s.PGSQL." + q.Get("port")
	server, dir := filepath.Join(q.Get("host"), socket), t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial("unix", server)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				io.Copy(behind, client)
				behind.Close()
			}()
			go func() {
				defer client.Close()
				defer behind.Close()
				buf := make([]byte, 1<<16)
				for {
					n, err := behind.Read(buf)
					if bytes.Contains(buf[:n], []byte("COMMIT\x00")) && armed.CompareAndSwap(true, false) {
						return
					}
					if _, e := client.Write(buf[:n]); e != nil || err != nil {
						return
					}
				}
			}()
		}
	}()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return u.String()
}

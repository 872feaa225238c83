package store_test

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// eavesdropper is a PostgreSQL server that speaks no TLS, or somebody on the
// way who says so, and asks for the password in the clear.
type eavesdropper struct {
	port  string
	mu    sync.Mutex
	calls int
	heard []byte // everything after a question for TLS
}

func listenIn(t *testing.T) *eavesdropper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &eavesdropper{port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { e.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return e
}

func (e *eavesdropper) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	e.mu.Lock()
	e.calls++
	e.mu.Unlock()
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		body := make([]byte, min(binary.BigEndian.Uint32(head[:]), 1<<16)-4)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		if len(body) == 4 && binary.BigEndian.Uint32(body) == 80877103 { // SSLRequest
			conn.Write([]byte("N"))
			continue
		}
		e.mu.Lock()
		e.heard = append(e.heard, body...)
		e.mu.Unlock()
		conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3}) // AuthenticationCleartextPassword
		rest, _ := io.ReadAll(conn)
		e.mu.Lock()
		e.heard = append(e.heard, rest...)
		e.mu.Unlock()
		return
	}
}

func (e *eavesdropper) said() (calls int, heard string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls, string(e.heard)
}

// TestNothingGoesToAServerWithoutTLS: whatever way the address is written, a
// server that refuses TLS hears neither password nor user.
func TestNothingGoesToAServerWithoutTLS(t *testing.T) {
	for _, c := range []struct {
		name, url, env string // PORT stands for the server's
		asked          bool   // TLS was asked for, and refused by the server
	}{
		{"plain", "postgres://u:S3CRET@127.0.0.1:PORT/db", "", true},
		{"other scheme", "postgresql://u:S3CRET@127.0.0.1:PORT/db", "", true},
		{"prefer", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=prefer", "", true},
		{"allow", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=allow", "", true},
		{"allow after require", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=require&sslmode=allow", "", true},
		{"disable", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=disable", "", false},
		{"disable after require", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=require&sslmode=disable", "", false},
		{"disable, escaped", "postgres://u:S3CRET@127.0.0.1:PORT/db?%73slmode=disable", "", false},
		{"require", "postgres://u:S3CRET@127.0.0.1:PORT/db?sslmode=require", "", true},
		{"question mark in the password", "postgres://u:S3CRET?@127.0.0.1:PORT/db", "", true},
		{"no path", "postgres://u:S3CRET@127.0.0.1:PORT", "", true},
		{"host from the environment", "postgres://u:S3CRET@/db", "PGHOST=127.0.0.1 PGPORT=PORT", true},
		{"all from the environment", "postgres://", "PGHOST=127.0.0.1 PGPORT=PORT PGUSER=u PGPASSWORD=S3CRET PGDATABASE=db", true},
		{"prefer from the environment", "postgres://u:S3CRET@127.0.0.1:PORT/db", "PGSSLMODE=prefer", true},
		{"disable from the environment", "postgres://u:S3CRET@127.0.0.1:PORT/db", "PGSSLMODE=disable", true},
		{"a socket, then a network", "postgres://u:S3CRET@/db?host=/nonexistent,127.0.0.1&port=PORT", "", true},
		{"a socket, then a network, prefer", "postgres://u:S3CRET@/db?host=/nonexistent,127.0.0.1&port=PORT&sslmode=prefer", "", true},
		{"a socket, then a network, disable", "postgres://u:S3CRET@/db?host=/nonexistent,127.0.0.1&port=PORT&sslmode=disable", "", false},
		{"two hosts", "postgres://u:S3CRET@127.0.0.1:1,127.0.0.1:PORT/db", "", true},
		{"two hosts, prefer", "postgres://u:S3CRET@127.0.0.1:1,127.0.0.1:PORT/db?sslmode=prefer", "", true},
		{"service", "postgres://u:S3CRET@/db?service=shop", "PGSERVICEFILE=SERVICES", true},
		{"service from the environment", "postgres://u:S3CRET@/db", "PGSERVICE=shop PGSERVICEFILE=SERVICES", true},
		{"service without TLS", "postgres://u:S3CRET@/db", "PGSERVICE=clear PGSERVICEFILE=SERVICES", true},
		{"no socket, whatever it looks like", "postgres://u:S3CRET@%40shop:PORT/db?sslmode=disable", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := listenIn(t)
			services := filepath.Join(t.TempDir(), "services")
			text := "[shop]\nhost=127.0.0.1\nport=" + e.port + "\n[clear]\nhost=127.0.0.1\nport=" + e.port + "\nsslmode=disable\n"
			if err := os.WriteFile(services, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			fill := strings.NewReplacer("PORT", e.port, "SERVICES", services)
			for _, kv := range strings.Fields(c.env) {
				name, value, _ := strings.Cut(kv, "=")
				t.Setenv(name, fill.Replace(value))
			}
			db, err := store.Open(t.Context(), store.Config{Database: fill.Replace(c.url), ShopID: shoptest.ID})
			if err == nil {
				db.Close()
				t.Fatal("got an open store")
			}
			if strings.Contains(err.Error(), "S3CRET") {
				t.Errorf("the refusal quotes the password: %v", err)
			}
			calls, heard := e.said()
			if heard != "" {
				t.Errorf("the server without TLS has heard %q", heard)
			}
			if asked := calls > 0; asked != c.asked {
				t.Errorf("the server was asked: %v, want %v; %v", asked, c.asked, err)
			}
			if !c.asked && !strings.Contains(err.Error(), "needs TLS") {
				t.Errorf("got %q, want to be told that it needs TLS", err)
			}
		})
	}
}

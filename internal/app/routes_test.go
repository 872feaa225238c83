package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
)

// TestDocsRoutes: every route of a shop that serves says whom it answers,
// and the document says the same.
func TestDocsRoutes(t *testing.T) {
	s := opened(t)
	rows := s.table.Rows()
	if len(rows) < 50 {
		t.Fatalf("%d routes", len(rows))
	}
	for _, r := range rows {
		if err := r.Need.Check(); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.Path, err)
		}
		if err := r.Act.Check(r.Need); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.Path, err)
		}
		if r.Surface == "api" && r.Need.Level != access.Guest {
			t.Errorf("%s %s: the API knows no sessions", r.Method, r.Path)
		}
		if r.Method != http.MethodGet && r.Need.Level == access.Guest && r.Surface == "admin" && r.Token == "" {
			t.Errorf("%s %s: anybody may change something at the staff's entrance", r.Method, r.Path)
		}
	}
	const file = "../../docs/routes.md"
	want := routesPage(rows)
	if os.Getenv("CARTKEEP_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Error("docs/routes.md is not what the shop serves; run: make docs")
	}
}

// opened is a demo shop that has been put together and serves.
func opened(t *testing.T) *server { return openedWith(t, func(*Settings) {}) }

// openedWith is opened with other settings.
func openedWith(t *testing.T, change func(*Settings)) *server {
	t.Helper()
	s, err := tryOpen(t, change)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startWith tells why a shop with other settings does not start.
func startWith(t *testing.T, change func(*Settings)) error {
	t.Helper()
	_, err := tryOpen(t, change)
	return err
}

func tryOpen(t *testing.T, change func(*Settings)) (*server, error) {
	t.Helper()
	set := newSite(t, "", false).set
	set.Listen, set.SandboxListen, set.PrivateListen = "localhost:0", "127.0.0.1:0", "127.0.0.1:0"
	change(set)
	p := &Process{Out: io.Discard, Err: io.Discard}
	s, err := newServer(context.Background(), p, set, true)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s, s.startDemo(context.Background(), p)
}

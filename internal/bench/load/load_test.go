package load_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/load"
	"github.com/cartkeep/cartkeep/internal/bench/yardstick"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// serve starts a handler behind TLS.
func serve(t *testing.T, h http.Handler) (base string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.URL, roots
}

func plain(t *testing.T, database string) load.Plan {
	t.Helper()
	shop, err := yardstick.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
	base, roots := serve(t, shop)
	var goods []string
	for i := range yardstick.Products {
		goods = append(goods, fmt.Sprintf("p%d", i))
	}
	return load.Plan{Base: base, Dialect: load.Plain(), Goods: goods, Roots: roots}
}

func check(t *testing.T, plan load.Plan) {
	t.Helper()
	plan.Clients, plan.Sessions = 4, 50
	before, err := load.ProcessTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	r, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sessions != 50 || r.Errors != 0 {
		t.Errorf("got %d sessions and %d errors (%v), want 50 and 0", r.Sessions, r.Errors, r.First)
	}
	for i, s := range r.Steps {
		if s.P50 <= 0 || s.P99 < s.P50 || s.Max < s.P99 {
			t.Errorf("%s: got %+v", load.StepName(i), s)
		}
	}
	after, err := load.OwnTime()
	if err != nil || after < before {
		t.Errorf("processor time ran backwards: %v to %v, %v", before, after, err)
	}
	t.Log(r)
}

func TestTheYardstickSellsOnBothEngines(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { check(t, plain(t, filepath.Join(t.TempDir(), "plain.db"))) })
	t.Run("postgres", func(t *testing.T) {
		s := pg.Shared(t)
		check(t, plain(t, s.TLSURL(s.NewDatabase(t))))
	})
}

func TestAWrongAnswerIsAnError(t *testing.T) {
	base, roots := serve(t, http.NotFoundHandler())
	r, err := load.Run(t.Context(), load.Plan{Base: base, Dialect: load.API(), Goods: []string{"a", "b", "c"}, Roots: roots, Sessions: 3})
	if err != nil || r.Sessions != 0 || r.Errors != 3 || r.First == nil {
		t.Errorf("got %+v, %v; want three errors", r, err)
	}
}

func TestTheClockEndsARun(t *testing.T) {
	plan := plain(t, filepath.Join(t.TempDir(), "plain.db"))
	plan.Duration = 100 * time.Millisecond
	r, err := load.Run(t.Context(), plan)
	if err != nil || r.Errors != 0 || r.Sessions == 0 || r.Elapsed > 5*time.Second {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTreeTimeCountsItself(t *testing.T) {
	own, err := load.ProcessTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := load.TreeTime(os.Getpid())
	if err != nil || tree < own {
		t.Errorf("got %v, %v, want at least %v", tree, err, own)
	}
	if size, err := load.Resident(os.Getpid()); err != nil || size < 1<<20 {
		t.Errorf("resident: got %d, %v", size, err)
	}
}

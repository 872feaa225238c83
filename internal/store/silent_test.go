package store_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestASilentServerIsPassedOver: the machine of the old primary takes the
// connection and then says nothing; the shop goes on with the other one.
func TestASilentServerIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := pg.Shared(t)
	database := server.TLSURL(server.NewDatabase(t))
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	both := strings.Replace(database, "@"+u.Host, fmt.Sprintf("@%s,%s", l.Addr(), u.Host), 1) + "&target_session_attrs=read-write"
	began := time.Now()
	s := shoptest.OpenAt(t, both, t.TempDir())
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %v, want some seconds for the server that says nothing", took)
	}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Set("test.silent", "1") }); err != nil {
		t.Error(err)
	}
}

// TestADatabaseThatIsGoneIsToldAsThat: the time of the request ends before the
// database is back, and whoever asked learns to come again.
func TestADatabaseThatIsGoneIsToldAsThat(t *testing.T) {
	server, database := pg.Apart(t)
	s := shoptest.OpenAt(t, database, t.TempDir())
	if err := server.Away(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(noCtx, time.Second)
	defer cancel()
	err := s.DB.InTx(ctx, ledger.System("test"), func(t *store.Tx) error { return t.Set("test.gone", "1") })
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("changing: got %v, want to be told to come again", err)
	}
	err = s.DB.View(noCtx, func(v *store.View) error {
		var n int64
		return v.Row(`SELECT count(*) FROM settings`).Scan(&n)
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("reading: got %v, want to be told to come again", err)
	}
	if err := server.Back(); err != nil {
		t.Fatal(err)
	}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Set("test.back", "1") }); err != nil {
		t.Error(err)
	}
	if isSet(t, s, "gone") {
		t.Error("what was refused was kept")
	}
}

package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestOneNodeWaitsForTheBackupOfAnother reads a backup on one node of PostgreSQL
// while another one scrubs: what was destroyed is in the files until the end of the
// reading, and nobody says otherwise. A node that dies amid it holds up nobody.
func TestOneNodeWaitsForTheBackupOfAnother(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	other := func() *store.DB {
		db, err := store.Open(t.Context(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	second := other()
	scrub := func() error { return s.DB.ScrubWithin(noCtx, 200*time.Millisecond) }
	err := second.Snapshot(noCtx, func(*store.Snapshot) error {
		if err := scrub(); !errors.Is(err, store.ErrReads) {
			t.Errorf("got %v, want to hear of the backup", err)
		}
		return second.Snapshot(noCtx, func(*store.Snapshot) error { return nil }) // backups go beside each other
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := scrub(); err != nil {
		t.Errorf("got %v, want nobody to wait any more", err)
	}
	began, killed := make(chan struct{}), make(chan struct{})
	go second.Snapshot(noCtx, func(*store.Snapshot) error { close(began); <-killed; return nil })
	<-began
	defer close(killed)
	shoptest.Do(t, s.Raw(t), `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid WHERE l.locktype = 'advisory' AND a.datname = current_database()`)
	if err := s.DB.ScrubWithin(noCtx, time.Minute); err != nil {
		t.Errorf("got %v, want the dead to be waited for no longer", err)
	}
}

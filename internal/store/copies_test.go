package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestWhoCopiesTheDatabaseIsSeen: Litestream by the folder that it keeps, PostgreSQL's
// slots by themselves; and nobody where there is nobody.
func TestWhoCopiesTheDatabaseIsSeen(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		look := func() (c store.Copying) {
			t.Helper()
			view(t, s, func(v *store.View) (err error) {
				c, err = v.Copying()
				return err
			})
			return c
		}
		if c := look(); c.Archive || c.Shadow != "" || len(c.IdleSlots) != 0 {
			t.Fatalf("got %+v, want nobody", c)
		}
		if !s.OnPostgres() {
			shadow := filepath.Join(filepath.Dir(s.Database), "."+filepath.Base(s.Database)+"-litestream")
			if err := os.Mkdir(shadow, 0o700); err != nil {
				t.Fatal(err)
			}
			if c := look(); c.Shadow != shadow {
				t.Errorf("got %+v, want Litestream's folder", c)
			}
			return
		}
		const slot = "nobody_reads_this"
		shoptest.One[string](t, s.Raw(t), `SELECT CAST(pg_create_physical_replication_slot($1, TRUE) AS TEXT)`, slot)
		t.Cleanup(func() { shoptest.Do(t, s.Raw(t), `SELECT pg_drop_replication_slot($1)`, slot) })
		if c := look(); !slices.Equal(c.IdleSlots, []string{slot}) {
			t.Errorf("got %+v, want the slot", c)
		}
	})
}

// TestAnArchiveOfTheLogIsSeen on a server that keeps one.
func TestAnArchiveOfTheLogIsSeen(t *testing.T) {
	server, database := pg.Apart(t)
	s := shoptest.OpenAt(t, database, t.TempDir())
	shoptest.Do(t, s.Raw(t), `ALTER SYSTEM SET archive_mode = 'on'`)
	if err := errors.Join(server.Away(), server.Back()); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(v *store.View) error {
		c, err := v.Copying()
		if err == nil && !c.Archive {
			t.Error("the archive is not seen")
		}
		return err
	})
}

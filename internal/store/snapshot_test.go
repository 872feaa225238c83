package store_test

import (
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func count(t *testing.T, s *store.Snapshot, name string) (n int) {
	t.Helper()
	if err := s.Rows(store.Table{Name: name, Columns: []string{"id"}}, func([]store.Value) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestASnapshotStandsStillWhileTheShopGoesOn: what is written meanwhile is
// written at once, and not in it; what scrubs the files waits for its end.
func TestASnapshotStandsStillWhileTheShopGoesOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.Product(t, "pot", 1900, shoptest.Counted(9))
		scrubbed := make(chan error, 1)
		err := s.DB.Snapshot(t.Context(), func(snap *store.Snapshot) error {
			before := count(t, snap, "products")
			go func() { scrubbed <- s.DB.Scrub(t.Context()) }()
			s.Product(t, "pan", 1900, shoptest.Counted(9))
			if err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error { return t.Event("test.act", "", "", "") }); err != nil {
				return err
			}
			if now := count(t, snap, "products"); now != before || now != 1 {
				t.Errorf("got %d products in the snapshot, %d before", now, before)
			}
			select {
			case err := <-scrubbed:
				t.Errorf("got %v: the files were scrubbed under the snapshot", err)
			default:
			}
			return nil
		})
		if err := errors.Join(err, <-scrubbed); err != nil {
			t.Fatal(err)
		}
		if err := s.DB.Snapshot(t.Context(), func(snap *store.Snapshot) error {
			if n := count(t, snap, "products"); n != 2 {
				t.Errorf("got %d products, want both", n)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

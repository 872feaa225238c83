package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestASnapshotThatLastsTooLongIsGivenUp reads a table again and again, as slowly as
// a place takes it. The snapshot fails with the reason, and lets go of the database.
func TestASnapshotThatLastsTooLongIsGivenUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		defer store.SetSnapshotLasts(300 * time.Millisecond)()
		err := s.DB.Snapshot(noCtx, func(v *store.Snapshot) error {
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				if err := v.Rows(store.KeyTable(), func([]store.Value) error { return nil }); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, store.ErrSnapshotTooLong) {
			t.Errorf("got %v, want it given up with the reason", err)
		}
		if err := s.DB.ScrubWithin(noCtx, time.Minute); err != nil {
			t.Errorf("got %v, want nobody to wait any more", err)
		}
	})
}

package backup

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestARestoredShopHoldsOn places a hold, restores a backup made after it, and
// tries to destroy what is held.
func TestARestoredShopHoldsOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ada, to, pair := place(t, s, "ada"), Folder(t.TempDir()), pairOf(t)
		why, err := contact.ParseNote("a lawsuit", order.MaxNote)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := privacy.Hold(t.Context(), s.DB, someone, privacy.Held{Order: ada.Order.Number}, why, s.DB.Now().AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		made, c := create(t, s, to, pair), empty(t, engineOf(s))
		if _, err := Restore(t.Context(), Source{File: filepath.Join(string(to), made.Data), IDs: pair.Identities()}, s.Ring, c, someone); err != nil {
			t.Fatal(err)
		}
		c.Clock = func() time.Time { return s.DB.Now() }
		db := reopened(t, c)
		list, err := privacy.Holds(t.Context(), db, someone, true)
		if err != nil || len(list) == 0 || list[0].Order != ada.Order.Number || list[0].Reason.Reveal() != "a lawsuit" {
			t.Fatalf("got %+v, %v, want the hold with its reason", list, err)
		}
		err = db.InTx(t.Context(), someone, func(t *store.Tx) error {
			for _, h := range list {
				if h.Purpose == personal.Fulfilment {
					return t.Destroy(store.DueDossier{Subject: h.Subject, ID: h.Dossier, Case: string(ada.Order.ID), Purpose: h.Purpose})
				}
			}
			return errors.New("the hold has no fulfilment")
		})
		if !errors.Is(err, store.ErrHeld) {
			t.Errorf("got %v, want ErrHeld", err)
		}
		if name := nameOf(t, db, ada); name != "Marker ada" {
			t.Errorf("got %q, want Ada as she was", name)
		}
	})
}

func engineOf(s *shoptest.Shop) string {
	if s.OnPostgres() {
		return "postgres"
	}
	return "sqlite"
}

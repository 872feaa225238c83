package backup

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// wish erases somebody because they asked for it, and returns of how many dossiers
// the key went.
func wish(t *testing.T, s *shoptest.Shop, p checkout.Placed) (n int64) {
	t.Helper()
	err := s.DB.InTx(t.Context(), someone, func(tx *store.Tx) error {
		list, err := tx.LivingOf(p.Order.Owner, string(p.Order.ID))
		if err != nil {
			return err
		}
		n = int64(len(list))
		return tx.EraseAll(list)
	})
	if err == nil {
		_, err = s.DB.SequenceErasures(t.Context())
	}
	if err != nil || n == 0 {
		t.Fatalf("got %d dossiers, %v", n, err)
	}
	return n
}

// TestARestoreSaysHowManyAreKeptFromComingBack restores a data part of before an
// erasure: who was erased is not there, the restore says of how many dossiers, and
// none of these is called lost.
func TestARestoreSaysHowManyAreKeptFromComingBack(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	to, pair := Folder(t.TempDir()), pairOf(t)
	ada, bob := place(t, s, "ada"), place(t, s, "bob")
	m := create(t, s, to, pair)
	src := Source{File: m.Data, From: to, IDs: pair.Identities()}
	got, err := Restore(t.Context(), src, s.Ring, empty(t, "sqlite"), someone)
	if err != nil || got.Barred != 0 {
		t.Errorf("got %+v, %v, want nobody kept back", got, err)
	}
	n := wish(t, s, bob)
	create(t, s, to, pair)
	c := empty(t, "sqlite")
	got, err = Restore(t.Context(), src, s.Ring, c, someone)
	if err != nil || got.Barred != n || len(got.Lost) != 0 {
		t.Errorf("got %d kept back and %v lost, %v, want %d and none", got.Barred, got.Lost, err, n)
	}
	db := reopened(t, c)
	if a, b := nameOf(t, db, ada), nameOf(t, db, bob); a != "Marker ada" || b != "" {
		t.Errorf("got %q and %q", a, b)
	}
}

// TestAFinishedRestoreLearnsOfLaterErasures: a restore was whole but for its folder's
// name. Somebody is erased before the same command comes again, which then erases
// them there too, and says so each time.
func TestAFinishedRestoreLearnsOfLaterErasures(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		to, pair := Folder(t.TempDir()), pairOf(t)
		ada, bob := place(t, s, "ada"), place(t, s, "bob")
		m := create(t, s, to, pair)
		src := Source{File: m.Data, From: to, IDs: pair.Identities()}
		engine := "sqlite"
		if s.OnPostgres() {
			engine = "postgres"
		}
		c := empty(t, engine)
		if _, err := Restore(t.Context(), src, s.Ring, c, someone); err != nil {
			t.Fatal(err)
		}
		n := wish(t, s, bob)
		create(t, s, to, pair)
		for _, erased := range []int64{n, 0} {
			got, err := Restore(t.Context(), src, s.Ring, c, someone)
			if err != nil || !got.Whole || got.Erased != erased || got.Barred != n || !got.Ledger.OK() {
				t.Errorf("got %+v, %v, want a whole shop that erases %d and keeps %d back", got, err, erased, n)
			}
		}
		db := reopened(t, c)
		if a, b := nameOf(t, db, ada), nameOf(t, db, bob); a != "Marker ada" || b != "" {
			t.Errorf("got %q and %q", a, b)
		}
		raw := (&shoptest.Shop{Database: c.Database}).Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM order_details WHERE owner = $1 AND (email IS NOT NULL OR name IS NOT NULL)`, bob.Order.Owner); n != 0 {
			t.Error("values of who was erased are left")
		}
	})
}

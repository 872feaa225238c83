package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestSavingDetailsTakesFewStatements, the first time and again.
func TestSavingDetailsTakesFewStatements(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		b := s.Basket(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1)
		if _, err := s.DB.Settings(noCtx); err != nil { // read once a second
			t.Fatal(err)
		}
		most := int64(8)
		if s.OnPostgres() {
			most++ // the id by which a lost COMMIT is found again
		}
		for _, step := range []string{"first", "again"} {
			before := s.DB.Statements()
			if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, shoptest.Ada()); err != nil {
				t.Fatal(err)
			}
			if n := s.DB.Statements() - before; n > most {
				t.Errorf("%s: got %d statements, want %d at most", step, n, most)
			}
		}
	})
}

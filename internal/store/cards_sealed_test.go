package store_test

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestWhatAPaymentServiceCallsSomebodyIsSealed: customers and cards have names there
// that nobody types, so they are looked for here, in the files of the database.
func TestWhatAPaymentServiceCallsSomebodyIsSealed(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	e := s.Everything(t)
	raw := s.Raw(t)
	for _, column := range []string{"kept_cards.customer", "payments.customer", "cards_to_forget.customer", "cards_to_forget.card"} {
		table, name, _ := strings.Cut(column, ".")
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM `+table+` WHERE `+name+` IS NOT NULL`); n == 0 {
			t.Errorf("nothing is kept in %s", column)
		}
	}
	files := []string{s.Database, s.Database + "-wal"}
	found, _ := shoptest.Search(t, files, "cus_everything", "card_everything", "cus_paying")
	for _, f := range found {
		t.Error(f)
	}
	if seen, _ := shoptest.Search(t, files, string(e.Order.Order.Number)); len(seen) == 0 {
		t.Error("the search finds nothing at all")
	}
}

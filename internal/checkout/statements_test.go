package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
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

// TestWhoTriesToPayIsJudgedByOneStatement: guest or member, calm or not, and also where
// it matters whether a guest has proved the mailbox.
func TestWhoTriesToPayIsJudgedByOneStatement(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		p, err := tries(t, s, from("192.0.2.0/24", false, false), cup, "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		mailbox, err := contact.ParseEmail("ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		for _, stage := range []string{"calm", "alert"} {
			if stage == "alert" {
				err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error { return tx.Measure(abuse.AllDeclines, tx.Now().Add(24*time.Hour)) })
				if err != nil {
					t.Fatal(err)
				}
			}
			for who, by := range map[string]store.Payer{"guest": {Cart: p.Order.Owner, Source: "192.0.2.0/24", Mailbox: mailbox}, "member": {Cart: p.Order.Owner, Source: "192.0.2.0/24", Account: "ada", Mailbox: mailbox}} {
				takes := func(judges bool) (n int64) {
					t.Helper()
					before := s.DB.Statements()
					err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
						if _, err := tx.Order(p.Order.Owner, p.Order.ID); err != nil || !judges {
							return err
						}
						return s.Desk.Judges(tx, by)
					})
					if err != nil {
						t.Fatal(err)
					}
					return s.DB.Statements() - before
				}
				takes(true) // the day's keys are read once
				if n := takes(true) - takes(false); n != 1 {
					t.Errorf("%s, a %s: judged by %d statements, want 1", stage, who, n)
				}
			}
		}
	})
}

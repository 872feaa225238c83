package store_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAShopOfBeforeKeepsItsCreditNotes opens the database of a shop from before parts
// had papers: an order with a credit note of the whole keeps it and gets no other, the
// parts of another get theirs with the next one, and the numbers go on.
func TestAShopOfBeforeKeepsItsCreditNotes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		jug := s.Product(t, "jug", 1900, shoptest.Counted(9))
		whole, parts := placed(t, s, s.Ready(t, jug.ID, 1)), placed(t, s, s.Ready(t, jug.ID, 1))
		if err := s.Approve(whole); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		clerk := ledger.OS("clerk")
		if err := s.Desk.Refund(noCtx, clerk, whole.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if err := s.Approve(parts); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		part := parts.Order.Totals.Items
		if err := s.Desk.RefundPart(noCtx, clerk, parts.Order.Number, part); err != nil {
			t.Fatal(err)
		}
		shoptest.Do(t, s.Raw(t), `DELETE FROM jobs WHERE kind = 'invoice.credit'`) // nobody gave it a paper then
		shoptest.Do(t, s.Raw(t), `DELETE FROM abuse_tries`)                        // its empty hashes do not fit through older
		s.Database = older(t, s, 76)
		s.Reopen(t)

		notes := func(o order.Order) (out []store.Invoice) {
			view(t, s, func(v *store.View) (err error) {
				out, err = v.CreditNotes(o.Owner, o.ID)
				return err
			})
			return out
		}
		kept := notes(whole.Order)
		if len(kept) != 1 || kept[0].Number != 1 || kept[0].Entry != 0 {
			t.Fatalf("got %+v, want the one of before", kept)
		}
		v, err := s.Desk.CreditNote(noCtx, whole.Order.Number, whole.Token, kept[0].Name())
		if err != nil || v.Part() || len(v.Taxes) != 1 {
			t.Errorf("got %+v, %v", v, err)
		}
		if len(notes(parts.Order)) != 0 {
			t.Error("a part of before has a paper already")
		}
		if err := s.Desk.Refund(noCtx, clerk, parts.Order.Number); err != nil {
			t.Fatal(err)
		}
		again := store.Job{Owner: whole.Order.Owner, Ref: string(whole.Order.ID)}
		if err := s.Desk.Jobs()["invoice.credit"](noCtx, again); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if got := notes(whole.Order); len(got) != 1 {
			t.Errorf("the order of before has %d credit notes", len(got))
		}
		if got := notes(parts.Order); len(got) != 2 || got[0].Number != 2 || got[1].Number != 3 {
			t.Errorf("got %+v, want the two parts with the next numbers", got)
		}
		for _, query := range []string{`UPDATE invoices SET number = 9`, `DELETE FROM invoices`} {
			if _, err := s.Raw(t).Exec(query); err == nil {
				t.Errorf("%s was carried out", query)
			}
		}
	})
}

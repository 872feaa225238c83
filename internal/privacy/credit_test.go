package privacy_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAnErasedAccountLeavesItsCreditInTheBooks: what the shop owes is still there,
// and nothing says whose it was. A gift card is good for whoever has it.
func TestAnErasedAccountLeavesItsCreditInTheBooks(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		euro, _ := money.ParseCurrency("EUR")
		a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
		if err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error { return tx.NewAccount(a) }); err != nil {
			t.Fatal(err)
		}
		own, err := s.Desk.IssueTo(noCtx, clerk, ada, money.Of(1500, euro))
		if err != nil {
			t.Fatal(err)
		}
		_, code, err := s.Desk.IssueCard(noCtx, clerk, money.Of(1000, euro), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		o.erase(t, privacy.Options{})
		left, err := s.Desk.ShowCredit(noCtx, own.ID)
		if err != nil || left.Owner != "" || left.Balance.Minor() != 1500 {
			t.Errorf("its credit is %+v, %v", left.Credit, err)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM credits WHERE owner = $1`, a.ID); n != 0 {
			t.Error("the books still say whose it was")
		}
		if none, err := s.Desk.AccountCredit(noCtx, a.ID); err != nil || !none.Balance.IsZero() || len(none.Acts) != 0 {
			t.Errorf("it is still found: %+v, %v", none, err)
		}
		r, err := s.DB.VerifyCredit(noCtx)
		if err != nil || len(r.Wrong) > 0 || r.Nobodys != 1 {
			t.Errorf("the books say %+v, %v", r, err)
		}
		b := s.Basket(t, s.Product(t, "cup", 900, shoptest.Counted(9)).ID, 2)
		if c, err := s.Desk.TryCode(noCtx, b.ID, b.Token, code.Reveal()); err != nil || c.Due().Minor() != 800 {
			t.Errorf("her gift card is no good any more: due %v, %v", c.Due(), err)
		}
	})
}

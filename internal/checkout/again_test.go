package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Ordering again takes what is left where less is left than there was, at
// today's price, and says that something is missing only where nothing is.
func TestOrderingAgainTakesWhatIsLeft(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 3), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5))
		b := s.Basket(t, cup.ID, 1)
		got, err := s.Desk.Reorder(noCtx, p.Order.Number, p.Token, b.ID, b.Token)
		if err != nil || got != (checkout.Again{Added: 1}) {
			t.Fatalf("got %+v, %v; want the bowls added", got, err)
		}
		c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
		if err != nil || len(c.Lines) != 2 || c.Lines[1].Variant != bowl.ID || c.Lines[1].Quantity != 2 {
			t.Fatalf("got %+v, %v; want two bowls of the three, which is all there are", c.Lines, err)
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return t.Reserve(bowl.ID, "somebody", store.Payer{Cart: "else"}, 2, s.Clock.Now())
		}); err != nil {
			t.Fatal(err)
		}
		b = s.Basket(t, cup.ID, 1)
		if got, err := s.Desk.Reorder(noCtx, p.Order.Number, p.Token, b.ID, b.Token); err != nil || got != (checkout.Again{Missing: 1}) {
			t.Errorf("got %+v, %v; want it told as missing", got, err)
		}
	})
}

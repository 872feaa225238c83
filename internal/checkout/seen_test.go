package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// No price of a thing has moved, yet the sum has: the merchant raised what
// delivery costs. Nobody orders at a sum that was never shown, whatever road
// the order comes by.
func TestADeliveryThatBecameDearerIsShownBeforeItIsOrdered(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		plan := shipping.Plan{Zones: []shipping.Zone{shipping.ZoneOf("DE")}, Methods: shipping.Methods{
			{ID: "standard", Title: "Standard", Rates: []shipping.Rate{shipping.FlatRate("de", money.Of(890, bowl.Price.Currency()))}}}}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SetShipping(plan) }); err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		if _, err := s.Place(b, "key"); !fault.Is(err, fault.Changed) {
			t.Errorf("got %v, want the new sum to be shown first", err)
		}
		wantStock(t, s, bowl.ID, 5, 0)
		if p := place(t, s, b, "key"); p.Order.Totals.Shipping.Minor() != 890 {
			t.Errorf("got %s for delivery, want what was shown", p.Order.Totals.Shipping)
		}
	})
}

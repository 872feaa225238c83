package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestAnEstimateAsksForAPostcodeOnlyWhereItMatters(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		price := func(minor int64) money.Amount { return money.Of(minor, bowl.Price.Currency()) }
		islands, err := area.ParseSpan("35..38")
		if err != nil {
			t.Fatal(err)
		}
		plan := shipping.Plan{
			Zones: []shipping.Zone{shipping.ZoneOf("DE"), shipping.ZoneOf("ES"), {ID: "islands", Area: area.Area{Countries: []string{"ES"}, Postal: []area.Span{islands}}}},
			Methods: shipping.Methods{{ID: "standard", Title: "Standard", Rates: []shipping.Rate{
				shipping.FlatRate("de", price(490)), shipping.FlatRate("es", price(900)), shipping.FlatRate("islands", price(2900))}}},
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SetShipping(plan) }); err != nil {
			t.Fatal(err)
		}
		b := s.Basket(t, bowl.ID, 1)
		c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			to       area.Place
			total    int64
			byPostal bool
		}{
			{area.Place{Country: "DE"}, 4390, false},
			{area.Place{Country: "ES"}, 4800, true},
			{area.Place{Country: "es", PostalCode: "28013"}, 4800, true},
			{area.Place{Country: "ES", PostalCode: "38001"}, 6800, true},
		} {
			e, err := s.Desk.Estimate(noCtx, c, row.to)
			if err != nil || e.Totals.Total.Minor() != row.total || e.ByPostal != row.byPostal {
				t.Errorf("to %v: got %s, by postcode %v, %v", row.to, e.Totals.Total, e.ByPostal, err)
			}
		}
		for _, to := range []area.Place{{Country: "FR"}, {Country: "Spain"}, {}} {
			if _, err := s.Desk.Estimate(noCtx, c, to); !fault.Is(err, fault.Invalid) {
				t.Errorf("to %v: got %v, want it refused", to, err)
			}
		}
		// The country is remembered with the cart, a postcode nowhere, and no
		// other total than the estimate's own moves.
		if c, err = s.Desk.SetEstimate(noCtx, b.ID, b.Token, "es"); err != nil || c.Estimate != "ES" || c.Totals.Total.Minor() != 3900 {
			t.Errorf("got %q, %s, %v", c.Estimate, c.Totals.Total, err)
		}
		if _, err := s.Desk.SetEstimate(noCtx, b.ID, "another-token", "DE"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want another's cart shut", err)
		}
	})
}

package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// withPlan gives a shop zones by postcode, a rate by weight with a limit, and a
// place to collect.
func withPlan(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	a := func(minor int64) money.Amount { return money.Of(minor, eur) }
	plan := shipping.Plan{
		Zones: []shipping.Zone{shipping.ZoneOf("DE"), {ID: "berlin", Area: area.Area{Countries: []string{"DE"}, Postal: []area.Span{{From: "10", To: "14"}}}}},
		Methods: shipping.Methods{
			{ID: "pickup", Title: "Fetch it", Pickup: shipping.Pickup{Place: "Quay 3"}, Rates: []shipping.Rate{shipping.FlatRate("de", a(0)), shipping.FlatRate("berlin", a(0))}},
			{ID: "parcel", Title: "Parcel", Rates: []shipping.Rate{
				{Zone: "de", Basis: shipping.ByWeight, Steps: []shipping.Step{{Price: a(500)}, {From: 1000, Price: a(900)}}, MaxGrams: 2000},
				{Zone: "berlin", Basis: shipping.Flat, Steps: []shipping.Step{{Price: a(300)}}, MaxGrams: 2000, FreeFrom: a(10_000)}}},
		}}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SetShipping(plan) }); err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
}

func TestDeliveryFollowsTheParcel(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withPlan(t, s)
		v := taxed(t, s, "bowl", 2000, "") // 400 g
		b := s.Basket(t, v.ID, 1)
		at := func(postal string, quantity int64) (price int64, complete bool) {
			t.Helper()
			c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
			if err == nil {
				_, err = s.Desk.SetQuantity(noCtx, b.ID, b.Token, c.Lines[0].ID, quantity)
			}
			in := shoptest.Ada()
			in.ShipTo.PostalCode, in.ShipTo.Locality = postal, "Town"
			if err == nil {
				c, err = s.Desk.SaveDetails(noCtx, b.ID, b.Token, in)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Checkout.ShippingMethod != "parcel" {
				t.Errorf("nobody chose, and it goes by %s", c.Checkout.ShippingMethod)
			}
			return c.Totals.Shipping.Minor(), c.Checkout.Complete
		}
		for _, c := range []struct {
			postal   string
			quantity int64
			want     int64
		}{{"20095", 2, 500}, {"20095", 3, 900}, {"20095", 5, 900}, {"10115", 4, 300}, {"10115", 5, 0}} {
			if got, ok := at(c.postal, c.quantity); got != c.want || !ok {
				t.Errorf("%d to %s cost %d (complete %v), want %d", c.quantity, c.postal, got, ok, c.want)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM carts WHERE zone = 'berlin' AND country = 'DE'`); n != 1 {
			t.Errorf("%d carts know their zone", n)
		}
		// Too heavy by now: it has to be chosen again, and can't be ordered meanwhile.
		c, err := s.Desk.AddLine(noCtx, b.ID, b.Token, v.ID, 1)
		if err != nil || c.Checkout.Complete || !c.Totals.Shipping.IsZero() {
			t.Errorf("a cart that is too heavy: complete %v, %v", c.Checkout.Complete, err)
		}
		if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Invalid) {
			t.Errorf("it was ordered: %v", err)
		}
		c, err = s.Desk.SaveDetails(noCtx, b.ID, b.Token, shoptest.Ada()) // now only collecting is left
		if err != nil || c.Checkout.ShippingMethod != "pickup" {
			t.Errorf("got %s, %v", c.Checkout.ShippingMethod, err)
		}
		if _, err := s.Place(b, "key-2"); err != nil {
			t.Errorf("to be collected: %v", err)
		}
	})
}

func TestAFileNeedsNoDelivery(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		eur, err := money.ParseCurrency("EUR")
		if err != nil {
			t.Fatal(err)
		}
		err = s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			if err := t.SetShipping(shipping.Plan{}); err != nil { // nothing is sent anywhere
				return err
			}
			return t.SaveProduct(catalog.Product{Handle: "song", Title: "Song", Published: true, Variants: []catalog.Variant{
				{SKU: "SONG", Price: money.Of(119, eur), CompareAt: money.Zero(eur), Virtual: true}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		s.DB.ForgetSettings()
		var song catalog.Product
		err = s.DB.View(noCtx, func(v *store.View) error { song, err = v.ProductByHandle("song"); return err })
		if err != nil {
			t.Fatal(err)
		}
		b := s.Ready(t, song.Variants[0].ID, 1)
		ways, err := s.Desk.Shipping(noCtx, b.ID, b.Token, area.Place{Country: "DE"})
		if err != nil || len(ways) != 0 {
			t.Errorf("a file is sent by %v, %v", ways, err)
		}
		p := place(t, s, b, "key-1")
		if p.Order.ShippingMethod != "" || p.Order.Totals.Total.Minor() != 119 || p.Order.Totals.Tax.Minor() != 19 {
			t.Errorf("got %+v", p.Order.Totals)
		}
		// With a bowl beside it, something has to be sent, and nothing goes there.
		both := s.Basket(t, song.Variants[0].ID, 1)
		if _, err := s.Desk.AddLine(noCtx, both.ID, both.Token, s.Product(t, "bowl", 100, catalog.Stock{}).ID, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.SaveDetails(noCtx, both.ID, both.Token, shoptest.Ada()); !fault.Is(err, fault.Invalid) {
			t.Errorf("a bowl travels by nothing: %v", err)
		}
	})
}

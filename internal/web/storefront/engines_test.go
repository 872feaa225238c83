package storefront

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What only pages ask of the store answers alike on each engine.
func TestWhatPagesAskOnEachEngine(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := t.Context()
		mug := s.Product(t, "mug", 1950, shoptest.Counted(9))
		b := s.Ready(t, mug.ID, 3)
		count := func(token string) (n int64) {
			t.Helper()
			err := s.DB.View(ctx, func(v *store.View) (err error) {
				n, err = v.CartCount(b.ID, token)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if got := count(b.Token); got != 3 {
			t.Errorf("got %d units, want 3", got)
		}
		if got := count("another"); got != 0 {
			t.Errorf("got %d units for another token, want 0", got)
		}
		err := s.DB.View(ctx, func(v *store.View) error {
			p, err := v.ProductOf(mug.ID)
			if err == nil && p.Handle != "mug" {
				t.Errorf("got %s, want mug", p.Handle)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if _, _, err := s.Desk.OrderOf(ctx, b.ID, b.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v for an open cart, want not found", err)
		}
		p, err := s.Place(b, "key")
		if err != nil {
			t.Fatal(err)
		}
		o, token, err := s.Desk.OrderOf(ctx, b.ID, b.Token)
		if err != nil || o.Number != p.Order.Number || token != p.Token {
			t.Errorf("got order %s, %v; want %s", o.Number, err, p.Order.Number)
		}
		if _, _, err := s.Desk.OrderOf(ctx, b.ID, "another"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v for another token, want not found", err)
		}
		if got := count(b.Token); got != 0 {
			t.Errorf("got %d units in an ordered cart, want 0", got)
		}
	})
}

package checkout_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// A cart can live longer than what was typed at its checkout. Then the details
// are gone, and typing them again must work.
func TestDetailsThatEndedCanBeTypedAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		for _, retention := range []bool{false, true} {
			b := s.Ready(t, bowl.ID, 1)
			for range 2 { // the cart is used, its details are not
				s.Clock.Move(20 * 24 * time.Hour)
				if _, err := s.Desk.AddLine(ctx, b.ID, b.Token, bowl.ID, 1); err != nil {
					t.Fatal(err)
				}
			}
			if retention {
				if _, err := s.DB.Sequence(ctx); err != nil {
					t.Fatal(err)
				}
				if _, err := privacy.Retention(ctx, s.DB, slog.New(slog.DiscardHandler)); err != nil {
					t.Fatal(err)
				}
			}
			if d, err := s.Desk.Details(ctx, b.ID, b.Token); err != nil || !d.Email.IsZero() {
				t.Fatalf("got %v, %v, want the details gone", d, err)
			}
			if _, err := s.Place(b, "early"); err == nil {
				t.Fatal("ordered without details")
			}
			c, err := s.Desk.SaveDetails(ctx, b.ID, b.Token, shoptest.Ada())
			if err != nil || c.State != cart.Open {
				t.Fatalf("retention %v: got %v, want the details taken again", retention, err)
			}
			if _, err := s.Place(b, "key"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

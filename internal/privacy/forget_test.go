package privacy_test

import (
	"context"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestOldEventsKeepOnlyTheirLeaf(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, err := s.Place(s.Ready(t, bowl.ID, 1), "key")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if _, err := s.DB.Sequence(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.EventsAbout(t, p.Order.Owner); got == 0 {
			t.Fatal("got no event about the buyer, want some to forget")
		}
		s.Clock.Move(14 * 31 * 24 * time.Hour)
		if _, err := s.DB.Sequence(ctx); err != nil {
			t.Fatal(err)
		}
		retain(t, s)
		if got := s.EventsAbout(t, p.Order.Owner); got != 0 {
			t.Errorf("got %d events that still name the buyer, want none", got)
		}
		if _, err := s.DB.Sequence(ctx); err != nil {
			t.Fatal(err)
		}
		report, err := s.DB.VerifyLedger(ctx, "")
		if err != nil || !report.OK() {
			t.Errorf("got %v, %v, want the tree to stand", report, err)
		}
	})
}

package privacy_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

const year = 365 * 24 * time.Hour

// pass is a pass as the running shop has it: carts end with it.
func pass(s *shoptest.Shop) (map[personal.Purpose]int, error) {
	return privacy.Retention(context.Background(), s.DB, slog.New(slog.DiscardHandler), s.Desk.SweepCarts)
}

func confirm(t *testing.T, s *shoptest.Shop) privacy.Brake {
	t.Helper()
	b, err := privacy.Confirm(context.Background(), s.DB, ledger.OS("owner"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAClockThatJumpsAheadDestroysNothing lets the clock jump a year ahead and
// back, and then lets a year really pass.
func TestAClockThatJumpsAheadDestroysNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		p := bought(t, s)
		deliver(t, s, p)
		cart := s.Ready(t, s.Product(t, "jug", 2900, shoptest.Counted(5)).ID, 1)
		if _, err := pass(s); err != nil {
			t.Fatal(err)
		}
		before := s.Dump(t)
		s.Clock.Move(year)
		for range 3 { // it does not give in
			got, err := pass(s)
			if !errors.Is(err, privacy.ErrWaits) || len(got) != 0 {
				t.Fatalf("a year ahead: got %v, %v, want ErrWaits and nothing destroyed", got, err)
			}
			if !strings.Contains(err.Error(), "365 days past the last pass") {
				t.Errorf("got %q, want to read how far the clock is off", err)
			}
		}
		if s.Dump(t) != before {
			t.Error("a year ahead: something changed")
		}
		// The shop serves meanwhile, and keeps what is typed by the wrong clock.
		s.Basket(t, s.Product(t, "cup", 900, shoptest.Counted(5)).ID, 1)
		s.Clock.Move(-year)
		if _, err := pass(s); err != nil {
			t.Fatalf("the clock is right again: %v", err)
		}
		if d := details(t, s, p); d.Email.IsZero() || d.Phone.IsZero() {
			t.Errorf("got %v, want all of the order's people", d)
		}
		if c, err := s.Desk.Cart(ctx, cart.ID, cart.Token); err != nil || !c.Checkout.Complete {
			t.Errorf("got %v, want the cart with its details", err)
		}
		// A holiday of a year: the owner says that the clock is right.
		s.Clock.Move(year)
		b, err := privacy.Look(ctx, s.DB)
		if err != nil || b.Why != privacy.ClockAhead || b.Due != 2 {
			t.Fatalf("got %+v, %v, want two dossiers to wait for the clock", b, err)
		}
		confirm(t, s)
		got, err := pass(s)
		if err != nil || got[personal.CourierUse] != 1 {
			t.Errorf("confirmed: got %v, %v, want the courier's part destroyed", got, err)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND state = 'open'`); n != 0 {
			t.Errorf("%d carts still have their keys", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'retention.confirmed' AND actor = 'os:owner'`); n != 1 {
			t.Errorf("got %d events that say who confirmed, want 1", n)
		}
		// From now on it goes by itself.
		s.Clock.Move(time.Hour)
		if _, err := pass(s); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// TestEventsOfAWrongClockDoNotStopRetentionForEver confirms that a clock that
// stands before the newest event is the right one.
func TestEventsOfAWrongClockDoNotStopRetentionForEver(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bought(t, s)
		if _, err := pass(s); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(year)
		bought(t, s)
		if _, err := s.DB.Sequence(context.Background()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(-year)
		if _, err := pass(s); !errors.Is(err, privacy.ErrWaits) {
			t.Fatalf("got %v, want ErrWaits", err)
		}
		if b := confirm(t, s); b.Why != privacy.ClockBehind {
			t.Errorf("got %v, want a clock that is behind", b)
		}
		if _, err := pass(s); err != nil {
			t.Errorf("confirmed: %v", err)
		}
	})
}

// TestFarMoreThanUsualWaits lets more fall due at once than goes without a person.
func TestFarMoreThanUsualWaits(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		carts := func(n int) {
			for range n {
				s.Ready(t, bowl.ID, 1)
			}
		}
		raw := s.Raw(t)
		// due passes once every cart there is has come to its end.
		due := func() error {
			now := s.DB.Now().UnixMilli()
			shoptest.Do(t, raw, `UPDATE carts SET expires_at = $1`, now)
			shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = $1 WHERE purpose = 'cart' AND state = 'open'`, now)
			_, err := pass(s)
			return err
		}
		carts(50)
		if err := due(); err != nil {
			t.Fatalf("fifty carts: %v, want them to go by themselves", err)
		}
		carts(51)
		if err := due(); !errors.Is(err, privacy.ErrWaits) || !strings.Contains(err.Error(), "51 of 51 dossiers are due") {
			t.Fatalf("got %v, want 51 carts to wait", err)
		}
		living := func() int64 {
			return shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND state = 'open'`)
		}
		if n := living(); n != 51 {
			t.Errorf("got %d living carts, want 51", n)
		}
		confirm(t, s)
		if _, err := pass(s); err != nil || living() != 0 {
			t.Errorf("confirmed: got %v and %d living carts, want none", err, living())
		}
		// A confirmation is for one pass.
		carts(51)
		if err := due(); !errors.Is(err, privacy.ErrWaits) || living() != 51 {
			t.Errorf("the next 51: got %v and %d living, want them to wait", err, living())
		}
	})
}

// TestAShopWithoutPeopleNeedsNobody: one that was made last week and starts
// today asks nothing of its owner.
func TestAShopWithoutPeopleNeedsNobody(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		if _, err := s.DB.Sequence(context.Background()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(7 * 24 * time.Hour)
		if _, err := pass(s); err != nil {
			t.Fatal(err)
		}
	})
}

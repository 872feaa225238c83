package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAWishIsTakenBack by the browser that asked, which can't take back what
// another asked for the same address.
func TestAWishIsTakenBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(0))
		mine, err := s.Desk.AskWish(noCtx, bowl.ID, "waiting.mark@example.com")
		if err != nil {
			t.Fatal(err)
		}
		strangers, err := s.Desk.AskWish(noCtx, bowl.ID, "Waiting.Mark@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Letters.All()) != 0 {
			t.Error("asking wrote a letter: a stranger's mailbox could be filled that way")
		}
		forged := mine
		forged.Owner = strangers.Owner
		if err := s.Desk.TakeBackWish(noCtx, forged); !fault.Is(err, fault.NotFound) {
			t.Errorf("a forged token got %v, want not found", err)
		}
		for range 2 { // doing it again changes nothing
			if err := s.Desk.TakeBackWish(noCtx, strangers); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 1 {
			t.Fatalf("%d wishes are left, want the other one", n)
		}
		if err := s.Desk.TakeBackWish(noCtx, mine); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'marketing' AND state <> 'destroyed'`); n != 0 {
			t.Errorf("%d keys live, want none", n)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'wish.withdrawn'`); n != 2 {
			t.Errorf("got %d events, want one for each", n)
		}
		s.Product(t, "bowl", 3900, shoptest.Counted(2))
		if n, err := s.Desk.SendWishes(noCtx); n != 0 || err != nil || len(s.Letters.All()) != 0 {
			t.Errorf("%d letters went out (%v), want none", n, err)
		}
	})
}

// TestAskingTooOftenAnswersAlike: who asks for an address learns nothing of how
// much it waits for.
func TestAskingTooOftenAnswersAlike(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(0))
		for range 25 {
			w, err := s.Desk.AskWish(noCtx, bowl.ID, "waiting.mark@example.com")
			if err != nil || !s.Desk.OwnWish(w) {
				t.Fatalf("got %v, %v, want a token like any other", w, err)
			}
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 20 {
			t.Errorf("%d wishes of one address are kept, want 20", n)
		}
	})
}

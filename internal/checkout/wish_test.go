package checkout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
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

// TestAWishThatCannotBeToldHoldsUpNobody: a mailbox that is refused is forgotten,
// one that is busy is tried again, and while the mail server is away nobody
// waits for it twenty times.
func TestAWishThatCannotBeToldHoldsUpNobody(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(0))
		why := map[string]message.Why{"refused@example.com": message.Refused, "busy@example.com": message.Busy}
		var told []string
		desk, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{s.Bank}, Origin: "https://shop.test",
			Writer: func() (*message.Writer, error) {
				return message.NewWriter(message.Shop{Name: "Test Shop", Origin: "https://shop.test", Statement: "TESTSHOP"})
			},
			Deliver: func(_ context.Context, _ string, _ order.ID, m message.Message) error {
				told = append(told, m.To)
				if w, ok := why[m.To]; ok {
					return &message.Failure{Sender: "smtp", Why: w}
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"refused@example.com", "busy@example.com", "fine@example.com"} {
			if _, err := desk.AskWish(noCtx, bowl.ID, to); err != nil {
				t.Fatal(err)
			}
			s.Clock.Move(time.Second)
		}
		s.Product(t, "bowl", 3900, shoptest.Counted(2))
		why["refused@example.com"] = message.Unreachable
		if n, err := desk.SendWishes(noCtx); n != 0 || err == nil || len(told) != 1 {
			t.Errorf("got %d, %v after %v, want the pass ended: the server is away", n, err, told)
		}
		why["refused@example.com"], told = message.Refused, nil
		if n, err := desk.SendWishes(noCtx); n != 2 || err == nil || len(told) != 3 {
			t.Errorf("got %d, %v after %v, want two done with and one failed", n, err, told)
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 1 {
			t.Errorf("%d wishes are left, want the busy one", n)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'wish.refused'`); n != 1 {
			t.Errorf("%d wishes were refused, want one", n)
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

// TestAFullMailboxHoldsUpNobody: somebody has used up the letters of one mailbox.
// Those who wait behind it hear at once, and it hears when there is room.
func TestAFullMailboxHoldsUpNobody(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		full, err := contact.ParseEmail("full@example.com")
		if err != nil {
			t.Fatal(err)
		}
		bowls := make([]catalog.Variant, 20) // as many as one pass sends
		for i := range bowls {
			bowls[i] = s.Product(t, fmt.Sprint("bowl-", i), 3900, shoptest.Counted(0))
			if _, err := s.Desk.AskWish(noCtx, bowls[i].ID, "full@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Desk.AskWish(noCtx, bowls[0].ID, "grace@example.com"); err != nil {
			t.Fatal(err)
		}
		err = s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
			for i := range 20 {
				if _, err := tx.MayWrite(full, fmt.Sprint("letter ", i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range bowls {
			s.Product(t, fmt.Sprint("bowl-", i), 3900, shoptest.Counted(2))
		}
		for pass, want := range []int{0, 1} {
			if n, err := s.Desk.SendWishes(noCtx); n != want || err != nil {
				t.Errorf("pass %d sent %d letters (%v), want %d", pass+1, n, err, want)
			}
		}
		if all := s.Letters.All(); len(all) != 1 || all[0].To != "grace@example.com" {
			t.Fatalf("%d letters went out, want Grace's", len(all))
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 20 {
			t.Errorf("%d wishes are kept, want all of the full mailbox", n)
		}
		s.Clock.Move(abuse.Letters.Weight().One + time.Second)
		if n, err := s.Desk.SendWishes(noCtx); n != 1 || err != nil {
			t.Errorf("when there is room: %d (%v), want 1", n, err)
		}
	})
}

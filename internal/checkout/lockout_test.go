package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAskingForAnothersCodesLocksNobodyOut: somebody who knows number and e-mail
// asks and guesses as often as they can; the owner of the mailbox gets in.
func TestAskingForAnothersCodesLocksNobodyOut(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		theirs, code := lookUp(t, s, p.Order.Number, "ada@example.com")
		for range challenge.Tries + 1 {
			if _, _, err := s.Desk.AnswerCode(noCtx, theirs, "12345678"); err == nil {
				t.Fatal("guessed")
			}
		}
		for range 3 {
			lookUp(t, s, p.Order.Number, "ada@example.com")
		}
		mine, again := lookUp(t, s, p.Order.Number, "ada@example.com")
		if again != "" {
			t.Error("a second code was mailed while the first one works")
		}
		o, seen, err := s.Desk.AnswerCode(noCtx, mine, code)
		if err != nil || o.ID != p.Order.ID {
			t.Fatalf("the owner's browser got %v", err)
		}
		if _, ok, err := s.Desk.People(noCtx, o, seen); !ok || err != nil {
			t.Errorf("the proof opens %v, %v", ok, err)
		}
		// Used once, it is used for all that asked.
		other, _ := lookUp(t, s, p.Order.Number, "ada@example.com")
		if _, _, err := s.Desk.AnswerCode(noCtx, other, code); err == nil {
			t.Error("a used code opened the order again")
		}
	})
}

// TestACodeIsNotGuessedByManyBrowsers: only so many may answer the same one.
func TestACodeIsNotGuessedByManyBrowsers(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		_, code := lookUp(t, s, p.Order.Number, "ada@example.com")
		last := ""
		for range 10 {
			last, _ = lookUp(t, s, p.Order.Number, "ada@example.com")
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, last, code); !fault.Is(err, fault.Invalid) {
			t.Errorf("the eleventh browser got %v, want to be told that it is not the code", err)
		}
	})
}

// TestTwentyAsksAtOnceMailTwoCodes also where rows have to be locked for it: a
// short one for ten browsers, and a long one for all that ask later that day.
func TestTwentyAsksAtOnceMailTwoCodes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		for hour := range 2 {
			for _, err := range atOnce(20, func(int) error {
				_, err := s.Desk.AskCode(noCtx, string(p.Order.Number), "ada@example.com", false)
				return err
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM jobs WHERE kind = 'mail.code'`); n != 2 {
				t.Errorf("%d codes are to be mailed in hour %d, want 2", n, hour+1)
			}
			s.Clock.Move(time.Hour)
		}
		if _, err := s.Desk.AskCode(noCtx, string(p.Order.Number), "ada@example.com", true); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM jobs WHERE kind = 'mail.code'`); n != 2 {
			t.Error("a decoy mailed a code")
		}
	})
}

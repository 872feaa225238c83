package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// from is a request from a network, by somebody who may be known, and who shows
// work or does not.
func from(source string, known, works bool) context.Context {
	return abuse.With(noCtx, &abuse.Caller{Source: source, Account: func() string { return map[bool]string{true: "ada"}[known] }, Work: func(abuse.Act) error {
		if works {
			return nil
		}
		return errors.New("no work")
	}})
}

// tries places an order of a new cart with a mailbox of its own.
func tries(t *testing.T, s *shoptest.Shop, ctx context.Context, v catalog.VariantID, email string) (checkout.Placed, error) {
	t.Helper()
	b := s.Basket(t, v, 1)
	in := shoptest.Ada()
	in.Email = email
	if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
		t.Fatal(err)
	}
	return s.Desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: "k"})
}

func friction(err error) abuse.Friction {
	var refused *abuse.Refused
	if errors.As(err, &refused) {
		return refused.Friction
	}
	return abuse.None
}

// TestStolenCardsMeetFrictionAndHonestBuyersPass is a carding run in small: each
// card with a cart and a mailbox of its own.
func TestStolenCardsMeetFrictionAndHonestBuyersPass(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		decline := func(p checkout.Placed, notice, card string) {
			n := s.Bank.Say(p, 1, payment.Declined)
			n.ID, n.Fingerprint = notice, card
			for range 2 { // call-backs come twice
				if err := settle(s, n); err != nil {
					t.Fatal(err)
				}
			}
		}
		// One network: three cards, then work.
		for i := range 3 {
			p, err := tries(t, s, from("10.0.0.0/24", false, false), cup, fmt.Sprintf("thief%d@example.com", i))
			if err != nil {
				t.Fatalf("card %d: %v", i+1, err)
			}
			decline(p, fmt.Sprint("n", i), fmt.Sprint("card", i))
		}
		_, err := tries(t, s, from("10.0.0.0/24", false, false), cup, "next@example.com")
		if friction(err) != abuse.Work || fault.Of(err).RetryAfter <= 0 {
			t.Errorf("the fourth card of a network met %s, want work and a time to try again", friction(err))
		}
		if _, err = tries(t, s, from("10.0.0.0/24", false, true), cup, "neighbour@example.com"); err != nil {
			t.Errorf("a neighbour who does a sum does not get through: %v", err)
		}
		if _, err = tries(t, s, from("10.0.0.0/24", true, false), cup, "customer@example.com"); err != nil {
			t.Errorf("a neighbour who is signed in does not get through: %v", err)
		}
		if _, err = tries(t, s, from("192.0.2.0/24", false, false), cup, "grace@example.com"); err != nil {
			t.Errorf("somebody elsewhere meets friction: %v", err)
		}
		// Many networks: the breaker goes off for every guest, once.
		reached := 3
		for i := range 40 {
			p, err := tries(t, s, from(fmt.Sprintf("10.1.%d.0/24", i), false, false), cup, fmt.Sprintf("crook%d@example.com", i))
			if err != nil {
				break
			}
			reached++
			decline(p, fmt.Sprint("m", i), fmt.Sprint("other", i))
		}
		if reached != 15 {
			t.Errorf("%d cards reached the bank, want 15", reached)
		}
		if got := s.Alarms(); strings.Join(got, " ") != abuse.CardingBegins {
			t.Errorf("got the alarms %v, want one", got)
		}
		p, err := tries(t, s, from("192.0.2.0/24", false, true), cup, "grace@example.com")
		if err != nil {
			t.Fatalf("a guest who does a sum does not get through: %v", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		// And it ends by itself.
		s.Clock.Move(time.Hour)
		if _, err = tries(t, s, from("10.0.0.0/24", false, false), cup, "later@example.com"); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// TestSpellingsOfOneMailboxShareItsDeclines: each card with a cart, a network and a
// spelling of its own counts for the one mailbox that reads the letters.
func TestSpellingsOfOneMailboxShareItsDeclines(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		reached, met := 0, abuse.None
		for i := range 10 {
			p, err := tries(t, s, from(fmt.Sprintf("10.1.%d.0/24", i), false, false), cup, fmt.Sprintf("Thief+%d@example.com", i))
			if met = friction(err); met != abuse.None {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			reached++
			n := s.Bank.Say(p, 1, payment.Declined)
			n.ID = fmt.Sprint("n", i)
			if err := settle(s, n); err != nil {
				t.Fatal(err)
			}
		}
		if met != abuse.Work || reached > 4 {
			t.Errorf("%d cards of one mailbox reached the bank, and the next met %s, want work", reached, met)
		}
		if _, err := tries(t, s, from("192.0.2.0/24", false, false), cup, "grace+4@example.com"); err != nil {
			t.Errorf("another mailbox: %v", err)
		}
	})
}

// TestAnAccountWithANewMailboxEachTimeWaits: whoever is signed in may type any
// mailbox. The account counts for itself, other accounts beside it do not notice.
func TestAnAccountWithANewMailboxEachTimeWaits(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		reached := 0
		var refusal error
		for i := range 30 {
			p, err := tries(t, s, signedIn("thief", fmt.Sprintf("10.1.%d.0/24", i)), cup, fmt.Sprintf("new%d@example.com", i))
			if refusal = err; err != nil {
				break
			}
			reached++
			n := s.Bank.Say(p, 1, payment.Declined)
			n.ID, n.Fingerprint = fmt.Sprint("n", i), fmt.Sprint("card", i)
			if err := settle(s, n); err != nil {
				t.Fatal(err)
			}
		}
		if reached != 9 || friction(refusal) != abuse.Wait || fault.Of(refusal).RetryAfter > 6*time.Minute {
			t.Errorf("%d cards of one account reached the bank, then %v: want 9 and a wait of minutes", reached, refusal)
		}
		if _, err := tries(t, s, signedIn("ada", "10.1.3.0/24"), cup, "ada@example.com"); err != nil {
			t.Errorf("another account meets %v", err)
		}
		if strings.Contains(s.Dump(t), "thief") {
			t.Error("the database tells which account tried")
		}
		s.Clock.Move(6 * time.Minute)
		if _, err := tries(t, s, signedIn("thief", "10.1.0.0/24"), cup, "later@example.com"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

// TestPayingAgainIsTheSameAct: what holds for a new order holds for another try
// to pay an old one.
func TestPayingAgainIsTheSameAct(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "cup", 1900, catalog.Stock{}).ID, 1), "k")
		tried := 0
		for attempt := 1; attempt <= 8; attempt++ {
			n := s.Bank.Say(p, attempt, payment.Declined)
			n.ID = fmt.Sprint("n", attempt)
			if err := settle(s, n); err != nil {
				t.Fatal(err)
			}
			tried++
			if _, err := s.Desk.PayAgain(from("192.0.2.0/24", false, true), p.Order.Number, p.Token); err != nil {
				if friction(err) != abuse.Wait || fault.Of(err).RetryAfter > 2*time.Minute {
					t.Errorf("try %d met %v", attempt, err)
				}
				break
			}
		}
		if tried != 5 {
			t.Errorf("one order was declined %d times without a wait, want 5", tried)
		}
		s.Clock.Move(2 * time.Minute)
		if _, err := s.Desk.PayAgain(from("192.0.2.0/24", false, true), p.Order.Number, p.Token); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

// TestStaffLetGuestsWait: a measure is in force at once, says until when, and is
// in the ledger.
func TestStaffLetGuestsWait(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		measure := func(k abuse.Kept, d time.Duration) {
			if err := s.DB.InTx(noCtx, ledger.Staff("somebody"), func(tx *store.Tx) error { return tx.Measure(k, tx.Now().Add(d)) }); err != nil {
				t.Fatal(err)
			}
		}
		measure(abuse.Paused, 10*time.Minute)
		_, err := tries(t, s, from("192.0.2.0/24", false, true), cup, "ada@example.com")
		if friction(err) != abuse.Pause || fault.Of(err).RetryAfter != 10*time.Minute {
			t.Errorf("a guest met %v", err)
		}
		if _, err := tries(t, s, from("192.0.2.0/24", true, false), cup, "ada@example.com"); err != nil {
			t.Errorf("a customer met %v", err)
		}
		b := filled(t, s, cup, "grace@example.com")
		ticket, err := s.Desk.AskPayCode(from("192.0.2.0/24", false, false), b.ID, b.Token)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.AnswerPayCode(noCtx, b.ID, b.Token, ticket, s.Code(t, "grace@example.com")); err != nil {
			t.Fatal(err)
		}
		if _, err := orders(s, from("192.0.2.0/24", false, false), b, "k"); err != nil {
			t.Errorf("a guest who has proved the mailbox met %v", err)
		}
		measure(abuse.Paused, 0)
		measure(abuse.Demanded, time.Hour)
		if _, err = tries(t, s, from("192.0.2.0/24", false, false), cup, "ada@example.com"); friction(err) != abuse.Work {
			t.Errorf("a guest met %v, want work", err)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'abuse.measure'`); n != 3 {
			t.Errorf("%d measures are in the ledger, want 3", n)
		}
	})
}

// TestWhatIsCountedGoesWithItsDay: nothing names a network, a mailbox or a card,
// and after two days nothing could be named any more.
func TestWhatIsCountedGoesWithItsDay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, err := tries(t, s, from("10.9.8.0/24", false, false), s.Product(t, "cup", 1900, catalog.Stock{}).ID, "thief@example.com")
		if err != nil {
			t.Fatal(err)
		}
		n := s.Bank.Say(p, 1, payment.Declined)
		n.Fingerprint = "card_0123"
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"abuse_buckets", "abuse_tries", "limit_keys"} {
			if count(t, s, `SELECT count(*) FROM `+table) == 0 {
				t.Errorf("%s is empty: this test shows nothing", table)
			}
		}
		for _, clear := range []string{"10.9.8.0", "card_0123", "thief@example.com"} {
			if strings.Contains(s.Dump(t), clear) {
				t.Errorf("the database holds %q", clear)
			}
		}
		s.Clock.Move(49 * time.Hour)
		if err := s.Desk.SweepAbuse(noCtx); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"abuse_buckets", "abuse_tries", "limit_keys"} {
			if left := count(t, s, `SELECT count(*) FROM `+table); left != 0 {
				t.Errorf("%s keeps %d rows after two days", table, left)
			}
		}
	})
}

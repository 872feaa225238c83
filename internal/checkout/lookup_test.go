package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// lookUp asks for a code and returns the ticket, and the code that was mailed.
func lookUp(t *testing.T, s *shoptest.Shop, number order.Number, email string) (ticket, code string) {
	t.Helper()
	before := len(s.Letters.All())
	ticket, err := s.Desk.AskCode(noCtx, string(number), email, false)
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	for _, l := range s.Letters.All()[before:] {
		for line := range strings.Lines(l.Text) {
			if c, err := challenge.Order.Parse(strings.TrimSpace(line)); err == nil {
				return ticket, c.Reveal()
			}
		}
	}
	return ticket, ""
}

func TestAMailedCodeOpensAnOrderWholeAndOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if _, code := lookUp(t, s, p.Order.Number, "byron@example.com"); code != "" {
			t.Error("a code was mailed for an address that is not the order's")
		}
		if _, code := lookUp(t, s, order.NewNumber(), "ada@example.com"); code != "" {
			t.Error("a code was mailed for a number that is none")
		}
		ticket, code := lookUp(t, s, p.Order.Number, " ADA@example.com ")
		if code == "" {
			t.Fatal("no code was mailed")
		}
		mug := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		other, _ := lookUp(t, s, mug.Order.Number, "ada@example.com")
		wrong := "0000 0000"
		if wrong == code {
			wrong = "0000 0001"
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong code got %v", err)
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, other, code); !fault.Is(err, fault.Invalid) {
			t.Errorf("another ticket's code got %v", err)
		}
		id, _, _ := strings.Cut(ticket, ".")
		if _, _, err := s.Desk.AnswerCode(noCtx, id+".another-browser", code); !fault.Is(err, fault.NotFound) {
			t.Errorf("another browser got %v", err)
		}
		seen, won := "", 0
		var mine order.Order
		for _, err := range atOnce(20, func(int) error {
			o, token, err := s.Desk.AnswerCode(noCtx, ticket, code)
			if err == nil {
				seen, mine, won = token, o, won+1
			}
			return err
		}) {
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v", err)
			}
		}
		if won > 1 || won == 0 {
			t.Fatalf("the code opened %d times, want once", won)
		}
		if to, ok, err := s.Desk.People(noCtx, mine, seen); err != nil || !ok || to.Email.Reveal() != "ada@example.com" {
			t.Errorf("the proof opens %v, %v", ok, err)
		}
		for name, token := range map[string]string{"none": "", "a longer one": "9" + seen, "another end": strings.Replace(seen, ".", "0.", 1), "the order's own token": p.Token} {
			if _, ok, err := s.Desk.People(noCtx, mine, token); ok || err != nil {
				t.Errorf("%s opened who the order is for", name)
			}
		}
		second := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if _, ok, _ := s.Desk.People(noCtx, s.Order(t, second), seen); ok {
			t.Error("the proof of one order opened another")
		}
		s.Clock.Move(checkout.SeenFor)
		if _, ok, _ := s.Desk.People(noCtx, mine, seen); ok {
			t.Error("the proof never ends")
		}
	})
}

func TestCodesEndAndAreFew(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		ticket, code := lookUp(t, s, p.Order.Number, "ada@example.com")
		for range challenge.Tries {
			if _, _, err := s.Desk.AnswerCode(noCtx, ticket, "12345678"); err == nil {
				t.Fatal("guessed")
			}
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("after %d wrong ones the right one got %v", challenge.Tries, err)
		}
		// The wrong ones were of one browser: in another the code still works.
		ticket, again := lookUp(t, s, p.Order.Number, "ada@example.com")
		if again != "" {
			t.Error("a second code was mailed while the first one worked")
		}
		s.Clock.Move(challenge.Life)
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("a code of ten minutes ago got %v", err)
		}
		// The mailbox is not buried, however often somebody asks.
		mailed, last := 0, ""
		for range 60 {
			if _, code := lookUp(t, s, p.Order.Number, "ada@example.com"); code != "" {
				mailed, last = mailed+1, code
			}
			s.Clock.Move(time.Minute)
		}
		// With the one of before they are the six of an hour; the sixth works all day.
		if mailed != 5 || len(last) != challenge.LongDigits {
			t.Errorf("%d codes were mailed in an hour, want 5; the last has %d digits, want %d", mailed, len(last), challenge.LongDigits)
		}
		for range 48 {
			s.Clock.Move(20 * time.Minute)
			if _, code := lookUp(t, s, p.Order.Number, "ada@example.com"); code != "" {
				mailed++
			}
		}
		if mailed > 1+12 { // the second day has begun
			t.Errorf("%d codes were mailed in a day, want 12 at most", mailed)
		}
		s.Clock.Move(25 * time.Hour)
		if err := s.Desk.SweepChallenges(noCtx); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM challenges`); n != 0 {
			t.Errorf("%d challenges are remembered", n)
		}
		for field, row := range map[string][2]string{"number": {"nonsense", "ada@example.com"}, "email": {string(p.Order.Number), "ada"}} {
			_, err := s.Desk.AskCode(noCtx, row[0], row[1], false)
			if f := fault.Of(err); !fault.Is(err, fault.Invalid) || len(f.Problems) != 1 || f.Problems[0].Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
	})
}

func TestTheConfirmationComesAgainThreeTimesADay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		sent := len(s.Letters.All())
		for _, err := range atOnce(10, func(int) error { return s.Desk.Resend(noCtx, p.Order.Number, p.Token) }) {
			if err != nil {
				t.Error(err)
			}
		}
		s.Run(t)
		if got := len(s.Letters.All()) - sent; got != 3 {
			t.Errorf("it came %d times, want 3", got)
		}
		s.Clock.Move(25 * time.Hour)
		if err := s.Desk.Resend(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := len(s.Letters.All()) - sent; got != 4 {
			t.Errorf("the next day it had come %d times, want 4", got)
		}
		for _, l := range s.Letters.All() {
			if l.To != "ada@example.com" {
				t.Errorf("a letter went to another address")
			}
		}
	})
}

func TestAnOrderIsPutIntoACartAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl, cup := s.Product(t, "bowl", 3900, shoptest.Counted(4)), s.Product(t, "cup", 900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 3)
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, cup.ID, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Accept(noCtx, b.ID, b.Token); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		fresh := s.Basket(t, s.Product(t, "spoon", 100, shoptest.Counted(9)).ID, 1)
		got, err := s.Desk.Reorder(noCtx, p.Order.Number, p.Token, fresh.ID, fresh.Token)
		if err != nil || got != (checkout.Again{Added: 1, Missing: 1}) {
			t.Fatalf("got %+v, %v; want the bowl and no cup", got, err)
		}
		c, err := s.Desk.Cart(noCtx, fresh.ID, fresh.Token)
		if err != nil || len(c.Lines) != 2 || c.Count() != 2 { // a spoon, and the one bowl that is left
			t.Errorf("the cart has %d lines with %d units, %v", len(c.Lines), c.Count(), err)
		}
		if _, err := s.Desk.Reorder(noCtx, p.Order.Number, "guess", fresh.ID, fresh.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("a guess got %v", err)
		}
	})
}

func TestWhoWaitsHearsOnceAndIsForgotten(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(0))
		for range 3 {
			if _, err := s.Desk.AskWish(noCtx, bowl.ID, "waiting.mark@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Desk.AskWish(noCtx, bowl.ID, "nonsense"); !fault.Is(err, fault.Invalid) {
			t.Errorf("nonsense got %v", err)
		}
		// Nobody makes the shop write to a stranger at once: what is there is not waited for.
		if _, err := s.Desk.AskWish(noCtx, s.Product(t, "plate", 1200, shoptest.Counted(3)).ID, "waiting.mark@example.com"); !fault.Is(err, fault.Invalid) {
			t.Errorf("waiting for a thing that is there got %v", err)
		}
		if n, err := s.Desk.SendWishes(noCtx); n != 0 || err != nil {
			t.Errorf("%d letters went out while it is sold out, %v", n, err)
		}
		s.Product(t, "bowl", 3900, shoptest.Counted(2))
		for range 2 {
			if _, err := s.Desk.SendWishes(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		got := s.Letters.All()
		if len(got) != 1 || got[0].To != "waiting.mark@example.com" || !strings.Contains(got[0].Text, "/products/bowl") {
			t.Fatalf("got %d letters, want one", len(got))
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 0 {
			t.Errorf("%d wishes are kept after the letter", n)
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'marketing' AND state <> 'destroyed'`); n != 0 {
			t.Errorf("%d keys of it live", n)
		}
		// Nobody writes for ever: an unanswered wish ends by itself.
		cup := s.Product(t, "cup", 900, shoptest.Counted(0))
		if _, err := s.Desk.AskWish(noCtx, cup.ID, "waiting.mark@example.com"); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(23 * time.Hour)
		for range 91 {
			retain(t, s)
			s.Clock.Move(24 * time.Hour)
		}
		retain(t, s)
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 0 {
			t.Errorf("%d wishes are kept after their date", n)
		}
	})
}

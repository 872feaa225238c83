package checkout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// crooked is a network in which thieves who do every sum test cards, and where
// guests are asked who they are.
const crooked = "10.0.0.0/24"

// thieves let cards be declined in a network until sums are not enough there.
func thieves(t *testing.T, s *shoptest.Shop, v catalog.VariantID) {
	t.Helper()
	for i := range 40 {
		p, err := tries(t, s, from(crooked, false, true), v, fmt.Sprintf("thief%d@example.com", i))
		if friction(err) == abuse.Prove {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		refused(t, s, p, 1, fmt.Sprint("thief", i))
	}
	t.Fatal("thieves who do sums are asked for nothing more")
}

// refused lets the bank decline an attempt to pay.
func refused(t *testing.T, s *shoptest.Shop, p checkout.Placed, attempt int, card string) {
	t.Helper()
	n := s.Bank.Say(p, attempt, payment.Declined)
	n.ID, n.Fingerprint = fmt.Sprint(card, " ", attempt, " ", p.Order.ID), card
	if err := settle(s, n); err != nil {
		t.Fatal(err)
	}
}

// filled is a cart with an e-mail in its checkout.
func filled(t *testing.T, s *shoptest.Shop, v catalog.VariantID, email string) shoptest.Basket {
	t.Helper()
	b := s.Basket(t, v, 1)
	in := shoptest.Ada()
	in.Email = email
	if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
		t.Fatal(err)
	}
	return b
}

func orders(s *shoptest.Shop, ctx context.Context, b shoptest.Basket, key string) (checkout.Placed, error) {
	return s.Desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: key})
}

// TestAGuestAmongThievesPaysWithACodeFromTheirMailbox: the code opens payments of
// this cart in the name of this mailbox, and of nothing else.
func TestAGuestAmongThievesPaysWithACodeFromTheirMailbox(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		guest := from(crooked, false, true)
		b := filled(t, s, cup, "grace@example.com")
		if _, err := s.Desk.AskPayCode(guest, b.ID, b.Token); !fault.Is(err, fault.Conflict) || len(s.Letters.All()) != 0 {
			t.Errorf("in quiet times a code was asked for: %v, %d letters", err, len(s.Letters.All()))
		}
		thieves(t, s, cup)
		_, err := orders(s, guest, b, "one")
		if friction(err) != abuse.Prove || !strings.Contains(err.Error(), "code that we mail you") {
			t.Fatalf("a guest among thieves met %v", err)
		}
		if n := len(s.Letters.All()); n != 0 {
			t.Errorf("%d letters were sent to whoever a thief named", n)
		}
		ticket, err := s.Desk.AskPayCode(guest, b.ID, b.Token)
		if err != nil {
			t.Fatal(err)
		}
		code := s.Code(t, "grace@example.com")
		if m := s.Letter(t, "grace@example.com"); !strings.Contains(m.Text, "you can pay for your order") || len(code) != 9 {
			t.Fatalf("got the letter %q with the code %q", m.Text, code)
		}
		wrong := map[bool]string{true: "1111 1111", false: "0000 0000"}[code == "0000 0000"]
		if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong code: %v", err)
		}
		// Another cart, with the same mailbox, in the same hands.
		other := filled(t, s, cup, "grace@example.com")
		if err := s.Desk.AnswerPayCode(guest, other.ID, other.Token, "made-up.ticket", code); !fault.Is(err, fault.Conflict) {
			t.Errorf("the code without its ticket: %v", err)
		}
		if err := s.Desk.AnswerPayCode(guest, b.ID, "made up", ticket, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("the code without its cart: %v", err)
		}
		if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, " "+code+" "); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, code); !fault.Is(err, fault.Conflict) {
			t.Errorf("the code a second time: %v", err)
		}
		if _, err := orders(s, guest, other, "other"); friction(err) != abuse.Prove {
			t.Errorf("another cart of the same mailbox gets through: %v", err)
		}
		p, err := orders(s, from(crooked, false, false), b, "two")
		if err != nil {
			t.Fatalf("whoever has proved their mailbox met %v", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action IN ('code.sent', 'code.used')`); n != 2 {
			t.Errorf("%d events tell of one code, want 2", n)
		}
		if strings.Contains(s.Dump(t), "grace@example.com") || strings.Contains(s.Dump(t), strings.ReplaceAll(code, " ", "")) {
			t.Error("the database tells a mailbox or a code")
		}
	})
}

// TestAProofIsOfOneMailboxAndOneCart: whoever types another e-mail afterwards is a
// stranger again, and a ticket of one cart opens no other.
func TestAProofIsOfOneMailboxAndOneCart(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		thieves(t, s, cup)
		guest := from(crooked, false, true)
		mine, next := filled(t, s, cup, "thief@example.com"), filled(t, s, cup, "thief@example.com")
		ticket, err := s.Desk.AskPayCode(guest, mine.ID, mine.Token)
		if err != nil {
			t.Fatal(err)
		}
		code := s.Code(t, "thief@example.com")
		if err := s.Desk.AnswerPayCode(guest, next.ID, next.Token, ticket, "90000001"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong guess at another cart: %v, want it to count as one", err)
		}
		if err := s.Desk.AnswerPayCode(guest, next.ID, next.Token, ticket, code); !fault.Is(err, fault.Conflict) {
			t.Errorf("the code of another cart: %v", err)
		}
		if _, err := orders(s, guest, next, "next"); friction(err) != abuse.Prove {
			t.Errorf("the code of another cart opened this one: %v", err)
		}
		// The code is used up; a fresh one proves the cart that it is about.
		s.Clock.Move(11 * time.Minute)
		thieves(t, s, cup)
		if ticket, err = s.Desk.AskPayCode(guest, next.ID, next.Token); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.AnswerPayCode(guest, next.ID, next.Token, ticket, s.Code(t, "thief@example.com")); err != nil {
			t.Fatal(err)
		}
		in := shoptest.Ada()
		in.Email = "somebody.else@example.com"
		if _, err := s.Desk.SaveDetails(noCtx, next.ID, next.Token, in); err != nil {
			t.Fatal(err)
		}
		if _, err := orders(s, guest, next, "else"); friction(err) != abuse.Prove {
			t.Errorf("a proof of one mailbox passes for another: %v", err)
		}
		in.Email = "Thief@Example.com"
		if _, err := s.Desk.SaveDetails(noCtx, next.ID, next.Token, in); err != nil {
			t.Fatal(err)
		}
		if _, err := orders(s, guest, next, "again"); err != nil {
			t.Errorf("the proved mailbox again met %v", err)
		}
	})
}

// TestACodeToPayEnds: after ten minutes a code is nothing, after five tries in a
// browser neither, and a letter that was overtaken is not sent.
func TestACodeToPayEnds(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		guest := from(crooked, false, true)
		ask := func(b shoptest.Basket) string {
			t.Helper()
			thieves(t, s, cup)
			ticket, err := s.Desk.AskPayCode(guest, b.ID, b.Token)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		b := filled(t, s, cup, "grace@example.com")
		ticket := ask(b)
		code := s.Code(t, "grace@example.com")
		s.Clock.Move(challenge.Life + time.Second)
		if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, code); !fault.Is(err, fault.Conflict) {
			t.Errorf("a code after its end: %v", err)
		}
		ticket = ask(b)
		code = s.Code(t, "grace@example.com")
		for i := range challenge.Tries {
			if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, fmt.Sprintf("9%07d", i)); !fault.Is(err, fault.Invalid) {
				t.Fatalf("guess %d: %v", i+1, err)
			}
		}
		if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, code); !fault.Is(err, fault.Conflict) {
			t.Errorf("the right code after %d guesses: %v", challenge.Tries, err)
		}
		for _, typed := range []string{"", "123", "1234567a", strings.Repeat("1", challenge.LongDigits)} {
			if err := s.Desk.AnswerPayCode(guest, b.ID, b.Token, ticket, typed); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q was tried: %v", typed, err)
			}
		}
		moved := filled(t, s, cup, "old@example.com")
		ask(moved)
		in := shoptest.Ada()
		in.Email = "new@example.com"
		if _, err := s.Desk.SaveDetails(noCtx, moved.ID, moved.Token, in); err != nil {
			t.Fatal(err)
		}
		if old, other := s.Code(t, "old@example.com"), s.Code(t, "new@example.com"); old != "" || other != "" {
			t.Errorf("a code for one mailbox was sent (%q) after another was typed, or to that one (%q)", old, other)
		}
	})
}

// TestCodesToPayBuryNobody: carts cost nothing, so a thief may name a stranger's
// mailbox in as many as there are. The answers are the same, the letters end.
func TestCodesToPayBuryNobody(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		thieves(t, s, cup)
		before := len(s.Letters.All())
		for i := range 60 {
			b := filled(t, s, cup, "victim@example.com")
			for range 2 { // asked twice, one letter
				ticket, err := s.Desk.AskPayCode(from(crooked, false, true), b.ID, b.Token)
				if err != nil || len(ticket) != 36+1+43 {
					t.Fatalf("cart %d: got %q, %v: a mailbox that had enough is told apart", i, ticket, err)
				}
			}
			s.RunAll(t)
		}
		if n := len(s.Letters.All()) - before; n != 20 {
			t.Errorf("%d letters came to one mailbox at once, want 20", n)
		}
		for _, m := range s.Letters.All() {
			if strings.Contains(m.Text, "for a day") {
				t.Error("a long code was mailed: each cart would have one")
			}
		}
	})
}

// TestAProvedMailboxIsNoFreeRide: what is the cart's and the mailbox's own still
// counts. A thief who reads a mailbox gets a few cards out of it.
func TestAProvedMailboxIsNoFreeRide(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		thieves(t, s, cup)
		thief := from(crooked, false, true)
		reached, letters := 0, 0
		var last error
		for carts := 0; carts < 6 && last == nil; carts++ {
			b := filled(t, s, cup, "thief@example.com")
			if _, last = orders(s, thief, b, "k"); friction(last) != abuse.Prove {
				break
			}
			ticket, err := s.Desk.AskPayCode(thief, b.ID, b.Token)
			if err != nil {
				last = err
				break
			}
			letters++
			if err := s.Desk.AnswerPayCode(thief, b.ID, b.Token, ticket, s.Code(t, "thief@example.com")); err != nil {
				t.Fatal(err)
			}
			p, err := orders(s, thief, b, "paid")
			if err != nil {
				t.Fatal(err)
			}
			for attempt := 1; ; attempt++ {
				refused(t, s, p, attempt, fmt.Sprint("stolen", reached))
				reached++
				if _, last = s.Desk.PayAgain(thief, p.Order.Number, p.Token); last != nil {
					break
				}
			}
			if friction(last) != abuse.Wait {
				t.Fatalf("a cart that was declined again and again met %v", last)
			}
			last = nil
		}
		if s.RunAll(t); letters > 2 {
			t.Errorf("%d codes were mailed, though the last would not have helped", letters)
		}
		t.Logf("one mailbox: %d letters, %d cards, then %v", letters, reached, last)
		if friction(last) != abuse.Wait || reached > 10 {
			t.Errorf("one mailbox let %d cards reach the bank, then %v; want 10 at most and a wait", reached, last)
		}
	})
}

// TestAnOrderIsPaidAgainWithACode: an order that was placed in quiet times, and
// whose card was mistyped, is paid when thieves have come.
func TestAnOrderIsPaidAgainWithACode(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, catalog.Stock{}).ID
		guest := from(crooked, false, false)
		p, err := tries(t, s, guest, cup, "grace@example.com")
		if err != nil {
			t.Fatal(err)
		}
		refused(t, s, p, 1, "mistyped")
		thieves(t, s, cup)
		if _, err := s.Desk.PayAgain(guest, p.Order.Number, p.Token); friction(err) != abuse.Prove {
			t.Fatalf("paying again met %v", err)
		}
		if _, err := s.Desk.AskOrderPayCode(guest, p.Order.Number, "made up"); !fault.Is(err, fault.NotFound) {
			t.Errorf("without the order's token: %v", err)
		}
		ticket, err := s.Desk.AskOrderPayCode(guest, p.Order.Number, p.Token)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.AnswerOrderPayCode(guest, p.Order.Number, p.Token, ticket, s.Code(t, "grace@example.com")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.PayAgain(guest, p.Order.Number, p.Token); err != nil {
			t.Errorf("with the code: %v", err)
		}
		if _, err := s.Desk.AskPayCode(guest, cart.ID(p.Order.Owner), "made up"); !fault.Is(err, fault.NotFound) {
			t.Errorf("without the cart's token: %v", err)
		}
	})
}

package storefront

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAMemberHasACardKept: the box is not ticked, the next order may use what it kept, a
// new address asks for a proof, and the account's page takes it away again.
func TestAMemberHasACardKept(t *testing.T) {
	s := open(t)
	s.Bank.KeepsCards = true
	cup := s.Product(t, "cup", 900, shoptest.Counted(50))
	guest := s.shopper(t)
	s.toReview(t, guest, cup).is(200, "No account needed").not("keep_card", "keeps for you")

	b := s.member(t, adasMail)
	b.get("/account").is(200, "No payment service keeps a card for you")
	review := s.toReview(t, b, cup).is(200, `name="keep_card" value="bank">`, "Let the bank keep my card for next time", "The card stays there, not with us", "Kept no longer than it serves").not("checked> <span>Let", "keeps for you", "No account needed")
	form := pay(review)
	form.Set("keep_card", "bank")
	paid := b.post("/checkout/review", form).is(303)
	at := paid.header.Get("Location")
	if q := s.Bank.Opened(at); !q.Keep || q.Customer == "" {
		t.Fatalf("the bank is asked for customer %q, keep %v", q.Customer, q.Keep)
	}
	s.Bank.KeepFrom(at)
	b.get("/account/cards").is(200, "Visa that ends in 4242", "Good until 08/2030", "Kept by the bank")

	s.stale()
	again := pay(s.toReview(t, b, cup).is(200, "A card that the bank keeps for you"))
	again.Set("payment_method", "bank/kept")
	b.post("/checkout/review", again).is(200, "Is it you?")
	back := s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}).is(200, "Check and pay")
	if !strings.Contains(back.body, `value="bank/kept" checked`) {
		t.Error("what was chosen before the proof is not chosen any more")
	}
	again = pay(back)
	again.Set("payment_method", "bank/kept")
	at = b.post("/checkout/review", again).is(303).header.Get("Location")
	if q := s.Bank.Opened(at); q.Keep || q.Customer == "" {
		t.Errorf("the bank is asked for customer %q, keep %v", q.Customer, q.Keep)
	}

	s.stale() // the box asks for as much, and is ticked again after it
	more := pay(s.toReview(t, b, cup))
	more.Set("keep_card", "bank")
	b.post("/checkout/review", more).is(200, "Is it you?")
	s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}).is(200, "Check and pay", `value="bank" checked`, `name="keep_card" value="bank" checked`)

	s.sends(t, b, "/account/cards", url.Values{"payment_method": {"bank"}, "id": {""}}).is(200, "It is done.", "Nobody keeps a card for you")
	s.RunAll(t)
	if n := s.Bank.Knows(); n != 0 {
		t.Errorf("the bank still knows %d customers", n)
	}
	b.get("/account/activity").is(200, "A payment service began to keep a card for you", "A kept card was chosen to pay an order", "A payment service has forgotten it")
}

// TestWhatIsKeptIsShownToItsOwnerAlone: without a fresh proof nobody sees a card, and
// nobody takes away another's.
func TestWhatIsKeptIsShownToItsOwnerAlone(t *testing.T) {
	s := open(t)
	s.Bank.KeepsCards = true
	b := s.member(t, adasMail)
	form := pay(s.toReview(t, b, s.Product(t, "cup", 900, shoptest.Counted(50))))
	form.Set("keep_card", "bank")
	at := b.post("/checkout/review", form).is(303).header.Get("Location")
	s.Bank.KeepFrom(at)
	customer := s.Bank.Opened(at).Customer
	s.shopper(t).get("/account/cards").is(200, "Sign in").not("4242")
	s.stale()
	b.get("/account/cards").is(200, "Is it you?").not("4242")

	eve := s.member(t, evesMail)
	eve.get("/account/cards").is(200, "Nobody keeps a card for you").not("4242")
	cards, err := s.Bank.Cards(t.Context(), customer)
	if err != nil || len(cards) != 1 {
		t.Fatal(err)
	}
	s.sends(t, eve, "/account/cards", url.Values{"payment_method": {"bank"}, "id": {cards[0].ID}}).is(200)
	s.RunAll(t)
	if cards, _ := s.Bank.Cards(t.Context(), customer); len(cards) != 1 {
		t.Error("somebody else's form took a card away")
	}
	s.Bank.Down = true
	s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}})
	b.get("/account/cards").is(200, "does not answer", "Have all of them forgotten").not("4242")
}

package storefront

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

const codes = `
[[codes]]
code = "WELCOME10"
kind = "percentage"
percent = "10"
[[codes]]
code = "FIVER"
kind = "amount"
amount = "5.00"
[[codes]]
code = "FREEPOST"
kind = "free-delivery"
[[codes]]
code = "BIGCART"
kind = "amount"
amount = "9.00"
min_items = "90.00"
[[codes]]
code = "LONER"
kind = "percentage"
percent = "100"
exclusive = true
[[codes]]
code = "PRESENT"
kind = "percentage"
percent = "100"
[[codes]]
code = "ONCE"
kind = "amount"
amount = "10.00"
uses = 1
`

func TestACodeThatGivesNothingIsAGuess(t *testing.T) {
	s := open(t)
	s.bring(t, codes)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1")).is(200, "Have a code?")
	b.post("/cart/code", url.Values{"code": {"TENOFF"}}).is(422, "be used here", "€19.50")
	mine, last, tries := "__Host-cart="+b.cookies()["__Host-cart"], 0, 0
	guess := func(from, code string) int {
		return s.from(from, "POST", "/cart/code", mine, url.Values{"code": {code}}).Code
	}
	for ; tries < 100; tries++ {
		if last = guess("192.0.2.7", fmt.Sprint("TENOFF", tries)); last != 422 {
			break
		}
	}
	if last != 429 || tries > abuse.Discounts.Burst()+5 {
		t.Errorf("%d guesses end with %d, want to be slowed down", tries, last)
	}
	// Beyond the limit a code is not even tried: an answer would be an answer.
	if got := guess("192.0.2.7", "WELCOME10"); got != 429 {
		t.Errorf("the right code among guesses is answered with %d, want 429", got)
	}
	b.get("/cart").is(200, "€19.50").not("WELCOME10")
	// Whoever knows one is not held up, however often it is used.
	for range 2 * abuse.Discounts.Burst() {
		if got := guess("198.51.100.7", "welcome10"); got != 303 {
			t.Fatalf("the right code elsewhere is answered with %d, want 303", got)
		}
	}
	b.get("/cart").is(200, "WELCOME10", "saves €1.95", "−€1.95", "€22.45")
}

func TestACodeIsShownWithWhatItSavesAndCanBeTakenOut(t *testing.T) {
	s := open(t)
	s.bring(t, codes)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	s.toReview(t, b, mug)
	b.post("/cart/code", url.Values{"code": {" fiver "}}).is(200, "FIVER", "saves €5.00", "Remove", "Have another code?", "€19.40")
	b.post("/cart/code", url.Values{"code": {"FREEPOST"}}).is(200, "FREEPOST", "saves €4.90", "€14.50")
	b.post("/cart/code", url.Values{"code": {"BIGCART"}}).is(200, "BIGCART", "counts once you add things for €70.50", "€14.50")
	b.post("/cart/code", url.Values{"code": {"LONER"}}).is(409, "be used together")
	b.get("/checkout").is(200, "Code FIVER", "−€5.00")
	b.get("/checkout/review").is(200, "Code FIVER", "−€5.00", "saves €4.90 of delivery", "€14.50")
	b.post("/cart/code/remove", url.Values{"code": {"FREEPOST"}}).is(200, "€19.40").not("FREEPOST")
	b.post("/cart/code/remove", url.Values{"code": {"BIGCART"}})
	b.post("/cart/code/remove", url.Values{"code": {"FIVER"}}).not("FIVER")
	b.post("/cart/code", url.Values{"code": {"LONER"}}).is(200, "saves €19.50", "€4.90")
}

// TestACodeThatIsGoneAtTheButtonIsTold: the order is not made, all that was typed
// is there, and the next press orders at the total that was told.
func TestACodeThatIsGoneAtTheButtonIsTold(t *testing.T) {
	s := open(t)
	s.bring(t, codes)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	ada, grace := s.shopper(t), s.shopper(t)
	var pages [2]seen
	for i, b := range []*shopper{ada, grace} {
		s.toReview(t, b, mug)
		b.post("/cart/code", url.Values{"code": {"ONCE"}}).is(200, "ONCE")
		pages[i] = b.get("/checkout/review").is(200, "Code ONCE", "€14.40")
	}
	ada.post("/checkout/review", pay(pages[0]))
	told := grace.post("/checkout/review", pay(pages[1])).is(409, "ONCE", "The total is now €24.40", "ada@lovelace.example").not("Code ONCE")
	if got := grace.post("/checkout/review", pay(told)); s.placed(t, grace).Order.Totals.Total.Minor() != 2440 {
		t.Errorf("got %d %s", got.status, got.path)
	}
}

func TestAnOrderWithNothingToPayGoesThrough(t *testing.T) {
	s := open(t)
	s.bring(t, codes)
	b := s.shopper(t)
	s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))
	b.post("/cart/code", url.Values{"code": {"PRESENT"}}).is(200, "€4.90")
	b.post("/cart/code", url.Values{"code": {"FREEPOST"}}).is(200, "€0.00")
	review := b.get("/checkout/review").is(200, "There is nothing to pay", ">Order<").not("Order and pay", "How do you want to pay?")
	b.post("/checkout/review", pay(review)).is(200, "Your order is placed", "There was nothing to pay", "Code PRESENT").not("On your statement", "is with us, the payment is not")
	s.Run(t)
	o := s.placed(t, b)
	b.get("/orders/"+string(o.Order.Number)+"/invoice").is(200, "code PRESENT", "code FREEPOST", "€4.90 taken off", "There was nothing to pay", "€0.00")
}

// TestACardTypedForACodeIsAnsweredBesideItsField: the cart comes again, open at the
// field, and nothing of the card is on it.
func TestACardTypedForACodeIsAnsweredBesideItsField(t *testing.T) {
	s := open(t)
	s.bring(t, codes)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	b.get("/cart").is(200, `<details class="code">`).not(`id="code-wrong"`)
	b.post("/cart/code", url.Values{"code": {"4242 4242 4242 4242"}}).is(422, `<details class="code" open>`, `id="code-wrong"`, "never here", `aria-describedby="code-wrong"`, "The mug", "€19.50").
		not("4242", "We could not read that", "go back")
	b.post("/cart/code", url.Values{"code": {"TENOFF"}}).is(422, `id="code-wrong"`, "be used here", "The mug")
	b.post("/cart/code", url.Values{"code": {"FIVER"}}).is(200, "saves €5.00").not(`id="code-wrong"`)
}

package storefront

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func euros(minor int64) money.Amount {
	c, _ := money.ParseCurrency("EUR")
	return money.Of(minor, c)
}

// giftCard issues one and returns its code.
func (s *stall) giftCard(t testing.TB, minor int64) string {
	t.Helper()
	_, code, err := s.Desk.IssueCard(t.Context(), ledger.OS("test"), euros(minor), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return code.Reveal()
}

func TestAGiftCardPaysOnEveryPage(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	code := s.giftCard(t, 1000)
	last := "Gift card ••••" + code[len(code)-4:]
	b := s.shopper(t)
	s.toReview(t, b, mug)
	b.post("/cart/code", url.Values{"code": {"K7Q2M-9F3XA-TB4NC-8WZ00"}}).is(422, "be used here").not("Left to pay")
	b.post("/cart/code", url.Values{"code": {strings.ToLower(code)}}).is(200, last, "pays €10.00", "Left to pay", "€14.40", "€24.40").not(code)
	b.get("/checkout").is(200, last, "−€10.00", "Left to pay").not(code)
	review := b.get("/checkout/review").is(200, last, "−€10.00", "Left to pay", `Order and pay <span class="price">€14.40`).not(code)
	b.post("/checkout/review", pay(review))
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	b.get(at).is(200, last, "−€10.00", "Left to pay", `Pay <span class="price">€14.40`).not(code)
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	b.get(at).is(200, "Your order is paid", last).not(code)
	b.get(at+"/invoice").is(200, "Paid with: "+last, "€10.00", "Paid otherwise", "€14.40", "€24.40").not(code)
	// It is empty now, which reads like any wrong code.
	other := s.shopper(t)
	s.toReview(t, other, mug)
	other.post("/cart/code", url.Values{"code": {code}}).is(422, "be used here").not(last)
	if strings.Contains(s.logs.String(), code) {
		t.Error("the code is in the log")
	}
}

func TestAGiftCardThatPaysAllNeedsNoBank(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	code := s.giftCard(t, 9000)
	b := s.shopper(t)
	s.toReview(t, b, mug)
	b.post("/cart/code", url.Values{"code": {code}}).is(200, "pays €24.40")
	review := b.get("/checkout/review").is(200, "Nothing is left to pay", ">Order</button>").not("How do you want to pay?")
	b.post("/checkout/review", pay(review)).is(200, "Your order is paid").not("On your statement")
	// A card is taken out by its button, and again put in.
	other := s.shopper(t)
	s.toReview(t, other, mug)
	cart := other.post("/cart/code", url.Values{"code": {code}}).is(200, "pays €24.40")
	_, rest, _ := strings.Cut(cart.body, `action="/cart/code/remove" method="post"><input type="hidden" name="code" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	other.post("/cart/code/remove", url.Values{"code": {id}}).is(200).not("Left to pay", "Gift card ••••")
}

// TestStoreCreditIsSpentByItsOwnerAlone: seen after a sign-in, spent after a fresh
// proof, and by nobody who merely has the cart.
func TestStoreCreditIsSpentByItsOwnerAlone(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	b.get("/account/credit").is(200, "You have €0.00 to spend", "Nothing yet")
	to, err := contact.ParseEmail(adasMail)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Desk.IssueTo(t.Context(), ledger.OS("test"), to, euros(1000)); err != nil {
		t.Fatal(err)
	}
	b.get("/account").is(200, "€10.00 of store credit")
	b.get("/account/credit").is(200, "You have €10.00 to spend", "+€10.00", "Given to you")
	s.toReview(t, b, mug)
	s.stale()
	b.get("/cart").is(200, "You have €10.00 of store credit", "/account/credit/use")
	if got := b.get("/account/credit/use"); got.path != "/account/prove" {
		t.Errorf("spending it asks for no proof: came to %s", got.path)
	}
	if got := s.sends(t, b, "/account/credit/use", nil); got.path == "/cart" || strings.Contains(b.get("/cart").body, "Left to pay") {
		t.Errorf("it was spent without a proof, on %s", got.path)
	}
	b.get("/account/credit/use")
	s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}).is(200, "Pay with your store credit")
	s.sends(t, b, "/account/credit/use", nil).is(200, "Store credit", "pays €10.00", "Left to pay", "€14.40").not("You have €10.00")
	// The cart alone, in another browser, orders nothing with it.
	thief := s.shopper(t)
	thief.keep(map[string]string{"__Host-cart": b.cookies()["__Host-cart"]})
	stolen := thief.get("/checkout/review").is(200)
	thief.post("/checkout/review", pay(stolen)).is(409, "sign in again")
	thief.get("/account/credit").not("€10.00")
	b.post("/checkout/review", pay(b.get("/checkout/review").is(200, "€14.40")))
	orders, err := s.Keeper.Orders(t.Context(), s.standing(t, b).Account, 5)
	if err != nil || len(orders) != 1 || orders[0].Due() != euros(1440) {
		t.Fatalf("got %+v, %v", orders, err)
	}
	b.get("/account/credit").is(200, "You have €0.00 to spend", "−€10.00", "Paid with it", string(orders[0].Number))
}

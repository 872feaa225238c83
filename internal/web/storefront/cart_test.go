package storefront

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestRemoveAndUndo(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	line := b.post("/cart/lines", put(mug, "3")).line()
	removed := b.post(line, url.Values{"quantity": {"0"}}).is(200, "Your cart is empty", "The mug is out of your cart.", "Undo")
	if got := b.get("/cart").body; strings.Contains(got, "Undo") {
		t.Error("the news is told twice")
	}
	back := url.Values{"variant_id": {removed.field("variant_id")}, "quantity": {removed.field("quantity")}}
	if got := b.post("/cart/lines", back).is(200, "The mug", "€58.50").count(); got != "3" {
		t.Errorf("got %s, want all 3 back", got)
	}
	b.post(line, url.Values{"quantity": {"2"}}).is(200, "That is not in your cart any more.")
}

func TestQuantities(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, catalog.Stock{})
	b := s.shopper(t)
	line := b.post("/cart/lines", put(mug, "1")).line()
	for _, wrong := range []string{"-1", "1.5", "1000", "9223372036854775808", "many", "1e3", "٣", "0x1"} {
		b.post("/cart/lines", put(mug, wrong)).is(422, "Choose a quantity from 1 to 999.", "The mug")
		b.post(line, url.Values{"quantity": {wrong}}).is(422, "Choose a quantity from 1 to 999.")
	}
	b.post("/cart/lines", put(mug, "999")).is(422, "A cart holds at most 999 of one thing.")
	b.post(line, nil).is(422)
	if got := b.post(line, url.Values{"quantity": {"999"}}).is(200).count(); got != "999" {
		t.Errorf("got %s, want 999", got)
	}
	if got := b.get("/cart").count(); got != "999" {
		t.Errorf("got %s, want 999", got)
	}
}

func TestSharedComputer(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, mug)))
	p := s.placed(t, b)
	b.post("/cart/clear", nil).is(200, "Your cart is cleared", "Your cart is empty")
	if got := b.cookies(); len(got) != 0 {
		t.Errorf("got %d cookies left, want none", len(got))
	}
	b.get("/orders/" + string(p.Order.Number)).is(404)

	b.post("/cart/lines", put(mug, "1"))
	b.post("/checkout", ada()).is(200, "Ada Lovelace")
	old := b.cookies()["__Host-cart"]
	theirs := s.Basket(t, mug.ID, 1) // comes from another site, and waits for an answer
	b.post("/cart/adopt", url.Values{"cart": {string(theirs.ID)}, "token": {theirs.Token}}).is(200, "You have two carts")
	b.post("/cart/clear", nil)
	if got := b.cookies(); len(got) != 0 {
		t.Errorf("got %d cookies left, want none", len(got))
	}
	if got, ok := parseBasket(old); ok {
		if _, err := s.Desk.Cart(t.Context(), got.id, got.token); err == nil {
			t.Error("the cart is still there")
		}
	}
}

func TestEndedCartIsEmptyAndTheNextOneNew(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	old := b.cookies()["__Host-cart"]
	s.Clock.Move(cart.IdleAfter + time.Hour)
	b.get("/products/mug").is(200)
	if got := b.get("/").count(); got != "0" {
		t.Errorf("got %s, want 0", got)
	}
	b.post("/cart/lines", put(mug, "2")).is(200, "The mug")
	if fresh := b.cookies()["__Host-cart"]; fresh == old || fresh == "" {
		t.Error("no new cart was begun")
	}
	s.Clock.Move(cart.IdleAfter + time.Hour)
	b.get("/cart").is(200, "Your cart is empty")
	if got := b.cookies(); len(got) != 0 {
		t.Error("the cookie of an ended cart stays")
	}
	b.get("/checkout").is(200, "Your cart is empty")
	b.post("/checkout", ada()).is(200, "Your cart is empty")
}

func TestAfterAnOrderTheNextThingBeginsANewCart(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, mug)))
	p := s.placed(t, b)
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	if got := b.post("/cart/lines", put(mug, "1")).is(200, "The mug").count(); got != "1" {
		t.Errorf("got %s, want 1", got)
	}
	b.get("/checkout").is(200).not("ada@lovelace.example", "Analytical") // nobody's old details in a new cart
	b.get("/orders/"+string(p.Order.Number)).is(200, "Your order is paid")
}

func TestPriceThatMovedMustBeSeen(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	review := s.toReview(t, b, mug)
	s.reprice(t, "mug", 2450)
	again := b.post("/checkout/review", pay(review)).is(409, "has changed", "The total is now €29.40.")
	if held := s.Stock(t, mug.ID).Held; held != 0 {
		t.Errorf("got %d held, want 0", held)
	}
	if got := b.post("/checkout/review", pay(again)); got.status != 303 {
		t.Errorf("got status %d, want 303 once it was seen", got.status)
	}
}

func TestGoodsThatWentAreShownInTheCart(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(1))
	b, other := s.shopper(t), s.shopper(t)
	review := s.toReview(t, b, mug)
	other.post("/checkout/review", pay(s.toReview(t, other, mug)))
	b.post("/checkout/review", pay(review)).is(409, "there are not enough left", "Sold out since you put it in")
	if got := b.get("/checkout"); got.path != "/cart" {
		t.Errorf("got %s, want the cart first", got.path)
	}
	if len(b.cookies()) != 1 {
		t.Error("the one who came second got an order")
	}
}

func TestSilentPaymentServiceKeepsTheOrder(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	form := pay(s.toReview(t, b, mug))
	s.Bank.Down = true
	kept := b.post("/checkout/review", form).is(200, "Your order is kept, but the payment service does not answer.", "One step is left: paying")
	if !strings.HasPrefix(kept.path, "/orders/") {
		t.Errorf("got %s, want the order", kept.path)
	}
	b.post(kept.path+"/payments", nil).is(200, "the payment service does not answer")
	s.Bank.Down = false
	if got := b.post(kept.path+"/payments", nil); got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "https://bank.test/pay/") {
		t.Errorf("got status %d, want 303 to the bank", got.status)
	}
	if held := s.Stock(t, mug.ID).Held; held != 1 {
		t.Errorf("got %d held, want 1", held)
	}
}

func TestAnothersCartStaysShut(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	ada, eve := s.shopper(t), s.shopper(t)
	line := ada.post("/cart/lines", put(mug, "1")).line()
	eve.post("/cart/lines", put(mug, "1"))
	eve.post(line, url.Values{"quantity": {"0"}}).is(200, "That is not in your cart any more.")
	if got := ada.get("/cart").count(); got != "1" {
		t.Errorf("got %s, want Ada's cart untouched", got)
	}
	r := eve.request("GET", "/cart", nil)
	hers, _, _ := strings.Cut(ada.cookies()["__Host-cart"], ".")
	_, mine, _ := strings.Cut(eve.cookies()["__Host-cart"], ".")
	eve.agent.Jar = nil
	r.Header.Set("Cookie", "__Host-cart="+hers+"."+mine)
	eve.do(r).is(200, "Your cart is empty")
}

func TestAcceptedPriceIsNotAskedAboutAgain(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	s.toReview(t, b, mug)
	s.reprice(t, "mug", 2450)
	b.post("/cart/accept", nil).is(200, "€24.50")
	if got := b.post("/checkout/review", pay(b.get("/checkout/review").is(200, "€29.40"))); got.status != 303 {
		t.Errorf("got status %d, want 303", got.status)
	}
	s.shopper(t).post("/cart/accept", nil).is(200, "Your cart is empty")
}

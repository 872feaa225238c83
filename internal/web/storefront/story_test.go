package storefront

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestGuestBuysWithoutJavaScript(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)

	b.get("/").is(200, "The mug", "€19.50")
	b.get("/collections/kitchen").is(200, "The mug")
	shown := b.get("/products/mug").is(200, "tax included", "delivery €4.90 to Germany", "No account needed", "12 months after delivery", "You pay at bank.test, not here")
	if got := shown.field("variant_id"); got != string(mug.ID) {
		t.Errorf("got variant %s, want %s", got, mug.ID)
	}
	cart := b.post("/cart/lines", put(mug, "2")).is(200, "The mug", "€39.00", "Total, estimated", "€43.90")
	if cart.path != "/cart" || cart.count() != "2" {
		t.Errorf("got %s with %s in the cart, want /cart with 2", cart.path, cart.count())
	}
	if got := b.get("/products/mug").count(); got != "2" {
		t.Errorf("got %s in the cart on the product page, want 2", got)
	}
	b.get("/checkout").is(200, "Kept until 12 months after delivery.", "Kept until 30 days after delivery.", `<option value="DE" selected`)
	review := b.post("/checkout", ada())
	review.is(200, "Ada Lovelace", "12 Analytical Way", "10115 Berlin", "€43.90", "TESTSHOP", "The button takes you to bank.test.", "You pay at bank.test, not here")
	if got := review.header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://bank.test;") {
		t.Errorf("got policy %q, want the bank in form-action", got)
	}
	b.get("/checkout").is(200, `value="ada@lovelace.example"`, "The blue bell")

	gone := b.post("/checkout/review", pay(review))
	if to := gone.header.Get("Location"); gone.status != 303 || !strings.HasPrefix(to, "https://bank.test/pay/") {
		t.Fatalf("got status %d to %q, want 303 to the bank", gone.status, to)
	}
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	waiting := b.get(at).is(200, "One step is left: paying", "at bank.test", at+"/payments").not("Ada", "Analytical", "ada@lovelace.example", "1234567")
	if got := waiting.header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://bank.test;") {
		t.Errorf("got policy %q, want the bank in form-action", got)
	}
	if got := b.post(at+"/payments", nil).header.Get("Location"); got != gone.header.Get("Location") {
		t.Errorf("paying again: got %q, want the same page of the bank", got)
	}
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	paid := b.get(at).is(200, "Your order is paid", "Thank you", "We write to you by e-mail").not("Ada", "Analytical", "/payments")
	if got := paid.count(); got != "0" {
		t.Errorf("got %s in the cart after buying, want 0", got)
	}
	b.get("/cart").is(200, "Your cart is empty", "Your order "+string(p.Order.Number))
	if s.Run(t); s.Stock(t, mug.ID).OnHand != 3 {
		t.Errorf("got %d left, want 3", s.Stock(t, mug.ID).OnHand)
	}
	for _, secret := range []string{"ada@lovelace.example", "Ada", "Analytical", p.Token, "blue bell"} {
		if strings.Contains(s.logs.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

func TestBrowsingSetsNoCookie(t *testing.T) {
	s := open(t)
	s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	for _, path := range []string{"/", "/collections/kitchen", "/products/mug", "/search?q=mug", "/cart", "/checkout", "/checkout/review",
		"/privacy", "/orders/K7Q2M-9F3XA", "/nothing", "/robots.txt", "/pictures/everyday-mug.svg"} {
		if got := b.get(path).header["Set-Cookie"]; got != nil {
			t.Errorf("%s sets a cookie", path)
		}
	}
	b.post("/cart/lines", url.Values{"variant_id": {"nothing"}}).is(422)
	b.post("/cart/lines", put(s.Product(t, "cup", 1950, shoptest.Counted(5)), "0")).is(422, "Choose a quantity from 1 to 999.", "The cup")
	if got := b.cookies(); len(got) != 0 {
		t.Errorf("got %d cookies, want none before something is in the cart", len(got))
	}
}

func TestCartCookieBelongsToThisHostAlone(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.agent.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	lines := b.post("/cart/lines", put(mug, "1")).header["Set-Cookie"]
	if len(lines) != 1 {
		t.Fatalf("got %d cookies, want 1", len(lines))
	}
	for _, want := range []string{"__Host-cart=", "; Path=/", "; Max-Age=2592000", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("the cookie lacks %q", want)
		}
	}
	if strings.Contains(lines[0], "Domain") {
		t.Error("the cookie is for other hosts too")
	}
}

func TestEverythingTypedIsKeptWhenEverythingIsWrong(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	wrong := url.Values{
		"email": {"ada at example"}, "name": {"www.example.com"}, "phone": {"call me"}, "note": {strings.Repeat("n", 501)},
		"shipping_address.street_address": {""}, "shipping_address.address_locality": {"http://town.example"}, "shipping_address.address_region": {"Somewhere"},
		"shipping_address.postal_code": {"1"}, "shipping_address.address_country": {"DE"},
		"billing_address.street_address": {"1 Bill Street"}, "billing_address.postal_code": {"99"}, "billing_address.address_country": {"DE"},
		"shipping_method": {"express"},
	}
	again := b.post("/checkout", wrong).is(422, "Error: Checkout", "Please check what is marked", "1 Bill Street", wrong.Get("note"))
	for _, name := range []string{"email", "name", "phone", "shipping_address.address_locality", "shipping_address.address_region", "shipping_address.postal_code", "billing_address.postal_code"} {
		if got := again.field(name); got != wrong.Get(name) {
			t.Errorf("%s: got %q, want what was typed", name, got)
		}
	}
	again.is(422, `value="express" checked`)
	for _, id := range []string{"email", "name", "phone", "note", "shipping_address-street_address", "shipping_address-postal_code", "billing_address-postal_code", "billing_address-address_locality"} {
		again.is(422, `id="`+id+`-wrong"`, `href="#`+id+`"`)
	}
	b.get("/checkout/review").is(200, "Checkout").not("Check and pay") // nothing was saved
}

func TestAnotherCountryLosesNothing(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	form := ada()
	form.Set("shipping_method", "express") // goes to Germany alone
	form.Set("shipping_address.address_country", "US")
	form.Set("shipping_address.postal_code", "94103")
	again := b.post("/checkout", form).is(422, `id="shipping_address-address_region-wrong"`, "12 Analytical Way").not(`id="shipping_method-wrong"`, `id="shipping_address-address_region-field" hidden`)
	form.Set("shipping_address.address_region", "CA")
	form.Set("shipping_method", again.field("shipping_method"))
	b.post("/checkout", form).is(200, "Check and pay", "Standard", "€9.90")
}

func TestDoubleClickAndReloadMakeOneOrder(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	b := s.shopper(t)
	first, second := pay(s.toReview(t, b, mug)), pay(b.get("/checkout/review"))
	if first.Get("idempotency_key") == second.Get("idempotency_key") || len(first.Get("idempotency_key")) < 26 {
		t.Errorf("the key is not new for each page")
	}
	var all sync.WaitGroup
	for i := range 12 { // four clicks in each of three tabs
		form := first
		if i%3 == 1 {
			form = second
		}
		all.Go(func() {
			got := b.post("/checkout/review", form)
			if got.status != 303 && got.status != 200 && got.status != 409 {
				t.Errorf("got status %d\n%s", got.status, mainOf(got.body))
			}
		})
	}
	all.Wait()
	if held := s.Stock(t, mug.ID).Held; held != 1 {
		t.Errorf("got %d held, want 1: one order", held)
	}
	numbers := 0
	for name := range b.cookies() {
		if strings.HasPrefix(name, orderCookie) {
			numbers++
		}
	}
	if numbers != 1 {
		t.Errorf("got %d orders, want 1", numbers)
	}
	at := "/orders/" + string(s.placed(t, b).Order.Number)
	for _, form := range []url.Values{first, second, {"payment_method": {"bank"}, "idempotency_key": {"other"}}, {}} { // reloads, later
		if got := b.post("/checkout/review", form); got.path != at && !strings.HasPrefix(got.header.Get("Location"), "https://bank.test/pay/") {
			t.Errorf("got status %d at %s, want the order or its payment", got.status, got.path)
		}
	}
	for _, path := range []string{"/checkout", "/checkout/review"} {
		if got := b.get(path); got.path != at {
			t.Errorf("%s: got %s, want the order", path, got.path)
		}
	}
	if held := s.Stock(t, mug.ID).Held; held != 1 {
		t.Errorf("got %d held, want 1", held)
	}
}

func TestStrangerOpensNoOrder(t *testing.T) {
	s := open(t)
	b, stranger := s.shopper(t), s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	missing := stranger.get("/orders/AAAAA-AAAAA").is(404, "We cannot find that order")
	for _, path := range []string{at, at + "?token=", at + "?token=guess", at + "?token=" + strings.Repeat("A", 43), "/orders/AAAAA-AAAAA?token=" + p.Token, "/orders/x"} {
		if got := stranger.get(path).is(404); got.body != missing.body {
			t.Errorf("%s is told apart from an unknown order", path)
		}
	}
	if got := stranger.post(at+"/payments", url.Values{"token": {"guess"}}).is(404); got.body != missing.body {
		t.Error("paying is told apart from an unknown order")
	}
	if len(stranger.cookies()) != 0 {
		t.Error("the stranger got a cookie")
	}
	if missing.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be kept")
	}
}

func TestMailedLinkBecomesACookie(t *testing.T) {
	s := open(t)
	b, phone := s.shopper(t), s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	p := s.placed(t, b)
	follow := phone.agent.CheckRedirect
	phone.agent.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	link := strings.TrimPrefix(s.Desk.OrderLink(p.Order), "https://shop.test")
	if strings.Contains(link, p.Token) {
		t.Error("the letter carries the token that never ends")
	}
	first := phone.get(link).is(303)
	if got := first.header.Get("Location"); got != "/orders/"+string(p.Order.Number) {
		t.Errorf("got %q, want the address without the token", got)
	}
	if got := first.header.Get("Set-Cookie"); !strings.Contains(got, "; HttpOnly; Secure; SameSite=Lax") {
		t.Error("the cookie is not locked to this host")
	}
	phone.agent.CheckRedirect = follow
	phone.get("/orders/"+strings.ToLower(string(p.Order.Number))).is(200, "One step is left: paying").not("Ada", p.Token)
	// Whoever finds the letter years later finds nothing, and a way for its owner.
	finder := s.shopper(t)
	end, mac, _ := strings.Cut(strings.TrimPrefix(link, "/orders/"+string(p.Order.Number)+"?token="), ".")
	later, err := strconv.ParseInt(end, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	finder.get(fmt.Sprintf("/orders/%s?token=%d.%s", p.Order.Number, later+1, mac)).is(404)
	s.Clock.Move(89 * 24 * time.Hour)
	s.shopper(t).get(link).is(200)
	s.Clock.Move(2 * 24 * time.Hour)
	finder.get(link).is(404, "/find-order")
	phone.get("/orders/" + string(p.Order.Number)).is(200) // who came in time stays
}

func TestHTMLInEveryFieldStaysText(t *testing.T) {
	s := open(t)
	const evil = `Ada"'><img src=x onerror=alert(1)><script>alert(1)</script>`
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	form := url.Values{}
	for name := range ada() {
		form.Set(name, evil)
	}
	for _, name := range []string{"shipping_address.address_region", "billing_address.street_address", "billing_address.address_locality", "billing_address.address_region", "billing_address.postal_code", "billing_address.address_country", "idempotency_key"} {
		form.Set(name, evil)
	}
	answers := []seen{
		b.post("/checkout", form),
		b.get("/search?q=" + url.QueryEscape(evil)),
		b.post("/cart/lines", url.Values{"variant_id": {evil}, "quantity": {evil}}),
		b.get("/products/" + url.PathEscape(evil)),
		b.get("/orders/" + url.PathEscape(evil) + "?token=" + url.QueryEscape(evil)),
	}
	sealed := ada()
	for _, name := range []string{"name", "note", "shipping_address.street_address", "shipping_address.address_locality"} {
		sealed.Set(name, evil)
		answers = append(answers, b.post("/checkout", sealed))
	}
	answers = append(answers, b.get("/checkout"), b.post("/checkout/review", form), b.get("/checkout/review"))
	for _, a := range answers {
		if strings.Contains(a.body, "<img src=x") || strings.Contains(a.body, "<script>alert") {
			t.Errorf("%s: markup that was typed runs", a.path)
		}
		if got := a.header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: got policy %q", a.path, got)
		}
	}
}

func TestOrderThatWasNotPaidOpensTheCartAgain(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	p := s.placed(t, b)
	s.Clock.Move(16 * time.Minute)
	if _, err := s.Desk.SweepHolds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Order(t, p).Status; got != order.Cancelled {
		t.Fatalf("got %s, want cancelled", got)
	}
	b.get("/orders/"+string(p.Order.Number)).is(200, "This order was cancelled").not("/payments")
	b.post("/orders/"+string(p.Order.Number)+"/payments", nil).is(200, "This order can't be paid any more.")
	b.get("/cart").is(200, "The mug").not("empty")
}

func TestOrderStillBeingPlacedAsksToWait(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(1))
	b := s.shopper(t)
	form := pay(s.toReview(t, b, mug))
	mine, ok := parseBasket(b.cookies()["__Host-cart"])
	if !ok {
		t.Fatal("no cart")
	}
	// The first click is on its way: it has drawn its order's id and holds the last mug.
	id := order.ID(store.NewID())
	err := s.DB.InTx(t.Context(), ledger.Guest(string(mine.id)), func(tx *store.Tx) error {
		if _, err := tx.BeginOrder(mine.id, form.Get("idempotency_key"), []byte("form\nbank"), id); err != nil {
			return err
		}
		return tx.Reserve(mug.ID, id, store.Payer{Cart: string(mine.id)}, 1, tx.Now().Add(15*time.Minute))
	})
	if err != nil {
		t.Fatal(err)
	}
	wait := b.post("/checkout/review", form).is(409, "We are still working on it", "nothing is paid twice").not("Order and pay")
	if got := wait.header.Get("Refresh"); got != "2; url=/checkout/review" {
		t.Errorf("got %q, want to look again soon", got)
	}
}

func TestHammeringOnTheButtonIsSlowedDown(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.agent.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	var last seen
	for range abuse.Orders.Burst() + 60 {
		if last = b.post("/checkout/review", nil); last.status == 429 {
			break
		}
	}
	if last.is(429, "That was a lot at once", "Your cart is safe"); last.header.Get("Retry-After") == "" {
		t.Error("does not say when to try again")
	}
}

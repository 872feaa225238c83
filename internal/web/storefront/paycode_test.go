package storefront

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAGuestProvesTheirMailboxBeforePayingAndNothingTypedIsLost: from the refusal
// over the mailed code to the bank, without a script, in three buttons.
func TestAGuestProvesTheirMailboxBeforePayingAndNothingTypedIsLost(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(50)), "1"))
	b.post("/checkout", ada())
	s.measure(t, abuse.Paused, 10*time.Minute)
	form := pay(b.get("/checkout/review"))
	asked := b.post("/checkout/review", form).is(429, "with a code that we mail you", `action="/checkout/review/code"`, "Mail me a code", "Sign in", "in 10 minutes",
		`name="seen" value="`, `name="payment_method" value="bank"`, `name="idempotency_key" value="`).not("ada@")
	if asked.header.Get("Retry-After") == "" || !strings.Contains(asked.header.Get("Content-Security-Policy"), "https://bank.test") {
		t.Errorf("got the headers %v", asked.header)
	}
	if len(s.Letters.All()) != 0 {
		t.Error("a letter was sent before anybody asked for it")
	}
	typing := b.post("/checkout/review/code", form).is(200, `action="/checkout/review/code/answer"`, "Eight digits", "Order and pay", `name="payment_method" value="bank"`, "Mail it again").not("ada@")
	if !strings.Contains(typing.header.Get("Content-Security-Policy"), "https://bank.test") {
		t.Error("the form may not lead to the bank")
	}
	code := s.Code(t, "ada@lovelace.example")
	form.Set("code", "123")
	b.post("/checkout/review/code/answer", form).is(422, `id="code-wrong"`, "eight digits", `name="seen" value="`)
	form.Set("code", map[bool]string{true: "1111 1111", false: "0000 0000"}[code == "0000 0000"])
	b.post("/checkout/review/code/answer", form).is(422, `id="code-wrong"`, "That is not the code", `name="idempotency_key" value="`)
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM orders`); n != 0 {
		t.Fatalf("%d orders were placed", n)
	}
	stranger := s.shopper(t)
	stranger.post("/cart/lines", put(s.Product(t, "cup", 1950, shoptest.Counted(50)), "1"))
	stranger.post("/checkout", ada())
	stolen := pay(stranger.get("/checkout/review"))
	stolen.Set("code", code)
	stranger.post("/checkout/review/code/answer", stolen).is(409, "Please ask for a new one", "Mail me a code")

	form.Set("code", code)
	if got := b.post("/checkout/review/code/answer", form); got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "https://bank.test") {
		t.Errorf("with the code: got %d to %q, want the bank", got.status, got.header.Get("Location"))
	}
	if strings.Contains(s.logs.String(), strings.ReplaceAll(code, " ", "")) {
		t.Error("the log tells the code")
	}
}

// TestALateCodeToPayAsksForANewOne: whoever comes back after the end finds all that
// was typed, and one button.
func TestALateCodeToPayAsksForANewOne(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(50)), "1"))
	b.post("/checkout", ada())
	s.measure(t, abuse.Paused, time.Hour)
	form := pay(b.get("/checkout/review"))
	b.post("/checkout/review/code", form).is(200)
	form.Set("code", s.Code(t, "ada@lovelace.example"))
	s.Clock.Move(11 * time.Minute)
	b.post("/checkout/review/code/answer", form).is(409, "Please ask for a new one", `name="payment_method" value="bank"`, "Mail me a code")
	s.measure(t, abuse.Paused, 0)
	b.post("/checkout/review/code", form).is(409, "You need no code any more", `action="/checkout/review"`, `name="seen" value="`)
	form.Del("code")
	if got := b.post("/checkout/review", form); got.status != 303 {
		t.Errorf("with the form that was kept: got %d", got.status)
	}
}

// TestAnOrderIsPaidAgainWithACodeOnItsPage: the page shows nobody whose mailbox it is.
func TestAnOrderIsPaidAgainWithACodeOnItsPage(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	p := s.placed(t, b)
	if err := s.Desk.Settle(t.Context(), "bank", s.Bank.Say(p, 1, payment.Declined)); err != nil {
		t.Fatal(err)
	}
	s.measure(t, abuse.Paused, 10*time.Minute)
	at := "/orders/" + string(p.Order.Number) + "/payments"
	form := url.Values{"payment_method": {"bank"}}
	b.post(at, form).is(429, "Mail me a code", `action="`+at+`/code"`).not("ada@", "Ada")
	s.shopper(t).post(at+"/code", form).is(404, "We cannot find that order")
	b.post(at+"/code", form).is(200, `action="`+at+`/code/answer"`, `name="payment_method" value="bank"`).not("ada@", "Ada")
	form.Set("code", s.Code(t, "ada@lovelace.example"))
	if got := b.post(at+"/code/answer", form); got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "https://bank.test") {
		t.Errorf("with the code: got %d to %q, want the bank", got.status, got.header.Get("Location"))
	}
}

// TestANetworkHasOnlySoManyCodesToPay: letters to whoever is named are few for each
// network, and whoever is over it is told when to come again, with the form kept.
func TestANetworkHasOnlySoManyCodesToPay(t *testing.T) {
	s := open(t)
	s.measure(t, abuse.Paused, time.Hour)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(50)), "1"))
	b.post("/checkout", ada())
	form := pay(b.get("/checkout/review"))
	for range abuse.Lookups.Burst() {
		b.post("/checkout/review/code", form).is(200)
	}
	got := b.post("/checkout/review/code", form).is(429, "You can try again", `name="payment_method" value="bank"`, "Mail me a code")
	if got.header.Get("Retry-After") == "" {
		t.Error("does not say when to try again")
	}
	s.RunAll(t)
	if n := len(s.Letters.All()); n != 1 {
		t.Errorf("%d letters were sent for one cart at once, want 1", n)
	}
}

package storefront

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/settings"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// bring imports settings into the running shop.
func (s *stall) bring(t testing.TB, file string) {
	t.Helper()
	if _, err := settings.Import(t.Context(), s.DB, ledger.System("test"), []byte(file), false, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTheShopsOwnWordsAreInTheFooterWhenThereAreSome(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.get("/").is(200).not(`href="/terms"`, `href="/imprint"`)
	for _, path := range []string{"/terms", "/returns", "/shipping", "/imprint"} {
		b.get(path).is(404)
	}
	s.bring(t, `
[shop]
name = "The Renamed Shop"
[seller]
name = "Ada's Looms"
address = "Row 1\nBerlin"
vat = "DE136695976"
[texts]
terms = "# What holds\n\nWe <b>send</b>.\n- one\n- two"
privacy = "And the cat."
`)
	time.Sleep(100 * time.Millisecond) // pages are kept for a moment
	b.get("/").is(200, `href="/terms"`, `href="/imprint"`, "The Renamed Shop").not(`href="/returns"`)
	terms := b.get("/terms").is(200, "<h2>What holds</h2>", "<li>two</li>")
	if !strings.Contains(terms.body, "<p>We &lt;b&gt;send&lt;/b&gt;.</p>") {
		t.Error("a tag in a text is not shown as text")
	}
	b.get("/imprint").is(200, "Ada's Looms", "Row 1<br>Berlin", "DE136695976")
	b.get("/privacy").is(200, "And the cat.")
	b.get("/returns").is(404)
	b.get("/terms?v=0123456789abcdef").is(404)
}

func TestOrderingAcceptsTheWordsOfThatDay(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	s.bring(t, "[texts]\nterms = \"The first wording.\"\nreturns = \"Fourteen days.\"\n")
	b := s.shopper(t)
	review := s.toReview(t, b, mug)
	review.is(200, `By ordering you accept our <a href="/terms">terms</a> and <a href="/returns">return rules</a>.`).not(`type="checkbox"`)
	if gone := b.post("/checkout/review", pay(review)); gone.status != 303 {
		t.Fatalf("got status %d", gone.status)
	}
	p := s.placed(t, b)
	s.bring(t, "[texts]\nterms = \"The second wording.\"\nreturns = \"Thirty days.\"\n")
	order := b.get("/orders/"+string(p.Order.Number)).is(200, "You accepted our")
	for at, then := range map[string]string{"/terms": "The first wording.", "/returns": "Fourteen days."} {
		_, rest, _ := strings.Cut(order.body, `href="`+at+`?v=`)
		version, _, _ := strings.Cut(rest, `"`)
		b.get(at+"?v="+version).is(200, then, "holds for earlier orders").not("The second wording", "Thirty days")
	}
	time.Sleep(100 * time.Millisecond) // pages are kept for a moment
	b.get("/terms").is(200, "The second wording.").not("first wording", "earlier orders")
}

func TestAForgottenTickLosesNothing(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	s.bring(t, "[texts]\nterms = \"What holds.\"\n[terms]\nmust_tick = true\n")
	b := s.shopper(t)
	review := s.toReview(t, b, mug)
	review.is(200, `name="accept_terms"`, `I accept the <a href="/terms">terms</a>.`).not("By ordering you accept")
	again := b.post("/checkout/review", pay(review)).is(422, "Please tick that you accept the terms", `aria-invalid="true"`, "Ada Lovelace", "12 Analytical Way", "€24.40")
	if n := s.Stock(t, mug.ID).Held; n != 0 {
		t.Errorf("%d are held for an order that was not made", n)
	}
	form := pay(again)
	form.Set("accept_terms", "yes")
	if gone := b.post("/checkout/review", form); gone.status != 303 {
		t.Fatalf("with the tick: got status %d\n%s", gone.status, mainOf(gone.body))
	}
}

func TestATimeOfDeliveryIsChosenAndTold(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	s.bring(t, `
[[zone]]
id = "de"
countries = ["DE"]
[[method]]
id = "standard"
title = "Post"
days_from = 2
days_to = 4
[[method.rate]]
zone = "de"
price = "4.90"
[[method]]
id = "evening"
title = "By bicycle"
[[method.rate]]
zone = "de"
price = "9.00"
[[method.slot]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "18:00"
to = "21:00"
order_by = "12:00"
[[method]]
id = "pickup"
title = "Fetch it"
pickup_place = "Quay 3\nBerlin"
[[method.rate]]
zone = "de"
price = "0"
`)
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	form := b.get("/checkout").is(200, "2 to 4 working days", "Quay 3, Berlin.", `name="delivery_window.evening"`)
	_, rest, _ := strings.Cut(form.body, `<option value="20`)
	first, _, _ := strings.Cut("20"+rest, `"`)
	in := ada()
	in.Del("shipping_method")
	b.post("/checkout", in).is(200, "Post", "€24.40") // nobody chose: it is brought, and the cheapest
	in.Set("shipping_method", "evening")
	in.Set("delivery_window.evening", "2001-01-01T18:00/21:00")
	b.post("/checkout", in).is(422, "That time can't be chosen any more", "Ada Lovelace")
	in.Set("delivery_window.evening", first)
	review := b.post("/checkout", in).is(200, "By bicycle, ", "18:00 to 21:00", "€28.50")
	s.Clock.Move(20 * 24 * time.Hour) // the day has passed
	b.post("/checkout/review", pay(review)).is(422, "That time can't be chosen any more", "Ada Lovelace")
	s.Clock.Move(-20 * 24 * time.Hour)
	if gone := b.post("/checkout/review", pay(b.get("/checkout/review"))); gone.status != 303 {
		t.Fatalf("got status %d\n%s", gone.status, mainOf(gone.body))
	}
	b.get("/orders/"+string(s.placed(t, b).Order.Number)).is(200, "By bicycle, ", "18:00 to 21:00")
}

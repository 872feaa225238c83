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
	if _, err := settings.Import(t.Context(), s.DB, ledger.System("test"), []byte(file), false); err != nil {
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
	s.bring(t, "[texts]\nterms = \"The second wording.\"\n")
	order := b.get("/orders/"+string(p.Order.Number)).is(200, "You accepted our")
	_, rest, _ := strings.Cut(order.body, `href="/terms?v=`)
	version, _, _ := strings.Cut(rest, `"`)
	b.get("/terms?v="+version).is(200, "The first wording.", "holds for earlier orders").not("The second wording")
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

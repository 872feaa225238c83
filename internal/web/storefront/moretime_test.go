package storefront

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestMoreTimeToPayIsAButton asks for more time without JavaScript, until the
// end that the page told from the start.
func TestMoreTimeToPayIsAButton(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(1)))))
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	limit := p.Order.PlacedAt.Add(165 * time.Minute).Format(time.RFC3339)
	b.get(at).is(200, "I need more time", at+"/hold", "until <time datetime=\""+limit, "15 minutes from now")
	s.Clock.Move(12 * time.Minute)
	b.get(at).is(200, "3 minutes from now")
	b.post(at+"/hold", nil).is(200, "You have more time", "15 minutes from now", "I need more time")
	s.shopper(t).post(at+"/hold", nil).is(404, "We cannot find that order")

	for range 20 {
		s.Clock.Move(8 * time.Minute)
		b.post(at+"/hold", nil)
	}
	b.get(at).not("I need more time", at+"/hold")
	b.post(at+"/hold", nil).is(200, "be kept for you any longer")
	if _, err := s.Desk.SweepHolds(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.get(at).is(200, "This order was cancelled")
	s.shopper(t).get("/products/mug").is(200).not("Sold out")
}

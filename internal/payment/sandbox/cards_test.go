package sandbox

import (
	"context"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// TestAPageThatKeepsACardOffersNone: of two pages of one customer only that which was
// asked for to use a kept card has a button for it, also when the card came later.
func TestAPageThatKeepsACardOffersNone(t *testing.T) {
	n := newTown(t)
	ctx := context.Background()
	ada, err := n.provider.Customer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	page := func(order string, keep bool) payment.Session {
		t.Helper()
		q := n.request(order, 1)
		q.Customer, q.Keep = ada, keep
		s, err := n.provider.Open(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := page("order-1", true)
	n.press(page("order-2", true).URL, "approved")
	cards, err := n.provider.Cards(ctx, ada)
	if err != nil || len(cards) != 1 {
		t.Fatalf("%d cards are kept, %v", len(cards), err)
	}
	button := "approved-" + cards[0].ID
	if _, text := n.get(page("order-3", false).URL); !strings.Contains(text, button) {
		t.Error("a page for kept cards does not offer the card")
	}
	for _, s := range []payment.Session{before, page("order-4", true)} {
		if _, text := n.get(s.URL); strings.Contains(text, button) {
			t.Error("a page that keeps a card offers one that is kept")
		}
		if res, _ := n.press(s.URL, button); res.StatusCode != 400 {
			t.Errorf("a card that is not offered was taken: %d", res.StatusCode)
		}
	}
}

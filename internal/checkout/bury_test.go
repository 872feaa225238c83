package checkout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// Somebody orders time and again with a stranger's address, never pays, asks
// for the confirmation again, and for codes. Each is a letter to the stranger.
// The first orders are written about, as for anybody who changes their mind;
// the rest are not. An order that is paid is always written about.
func TestOrdersNobodyPaysBuryNoMailbox(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		for i := range 8 {
			p := place(t, s, s.Ready(t, bowl.ID, 1), fmt.Sprint("key-", i))
			if err := s.Desk.Resend(noCtx, p.Order.Number, p.Token); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Desk.AskCode(noCtx, string(p.Order.Number), "ada@example.com", false); err != nil {
				t.Fatal(err)
			}
			s.Run(t) // while it waits to be paid
			if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
				t.Fatal(err)
			}
			s.Clock.Move(time.Second)
		}
		s.Run(t)
		if got := len(s.Letters.All()); got != 3*3 {
			t.Errorf("got %d letters, want three for each of the first three orders", got)
		}
		p := place(t, s, s.Ready(t, bowl.ID, 1), "paid")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := len(s.Letters.All()); got != 10 {
			t.Errorf("got %d letters, want one more for the order that was paid", got)
		}
	})
}

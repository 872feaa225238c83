package checkout_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestADisputeThatWasSeenIsWonAfterAll: somebody has closed one that nobody can
// answer, and its bank gives the money back. From then on it can be refunded, and what
// a bank has said stays.
func TestADisputeThatWasSeenIsWonAfterAll(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(9)).ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		say := func(o payment.Outcome) {
			t.Helper()
			n := s.Bank.Say(p, 1, o)
			n.About, n.Reason = "dp-1", "other"
			if err := settle(s, n); err != nil {
				t.Fatal(err)
			}
		}
		ending := func() string {
			t.Helper()
			list, err := s.Desk.ConcernsOf(noCtx, p.Order.Number)
			if err != nil || len(list) != 1 {
				t.Fatalf("got %+v, %v", list, err)
			}
			return list[0].Ending
		}
		say(payment.Disputed)
		if seen, err := s.Desk.SeeConcerns(noCtx, clerk, p.Order.Number); err != nil || seen != 1 || ending() != store.ConcernSeen {
			t.Errorf("got %d, %v, and it is %s", seen, err, ending())
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("given back while the bank has it: %v", err)
		}
		say(payment.DisputeWon)
		if got := ending(); got != store.ConcernWon {
			t.Errorf("it is %s", got)
		}
		say(payment.DisputeLost)
		if got := ending(); got != store.ConcernWon {
			t.Errorf("the first word of the bank did not stay: it is %s", got)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Errorf("it is ours again, and not given back: %v", err)
		}
	})
}

package checkout_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// pinged is a bank whose call-backs nobody signs.
type pinged struct{ *shoptest.Bank }

func (pinged) Name() string { return "pinged" }

func (pinged) Named(*http.Request, []byte) (string, error) { return "", payment.ErrNotice }

// A call-back that only names a payment can be sent by anybody. What it names is
// asked about where it costs something to know it, and nowhere else.
func TestACallBackThatNobodySigned(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := pinged{shoptest.NewBank()}
		s.Offer(t, bank)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p, err := s.PlaceWith(s.Ready(t, bowl.ID, 1), "key", "pinged")
		if err != nil {
			t.Fatal(err)
		}
		ref := fmt.Sprintf("ref-%s-1", p.Order.ID)
		for i := range 1000 {
			if err := s.Desk.Ping(noCtx, "pinged", fmt.Sprintf("tr_unknown%d", i)); err != nil {
				t.Fatalf("an unknown one: %v, want the answer that a known one gets", err)
			}
		}
		if n := bank.Asked(); n != 0 {
			t.Errorf("%d questions were asked about payments that nobody knows", n)
		}
		if err := s.Desk.Ping(noCtx, "bank", ref); !fault.Is(err, fault.NotFound) {
			t.Errorf("a bank that signs: got %v", err)
		}
		// Nothing is decided yet, however often it is said.
		if err := s.Desk.Ping(noCtx, "pinged", ref); err != nil {
			t.Fatal(err)
		}
		limited := 0
		for range 100 {
			if err := s.Desk.Ping(noCtx, "pinged", ref); fault.Is(err, fault.RateLimited) && fault.Of(err).RetryAfter > 0 {
				limited++
			}
		}
		if n := bank.Asked(); limited < 90 || n+limited != 101 {
			t.Errorf("of 100 repetitions %d were told to wait, and %d questions asked", limited, n)
		}
		if s.Order(t, p).Status != order.Pending {
			t.Fatal("a call-back alone has paid it")
		}
		n := s.Bank.Say(p, 1, payment.Approved)
		n.Ref = ref
		dearer := n
		dearer.OrderID = "another"
		bank.Decide(dearer)
		s.Clock.Move(2 * time.Second)
		if err := s.Desk.Ping(noCtx, "pinged", ref); !fault.Is(err, fault.Conflict) || s.Order(t, p).Status != order.Pending {
			t.Errorf("what the bank says is of another order: got %v", err)
		}
		bank.Decide(n)
		s.Clock.Move(2 * time.Second)
		bank.Down = true
		if err := s.Desk.Ping(noCtx, "pinged", ref); !fault.Is(err, fault.Unavailable) {
			t.Errorf("while the bank is silent: got %v, want it to be sent again", err)
		}
		bank.Down = false
		s.Clock.Move(2 * time.Second)
		for i, err := range atOnce(20, func(int) error { return s.Desk.Ping(noCtx, "pinged", ref) }) {
			if err != nil && !fault.Is(err, fault.RateLimited) {
				t.Errorf("call-back %d: %v", i, err)
			}
		}
		s.Run(t)
		if s.Order(t, p).Status != order.Paid || events(t, s, "order.paid", p.Order.ID) != 1 || s.Stock(t, bowl.ID).OnHand != 4 {
			t.Errorf("it is %s, paid %d times, %d left", s.Order(t, p).Status, events(t, s, "order.paid", p.Order.ID), s.Stock(t, bowl.ID).OnHand)
		}
		asked := bank.Asked()
		s.Clock.Move(2 * time.Second)
		for range 50 {
			if err := s.Desk.Ping(noCtx, "pinged", ref); err != nil {
				t.Errorf("once it is paid: %v", err)
			}
		}
		if n := bank.Asked(); n != asked {
			t.Errorf("%d questions were asked about what is settled", n-asked)
		}
	})
}

var _ payment.Pinged = pinged{}

package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestAnOrderThatIsNotSentIsLetGo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Refunded)
		wantTaken(t, s, ref, 0)
		if a, err := s.Bank.Authorization(noCtx, ref); err != nil || a.State != payment.Released {
			t.Errorf("got %+v, %v, want it free", a, err)
		}
		if back := s.Bank.Refunded(ref); !back.IsZero() {
			t.Errorf("%v went back of nothing", back)
		}
		if lines, _, _ := journalOf(t, s, p.Order.ID); lines != 0 {
			t.Error("the books have an order that never was")
		}
		if invoice, notes, err := s.Desk.Papers(noCtx, p.Order); err != nil || invoice || len(notes) != 0 {
			t.Errorf("it has papers: %v, %v, %v", invoice, notes, err)
		}
		if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("taken after all: got %v", err)
		}
		letters := s.Letters.All()
		if last := letters[len(letters)-1].Text; !strings.Contains(last, "only reserved") || strings.Contains(last, "given back") {
			t.Errorf("the letter says %s", last)
		}
		wantAgreed(t, s)
	})
}

// TestAPartOfMoneyThatWentFreeIsNoSale: the bank has let go before it was asked, and a
// part was to go back meanwhile. Nobody has paid anything, so the books have nothing.
func TestAPartOfMoneyThatWentFreeIsNoSale(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Bank.Down = true
		s.Bank.Lapse(ref)
		if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the bank is down: got %v", err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(2)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a refund amid it: got %v", err)
		}
		s.Bank.Down = false
		for range 3 {
			s.Clock.Move(2 * time.Minute)
			s.RunAll(t)
		}
		booksAgree(t, s, p, ref)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		wantStatus(t, s, p, order.Refunded)
		booksAgree(t, s, p, ref)
	})
}

// TestReservedMoneyThatGoesFreeIsToldInTime: before its end the owners hear of it,
// and at its end nothing is sent that nobody will pay.
func TestReservedMoneyThatGoesFreeIsToldInTime(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Clock.Move(5*24*time.Hour - time.Hour)
		s.Run(t)
		if got := openConcerns(t, s); got != "" {
			t.Errorf("too early there is %q", got)
		}
		s.Clock.Move(2 * time.Hour)
		s.Run(t)
		if got := openConcerns(t, s); got != "reserve " {
			t.Errorf("two days before its end there is %q", got)
		}
		s.Bank.Lapse(ref)
		s.Clock.Move(3 * 24 * time.Hour)
		s.Run(t)
		if got := openConcerns(t, s); got != "capture " {
			t.Errorf("after its end there is %q", got)
		}
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Payment.Status != order.PaymentExpired {
			t.Errorf("the payment is %s, %v", v.Payment.Status, err)
		}
		for what, err := range map[string]error{"packed": s.Desk.Pack(noCtx, clerk, p.Order.Number), "sent": s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}), "taken": s.Desk.Capture(noCtx, clerk, p.Order.Number, nil)} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", what, err)
			}
		}
		wantStatus(t, s, p, order.Paid)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Refunded)
		booksAgree(t, s, p, ref)
		wantAgreed(t, s)
	})
}

// TestMoneyThatWentFreeBeforeItWasSent: the goods are on their way and the bank says
// no. The owners hear of it, and the books have no money.
func TestMoneyThatWentFreeBeforeItWasSent(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Bank.Lapse(ref)
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Fatal(err) // nobody knows it yet
		}
		s.Run(t)
		list, err := s.Desk.ConcernsOf(noCtx, p.Order.Number)
		if err != nil || len(list) != 1 || list[0].Kind != store.ConcernCapture || list[0].Amount != p.Order.Totals.Total {
			t.Errorf("got %+v, %v, want one concern", list, err)
		}
		if lines, _, _ := journalOf(t, s, p.Order.ID); lines != 0 {
			t.Error("the books have money that did not come")
		}
		booksAgree(t, s, p, ref)
	})
}

// TestWhatIsReservedForNothingIsLetGo: paid twice, and paid once the goods were gone.
func TestWhatIsReservedForNothingIsLetGo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.TakeLater(t)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		other := place(t, s, s.Ready(t, bowl.ID, 1), "key-2")
		n := s.Reserve(p, 1)
		s.Bank.Decide(n)
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.Run(t)
		}
		if a, err := s.Bank.Authorization(noCtx, n.Ref); err != nil || a.State != payment.Released {
			t.Errorf("got %+v, %v, want it free", a, err)
		}
		wantStatus(t, s, p, order.Cancelled)
		wantStatus(t, s, other, order.Pending)
	})
}

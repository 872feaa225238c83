package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestWhatABankDoesNotLetGoIsStillReserved: money that was never taken is never paid
// out, as credit or by hand or otherwise, and can be taken after all.
func TestWhatABankDoesNotLetGoIsStillReserved(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		number := p.Order.Number
		s.Bank.Refusing = true
		for what, back := range map[string]checkout.Back{"first": {}, "again": {}, "as credit": {ToCredit: true}, "by hand": {ByHand: true}} {
			if err := s.Desk.GiveBack(noCtx, clerk, number, back); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", what, err)
			}
		}
		s.Run(t)
		if got := attempt(t, s, p); got.Capture != store.Authorized {
			t.Errorf("it is %s here, and reserved there", got.Capture)
		}
		if lines, _, _ := journalOf(t, s, p.Order.ID); lines != 0 {
			t.Error("the books have money that did not come")
		}
		if n := count(t, s, `SELECT count(*) FROM credits`); n != 0 {
			t.Errorf("%d gift cards were made of nothing", n)
		}
		if back := s.Bank.Refunded(ref); !back.IsZero() {
			t.Errorf("%v went back of nothing", back)
		}
		booksAgree(t, s, p, ref)
		s.Bank.Refusing = false
		if err := s.Desk.Ship(noCtx, clerk, number, checkout.Parcel{}); err != nil {
			t.Errorf("sent after all: %v", err)
		}
		s.Run(t)
		wantTaken(t, s, ref, 4390)
		booksAgree(t, s, p, ref)
	})
}

// TestAWatchOutlivesAReleaseThatIsRefused: the owners hear of its end all the same.
func TestAWatchOutlivesAReleaseThatIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, _ := promised(t, s)
		s.Bank.Down = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		s.Clock.Move(5*24*time.Hour + time.Minute)
		s.RunAll(t)
		if got := attempt(t, s, p); got.Capture != store.Releasing {
			t.Fatalf("it is %s here", got.Capture)
		}
		s.Bank.Down, s.Bank.Refusing = false, true
		for range 3 {
			s.Clock.Move(time.Hour)
			s.RunAll(t)
		}
		if got := openConcerns(t, s); got != "reserve refund " {
			t.Errorf("there is %q", got)
		}
	})
}

// TestSentAndNeverTakenIsTold: goods are on their way and the bank never answers. The
// owners hear of it before the money goes free, and once more when it may have.
func TestSentAndNeverTakenIsTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Bank.Down = true
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		s.Clock.Move(time.Hour + time.Minute)
		s.Bank.Down = false
		got, err := s.Desk.Reconcile(noCtx, p.Order.PlacedAt)
		if err != nil || len(got.Differences) != 1 || got.Differences[0].Text != "only reserved there, being taken here for over an hour" {
			t.Errorf("got %+v, %v", got, err)
		}
		s.Bank.Down = true
		s.Clock.Move(5 * 24 * time.Hour)
		s.RunAll(t)
		if got := openConcerns(t, s); got != "reserve " {
			t.Errorf("two days before its end there is %q", got)
		}
		s.Clock.Move(5 * 24 * time.Hour)
		s.RunAll(t)
		if got := openConcerns(t, s); got != "reserve capture " {
			t.Errorf("after its end there is %q", got)
		}
		s.Bank.Down = false
		s.Clock.Move(time.Hour)
		s.RunAll(t)
		wantTaken(t, s, ref, 4390)
		if got := openConcerns(t, s); got != "" {
			t.Errorf("it is taken, and there is still %q", got)
		}
		booksAgree(t, s, p, ref)
	})
}

// TestABankThatKnowsNothingIsTold: it refuses to take the money and to say what became
// of it, as a service does that knows another account.
func TestABankThatKnowsNothingIsTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Bank.Lose(ref)
		for range 2 {
			if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, nil); !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		list, err := s.Desk.ConcernsOf(noCtx, p.Order.Number)
		if err != nil || len(list) != 1 || list[0].Kind != store.ConcernCapture || list[0].Amount != euros(4390) {
			t.Errorf("got %+v, %v, want one concern", list, err)
		}
	})
}

// TestNothingIsSentOnMoneyWhoseTimeIsOver: whatever the bank would say of it.
func TestNothingIsSentOnMoneyWhoseTimeIsOver(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Clock.Move(7 * 24 * time.Hour)
		for what, err := range map[string]error{"packed": s.Desk.Pack(noCtx, clerk, p.Order.Number), "sent": s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{})} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: got %v, want a conflict", what, err)
			}
		}
		wantStatus(t, s, p, order.Paid)
		if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, nil); err != nil { // this bank still has it
			t.Fatal(err)
		}
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Errorf("taken, and not sent: %v", err)
		}
		wantTaken(t, s, ref, 4390)
	})
}

// TestARefundThatWaitsMeetsASmallerCapture: somebody takes less at the bank than the
// shop was about to. What was taken is booked, and a refund that does not fit is told.
func TestARefundThatWaitsMeetsASmallerCapture(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		number := p.Order.Number
		s.Bank.Down = true
		if err := s.Desk.Capture(noCtx, clerk, number, nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		for _, minor := range []int64{500, 3000} {
			if err := s.Desk.RefundPart(noCtx, clerk, number, euros(minor)); !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		s.Bank.Down = false
		if err := s.Bank.Capture(noCtx, payment.CaptureRequest{Ref: ref, OrderID: string(p.Order.ID), Amount: euros(2000)}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.Clock.Move(31 * time.Minute)
			s.RunAll(t)
		}
		if back := s.Bank.Refunded(ref); back != euros(500) {
			t.Errorf("%v went back, want what fits", back)
		}
		if got := openConcerns(t, s); got != "refund " {
			t.Errorf("there is %q", got)
		}
		booksAgree(t, s, p, ref)
		wantAgreed(t, s)
	})
}

// TestWhatWaitedForACaptureThatIsRefused makes less to take, and of all lets it go:
// nothing is paid back that was never taken.
func TestWhatWaitedForACaptureThatIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		number := p.Order.Number
		s.Bank.Down = true
		part := euros(4000)
		if err := s.Desk.Capture(noCtx, clerk, number, &part); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, number, euros(1000)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		s.Bank.Down, s.Bank.Refusing = false, true
		if err := s.Desk.Capture(noCtx, clerk, number, &part); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want it refused", err)
		}
		s.Bank.Refusing = false
		s.Clock.Move(2 * time.Minute)
		s.RunAll(t)
		if back := s.Bank.Refunded(ref); !back.IsZero() {
			t.Errorf("%v went back of nothing", back)
		}
		booksAgree(t, s, p, ref)
		if err := s.Desk.Capture(noCtx, clerk, number, nil); err != nil {
			t.Fatal(err)
		}
		wantTaken(t, s, ref, 3390)
		booksAgree(t, s, p, ref)
		s.RunAll(t)
		papersAgree(t, s, p)
		if notes := notesOf(t, s, p); len(notes) != 1 || notes[0].Sum != euros(1000) {
			t.Errorf("got the credit notes %+v, want one of what was not taken", notes)
		}
	})
}

// TestAPartTakenBeforeTheShopHeardOfIt is booked as that part, and not as the price.
func TestAPartTakenBeforeTheShopHeardOfIt(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.TakeLater(t)
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(9)).ID, 1), "key-1")
		n := s.Reserve(p, 1)
		s.Bank.Decide(n)
		if err := s.Bank.Capture(noCtx, payment.CaptureRequest{Ref: n.Ref, OrderID: string(p.Order.ID), Amount: euros(2000)}); err != nil {
			t.Fatal(err)
		}
		found, _, err := s.Bank.Find(noCtx, n.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(s, found); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Pack(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("packed before it is known what was taken: %v", err)
		}
		s.RunAll(t)
		if got := attempt(t, s, p); got.Capture != store.Captured || got.CaptureAmount != euros(2000) {
			t.Errorf("it is %s, %v", got.Capture, got.CaptureAmount)
		}
		booksAgree(t, s, p, n.Ref)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		if back := s.Bank.Refunded(n.Ref); back != euros(2000) {
			t.Errorf("%v went back", back)
		}
		wantAgreed(t, s)
	})
}

// TestARefundOfAsMuchAsACaptureLeaves is another than what goes free by itself.
func TestARefundOfAsMuchAsACaptureLeaves(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := promised(t, s)
		s.Bank.Down = true
		part := euros(3000)
		if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, &part); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		for range 2 { // asked twice, meant once
			if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(1390)); !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		s.Bank.Down = false
		for range 3 {
			s.Clock.Move(31 * time.Minute)
			s.RunAll(t)
		}
		wantTaken(t, s, ref, 3000)
		if back := s.Bank.Refunded(ref); back != euros(1390) {
			t.Errorf("%v went back, want 13.90 of what was taken", back)
		}
		booksAgree(t, s, p, ref)
	})
}

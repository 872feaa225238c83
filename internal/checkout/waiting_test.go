package checkout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// tried has a job that waits run once by a desk, whatever its time, and says how it ended.
func tried(t *testing.T, s *shoptest.Shop, ctx context.Context, desk *checkout.Desk, kind string) error {
	t.Helper()
	raw := s.Raw(t)
	j := store.Job{Kind: kind, Owner: shoptest.One[string](t, raw, `SELECT owner FROM jobs WHERE kind = $1`, kind),
		ID: shoptest.One[string](t, raw, `SELECT id FROM jobs WHERE kind = $1`, kind), Ref: shoptest.One[string](t, raw, `SELECT ref FROM jobs WHERE kind = $1`, kind)}
	return desk.Jobs()[kind](ctx, j)
}

// wantWaiting holds what is told of money that waits against what should be.
func wantWaiting(t *testing.T, s *shoptest.Shop, p checkout.Placed, raised int64, ending string) {
	t.Helper()
	list, err := s.Desk.ConcernsOf(noCtx, p.Order.Number)
	if err != nil {
		t.Fatal(err)
	}
	var found int64
	for _, c := range list {
		if c.Kind != store.ConcernWaiting {
			continue
		}
		if found++; c.Ending != ending || c.EndedAt.IsZero() != (ending == "") {
			t.Errorf("it ended %q, want %q", c.Ending, ending)
		}
	}
	told := count(t, s, `SELECT count(*) FROM events WHERE action = 'concern.waiting.raised'`)
	if found != raised || told != raised {
		t.Errorf("%d concerns that money waits, told %d times, want %d", found, told, raised)
	}
}

// TestWhatAServiceThatIsGoneHasGoesByHand: the service of an order is not set up any
// more. Nobody waits for it: whoever gives back is told so at once, and what waits is
// sent by hand, once; the service that comes back later sends nothing on top.
func TestWhatAServiceThatIsGoneHasGoesByHand(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		gone, err := checkout.New(checkout.Config{Store: s.DB, Origin: "https://shop.test"})
		if err != nil {
			t.Fatal(err)
		}
		one := money.Of(100, p.Order.Totals.Total.Currency())
		if err := gone.RefundPart(noCtx, clerk, p.Order.Number, one); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want that nobody is asked", err)
		}
		if n := count(t, s, `SELECT count(*) FROM refunds`); n != 0 {
			t.Errorf("%d refunds were written, want none", n)
		}
		s.Bank.Down = true
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, one); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want that it is tried again", err)
		}
		if err := s.Desk.RefundedByHand(noCtx, clerk, p.Order.Number, &one); !fault.Is(err, fault.Conflict) {
			t.Errorf("by hand while the service is set up: got %v, want a refusal", err)
		}
		if err := gone.RefundedByHand(noCtx, clerk, p.Order.Number, &one); err != nil {
			t.Fatalf("by hand: %v", err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		s.Bank.Down = false
		s.Clock.Move(time.Hour)
		s.Run(t)
		if got := s.Bank.Refunded(ref); !got.IsZero() {
			t.Errorf("%v went back as well", got)
		}
		if err := gone.RefundedByHand(noCtx, clerk, p.Order.Number, nil); err != nil {
			t.Fatalf("the rest by hand: %v", err)
		}
		wantStatus(t, s, p, order.Refunded)
		if n := count(t, s, `SELECT count(*) FROM refunds WHERE state = 'done' AND by_hand`); n != 2 {
			t.Errorf("%d refunds were done by hand, want 2", n)
		}
	})
}

// mute is a bank that never answers when money is to go back, until the time is up.
type mute struct {
	*shoptest.Bank
	timeIsUp func()
}

// Refund implements payment.Provider.
func (m mute) Refund(ctx context.Context, _ payment.RefundRequest) error {
	m.timeIsUp()
	<-ctx.Done()
	return ctx.Err()
}

// TestARefundThatWaitsIsTold: the bank does not answer, or is not set up any more. After a
// day the owners hear of it, once, and no more when it has gone through.
func TestARefundThatWaitsIsTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		s.Bank.Down = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want that it is tried again", err)
		}
		fails := func(ctx context.Context, desk *checkout.Desk) {
			t.Helper()
			if err := tried(t, s, ctx, desk, checkout.JobGiveBack); !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v, want that it is tried again", err)
			}
		}
		s.Clock.Move(23 * time.Hour)
		fails(noCtx, s.Desk)
		wantWaiting(t, s, p, 0, "")
		s.Clock.Move(2 * time.Hour)

		// It is told although the bank used up the time of the job.
		short, timeIsUp := context.WithCancel(noCtx)
		defer timeIsUp()
		silent, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{mute{s.Bank, timeIsUp}}, Origin: "https://shop.test"})
		if err != nil {
			t.Fatal(err)
		}
		fails(short, silent)
		wantWaiting(t, s, p, 1, "")
		gone, err := checkout.New(checkout.Config{Store: s.DB, Origin: "https://shop.test"})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.Clock.Move(24 * time.Hour)
			fails(noCtx, s.Desk)
			fails(noCtx, gone)
		}
		wantWaiting(t, s, p, 1, "")
		wantStatus(t, s, p, order.Paid)

		s.Bank.Down = false
		s.Run(t)
		wantStatus(t, s, p, order.Refunded)
		wantWaiting(t, s, p, 1, store.ConcernOver)
		if open, err := s.Desk.Concerns(noCtx); err != nil || len(open) != 0 || s.Bank.Refunded(ref) != p.Order.Totals.Total {
			t.Errorf("%d concerns are open and %v went back, %v", len(open), s.Bank.Refunded(ref), err)
		}
	})
}

// TestARefundThatWaitsAndIsRefused is one concern for another: now it has to go another way.
func TestARefundThatWaitsAndIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, _ := bought(t, s)
		s.Bank.Down = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want that it is tried again", err)
		}
		s.Clock.Move(25 * time.Hour)
		if err := tried(t, s, noCtx, s.Desk, checkout.JobGiveBack); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want that it is tried again", err)
		}
		s.Bank.Down, s.Bank.Refusing = false, true
		s.Run(t)
		wantWaiting(t, s, p, 1, store.ConcernOver)
		concernsOf(t, s, p, store.ConcernWaiting, store.ConcernRefund)
	})
}

// TestAPaymentOfNoUseThatWaitsIsTold: two pages were paid, and the bank does not take the
// second payment back for days.
func TestAPaymentOfNoUseThatWaitsIsTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		first := s.Bank.Say(p, 1, payment.Approved)
		for _, n := range []payment.Notice{s.Bank.Say(p, 2, payment.Approved), first} {
			if err := settle(s, n); err != nil {
				t.Fatal(err)
			}
		}
		s.Bank.Down = true
		for _, step := range []struct {
			hours  time.Duration
			raised int64
		}{{23, 0}, {2, 1}, {24, 1}} {
			s.Clock.Move(step.hours * time.Hour)
			if err := tried(t, s, noCtx, s.Desk, checkout.JobRefund); err == nil {
				t.Error("the bank is closed, and it counts as sent back")
			}
			wantWaiting(t, s, p, step.raised, "")
		}
		s.Bank.Down = false
		s.Run(t)
		wantWaiting(t, s, p, 1, store.ConcernOver)
		if back := s.Bank.Refunded(first.Ref); back != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v", back, p.Order.Totals.Total)
		}
	})
}

// TestReservedMoneyOfNoUseThatWaitsIsTold: two pages were paid by reserving money, the
// bank does not let go of the second for a day, and then it does: also when the shop was
// killed before it could say that this is over.
func TestReservedMoneyOfNoUseThatWaitsIsTold(t *testing.T) {
	for _, killed := range []bool{false, true} {
		shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
			s.TakeLater(t)
			p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
			if err := settle(s, s.Bank.Say(p, 1, payment.Declined)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); err != nil {
				t.Fatal(err)
			}
			first := s.Reserve(p, 1)
			for _, n := range []payment.Notice{s.Reserve(p, 2), first} {
				s.Bank.Decide(n)
				if err := settle(s, n); err != nil {
					t.Fatal(err)
				}
			}
			s.Bank.Down = true
			s.Clock.Move(25 * time.Hour)
			if err := tried(t, s, noCtx, s.Desk, checkout.JobRefund); err == nil {
				t.Error("the bank is closed, and it counts as sent back")
			}
			wantWaiting(t, s, p, 1, "")
			s.Bank.Down = false
			if killed {
				shoptest.Do(t, s.Raw(t), `UPDATE payments SET capture = $1 WHERE attempt = 1`, string(store.Released))
			}
			s.Run(t)
			wantWaiting(t, s, p, 1, store.ConcernOver)
			if n := count(t, s, `SELECT count(*) FROM jobs WHERE kind = $1`, checkout.JobRefund); n != 0 {
				t.Errorf("%d jobs are left", n)
			}
		})
	}
}

// overtaken is a bank that does not answer, while somebody else ends the refund.
type overtaken struct {
	*shoptest.Bank
	end func()
}

// Refund implements payment.Provider.
func (m overtaken) Refund(context.Context, payment.RefundRequest) error {
	m.end()
	return errors.New("no answer")
}

// TestARefundThatIsOverDoesNotWait: a job asks in vain for a minute; a clerk's click ends
// the refund meanwhile. Nobody is told that the money waits.
func TestARefundThatIsOverDoesNotWait(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		s.Bank.Down = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want that it is tried again", err)
		}
		s.Bank.Down = false
		s.Clock.Move(25 * time.Hour)
		slow, err := checkout.New(checkout.Config{Store: s.DB, Origin: "https://shop.test", Providers: []payment.Provider{overtaken{s.Bank, func() {
			if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
				t.Errorf("the click: %v", err)
			}
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := tried(t, s, noCtx, slow, checkout.JobGiveBack); err == nil {
			t.Error("the job that had no answer counts as done")
		}
		wantWaiting(t, s, p, 0, "")
		s.Run(t)
		wantStatus(t, s, p, order.Refunded)
		wantWaiting(t, s, p, 0, "")
		if got := s.Bank.Refunded(ref); got != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v", got, p.Order.Totals.Total)
		}
	})
}

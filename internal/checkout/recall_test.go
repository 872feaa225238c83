package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// remarking is a bank that says by itself nothing of what happens after a payment, or
// whose call-backs about it are lost.
type remarking struct {
	pinged
	mu     sync.Mutex
	of     map[string][]payment.Notice // by session
	gave   map[string]bool             // refunds that it has paid back, by id
	silent bool                        // it answers no question about what came after
	more   bool                        // it has said more than it tells at once
	since  time.Time                   // what it was asked about last
}

func newRemarking() *remarking {
	return &remarking{pinged: pinged{shoptest.NewBank()}, of: map[string][]payment.Notice{}, gave: map[string]bool{}}
}

var (
	_ payment.Remarker = (*remarking)(nil)
	_ payment.Recaller = (*remarking)(nil)
	_ payment.Pinged   = (*remarking)(nil)
)

func (r *remarking) Remarks(_ context.Context, ref string) ([]payment.Notice, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent {
		return nil, errors.New("no answer")
	}
	return r.of[ref], nil
}

func (r *remarking) GaveBack(_ context.Context, q payment.RefundRequest) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gave[q.ID], nil
}

func (r *remarking) Refund(ctx context.Context, q payment.RefundRequest) error {
	err := r.pinged.Refund(ctx, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gave[q.ID] = r.gave[q.ID] || err == nil || r.Forgetful
	return err
}

// says has the bank say something of a session, and no call-back tell of it.
func (r *remarking) says(n payment.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[n.Ref] = append(r.of[n.Ref], n)
}

func (r *remarking) hush(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

// boughtAt is a paid order of such a bank, and what the payer's bank may take of it.
func boughtAt(t *testing.T, s *shoptest.Shop, bank *remarking, handle string) (checkout.Placed, payment.Notice) {
	t.Helper()
	p, err := s.PlaceWith(s.Ready(t, s.Product(t, handle, 3900, shoptest.Counted(5)).ID, 1), "key-"+handle, "pinged")
	if err != nil {
		t.Fatal(err)
	}
	n := s.Bank.Say(p, 1, payment.Approved)
	n.Ref = fmt.Sprintf("ref-%s-1", p.Order.ID)
	bank.Decide(n)
	if err := s.Desk.Settle(noCtx, "pinged", n); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	wantStatus(t, s, p, order.Paid)
	n.ID, n.About, n.Outcome, n.Reason = "chargeback-"+handle, "chb_"+handle, payment.Disputed, order.DisputeOther
	return p, n
}

func concernsOf(t *testing.T, s *shoptest.Shop, p checkout.Placed, want ...store.ConcernKind) {
	t.Helper()
	list, err := s.Desk.ConcernsOf(noCtx, p.Order.Number)
	if err != nil || len(list) != len(want) {
		t.Fatalf("got %+v, %v, want %v", list, err, want)
	}
	for _, kind := range want {
		found := false
		for _, c := range list {
			found = found || c.Kind == kind
		}
		if !found {
			t.Errorf("got %+v, want a concern %s among them", list, kind)
		}
	}
}

// TestWhatThePayersBankTookIsNotGivenBackToo: the call-back about it was lost. The bank
// is asked before money goes, and while it is silent none goes.
func TestWhatThePayersBankTookIsNotGivenBackToo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, taken := boughtAt(t, s, bank, "bowl")
		bank.says(taken)
		bank.hush(true)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Errorf("while the bank is silent: got %v, want that it is tried again", err)
		}
		concernsOf(t, s, p)
		bank.hush(false)
		s.Clock.Move(2 * time.Minute)
		s.Run(t) // the job takes the refund up again
		wantStatus(t, s, p, order.Paid)
		concernsOf(t, s, p, store.ConcernDispute, store.ConcernRefund)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("once it is known: got %v", err)
		}
		if n := count(t, s, `SELECT count(*) FROM refunds WHERE state <> 'refused'`); n != 0 {
			t.Errorf("%d refunds stand", n)
		}

		// Somebody asks, and hears why not.
		q, taken := boughtAt(t, s, bank, "cup")
		bank.says(taken)
		if err := s.Desk.RefundPart(noCtx, clerk, q.Order.Number, euros(100)); !fault.Is(err, fault.Conflict) || fault.Of(err).Text != "The payer's bank is asking for this payment back, or has it. What is given back beside that goes twice." {
			t.Errorf("got %v, want that the payer's bank has it", err)
		}
		concernsOf(t, s, q, store.ConcernDispute)
		for _, n := range []payment.Notice{taken, s.Bank.Say(p, 1, payment.Approved)} {
			if back := bank.Refunded(n.Ref); !back.IsZero() {
				t.Errorf("%v went back", back)
			}
		}
		// It was won: what is asked for then goes.
		won := taken
		won.ID, won.Outcome = "reversed-cup", payment.DisputeWon
		bank.says(won)
		if err := s.Desk.Settle(noCtx, "pinged", won); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Refund(noCtx, clerk, q.Order.Number); err != nil {
			t.Errorf("won: %v", err)
		}
		if back := bank.Refunded(taken.Ref); back != q.Order.Totals.Total {
			t.Errorf("%v went back, want %v", back, q.Order.Totals.Total)
		}
	})
}

// TestWhatWentBackBeforeTheBankTookItHasGone: the bank's answer to a refund was lost, and
// then the payer's bank took the money. The books say what happened.
func TestWhatWentBackBeforeTheBankTookItHasGone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, taken := boughtAt(t, s, bank, "bowl")
		bank.Forgetful = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Errorf("its answer was lost: got %v", err)
		}
		bank.Forgetful = false
		bank.says(taken)
		s.Clock.Move(2 * time.Minute)
		s.Run(t)
		wantStatus(t, s, p, order.Refunded)
		concernsOf(t, s, p, store.ConcernDispute)
		if back := bank.Refunded(taken.Ref); back != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v once", back, p.Order.Totals.Total)
		}
	})
}

// TestARefundThatFailedBeforeItWasHeardOfIsNotTriedAgain: the bank's answer was lost, and
// then it says that the money did not arrive. The owners hear of it and may send it
// another way, so the job must not.
func TestARefundThatFailedBeforeItWasHeardOfIsNotTriedAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, n := boughtAt(t, s, bank, "bowl")
		bank.Down = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Errorf("its answer was lost: got %v", err)
		}
		bank.Down = false
		failed := n
		failed.ID, failed.About, failed.Outcome, failed.Amount = "failed-1", "re_1", payment.RefundFailed, p.Order.Totals.Total
		failed.Refund = shoptest.One[string](t, s.Raw(t), `SELECT id FROM refunds`)
		bank.says(failed)
		s.Clock.Move(2 * time.Minute)
		s.Run(t)
		if back := bank.Refunded(n.Ref); !back.IsZero() {
			t.Errorf("%v went back beside what the owners were told to send", back)
		}
		wantStatus(t, s, p, order.Paid)
		concernsOf(t, s, p, store.ConcernRefund)
		// Who wants it tried once more says so, and it goes once.
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Errorf("asked for anew: %v", err)
		}
		wantStatus(t, s, p, order.Refunded)
		if back := bank.Refunded(n.Ref); back != p.Order.Totals.Total {
			t.Errorf("%v went back, want %v once", back, p.Order.Totals.Total)
		}
	})
}

// TestAUselessPaymentThatTheBankTookIsNotSentBack: one that came after the order was given
// up goes back by a job, unless its payer's bank was quicker.
func TestAUselessPaymentThatTheBankTookIsNotSentBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, err := s.PlaceWith(s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key", "pinged")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		n := s.Bank.Say(p, 1, payment.Approved)
		if err := s.Desk.Settle(noCtx, "pinged", n); err != nil {
			t.Fatal(err)
		}
		n.ID, n.About, n.Outcome, n.Reason = "chargeback", "chb_1", payment.Disputed, order.DisputeOther
		bank.says(n)
		s.Run(t)
		concernsOf(t, s, p, store.ConcernDispute, store.ConcernReturn)
		if back := bank.Refunded(n.Ref); !back.IsZero() {
			t.Errorf("%v went back", back)
		}
	})
}

// TestWhatIsSaidAndDoesNotFitStopsTheMoney: nobody knows what it means, so a person looks
// before money goes. It is told and does not wait for ever.
func TestWhatIsSaidAndDoesNotFitStopsTheMoney(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, taken := boughtAt(t, s, bank, "bowl")
		taken.Amount = euros(p.Order.Totals.Total.Minor() + 1)
		bank.hush(true)
		bank.says(taken)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Unavailable) {
			t.Errorf("while the bank is silent: got %v", err)
		}
		bank.hush(false)
		s.Clock.Move(2 * time.Minute)
		s.Run(t)
		concernsOf(t, s, p, store.ConcernRefund)
		if n := count(t, s, `SELECT count(*) FROM refunds WHERE state <> 'refused'`); n != 0 || !bank.Refunded(taken.Ref).IsZero() {
			t.Errorf("%d refunds stand, %v went back", n, bank.Refunded(taken.Ref))
		}
	})
}

// TestADisputeOfOneAttemptKeepsNoOther: an order was paid twice, and the payer's bank took
// back what paid it. What came besides is the payer's all the same.
func TestADisputeOfOneAttemptKeepsNoOther(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		p, err := s.PlaceWith(s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key", "pinged")
		if err != nil {
			t.Fatal(err)
		}
		settles := func(n payment.Notice) {
			t.Helper()
			if err := s.Desk.Settle(noCtx, "pinged", n); err != nil {
				t.Fatal(err)
			}
		}
		settles(s.Bank.Say(p, 1, payment.Declined))
		if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		first, second := s.Bank.Say(p, 1, payment.Approved), s.Bank.Say(p, 2, payment.Approved)
		settles(second)
		settles(first)
		taken := second
		taken.ID, taken.About, taken.Outcome, taken.Reason = "chargeback", "chb_1", payment.Disputed, order.DisputeOther
		bank.says(taken)
		settles(taken)
		s.Run(t)
		if back, kept := bank.Refunded(first.Ref), bank.Refunded(second.Ref); back != p.Order.Totals.Total || !kept.IsZero() {
			t.Errorf("%v of the first and %v of the second went back", back, kept)
		}
		concernsOf(t, s, p, store.ConcernDispute)
	})
}

// Recall implements payment.Recaller.
func (r *remarking) Recall(_ context.Context, since time.Time) (out payment.Recalled, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = since
	for _, list := range r.of {
		out.Notices = append(out.Notices, list...)
	}
	if out.Left = r.more; r.silent {
		err = errors.New("no answer")
	}
	return out, err
}

// TestAWordThatNeverArrivedIsHeardTheNextDay: the shop was down, and the payer's bank took
// the money. The shop asks, and however often it does, it is one concern.
func TestAWordThatNeverArrivedIsHeardTheNextDay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := newRemarking()
		s.Offer(t, bank)
		recall := func(want checkout.Recalled) {
			t.Helper()
			if got, err := s.Desk.Recall(noCtx); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		recall(checkout.Recalled{})
		p, taken := boughtAt(t, s, bank, "bowl")
		bank.says(taken)
		concernsOf(t, s, p) // no call-back came
		recall(checkout.Recalled{Told: 1, New: 1})
		concernsOf(t, s, p, store.ConcernDispute)
		if days := s.DB.Now().Sub(bank.since).Hours() / 24; days < 29 || days > 31 {
			t.Errorf("asked about %.0f days", days)
		}
		for range 3 {
			s.Clock.Move(24 * time.Hour)
			recall(checkout.Recalled{Told: 1})
		}
		concernsOf(t, s, p, store.ConcernDispute)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("a refund beside it: got %v", err)
		}
		for action, want := range map[string]int64{"concern.dispute.raised": 1, "payment.mismatch": 0} {
			if n := count(t, s, `SELECT count(*) FROM events WHERE action = $1`, action); n != want {
				t.Errorf("%d events %s, want %d", n, action, want)
			}
		}

		// How it ended is one word more, of which the first time is the only one.
		won := taken
		won.ID, won.Outcome = "reversed-bowl", payment.DisputeWon
		bank.says(won)
		recall(checkout.Recalled{Told: 2, New: 1})
		recall(checkout.Recalled{Told: 2})

		// What is of nobody's order, or for more than was paid, changes nothing and is told.
		stranger, dear := taken, taken
		stranger.Ref = "ref-nobody-1"
		dear.Amount = euros(p.Order.Totals.Total.Minor() + 1)
		bank.says(stranger)
		bank.says(dear)
		for range 3 {
			recall(checkout.Recalled{Told: 4, Unfit: 2})
			concernsOf(t, s, p, store.ConcernDispute)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'payment.mismatch'`); n != 1 {
			t.Errorf("%d events of a word that does not fit and is told each day, want 1", n)
		}

		// What was read before the bank fell silent counts, and that it did is told.
		bank.of, bank.more = map[string][]payment.Notice{}, true
		q, taken := boughtAt(t, s, bank, "cup")
		bank.says(taken)
		bank.hush(true)
		recall(checkout.Recalled{Told: 1, New: 1, Silent: 1, Left: 1})
		concernsOf(t, s, q, store.ConcernDispute)
		wantStatus(t, s, q, order.Paid)
	})
}

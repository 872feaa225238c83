package checkout_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// fate is what became of one order at the bank, and what the shop has to make of it.
type fate struct {
	placed   checkout.Placed
	says     []payment.Notice // genuine ones, each delivered many times in any order
	lies     []payment.Notice // signed, and not of this order
	want     order.Status
	approved int // attempts whose money came in
}

// decide draws a fate. Attempts before the newest were declined or ended; some
// were approved all the same.
func decide(rnd *rand.Rand, s *shoptest.Shop, p checkout.Placed, tries int, other checkout.Placed) fate {
	f := fate{placed: p, want: order.Pending}
	for attempt := 1; attempt <= tries; attempt++ {
		said := rnd.IntN(10)
		if said < 3 {
			f.says = append(f.says, s.Bank.Say(p, attempt, payment.Declined))
		}
		if said < 2 {
			f.says = append(f.says, s.Bank.Say(p, attempt, payment.Expired))
		}
		if said > 4 || said == 0 { // a bank may think again, too
			f.says, f.approved, f.want = append(f.says, s.Bank.Say(p, attempt, payment.Approved)), f.approved+1, order.Paid
		}
	}
	less := s.Bank.Say(p, 1, payment.Approved)
	less.Amount = euros(1)
	swapped := s.Bank.Say(p, 1, payment.Approved)
	swapped.OrderID = string(other.Order.ID)
	live := s.Bank.Say(p, 1, payment.Approved)
	live.Mode = payment.ModeLive
	unknown := s.Bank.Say(p, tries+1, payment.Approved)
	f.lies = []payment.Notice{less, swapped, live, unknown}
	return f
}

// TestTenThousandNotices are replayed, shuffled, doubled, contradicting and
// partly false, several at a time. Each order ends where its bank's word leads,
// and of all the money that came in one payment is kept for each paid order and
// every other goes back, once.
func TestTenThousandNotices(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		notices := shoptest.Tenth(10_000)
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rnd := rand.New(rand.NewPCG(seed, 1))
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(100_000))
		fates := drawFates(t, s, rnd, bowl.ID, max(notices/50, 10))
		var all []payment.Notice
		for len(all) < notices {
			f := fates[rnd.IntN(len(fates))]
			list := f.says
			if rnd.IntN(5) == 0 || len(list) == 0 {
				list = f.lies
			}
			all = append(all, list[rnd.IntN(len(list))])
		}
		for _, f := range fates { // each is heard of once at least
			all = append(all, f.says...)
		}
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		deliver(t, s, all)
		for s.RunAll(t) > 0 {
		}
		paid := 0
		for _, f := range fates {
			wantStatus(t, s, f.placed, f.want)
			if f.want == order.Paid {
				paid++
			}
			kept := 0
			for attempt := 1; attempt <= 3; attempt++ {
				n := s.Bank.Say(f.placed, attempt, payment.Approved)
				back := s.Bank.Refunded(n.Ref)
				if !back.IsZero() && back != n.Amount {
					t.Errorf("%v of %v went back", back, n.Amount)
				}
				if !back.IsZero() {
					kept++
				}
			}
			if want := max(f.approved-1, 0); kept != want {
				t.Errorf("%d payments went back, want %d", kept, want)
			}
		}
		if got := s.Stock(t, bowl.ID); got.OnHand != int64(100_000-paid) {
			t.Errorf("%d are in the house, want %d", got.OnHand, 100_000-paid)
		}
		for what, want := range map[string]int64{
			`SELECT count(*) FROM events WHERE action = 'order.paid'`: int64(paid),
			`SELECT count(*) FROM payments WHERE status = 'approved'`: int64(paid),
			`SELECT count(*) FROM invoices`:                           int64(paid),
			`SELECT COALESCE(SUM(net + tax), 0) FROM tax_journal`:     int64(paid) * 4390,
			`SELECT count(*) FROM (SELECT owner, order_id FROM payments WHERE status = 'approved' GROUP BY owner, order_id HAVING count(*) > 1) x`: 0,
		} {
			if got := count(t, s, what); got != want {
				t.Errorf("%s: got %d, want %d", what, got, want)
			}
		}
		// However many there were, the journal has a line for what each meant.
		if got, most := count(t, s, `SELECT count(*) FROM notices`), int64(len(fates)*3*6); got > most {
			t.Errorf("the journal has %d lines, want at most %d", got, most)
		}
	})
}

func drawFates(t *testing.T, s *shoptest.Shop, rnd *rand.Rand, bowl catalog.VariantID, n int) []fate {
	t.Helper()
	var out []fate
	var before checkout.Placed
	for i := range n {
		p := place(t, s, s.Ready(t, bowl, 1), fmt.Sprint("key-", i))
		tries := 1 + rnd.IntN(3)
		for attempt := 1; attempt < tries; attempt++ {
			if err := settle(s, s.Bank.Say(p, attempt, payment.Declined)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); err != nil {
				t.Fatal(err)
			}
		}
		if i > 0 {
			out = append(out, decide(rnd, s, p, tries, before))
		}
		before = p
	}
	return out
}

// deliver has notices arrive, eight at a time. One that is told to come again does.
func deliver(t *testing.T, s *shoptest.Shop, all []payment.Notice) {
	t.Helper()
	next := make(chan payment.Notice)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for n := range next {
				err := settle(s, n)
				for fault.Is(err, fault.Unavailable) {
					err = settle(s, n)
				}
				if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	for _, n := range all {
		next <- n
	}
	close(next)
	group.Wait()
}

// TestUnknownNoticesLeaveNothing: whoever has the secret, or an old account, may
// send what they like about sessions that we never opened.
func TestUnknownNoticesLeaveNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		rows := func() int64 {
			return count(t, s, `SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM notices) + (SELECT count(*) FROM jobs) + (SELECT count(*) FROM payments)`)
		}
		before := rows()
		n := s.Bank.Say(p, 1, payment.Approved)
		for i := range shoptest.Tenth(10_000) {
			n.Ref = fmt.Sprint("ref-unknown-", i)
			if err := settle(s, n); !fault.Is(err, fault.NotFound) {
				t.Fatalf("got %v", err)
			}
		}
		if got := rows(); got != before {
			t.Errorf("%d rows came of them", got-before)
		}
		wantStatus(t, s, p, order.Pending)
	})
}

// TestTheDatabaseIsGoneWhileANoticeComes: it is not answered as taken, and the
// same notice pays the order when the database is back.
func TestTheDatabaseIsGoneWhileANoticeComes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		n := s.Bank.Say(p, 1, payment.Approved)
		gone, cancel := context.WithCancel(noCtx)
		cancel()
		if err := s.Desk.Settle(gone, "bank", n); err == nil {
			t.Error("it was taken though nothing could be written")
		}
		if err := s.DB.Close(); err != nil {
			t.Fatal(err)
		}
		if err := settle(s, n); err == nil || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
			t.Errorf("without a database: got %v, want an answer that makes the bank come again", err)
		}
		s.Reopen(t)
		wantStatus(t, s, p, order.Pending)
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Paid)
	})
}

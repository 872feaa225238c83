package checkout_test

import (
	"database/sql"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestReservedMoneyAddsUpWhateverHappens: captures, refunds, sending, a bank that is
// down, forgets to answer, refuses, or has let go, in any order and with every job
// done again. What is taken is never more than was reserved, what goes back never more
// than was taken, and the books have the difference.
func TestReservedMoneyAddsUpWhateverHappens(t *testing.T) {
	shared(t, map[string]int{"sqlite": 400, "postgres": 100}, func(r *rapid.T, s *shoptest.Shop, _ *sql.DB, fresh string) {
		if fresh == "thing-1" {
			s.TakeLater(r)
		}
		*s.Bank = *shoptest.NewBank()
		p, err := s.Place(s.Ready(r, s.Product(r, fresh, rapid.Int64Range(100, 9999).Draw(r, "price"), shoptest.Counted(9)).ID, 1), "key-1")
		if err != nil {
			r.Fatal(err)
		}
		n := s.Reserve(p, 1)
		s.Bank.Decide(n)
		if err := settle(s, n); err != nil {
			r.Fatal(err)
		}
		s.RunAll(r)
		total := p.Order.Totals.Total.Minor()
		told := func(err error) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				r.Fatal(err)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				taken, times := s.Bank.Taken(n.Ref)
				if back := s.Bank.Refunded(n.Ref); times > 1 || back.Minor() > taken.Minor() || taken.Minor() > total {
					r.Fatalf("%v of %d taken, %d times, %v back", taken, total, times, back)
				}
			},
			"capture": func(r *rapid.T) { told(s.Desk.Capture(noCtx, clerk, p.Order.Number, nil)) },
			"part": func(r *rapid.T) {
				part := euros(rapid.Int64Range(1, total).Draw(r, "part"))
				told(s.Desk.Capture(noCtx, clerk, p.Order.Number, &part))
			},
			"refund": func(r *rapid.T) { told(s.Desk.Refund(noCtx, clerk, p.Order.Number)) },
			"give": func(r *rapid.T) {
				told(s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(rapid.Int64Range(1, total).Draw(r, "back"))))
			},
			"ship":   func(r *rapid.T) { told(s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{})) },
			"tell":   func(r *rapid.T) { told(settle(s, n)) },
			"down":   func(r *rapid.T) { s.Bank.Down = rapid.Bool().Draw(r, "down") },
			"forget": func(r *rapid.T) { s.Bank.Forgetful = rapid.Bool().Draw(r, "forgetful") },
			"lapse": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "lapse") == 0 {
					s.Bank.Lapse(n.Ref)
				}
			},
			"wait": func(r *rapid.T) { s.Clock.Move(time.Duration(rapid.IntRange(1, 90).Draw(r, "minutes")) * time.Minute) },
			"work": func(r *rapid.T) { s.RunAll(r) },
		})
		s.Bank.Down, s.Bank.Forgetful = false, false
		for range 4 { // a job that failed waits half an hour at most
			s.Clock.Move(31 * time.Minute)
			s.RunAll(r)
		}
		booksAgree(r, s, p, n.Ref)
		papersAgree(r, s, p)
		if got, err := s.Desk.Reconcile(noCtx, p.Order.PlacedAt); err != nil || got.Silent != 0 || len(got.Differences) > 0 && !lapsedUnseen(s, p, n, got) {
			r.Fatalf("got %+v, %v", got, err)
		}
	})
}

// lapsedUnseen reports whether all that differs is that the bank let go and nobody
// has looked yet.
func lapsedUnseen(s *shoptest.Shop, p checkout.Placed, n payment.Notice, got checkout.Reconciled) bool {
	a, err := s.Bank.Authorization(noCtx, n.Ref)
	return err == nil && a.State == payment.Released && len(got.Differences) == 1 && got.Differences[0].Number == p.Order.Number && got.Differences[0].Text == "approved here, not paid there"
}

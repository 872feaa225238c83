package checkout_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// promised is an order of 43.90 whose money is reserved, in a shop that takes it when
// it sends, and the bank's name for it.
func promised(t *testing.T, s *shoptest.Shop) (checkout.Placed, string) {
	t.Helper()
	s.TakeLater(t)
	p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(9)).ID, 1), "key-1")
	n := s.Reserve(p, 1)
	s.Bank.Decide(n)
	if err := settle(s, n); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	return p, n.Ref
}

func attempt(t shoptest.T, s *shoptest.Shop, p checkout.Placed) (out store.Payment) {
	t.Helper()
	if err := s.DB.View(noCtx, func(v *store.View) (err error) { out, err = v.LastPayment(p.Order.Owner, p.Order.ID); return err }); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantTaken(t *testing.T, s *shoptest.Shop, ref string, minor int64) {
	t.Helper()
	got, times := s.Bank.Taken(ref)
	if got.Minor() != minor || minor > 0 && times != 1 || minor == 0 && times != 0 {
		t.Errorf("the bank has taken %d, %d times, want %d once", got.Minor(), times, minor)
	}
}

// wantAgreed holds the bank's word against ours.
func wantAgreed(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	got, err := s.Desk.Reconcile(noCtx, s.DB.Now().Add(-30*24*time.Hour))
	if err != nil || got.Silent != 0 || len(got.Differences) != 0 {
		t.Errorf("got %+v, %v, want no difference", got, err)
	}
}

// booksAgree holds what the bank has against the refunds and the tax journal.
func booksAgree(t shoptest.T, s *shoptest.Shop, p checkout.Placed, ref string) {
	t.Helper()
	taken, times := s.Bank.Taken(ref)
	back := s.Bank.Refunded(ref)
	if times > 1 || back.Minor() > taken.Minor() || taken.Minor() > p.Order.Totals.Total.Minor() {
		t.Fatalf("the bank took %v, %d times, and gave back %v", taken, times, back)
	}
	var all []store.Refund
	if err := s.DB.View(noCtx, func(v *store.View) (err error) { all, err = v.RefundsOf(p.Order.Owner, p.Order.ID); return err }); err != nil {
		t.Fatal(err)
	}
	var moved, untaken int64
	for _, r := range all {
		switch {
		case r.State == store.RefundAsked:
			t.Fatalf("%v is still to go back", r.Amount)
		case r.State != store.RefundDone:
		case r.Untaken:
			untaken += r.Amount.Minor()
		default:
			moved += r.Amount.Minor()
		}
	}
	at := attempt(t, s, p)
	total := p.Order.Totals.Total.Minor()
	if moved != back.Minor() {
		t.Fatalf("we gave back %d, the bank %v", moved, back)
	}
	_, net, tax := journalOf(t, s, p.Order.ID)
	switch at.Capture {
	case store.Captured:
		if at.CaptureAmount != taken || untaken != total-taken.Minor() || net+tax != taken.Minor()-back.Minor() {
			t.Fatalf("taken %v here and %v there, %d not taken, %d in the books, %v back", at.CaptureAmount, taken, untaken, net+tax, back)
		}
	case store.Authorized, store.Released:
		if !taken.IsZero() || net+tax != 0 || moved != 0 {
			t.Fatalf("it is %s, and %v were taken, %d moved, %d are in the books", at.Capture, taken, moved, net+tax)
		}
	default:
		t.Fatalf("it is still %s", at.Capture)
	}
	if got := s.Order(t, p).Status; (got == order.Refunded) != (moved+untaken == total) {
		t.Fatalf("the order is %s with %d of %d given back", got, moved+untaken, total)
	}
}

// openConcerns are the kinds of what the owners are told of and nobody has seen to.
func openConcerns(t *testing.T, s *shoptest.Shop) (kinds string) {
	t.Helper()
	list, err := s.Desk.Concerns(noCtx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		kinds += string(c.Kind) + " "
	}
	return kinds
}

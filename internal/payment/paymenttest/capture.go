package paymenttest

import (
	"context"
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// reserve opens a session whose money is only reserved, and has the bank say yes.
func reserve(t *testing.T, s Subject, order string) (payment.Capturer, payment.Request, payment.Session) {
	t.Helper()
	c, ok := s.Provider.(payment.Capturer)
	if !ok {
		t.Skip("the provider takes money at once")
	}
	ctx := context.Background()
	q := s.Request(order, 1)
	q.Authorize = true
	opened := open(t, s, q)
	at := payment.CaptureRequest{Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}
	if err := c.Capture(ctx, at); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("before anybody paid: got %v, want ErrRefused", err)
	}
	if a, err := c.Authorization(ctx, opened.Ref); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("before anybody paid: got %+v, %v", a, err)
	}
	other := q
	other.Authorize = false
	if got, err := s.Provider.Open(ctx, other); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("the same attempt, to be taken at once: got %+v, %v, want ErrRefused", got, err)
	}
	n, _ := s.told(t, opened, payment.Approved)
	if n.Outcome != payment.Approved || !n.Authorized || !n.CaptureBy.After(s.Now()) || n.Amount != q.Amount {
		t.Errorf("got %+v, want an approval of money that is reserved for a while", n)
	}
	found, decided, err := c.Find(ctx, opened.Ref)
	if err != nil || !decided || found.Outcome != payment.Approved || !found.Authorized || !found.CaptureBy.Equal(n.CaptureBy) {
		t.Errorf("asked: got %+v, %v, %v", found, decided, err)
	}
	a, err := c.Authorization(ctx, opened.Ref)
	if err != nil || a.State != payment.Reserved || !a.Captured.IsZero() || !a.CaptureBy.Equal(n.CaptureBy) {
		t.Errorf("got %+v, %v, want it reserved", a, err)
	}
	if err := c.Refund(ctx, payment.RefundRequest{ID: "refund-early", Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a refund of what was not taken: got %v, want ErrRefused", err)
	}
	return c, q, opened
}

func captures(t *testing.T, s Subject) {
	ctx := context.Background()
	c, q, opened := reserve(t, s, "order-1")
	part := money.Of(q.Amount.Minor()-100, q.Amount.Currency())
	at := payment.CaptureRequest{Ref: opened.Ref, OrderID: q.OrderID, Amount: part}
	refused := func(name string, change func(*payment.CaptureRequest)) {
		t.Helper()
		r := at
		change(&r)
		if err := c.Capture(ctx, r); !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
	refused("of another order", func(r *payment.CaptureRequest) { r.OrderID = "order-2" })
	refused("of an unknown session", func(r *payment.CaptureRequest) { r.Ref = "unknown" })
	refused("of more than is reserved", func(r *payment.CaptureRequest) { r.Amount = money.Of(q.Amount.Minor()+1, q.Amount.Currency()) })
	refused("of nothing", func(r *payment.CaptureRequest) { r.Amount = money.Zero(q.Amount.Currency()) })
	refused("below nothing", func(r *payment.CaptureRequest) { r.Amount = money.Of(-1, q.Amount.Currency()) })
	for range 2 { // asked twice, taken once
		if err := c.Capture(ctx, at); err != nil {
			t.Fatalf("capture: %v", err)
		}
	}
	refused("of the rest, which is free again", func(r *payment.CaptureRequest) { r.Amount = money.Of(100, q.Amount.Currency()) })
	refused("of all", func(r *payment.CaptureRequest) { r.Amount = q.Amount })
	if a, err := c.Authorization(ctx, opened.Ref); err != nil || a.State != payment.Captured || a.Captured != part {
		t.Errorf("got %+v, %v, want %v taken", a, err, part)
	}
	if n, decided, err := c.Find(ctx, opened.Ref); err != nil || !decided || n.Outcome != payment.Approved || n.Authorized || n.Captured != part {
		t.Errorf("asked: got %+v, %v, %v, want it approved and that part taken", n, decided, err)
	}
	if err := c.Release(ctx, opened.Ref); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("let go once it is taken: got %v, want ErrRefused", err)
	}
	back := payment.RefundRequest{ID: "refund-1", Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}
	if err := c.Refund(ctx, back); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a refund of more than was taken: got %v, want ErrRefused", err)
	}
	back.ID, back.Amount = "refund-2", part
	for range 2 {
		if err := c.Refund(ctx, back); err != nil {
			t.Errorf("a refund of what was taken: %v", err)
		}
	}
}

func releases(t *testing.T, s Subject) {
	ctx := context.Background()
	c, q, opened := reserve(t, s, "order-1")
	for range 2 {
		if err := c.Release(ctx, opened.Ref); err != nil {
			t.Fatalf("release: %v", err)
		}
	}
	if err := c.Capture(ctx, payment.CaptureRequest{Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("taken once it was let go: got %v, want ErrRefused", err)
	}
	if a, err := c.Authorization(ctx, opened.Ref); err != nil || a.State != payment.Released || !a.Captured.IsZero() {
		t.Errorf("got %+v, %v, want it free", a, err)
	}
	if n, _, err := c.Find(ctx, opened.Ref); err != nil || n.Outcome == payment.Approved {
		t.Errorf("asked: got %+v, %v, want no approval any more", n, err)
	}
	if err := c.Release(ctx, "unknown"); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("an unknown session: got %v", err)
	}
}

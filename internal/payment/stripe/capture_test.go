package stripe

import (
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// TestACompletedSessionIsNoApprovalByItself: of a session that reserves money, Stripe's
// event says that somebody is through, and its payment intent says what that means.
func TestACompletedSessionIsNoApprovalByItself(t *testing.T) {
	for status, row := range map[string]struct {
		outcome payment.Outcome
		err     error
	}{
		"requires_capture":        {outcome: payment.Approved},
		"canceled":                {outcome: payment.Expired},
		"processing":              {err: payment.ErrIgnored},
		"requires_payment_method": {err: payment.ErrIgnored},
		"requires_action":         {err: payment.ErrIgnored},
		"unheard-of":              {err: payment.ErrIgnored},
		"requires_capture ":       {err: payment.ErrIgnored},
		"":                        {err: payment.ErrIgnored},
	} {
		t.Run(status, func(t *testing.T) { completed(t, status, 0, row.outcome, row.err) })
	}
	t.Run("less than the order costs", func(t *testing.T) { completed(t, "requires_capture", 100, "", payment.ErrNotice) })
}

// TestTroubleAtStripeIsNotRepeated: what it answered of its own trouble it repeats for
// a day under the same key, so each try has another.
func TestTroubleAtStripeIsNotRepeated(t *testing.T) {
	for path, do := range map[string]func(b *bank, q payment.CaptureRequest) error{
		"/capture": func(b *bank, q payment.CaptureRequest) error { return b.provider.Capture(t.Context(), q) },
		"/cancel":  func(b *bank, q payment.CaptureRequest) error { return b.provider.Release(t.Context(), q.Ref) },
	} {
		b := newBank(t)
		q := b.request("order-1", 1)
		q.Authorize = true
		opened, err := b.provider.Open(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		b.decide(opened.Ref, "checkout.session.completed", true)
		b.mu.Lock()
		b.trouble = path
		b.mu.Unlock()
		at := payment.CaptureRequest{Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}
		if err := do(b, at); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s amid trouble: got %v", path, err)
		}
		for range 2 {
			if err := do(b, at); err != nil {
				t.Errorf("%s after it: %v", path, err)
			}
		}
	}
}

func completed(t *testing.T, status string, short int64, want payment.Outcome, wantErr error) {
	b := newBank(t)
	q := b.request("order-1", 1)
	q.Authorize = true
	opened, err := b.provider.Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	body := b.decide(opened.Ref, "checkout.session.completed", true)
	b.mu.Lock()
	b.reserved["pi_"+opened.Ref[len("cs_test_"):]], b.short = status, short
	b.mu.Unlock()
	n, err := notice(b, sign([]byte(secret), b.now(), body), body)
	if !errors.Is(err, wantErr) || n.Outcome != want || n.Authorized != (want == payment.Approved) {
		t.Errorf("got %+v, %v, want %q, %v", n, err, want, wantErr)
	}
	found, decided, err := b.provider.Find(t.Context(), opened.Ref)
	if decided != (want != "") || found.Outcome != want || wantErr == nil && err != nil {
		t.Errorf("asked: got %+v, %v, %v", found, decided, err)
	}
}

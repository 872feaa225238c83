package shoptest

import (
	"context"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// reserve is money that the bank reserved.
type reserve struct {
	amount, taken money.Amount
	state         payment.Reserve
	until         time.Time
	times         int // how often it was taken
}

// TakeLater has the shop take money when it sends the goods.
func (s *Shop) TakeLater(t T) {
	t.Helper()
	if err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.capture", "when-sent") }); err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
}

// Reserve has the bank reserve the money of an attempt, and is the notice of that.
func (s *Shop) Reserve(p checkout.Placed, attempt int) payment.Notice {
	n := s.Bank.Say(p, attempt, payment.Approved)
	n.Authorized, n.CaptureBy = true, s.Clock.Now().Add(7*24*time.Hour).Truncate(time.Millisecond)
	b := s.Bank
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserves[n.Ref] == nil {
		b.reserves[n.Ref] = &reserve{amount: n.Amount, taken: money.Zero(n.Amount.Currency()), state: payment.Reserved, until: n.CaptureBy}
	}
	n.CaptureBy = b.reserves[n.Ref].until
	return n
}

// Lapse ends the time of what is reserved.
func (b *Bank) Lapse(ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.reserves[ref]; one.state == payment.Reserved {
		one.state = payment.Released
	}
}

// Lose has the bank know nothing of what a session reserved.
func (b *Bank) Lose(ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.reserves, ref)
}

// Taken is how much of what was reserved the bank has taken, and how often.
func (b *Bank) Taken(ref string) (money.Amount, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.reserves[ref]; one != nil {
		return one.taken, one.times
	}
	return money.Amount{}, 0
}

// held finds what a session reserved, for whoever may ask the bank now.
func (b *Bank) held(ref string) (*reserve, error) {
	switch one := b.reserves[ref]; {
	case b.Down:
		return nil, fmt.Errorf("the bank is closed")
	case one == nil:
		return nil, payment.ErrRefused
	default:
		return one, nil
	}
}

// Capture implements payment.Capturer.
func (b *Bank) Capture(_ context.Context, q payment.CaptureRequest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, err := b.held(q.Ref)
	switch {
	case err != nil:
		return err
	case one.state == payment.Captured && one.taken == q.Amount:
		return nil
	case one.state != payment.Reserved || b.Refusing || q.Amount.Minor() <= 0 || q.Amount.Cmp(one.amount) > 0:
		return payment.ErrRefused
	}
	one.state, one.taken = payment.Captured, q.Amount
	one.times++
	if b.Forgetful {
		return fmt.Errorf("the bank's answer was lost")
	}
	return nil
}

// Release implements payment.Capturer.
func (b *Bank) Release(_ context.Context, ref string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, err := b.held(ref)
	switch {
	case err != nil:
		return err
	case one.state == payment.Captured || b.Refusing && one.state == payment.Reserved:
		return payment.ErrRefused
	}
	one.state = payment.Released
	if b.Forgetful {
		return fmt.Errorf("the bank's answer was lost")
	}
	return nil
}

// Authorization implements payment.Capturer.
func (b *Bank) Authorization(_ context.Context, ref string) (payment.Authorization, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, err := b.held(ref)
	if err != nil {
		return payment.Authorization{}, err
	}
	return payment.Authorization{State: one.state, Captured: one.taken, CaptureBy: one.until}, nil
}

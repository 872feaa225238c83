package shoptest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Bank is a provider that opens sessions and says what a test tells it to.
type Bank struct {
	mu       sync.Mutex
	Down     bool // Open, Find and Refund fail
	Refusing bool // Refund is refused
	// Forgetful pays back and does not say so.
	Forgetful bool
	given     map[string]bool
	Silent    bool // Open never answers
	Aloof     bool // Open is refused for anybody's kept cards
	name      string
	opened    map[string]payment.Request
	refunded  map[string]money.Amount
	decided   map[string]payment.Notice
	closed    map[string]bool
	asked     int

	reserves map[string]*reserve // by session

	KeepsCards bool // lets shoppers have their cards kept
	kept       keeping
}

// NewBank makes a bank.
func NewBank() *Bank {
	return &Bank{name: "bank", opened: map[string]payment.Request{}, refunded: map[string]money.Amount{}, decided: map[string]payment.Notice{}, closed: map[string]bool{}, given: map[string]bool{}, reserves: map[string]*reserve{}, kept: keeping{}}
}

// Name implements payment.Provider.
func (b *Bank) Name() string { return b.name }

// Title implements payment.Provider.
func (b *Bank) Title() string { return "Bank" }

// Origin implements payment.Provider.
func (b *Bank) Origin() string { return "https://bank.test" }

// Open implements payment.Provider.
func (b *Bank) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	if b.Silent {
		<-ctx.Done()
		return payment.Session{}, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Down {
		return payment.Session{}, fmt.Errorf("the bank is closed")
	}
	if q.Customer != "" && (b.Aloof || b.kept[q.Customer] == nil) {
		return payment.Session{}, payment.ErrRefused
	}
	ref := fmt.Sprintf("ref-%s-%d", q.OrderID, q.Attempt)
	b.opened[ref] = q
	return payment.Session{Ref: ref, URL: "https://bank.test/pay/" + ref, Mode: payment.ModeTest, Account: "bank", ExpiresAt: q.ExpiresAt}, nil
}

// Opened returns what was asked for the page at an address.
func (b *Bank) Opened(url string) payment.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened[strings.TrimPrefix(url, "https://bank.test/pay/")]
}

// Notice implements payment.Provider: nothing arrives at the bank by HTTP.
func (b *Bank) Notice(*http.Request, []byte) (payment.Notice, error) {
	return payment.Notice{}, payment.ErrSignature
}

// Refund implements payment.Provider.
func (b *Bank) Refund(_ context.Context, q payment.RefundRequest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Refusing {
		return payment.ErrRefused
	}
	if b.Down {
		return fmt.Errorf("the bank is closed")
	}
	if b.given[q.ID] {
		return nil
	}
	if one := b.reserves[q.Ref]; one != nil && (one.state != payment.Captured || b.refunded[q.Ref].Minor()+q.Amount.Minor() > one.taken.Minor()) {
		return payment.ErrRefused
	}
	sum, err := b.refunded[q.Ref].Plus(q.Amount)
	if b.refunded[q.Ref].IsZero() {
		sum, err = q.Amount, nil
	}
	if err != nil {
		return err
	}
	b.refunded[q.Ref], b.given[q.ID] = sum, true
	if b.Forgetful {
		return fmt.Errorf("the bank's answer was lost")
	}
	return nil
}

// Decide makes the bank know an outcome without telling the shop: the
// call-back was lost.
func (b *Bank) Decide(n payment.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decided[n.Ref] = n
}

// Find implements payment.Finder.
func (b *Bank) Find(_ context.Context, ref string) (payment.Notice, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if b.Down {
		return payment.Notice{}, false, fmt.Errorf("the bank is closed")
	}
	n, ok := b.decided[ref]
	if one := b.reserves[ref]; one != nil && n.Authorized && one.state != payment.Reserved {
		n.Authorized, n.CaptureBy, n.Captured = false, time.Time{}, one.taken
		if one.state == payment.Released {
			n.Outcome = payment.Expired
		}
	}
	return n, ok, nil
}

// Close implements payment.Closer.
func (b *Bank) Close(_ context.Context, ref string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed[ref] = true
	return nil
}

// Closed reports whether the page of a session was ended.
func (b *Bank) Closed(ref string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed[ref]
}

// Asked returns how often the bank was asked how a payment ended.
func (b *Bank) Asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

// PaidBack implements payment.Teller.
func (b *Bank) PaidBack(_ context.Context, ref string) (money.Amount, error) {
	back := b.Refunded(ref)
	if back.IsZero() {
		b.mu.Lock()
		defer b.mu.Unlock()
		back = money.Zero(b.opened[ref].Amount.Currency())
	}
	return back, nil
}

// Refunded returns how much was paid back for a session.
func (b *Bank) Refunded(ref string) money.Amount {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refunded[ref]
}

// Say is the notice a bank sends about an order's attempt.
func (b *Bank) Say(p checkout.Placed, attempt int, outcome payment.Outcome) payment.Notice {
	return payment.Notice{ID: "n", Ref: fmt.Sprintf("ref-%s-%d", p.Order.ID, attempt), OrderID: string(p.Order.ID), Attempt: attempt,
		Outcome: outcome, Amount: p.Order.Due(), Mode: payment.ModeTest, Account: "bank", At: time.Now()}
}

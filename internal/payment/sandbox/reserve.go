package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Money that is reserved when somebody pays and taken later: first the bank's half,
// then the shop's.

// reservedFor is how long money stays reserved, as with most cards.
const reservedFor = 7 * 24 * time.Hour

// taken is how much of an approved session the shop has.
func (one *session) taken() money.Amount {
	switch {
	case !one.Authorize:
		return one.Amount
	case one.captured != nil:
		return *one.captured
	}
	return money.Zero(one.Amount.Currency())
}

// authorization tells what has become of what a session reserved; false when it
// reserved nothing.
func (one *session) authorization(now time.Time) (a payment.Authorization, ok bool) {
	for _, e := range one.events {
		if e.outcome != payment.Approved || e.due.After(now) || !one.Authorize {
			continue
		}
		a = payment.Authorization{State: payment.Reserved, Captured: one.taken(), CaptureBy: e.due.Add(reservedFor)}
		switch {
		case one.captured != nil:
			a.State = payment.Captured
		case one.released || !a.CaptureBy.After(now):
			a.State = payment.Released
		}
		return a, true
	}
	return a, false
}

// standing is what the shop is told of an event when it asks: as it is by now.
func (one *session) standing(e *event, at time.Time) payment.Notice {
	n := one.notice(e)
	if a, ok := one.authorization(at); ok && a.State != payment.Reserved {
		n.Authorized, n.CaptureBy, n.Captured = false, time.Time{}, a.Captured
		if a.State == payment.Released {
			n.Outcome = payment.Expired
		}
	}
	return n
}

// capture takes what was reserved, or a part of it: once.
func (s *Service) capture(q captureBody) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[q.Session]
	if one == nil || one.Order != q.Order {
		return errAbsent
	}
	a, ok := one.authorization(s.now())
	switch {
	case !ok || q.Amount.Minor() <= 0 || q.Amount.Currency() != one.Amount.Currency() || q.Amount.Cmp(one.Amount) > 0 || a.State == payment.Released:
		return errAsked
	case a.State == payment.Captured && a.Captured != q.Amount:
		return errOther
	case a.State == payment.Captured:
		return nil
	}
	return s.keep(record{Kind: captured, Ref: one.ref, Amount: &q.Amount})
}

// release lets go of what was reserved.
func (s *Service) release(q releaseBody) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[q.Session]
	if one == nil {
		return errAbsent
	}
	a, ok := one.authorization(s.now())
	switch {
	case !ok || a.State == payment.Captured:
		return errAsked
	case a.State == payment.Released:
		return nil
	}
	return s.keep(record{Kind: released, Ref: one.ref})
}

func (s *Service) apiCapture(w http.ResponseWriter, r *http.Request) {
	var q captureBody
	if readJSON(w, r, &q) {
		s.answer(w, s.capture(q))
	}
}

func (s *Service) apiRelease(w http.ResponseWriter, r *http.Request) {
	var q releaseBody
	if readJSON(w, r, &q) {
		s.answer(w, s.release(q))
	}
}

// Capture takes part or all of what a session reserved.
func (p *Provider) Capture(ctx context.Context, q payment.CaptureRequest) error {
	if err := p.call(ctx, http.MethodPost, "/v1/captures", captureBody{Session: q.Ref, Order: q.OrderID, Amount: q.Amount}, nil); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// Release lets go of what a session reserved.
func (p *Provider) Release(ctx context.Context, ref string) error {
	if err := p.call(ctx, http.MethodPost, "/v1/releases", releaseBody{Session: ref}, nil); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// Authorization tells what has become of what a session reserved.
func (p *Provider) Authorization(ctx context.Context, ref string) (payment.Authorization, error) {
	var got sessionBody
	if !isWord(ref) {
		return payment.Authorization{}, fmt.Errorf("find authorization: %w", payment.ErrRefused)
	}
	if err := p.call(ctx, http.MethodGet, "/v1/sessions/"+ref, nil, &got); err != nil {
		return payment.Authorization{}, fmt.Errorf("find authorization: %w", err)
	}
	if got.Authorization == nil {
		return payment.Authorization{}, fmt.Errorf("find authorization: nothing was reserved: %w", payment.ErrRefused)
	}
	return payment.Authorization(*got.Authorization), nil
}

package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Money that is reserved when somebody pays and taken later
// (docs.stripe.com/payments/place-a-hold-on-a-payment-method). A session of that kind
// is complete and unpaid once the money is reserved; what has become of it stands in
// its payment intent: requires_capture, succeeded, or canceled, which is what Stripe
// makes of one whose time is over.
//
//	Capture        POST /v1/payment_intents/{id}/capture  once; the rest goes free
//	Release        POST /v1/payment_intents/{id}/cancel
//	               of a session, Stripe lets only an intent that reserves money be cancelled
//	               (docs.stripe.com/api/payment_intents/cancel: requires_capture); a page that
//	               nobody has paid on is ended by Close
//	Authorization  GET  /v1/payment_intents/{id}          with its charge, which knows the time

// reservedFor is how long cards reserve money when Stripe does not say it of one.
const reservedFor = 7 * 24 * time.Hour

// reservation is what is read of the payment intent of such a session.
type reservation struct {
	stripe.APIResource
	ID       string `json:"id"`
	Live     bool   `json:"livemode"`
	Status   string `json:"status"`
	Received int64  `json:"amount_received"`
	Reserved int64  `json:"amount_capturable"`
	Currency string `json:"currency"`
	Charge   struct {
		Created int64  `json:"created"`
		Printed string `json:"calculated_statement_descriptor"`
		How     struct {
			Card struct {
				CaptureBefore int64 `json:"capture_before"`
			} `json:"card"`
		} `json:"payment_method_details"`
	} `json:"latest_charge"`
}

// reservation asks what has become of a session's money.
func (p *Provider) reservation(ctx context.Context, s session) (got reservation, err error) {
	if !isID(s.Payment, "pi_") {
		return got, payment.ErrIgnored // nobody has paid on it
	}
	params := &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("latest_charge")
	err = p.call(http.MethodGet, "/v1/payment_intents/"+s.Payment, params, &got)
	if err == nil && (got.ID != s.Payment || got.Live != s.Live || got.Currency != s.Currency) {
		err = errors.New("the answer is about another payment")
	}
	return got, err
}

// until is the time by which reserved money has to be taken.
func (r reservation) until() time.Time {
	switch {
	case r.Charge.How.Card.CaptureBefore > 0:
		return time.Unix(r.Charge.How.Card.CaptureBefore, 0).UTC()
	case r.Charge.Created > 0:
		return time.Unix(r.Charge.Created, 0).Add(reservedFor).UTC()
	}
	return time.Time{}
}

// reserved says what a session whose page was gone through means by now. The error
// is ErrIgnored while nothing is decided.
func (p *Provider) reserved(ctx context.Context, n payment.Notice, s session) (payment.Notice, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	got, err := p.reservation(ctx, s)
	if err != nil {
		return payment.Notice{}, err
	}
	switch stripe.PaymentIntentStatus(got.Status) {
	case stripe.PaymentIntentStatusRequiresCapture:
		if got.Reserved != s.Amount { // less than the order costs is no approval of it
			return payment.Notice{}, payment.ErrNotice
		}
		n.Outcome, n.Authorized, n.CaptureBy = payment.Approved, true, got.until()
	case stripe.PaymentIntentStatusSucceeded:
		if n.Captured, err = fromUnits(got.Received, got.Currency); err != nil {
			return payment.Notice{}, payment.ErrNotice
		}
		n.Outcome = payment.Approved
	case stripe.PaymentIntentStatusCanceled:
		n.Outcome = payment.Expired
	default:
		return payment.Notice{}, payment.ErrIgnored
	}
	return n, nil
}

// takenOf is how much of a session's amount the shop has. The error is ErrRefused
// when it has nothing.
func (p *Provider) takenOf(ctx context.Context, s session, amount money.Amount) (money.Amount, error) {
	if !s.reserves() {
		if s.PaymentStatus != string(stripe.CheckoutSessionPaymentStatusPaid) {
			return amount, payment.ErrRefused
		}
		return amount, nil
	}
	got, err := p.reservation(ctx, s)
	if err == nil && stripe.PaymentIntentStatus(got.Status) != stripe.PaymentIntentStatusSucceeded {
		err = payment.ErrRefused
	}
	if err != nil {
		return amount, err
	}
	return fromUnits(got.Received, got.Currency)
}

// reserving reads a session that reserved money, and what has become of that.
func (p *Provider) reserving(ctx context.Context, ref string) (n payment.Notice, got reservation, err error) {
	s, err := p.session(ctx, ref)
	if err == nil {
		n, err = p.read(s)
	}
	if err == nil && !s.reserves() {
		err = payment.ErrRefused
	}
	if err == nil {
		got, err = p.reservation(ctx, s)
	}
	if errors.Is(err, payment.ErrIgnored) || errors.Is(err, payment.ErrNotice) {
		err = payment.ErrRefused
	}
	return n, got, err
}

// Capture takes part or all of what a session reserved.
func (p *Provider) Capture(ctx context.Context, q payment.CaptureRequest) error {
	units, err := toUnits(q.Amount)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	n, got, err := p.reserving(ctx, q.Ref)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	if n.OrderID != q.OrderID || n.Amount.Currency() != q.Amount.Currency() || q.Amount.Cmp(n.Amount) > 0 {
		return fmt.Errorf("capture: the session reserved no such amount: %w", payment.ErrRefused)
	}
	// What makes it happen once is the intent, which was read. Each try has a key of its
	// own: under the same one Stripe repeats an answer of its own trouble for a day.
	if stripe.PaymentIntentStatus(got.Status) == stripe.PaymentIntentStatusSucceeded && got.Received == units {
		return nil
	}
	params := &stripe.PaymentIntentCaptureParams{Params: stripe.Params{Context: ctx, IdempotencyKey: new(stripe.NewIdempotencyKey())}, AmountToCapture: &units}
	var after reservation
	if err := p.call(http.MethodPost, "/v1/payment_intents/"+got.ID+"/capture", params, &after); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	if after.ID != got.ID || after.Received != units || stripe.PaymentIntentStatus(after.Status) != stripe.PaymentIntentStatusSucceeded {
		return fmt.Errorf("capture: it is %s", word(after.Status))
	}
	return nil
}

// Release lets go of what a session reserved.
func (p *Provider) Release(ctx context.Context, ref string) error {
	_, got, err := p.reserving(ctx, ref)
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if stripe.PaymentIntentStatus(got.Status) == stripe.PaymentIntentStatusCanceled {
		return nil
	}
	params := &stripe.PaymentIntentCancelParams{Params: stripe.Params{Context: ctx, IdempotencyKey: new(stripe.NewIdempotencyKey())}}
	var after reservation
	if err := p.call(http.MethodPost, "/v1/payment_intents/"+got.ID+"/cancel", params, &after); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if after.ID != got.ID || stripe.PaymentIntentStatus(after.Status) != stripe.PaymentIntentStatusCanceled {
		return fmt.Errorf("release: it is %s", word(after.Status))
	}
	return nil
}

// Authorization tells what has become of what a session reserved.
func (p *Provider) Authorization(ctx context.Context, ref string) (payment.Authorization, error) {
	n, got, err := p.reserving(ctx, ref)
	if err != nil {
		return payment.Authorization{}, fmt.Errorf("find authorization: %w", err)
	}
	a := payment.Authorization{Captured: money.Zero(n.Amount.Currency()), CaptureBy: got.until()}
	switch stripe.PaymentIntentStatus(got.Status) {
	case stripe.PaymentIntentStatusRequiresCapture:
		a.State = payment.Reserved
	case stripe.PaymentIntentStatusCanceled:
		a.State = payment.Released
	case stripe.PaymentIntentStatusSucceeded:
		a.State = payment.Captured
		a.Captured, err = fromUnits(got.Received, got.Currency)
	default:
		err = payment.ErrRefused
	}
	if err != nil {
		return payment.Authorization{}, fmt.Errorf("find authorization: %w", err)
	}
	return a, nil
}

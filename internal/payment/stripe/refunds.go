package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Money that goes back. A refund carries our own id among its metadata, by which it is
// found again.
//
//	Refund    GET /v1/refunds, then POST /v1/refunds  under an idempotency key of the refund
//	PaidBack  GET /v1/refunds                         of a payment, whoever asked for them

type refund struct {
	stripe.APIResource
	Status   string            `json:"status"`
	Amount   int64             `json:"amount"`
	Metadata map[string]string `json:"metadata"`
}

// Failed reports whether nothing was paid back, and nothing will be.
func (r refund) Failed() bool {
	return r.Status == string(stripe.RefundStatusFailed) || r.Status == string(stripe.RefundStatusCanceled)
}

// Refund pays back part or all of an approved session. What the payer's bank has taken
// meanwhile does not go twice: Stripe refuses that by itself, with the code
// refund_disputed_payment.
func (p *Provider) Refund(ctx context.Context, q payment.RefundRequest) error {
	units, err := toUnits(q.Amount)
	if err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	paid, err := p.session(ctx, q.Ref)
	if err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	n, err := p.read(paid)
	if err == nil {
		n.Amount, err = p.takenOf(ctx, paid, n.Amount)
	}
	if err != nil && !errors.Is(err, payment.ErrRefused) && !errors.Is(err, payment.ErrNotice) && !errors.Is(err, payment.ErrIgnored) {
		return fmt.Errorf("refund: %w", err)
	}
	if err != nil || n.OrderID != q.OrderID || n.Amount.Currency() != q.Amount.Currency() || q.Amount.Minor() > n.Amount.Minor() || !isID(paid.Payment, "pi_") {
		return fmt.Errorf("refund: the session has no such payment: %w", payment.ErrRefused)
	}
	if done, err := p.refundedBefore(ctx, paid.Payment, q.ID, units); err != nil || done {
		return err
	}
	params := &stripe.RefundParams{Params: stripe.Params{Context: ctx, IdempotencyKey: new("refund-" + q.ID)},
		PaymentIntent: &paid.Payment, Amount: &units, Metadata: map[string]string{metaShop: p.c.Shop, metaOrder: q.OrderID, metaRefund: q.ID}}
	var got refund
	if err := p.call(http.MethodPost, "/v1/refunds", params, &got); err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	if got.Failed() {
		return fmt.Errorf("refund: it is %s: %w", got.Status, payment.ErrRefused)
	}
	return nil
}

// refundedBefore looks a refund up by our own id. Stripe forgets its idempotency
// keys after a day; a job that goes on trying for longer must not pay back twice.
func (p *Provider) refundedBefore(ctx context.Context, intent, id string, units int64) (bool, error) {
	list, err := p.refundsOf(ctx, intent)
	if err != nil {
		return false, fmt.Errorf("refund: %w", err)
	}
	for _, r := range list {
		if r.Metadata[metaRefund] != id || r.Metadata[metaShop] != p.c.Shop || r.Failed() {
			continue
		}
		if r.Amount != units {
			return false, fmt.Errorf("refund: this one was of another amount: %w", payment.ErrRefused)
		}
		return true, nil
	}
	return false, nil
}

// PaidBack tells how much of a session went back, whoever asked for it.
func (p *Provider) PaidBack(ctx context.Context, ref string) (money.Amount, error) {
	paid, err := p.session(ctx, ref)
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	n, err := p.read(paid)
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	sum := money.Zero(n.Amount.Currency())
	if !isID(paid.Payment, "pi_") {
		return sum, nil
	}
	list, err := p.refundsOf(ctx, paid.Payment)
	for _, r := range list {
		if err != nil || r.Failed() {
			continue
		}
		var one money.Amount
		if one, err = fromUnits(r.Amount, paid.Currency); err == nil {
			sum, err = sum.Plus(one)
		}
	}
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	return sum, nil
}

// refundsOf lists the refunds of a payment. One with more than a page of them is
// none of ours.
func (p *Provider) refundsOf(ctx context.Context, intent string) ([]refund, error) {
	var list refunds
	if err := p.call(http.MethodGet, "/v1/refunds", &refundQuery{Params: stripe.Params{Context: ctx}, Payment: intent, Limit: 100}, &list); err != nil {
		return nil, err
	}
	if list.More {
		return nil, fmt.Errorf("there are too many: %w", payment.ErrRefused)
	}
	return list.Data, nil
}

// refundQuery asks for a list: the library's own way there reads page after page.
type refundQuery struct {
	stripe.Params `form:"*"`
	Payment       string `form:"payment_intent"`
	Limit         int64  `form:"limit"`
}

type refunds struct {
	stripe.APIResource
	Data []refund `json:"data"`
	More bool     `json:"has_more"`
}

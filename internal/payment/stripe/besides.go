package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// What Stripe says of a payment besides how its session ended. Its objects name
// the payment intent. A dispute and a warning do not repeat what this shop wrote
// on that, so it is asked for: these are rare, and signed.
//
//	payment_intent.payment_failed       a card was refused, and the page goes on
//	charge.dispute.created, .updated    the payer's bank asks for the money back
//	charge.dispute.closed               and has decided
//	radar.early_fraud_warning.created   the card's network takes it for fraud
//	review.opened                       Stripe's own rules want somebody to look
//	refund.failed                       a refund did not arrive

// intent is what is read of a payment intent.
type intent struct {
	stripe.APIResource
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Live     bool              `json:"livemode"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`
	Failure  struct {
		Method struct {
			Card struct {
				Fingerprint string `json:"fingerprint"`
			} `json:"card"`
		} `json:"payment_method"`
	} `json:"last_payment_error"`
}

// remark is what is read of a dispute, a warning, a review or a refund.
type remark struct {
	ID       string            `json:"id"`
	Live     *bool             `json:"livemode"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Intent   string            `json:"payment_intent"`
	Reason   string            `json:"reason"`
	Status   string            `json:"status"`
	Metadata map[string]string `json:"metadata"`
	Evidence struct {
		DueBy int64 `json:"due_by"`
	} `json:"evidence_details"`
}

// asker asks for a payment intent by its id.
type asker func(ctx context.Context, id string) (intent, error)

func (p *Provider) besides(ctx context.Context, kind stripe.EventType, object json.RawMessage, ask asker) (payment.Notice, error) {
	if kind == stripe.EventTypePaymentIntentPaymentFailed {
		return p.failed(object)
	}
	var outcome payment.Outcome
	switch kind {
	case stripe.EventTypeChargeDisputeCreated, stripe.EventTypeChargeDisputeUpdated:
		outcome = payment.Disputed
	case stripe.EventTypeChargeDisputeClosed:
		outcome = payment.DisputeWon
	case stripe.EventTypeRadarEarlyFraudWarningCreated, stripe.EventTypeReviewOpened:
		outcome = payment.Warned
	case stripe.EventTypeRefundFailed:
		outcome = payment.RefundFailed
	default:
		return payment.Notice{}, payment.ErrIgnored
	}
	var r remark
	if json.Unmarshal(object, &r) != nil || !isID(r.ID, "") || r.Live != nil && *r.Live != (p.c.Mode == payment.ModeLive) {
		return payment.Notice{}, payment.ErrNotice
	}
	if r.Intent == "" { // of a payment that was made without one
		return payment.Notice{}, payment.ErrIgnored
	}
	of, err := ask(ctx, r.Intent)
	if err != nil {
		return payment.Notice{}, err
	}
	n, err := p.ofIntent(of)
	if err != nil {
		return payment.Notice{}, err
	}
	n.Outcome, n.About = outcome, r.ID
	if r.Amount > 0 {
		if n.Amount, err = fromUnits(r.Amount, r.Currency); err != nil {
			return payment.Notice{}, err
		}
	}
	switch outcome {
	case payment.Disputed, payment.DisputeWon:
		n.Reason = reasonOf(r.Reason)
		if r.Evidence.DueBy > 0 {
			n.AnswerBy = time.Unix(r.Evidence.DueBy, 0).UTC()
		}
		if outcome == payment.DisputeWon && r.Status == string(stripe.DisputeStatusLost) {
			n.Outcome = payment.DisputeLost
		}
	case payment.RefundFailed:
		n.Refund = r.Metadata[metaRefund]
		if n.Refund == "" { // one that was made at Stripe: not ours to finish
			return payment.Notice{}, payment.ErrIgnored
		}
	default:
		n.Reason = order.DisputeFraud
	}
	return n, nil
}

// failed reads a card's refusal on a page that goes on.
func (p *Provider) failed(object json.RawMessage) (payment.Notice, error) {
	var i intent
	if json.Unmarshal(object, &i) != nil {
		return payment.Notice{}, payment.ErrNotice
	}
	n, err := p.ofIntent(i)
	if err != nil {
		return payment.Notice{}, err
	}
	n.Outcome, n.Fingerprint = payment.Tried, i.Failure.Method.Card.Fingerprint
	return n, nil
}

// ofIntent says which attempt a payment intent is of.
func (p *Provider) ofIntent(i intent) (payment.Notice, error) {
	if i.Object != "payment_intent" || !isID(i.ID, "pi_") || i.Live != (p.c.Mode == payment.ModeLive) {
		return payment.Notice{}, payment.ErrNotice
	}
	if i.Metadata[metaShop] != p.c.Shop {
		return payment.Notice{}, payment.ErrIgnored
	}
	n, err := p.named(i.Metadata)
	if err != nil || n.OrderNumber == "" {
		return payment.Notice{}, payment.ErrNotice
	}
	n.Amount, err = fromUnits(i.Amount, i.Currency)
	return n, err
}

// askFor bounds a question that stands in the way of an answer to Stripe.
const askFor = 8 * time.Second

func (p *Provider) intentOf(ctx context.Context, id string) (intent, error) {
	if !isID(id, "pi_") {
		return intent{}, payment.ErrNotice
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	var got intent
	err := p.call(http.MethodGet, "/v1/payment_intents/"+id, &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}}, &got)
	if errors.Is(err, payment.ErrRefused) {
		return intent{}, payment.ErrIgnored // of somebody else's account
	}
	if err == nil && got.ID != id {
		err = errors.New("the answer is about another payment")
	}
	if err != nil {
		return intent{}, fmt.Errorf("read payment: %w", err)
	}
	return got, nil
}

// reasonOf reads Stripe's word for why a payment is disputed.
func reasonOf(word string) order.DisputeReason {
	switch stripe.DisputeReason(word) {
	case stripe.DisputeReasonFraudulent:
		return order.DisputeFraud
	case stripe.DisputeReasonUnrecognized:
		return order.DisputeUnrecognised
	case stripe.DisputeReasonProductNotReceived:
		return order.DisputeNotReceived
	case stripe.DisputeReasonProductUnacceptable:
		return order.DisputeUnacceptable
	case stripe.DisputeReasonDuplicate:
		return order.DisputeDuplicate
	case stripe.DisputeReasonCreditNotProcessed:
		return order.DisputeNotRefunded
	}
	return order.DisputeOther
}

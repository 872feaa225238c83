package stripe

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// The signature of a call-back.
//
//	Stripe-Signature: t=1767225600,v1=64 lower-case hexadecimal digits[,v1=…][,v0=…]
//	v1 = HMAC-SHA256(secret, t ‖ "." ‖ body)
//
// There are two v1 for a day while the merchant changes the secret. The library
// has a reader of its own, which we do not use: it goes by the machine's clock
// alone, takes a time in the future, and picks what it likes of doubled parts.
const (
	SignatureHeader = "Stripe-Signature"
	Tolerance       = webhook.DefaultTolerance // how far t may be from our clock, either way
	maxParts        = 8
)

// Notice checks and reads a call-back.
func (p *Provider) Notice(r *http.Request, body []byte) (payment.Notice, error) {
	if len(body) > payment.MaxNotice {
		return payment.Notice{}, payment.ErrNotice
	}
	if !p.signed(r.Header.Values(SignatureHeader), body) {
		return payment.Notice{}, payment.ErrSignature
	}
	n, err := p.event(r.Context(), body, p.intentOf)
	if err != nil {
		return payment.Notice{}, err
	}
	return n, nil
}

func (p *Provider) signed(values []string, body []byte) bool {
	if len(values) != 1 {
		return false
	}
	at, sums, ok := parseSignature(values[0])
	if age := p.c.Now().Sub(at); !ok || age > Tolerance || age < -Tolerance {
		return false
	}
	want := webhook.ComputeSignature(at, body, p.c.Secret)
	good := false
	for _, sum := range sums {
		good = hmac.Equal(want, sum) || good
	}
	return good
}

// parseSignature reads the header's value: a time, once and first, and the sums
// of version 1. Versions that we do not know are passed over.
func parseSignature(s string) (at time.Time, sums [][]byte, ok bool) {
	parts := strings.Split(s, ",")
	stamp, ok := strings.CutPrefix(parts[0], "t=")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil || len(stamp) > 12 || seconds <= 0 || strconv.FormatInt(seconds, 10) != stamp || len(parts) > maxParts {
		return at, nil, false
	}
	for _, part := range parts[1:] {
		version, digits, ok := strings.Cut(part, "=")
		if !ok || len(version) != 2 || version[0] != 'v' || strings.Trim(digits, "0123456789abcdef") != "" {
			return at, nil, false
		}
		if version != "v1" {
			continue
		}
		sum, err := hex.DecodeString(digits)
		if err != nil || len(sum) != 32 {
			return at, nil, false
		}
		sums = append(sums, sum)
	}
	return time.Unix(seconds, 0), sums, len(sums) > 0
}

// event is what is read of the envelope of a call-back.
type event struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Type    string `json:"type"`
	Account string `json:"account"`
	Created int64  `json:"created"`
	Live    *bool  `json:"livemode"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

// event reads a signed call-back, and asks for the payment that it is about.
func (p *Provider) event(ctx context.Context, body []byte, ask asker) (payment.Notice, error) {
	var e event
	if json.Unmarshal(body, &e) != nil || e.Object != "event" || !isID(e.ID, "evt_") || e.Created <= 0 || !p.ours(e) {
		return payment.Notice{}, payment.ErrNotice
	}
	n, err := p.about(ctx, e, ask)
	if err != nil {
		return payment.Notice{}, err
	}
	n.ID, n.At = e.ID, time.Unix(e.Created, 0)
	return n, nil
}

// about reads what an event is about: how a session ended, or what is said of a
// payment besides.
func (p *Provider) about(ctx context.Context, e event, ask asker) (payment.Notice, error) {
	if !strings.HasPrefix(e.Type, "checkout.session.") {
		return p.besides(ctx, stripe.EventType(e.Type), e.Data.Object, ask)
	}
	var s session
	if json.Unmarshal(e.Data.Object, &s) != nil {
		return payment.Notice{}, payment.ErrNotice
	}
	n, err := p.read(s)
	if err != nil {
		return payment.Notice{}, err
	}
	if stripe.EventType(e.Type) == stripe.EventTypeCheckoutSessionCompleted && s.reserves() {
		return p.reserved(ctx, n, s) // whether it is reserved stands elsewhere
	}
	n.Outcome, err = outcome(e.Type, s)
	return n, err
}

// ours reports whether an event is of our mode and account. A platform's
// endpoint is told of other accounts too.
func (p *Provider) ours(e event) bool {
	if e.Live == nil || *e.Live != (p.c.Mode == payment.ModeLive) {
		return false
	}
	return e.Account == "" || e.Account == p.c.Account
}

// outcome says what an event means for its session. A payment that the bank has
// not carried out yet is nothing to act on: another event follows.
func outcome(kind string, s session) (payment.Outcome, error) {
	paid := s.PaymentStatus == string(stripe.CheckoutSessionPaymentStatusPaid)
	switch stripe.EventType(kind) {
	case stripe.EventTypeCheckoutSessionCompleted, stripe.EventTypeCheckoutSessionAsyncPaymentSucceeded:
		if paid {
			return payment.Approved, nil
		}
	case stripe.EventTypeCheckoutSessionAsyncPaymentFailed:
		if !paid {
			return payment.Declined, nil
		}
	case stripe.EventTypeCheckoutSessionExpired:
		if !paid {
			return payment.Expired, nil
		}
	}
	return "", payment.ErrIgnored
}

// read says which order a session is about, and for how much. A session of
// somebody else on the same account is none of ours.
func (p *Provider) read(s session) (payment.Notice, error) {
	if s.Object != "checkout.session" || !isID(s.ID, "cs_") || s.Live != (p.c.Mode == payment.ModeLive) {
		return payment.Notice{}, payment.ErrNotice
	}
	if s.Metadata[metaShop] != p.c.Shop {
		return payment.Notice{}, payment.ErrIgnored
	}
	n, err := p.named(s.Metadata)
	if err != nil {
		return payment.Notice{}, err
	}
	n.Ref = s.ID
	n.Amount, err = fromUnits(s.Amount, s.Currency)
	return n, err
}

// named says which order and attempt something is about, by the words that this
// shop gave it.
func (p *Provider) named(meta map[string]string) (payment.Notice, error) {
	attempt, err := strconv.Atoi(meta[metaAttempt])
	if err != nil || attempt < 1 || strconv.Itoa(attempt) != meta[metaAttempt] || meta[metaOrder] == "" {
		return payment.Notice{}, payment.ErrNotice
	}
	return payment.Notice{OrderID: meta[metaOrder], OrderNumber: meta[metaNumber], Attempt: attempt, Mode: p.c.Mode, Account: p.c.Account}, nil
}

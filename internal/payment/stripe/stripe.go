// Package stripe takes payments on Stripe's own page, Checkout.
//
// The shop tells Stripe the number of an order, its total and where to send the
// shopper back to: no name, no address, no goods. The shopper types a card on
// checkout.stripe.com, and what comes back is a signed event about a session.
//
//	Open    POST /v1/checkout/sessions   under an idempotency key of order and attempt
//	Notice  checkout.session.completed, …async_payment_succeeded, …async_payment_failed, …expired,
//	        and what is said of a payment besides: besides.go
//	Find    GET  /v1/checkout/sessions/{ref}
//	Close   POST /v1/checkout/sessions/{ref}/expire
//	Refund  GET and POST /v1/refunds     under an idempotency key of the refund
//	Recall  GET /v1/events                what was said besides, once more: recall.go
//	Capture, Release                     money that is reserved and taken later: capture.go
//	Cards   …/v1/customers                what is kept for whoever wishes it: cards.go
//
// Requests, their encoding and their retries are those of the official library;
// of its answers only the few fields are read that a decision needs. A call-back
// is believed when it is signed with the endpoint's secret, near our clock, of the
// mode of the key and of the configured account, and when its session was opened
// by this shop. Whether it fits an order is for checkout.Settle to judge.
//
// Start reading at New; requests are written in call.go, signatures and events are in
// notice.go, refunds in refunds.go, Stripe's way of writing amounts in amount.go.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Name is the word for this provider in settings, rows and paths.
const Name = "stripe"

// pageMin is the shortest life that Stripe gives to a page, counted from its
// making. The shop's hold is often shorter; Close ends such a page in time.
const pageMin = 30 * time.Minute

// MaxHold is the longest hold that a page can outlive: Stripe ends each after a day.
const MaxHold = 23 * time.Hour

// direct is the account of a key that is the account's own.
const direct = "direct"

// Config is what the shop's half needs.
type Config struct {
	Key     string // sk_live_…, sk_test_…, or better a restricted one, rk_…
	Secret  string // whsec_…, of the endpoint that sends this shop's call-backs
	Mode    string // payment.ModeTest or ModeLive: what the key has to be of
	Account string // acct_…, whose events are taken when they name an account; "" for a key of the account itself
	Shop    string // a word that tells this shop's sessions from others of the account, for as long as there is the shop
	Title   string // what a shopper reads; default "Card"

	// KeepCards lets shoppers with an account have their cards kept by Stripe. The key
	// has to be one that may write customers and payment methods.
	KeepCards bool

	// PublishableKey, pk_…, lets shoppers type their card into Stripe's fields on a page of
	// the shop; "" for Stripe's own page alone.
	PublishableKey string

	Scripts string           // where Stripe's script comes from; default https://js.stripe.com
	Origin  string           // where pages are; default https://checkout.stripe.com
	API     string           // default https://api.stripe.com
	Client  *http.Client     // default one with a bound on time
	Now     func() time.Time // default time.Now
}

// Provider is the shop's half of Stripe.
type Provider struct {
	c   Config
	api stripe.Backend
}

var (
	_ payment.Provider = (*Provider)(nil)
	_ payment.Capturer = (*Provider)(nil)
	_ payment.Closer   = (*Provider)(nil)
	_ payment.Teller   = (*Provider)(nil)
	_ payment.Keeper   = (*Provider)(nil)
	_ payment.Embedder = (*Provider)(nil)
	_ payment.Recaller = (*Provider)(nil)
	_ payment.Printer  = (*Provider)(nil)
)

// New refuses keys that are none, keys of another mode, and a missing secret.
func New(c Config) (*Provider, error) {
	mode, err := modeOf(c.Key)
	if err != nil {
		return nil, err
	}
	if mode != c.Mode {
		return nil, fmt.Errorf("stripe: the key is of %s mode, and the shop takes payments in %s mode", mode, c.Mode)
	}
	if err := checkSecret(c.Secret); err != nil {
		return nil, err
	}
	if c.Account != "" && !isID(c.Account, "acct_") {
		return nil, errors.New("stripe: an account looks like acct_…")
	}
	if c.Shop == "" {
		return nil, errors.New("stripe: the shop's word for itself is needed")
	}
	if err := checkKey(c); err != nil {
		return nil, err
	}
	c.fill()
	return &Provider{c, backend(c)}, nil
}

func (c *Config) fill() {
	for _, d := range []struct {
		field *string
		value string
	}{{&c.Account, direct}, {&c.Title, "Card"}, {&c.Origin, "https://checkout.stripe.com"}, {&c.Scripts, scriptHost}, {&c.API, stripe.APIURL}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// modeOf reads the mode that a key is of.
func modeOf(key string) (string, error) {
	for _, kind := range []string{"sk_", "rk_"} {
		for _, mode := range []string{payment.ModeTest, payment.ModeLive} {
			if isID(key, kind+mode+"_") && len(key) >= len(kind+mode)+17 {
				return mode, nil
			}
		}
	}
	return "", errors.New("stripe: a key begins with sk_test_, rk_test_, sk_live_ or rk_live_")
}

func checkSecret(secret string) error {
	const prefix = "whsec_"
	rest := strings.TrimPrefix(secret, prefix)
	if !isID(secret, prefix) || len(rest) < 24 || strings.Trim(rest, rest[:1]) == "" {
		return errors.New("stripe: the secret of call-backs begins with whsec_ and has at least 24 characters behind it")
	}
	return nil
}

// isID accepts a prefix with letters, digits and '_' behind it, 255 in all.
func isID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || rest == "" || len(s) > 255 {
		return false
	}
	return strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// Name is "stripe".
func (p *Provider) Name() string { return Name }

// Title is what a shopper reads when choosing.
func (p *Provider) Title() string {
	if p.c.Mode == payment.ModeTest {
		return p.c.Title + " (test mode, no money moves)"
	}
	return p.c.Title
}

// Origin is where the shopper pays.
func (p *Provider) Origin() string { return p.c.Origin }

// The words by which a session says whose it is.
const (
	metaShop    = "cartkeep_shop"
	metaOrder   = "cartkeep_order"
	metaNumber  = "cartkeep_number"
	metaAttempt = "cartkeep_attempt"
	metaRefund  = "cartkeep_refund"
	metaReserve = "cartkeep_reserve" // "yes" where the money is only reserved
)

// Open makes or finds the session of this order and attempt. Its one line is the
// order as a whole, so that what Stripe adds up is the shop's total and nothing else.
func (p *Provider) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	units, err := toUnits(q.Amount)
	if err != nil {
		return payment.Session{}, fmt.Errorf("open session: %w", err)
	}
	key := q.OrderID + "-" + strconv.Itoa(q.Attempt)
	meta := map[string]string{metaShop: p.c.Shop, metaOrder: q.OrderID, metaNumber: q.OrderNumber, metaAttempt: strconv.Itoa(q.Attempt)}
	data := &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: meta, Description: new("Order " + q.OrderNumber)}
	if q.Authorize {
		meta[metaReserve] = "yes"
		data.CaptureMethod = new(string(stripe.PaymentIntentCaptureMethodManual))
	}
	params := &stripe.CheckoutSessionParams{
		Params:     stripe.Params{Context: ctx, IdempotencyKey: &key},
		Mode:       new(string(stripe.CheckoutSessionModePayment)),
		SuccessURL: &q.ReturnURL, CancelURL: &q.CancelURL,
		// Counted from the hold's end and not from now: the same attempt asks the same.
		ExpiresAt:         new(q.ExpiresAt.Add(pageMin).Unix()),
		ClientReferenceID: &q.OrderNumber,
		Metadata:          meta,
		PaymentIntentData: data,
		// Another currency of Stripe's choosing would not be the order's total.
		AdaptivePricing:    &stripe.CheckoutSessionAdaptivePricingParams{Enabled: new(false)},
		PaymentMethodTypes: []*string{new("card")},
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency: new(strings.ToLower(q.Amount.Currency().Code())), UnitAmount: &units,
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: new("Order " + q.OrderNumber)}}}},
	}
	of := ""
	if q.Customer != "" {
		if of, err = p.idOf(q.Customer); err != nil {
			return payment.Session{}, fmt.Errorf("open session: %w: %w", err, payment.ErrRefused) // with this key it stays so
		}
	}
	offer(params, of, q.Keep)
	if q.Here {
		here(params)
	}
	got, err := p.create(params)
	if err != nil {
		return payment.Session{}, fmt.Errorf("open session: %w", err)
	}
	n, err := p.read(got)
	if err != nil || n.OrderID != q.OrderID || n.Attempt != q.Attempt || n.Amount != q.Amount || got.reserves() != q.Authorize || got.Customer != of || q.Here != (got.URL == "") || !q.Here && !strings.HasPrefix(got.URL, p.c.Origin+"/") {
		return payment.Session{}, errors.New("open session: the answer is about something else")
	}
	return payment.Session{Ref: got.ID, URL: got.URL, Mode: p.c.Mode, Account: p.c.Account, ExpiresAt: time.Unix(got.ExpiresAt, 0)}, nil
}

// create makes a session. Stripe repeats its answer to a key for a day, a failure
// of its own too; then the next key of a fixed row is asked with. A session that
// such a failure left behind has an address that nobody knows.
func (p *Provider) create(params *stripe.CheckoutSessionParams) (got session, err error) {
	key := *params.IdempotencyKey
	for _, row := range []string{key, key + "-again"} {
		params.IdempotencyKey = &row
		got = session{}
		err = p.call(http.MethodPost, "/v1/checkout/sessions", params, &got)
		if err == nil || !errors.Is(err, errTheirs) {
			return got, err
		}
	}
	return got, err
}

// Find tells how a session ended; false while nothing was decided.
func (p *Provider) Find(ctx context.Context, ref string) (payment.Notice, bool, error) {
	got, err := p.session(ctx, ref)
	if err != nil {
		return payment.Notice{}, false, fmt.Errorf("find session: %w", err)
	}
	n, err := p.read(got)
	if err != nil {
		return payment.Notice{}, false, fmt.Errorf("find session: %w", err)
	}
	switch {
	case got.reserves() && got.Status == string(stripe.CheckoutSessionStatusComplete):
		if n, err = p.reserved(ctx, n, got); errors.Is(err, payment.ErrIgnored) {
			return payment.Notice{}, false, nil
		} else if err != nil {
			return payment.Notice{}, false, fmt.Errorf("find session: %w", err)
		}
	case got.PaymentStatus == string(stripe.CheckoutSessionPaymentStatusPaid):
		n.Outcome = payment.Approved
	case got.Status == string(stripe.CheckoutSessionStatusExpired):
		n.Outcome = payment.Expired
	default:
		return payment.Notice{}, false, nil
	}
	n.ID, n.At = "found-"+ref, p.c.Now()
	return n, true, nil
}

// Close ends a session that took no payment yet.
func (p *Provider) Close(ctx context.Context, ref string) error {
	got, err := p.session(ctx, ref)
	if err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	if got.Status != string(stripe.CheckoutSessionStatusOpen) {
		return nil
	}
	params := &stripe.CheckoutSessionExpireParams{Params: stripe.Params{Context: ctx}}
	if err := p.call(http.MethodPost, "/v1/checkout/sessions/"+ref+"/expire", params, &got); err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}

// session is what is read of a checkout session, whether asked for or told.
type session struct {
	stripe.APIResource
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Live          bool              `json:"livemode"`
	Amount        int64             `json:"amount_total"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	Payment       string            `json:"payment_intent"`
	Customer      string            `json:"customer"`
	PaymentStatus string            `json:"payment_status"`
	Status        string            `json:"status"`
	URL           string            `json:"url"`
	Mode          string            `json:"ui_mode"`
	Secret        string            `json:"client_secret"`
	ExpiresAt     int64             `json:"expires_at"`
}

// reserves reports whether the money of a session is only reserved at first.
func (s session) reserves() bool { return s.Metadata[metaReserve] == "yes" }

func (p *Provider) session(ctx context.Context, ref string) (session, error) {
	if !isID(ref, "cs_") {
		return session{}, payment.ErrRefused
	}
	var got session
	err := p.call(http.MethodGet, "/v1/checkout/sessions/"+ref, &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}}, &got)
	if err == nil && got.ID != ref {
		err = errors.New("the answer is about another session")
	}
	return got, err
}

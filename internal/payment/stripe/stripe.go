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
// Start reading at New; signatures and events are in notice.go, Stripe's way of
// writing amounts in amount.go.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/money"
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

// backend is the library's way to the API: silent, without measurements of its
// own, and never led elsewhere. It tries once more after a failure on the way,
// under the same idempotency key.
func backend(c Config) stripe.Backend {
	own := *c.Client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Transport = plain{own.Transport}
	return stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{HTTPClient: &own, URL: &c.API,
		EnableTelemetry: new(false), MaxNetworkRetries: new(int64(1)), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}})
}

// plain takes what the library tells of the machine out of each request.
type plain struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Del("X-Stripe-Client-User-Agent")
	r.Header.Set("User-Agent", "Cartkeep")
	if p.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return p.next.RoundTrip(r)
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

// Refund pays back part or all of an approved session.
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

// errTheirs is a failure of Stripe's own, errMissing a refusal because nothing is there.
var (
	errTheirs  = errors.New("a failure at Stripe")
	errMissing = fmt.Errorf("nothing is there: %w", payment.ErrRefused)
)

// call asks Stripe. A refusal for good is payment.ErrRefused. What Stripe says
// in words, and every address, stays out of the error.
func (p *Provider) call(method, path string, params stripe.ParamsContainer, out stripe.LastResponseSetter) error {
	err := p.api.Call(method, path, p.c.Key, params, out)
	if said, ok := errors.AsType[*stripe.Error](err); ok {
		switch said.HTTPStatusCode {
		case http.StatusNotFound:
			if said.Code == stripe.ErrorCodeResourceMissing {
				return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), errMissing)
			}
			fallthrough
		case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusUnprocessableEntity:
			return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), payment.ErrRefused)
		}
		if said.HTTPStatusCode >= http.StatusInternalServerError {
			return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), errTheirs)
		}
		return fmt.Errorf("answer %d %s", said.HTTPStatusCode, word(string(said.Code)))
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// word lets a code of Stripe's into an error when it is one.
func word(code string) string {
	if strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || len(code) > 60 {
		return ""
	}
	return code
}

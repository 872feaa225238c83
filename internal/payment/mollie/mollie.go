// Package mollie takes payments on Mollie's own page.
//
// The shop tells Mollie the number of an order, its total, what the statement is to say
// and where to send the shopper back to: no name, no address, no goods. The shopper chooses a way to pay
// and types on mollie.com; what comes back is the bare id of a payment.
//
//	Open    POST   /v2/payments                under an idempotency key of order and attempt
//	Named   id=tr_…                            a call-back, which nobody has signed
//	Find    GET    /v2/payments/{ref}
//	Close   DELETE /v2/payments/{ref}          where Mollie lets us
//	Refund  GET and POST /v2/payments/{ref}/refunds
//	Remarks GET    /v2/payments/{ref}?embed=refunds,chargebacks
//	Recall  what was called back about lately: recall.go
//
// A call-back proves nothing and says nothing: it names a payment that may have
// changed. Whether the shop knows it is looked up first, and only then is Mollie
// asked, whose answer over TLS is what counts: of the key's mode, of the configured
// profile, about this shop's order. Whether it fits an order is for
// checkout.Settle to judge.
//
// Start reading at New; requests are written in call.go.
package mollie

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Name is the word for this provider in settings, rows and paths.
const Name = "mollie"

// Config is what the shop's half needs.
type Config struct {
	Key     string // live_… or test_…
	Profile string // pfl_…, whose payments are taken
	Mode    string // payment.ModeTest or ModeLive: what the key has to be of
	Shop    string // a word of this shop's own: tells its payments from others of the profile
	Title   string // what a shopper reads; default "Card, iDEAL and other ways"

	Origin string           // where pages are; default https://www.mollie.com
	API    string           // default https://api.mollie.com
	Client *http.Client     // default one with a bound on time
	Now    func() time.Time // default time.Now
}

// Provider is the shop's half of Mollie.
type Provider struct{ c Config }

var (
	_ payment.Provider = (*Provider)(nil)
	_ payment.Pinged   = (*Provider)(nil)
	_ payment.Closer   = (*Provider)(nil)
	_ payment.Teller   = (*Provider)(nil)
	_ payment.Remarker = (*Provider)(nil)
	_ payment.Recaller = (*Provider)(nil)
)

// New refuses keys that are none, keys of another mode, and a missing profile.
func New(c Config) (*Provider, error) {
	mode, err := modeOf(c.Key)
	if err != nil {
		return nil, err
	}
	if mode != c.Mode {
		return nil, fmt.Errorf("mollie: the key is of %s mode, and the shop takes payments in %s mode", mode, c.Mode)
	}
	if !isID(c.Profile, "pfl_") {
		return nil, errors.New("mollie: name the profile whose key it is: pfl_…")
	}
	if c.Shop == "" {
		return nil, errors.New("mollie: a word of the shop's own is needed")
	}
	c.fill()
	return &Provider{c}, nil
}

func (c *Config) fill() {
	for _, d := range []struct {
		field *string
		value string
	}{{&c.Title, "Card, iDEAL and other ways"}, {&c.Origin, "https://www.mollie.com"}, {&c.API, "https://api.mollie.com"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	own := http.Client{Timeout: 30 * time.Second}
	if c.Client != nil {
		own = *c.Client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Client = &own
	if c.Now == nil {
		c.Now = time.Now
	}
}

// modeOf reads the mode that a key is of. Mollie's keys have 30 characters or more
// behind it.
func modeOf(key string) (string, error) {
	for _, mode := range []string{payment.ModeTest, payment.ModeLive} {
		if isID(key, mode+"_") && len(key) >= len(mode)+1+30 && strings.Trim(key[len(mode)+1:], key[len(key)-1:]) != "" {
			return mode, nil
		}
	}
	return "", errors.New("mollie: a key begins with test_ or live_, with at least 30 characters behind it")
}

// isID accepts a prefix with letters and digits behind it, 64 in all.
func isID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && rest != "" && len(s) <= 64 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// Name is "mollie".
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

// Open makes or finds the payment of this order and attempt.
func (p *Provider) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	if q.Amount.Minor() <= 0 {
		return payment.Session{}, fmt.Errorf("open payment: nothing to pay: %w", payment.ErrRefused)
	}
	ask := newPayment{Amount: amountOf(q.Amount), Description: description(q), RedirectURL: q.ReturnURL, CancelURL: q.CancelURL, WebhookURL: q.NoticeURL,
		Metadata: metadata{Shop: p.c.Shop, Order: q.OrderID, Attempt: strconv.Itoa(q.Attempt)}}
	var got paid
	if err := p.call(ctx, http.MethodPost, "/v2/payments", q.OrderID+"-"+strconv.Itoa(q.Attempt), ask, &got); err != nil {
		return payment.Session{}, fmt.Errorf("open payment: %w", err)
	}
	n, err := p.read(got)
	if err != nil || n.OrderID != q.OrderID || n.Attempt != q.Attempt || !strings.HasPrefix(got.Links.Checkout.Href, p.c.Origin+"/") {
		return payment.Session{}, errors.New("open payment: the answer is about something else")
	}
	if n.Amount != q.Amount { // it was opened before, for another amount
		return payment.Session{}, fmt.Errorf("open payment: it is for another amount: %w", payment.ErrRefused)
	}
	return payment.Session{Ref: got.ID, URL: got.Links.Checkout.Href, Mode: p.c.Mode, Account: p.c.Profile, ExpiresAt: q.ExpiresAt}, nil
}

// description is what Mollie prints on the payer's statement where the way to pay has room
// for it: cut to fit, 255 characters at most, and to be told from others
// (docs.mollie.com/reference/create-payment). The words that the shopper was told come
// first, so that what is cut is the number.
func description(q payment.Request) string {
	if q.Statement == "" {
		return "Order " + q.OrderNumber
	}
	return q.Statement + " " + q.OrderNumber
}

// Notice believes nothing: Mollie's call-backs are not signed. See Named.
func (p *Provider) Notice(*http.Request, []byte) (payment.Notice, error) {
	return payment.Notice{}, payment.ErrSignature
}

// Named reads which payment a call-back is about.
func (p *Provider) Named(r *http.Request, body []byte) (string, error) {
	if len(body) > 256 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return "", payment.ErrNotice
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form) != 1 || len(form["id"]) != 1 || !isID(form["id"][0], "tr_") {
		return "", payment.ErrNotice
	}
	return form["id"][0], nil
}

// Find tells how a payment ended; false while nothing was decided.
func (p *Provider) Find(ctx context.Context, ref string) (payment.Notice, bool, error) {
	got, err := p.payment(ctx, ref)
	if err != nil {
		return payment.Notice{}, false, fmt.Errorf("find payment: %w", err)
	}
	n, err := p.read(got)
	if err != nil {
		return payment.Notice{}, false, fmt.Errorf("find payment: %w", err)
	}
	var decided bool
	if n.Outcome, decided = outcomes[got.Status]; !decided {
		return payment.Notice{}, false, nil
	}
	n.ID, n.At = got.Status+"-"+ref, p.c.Now()
	return n, true, nil
}

// outcomes are the statuses that are final. open and pending are not; authorized
// needs a capture, which this shop never asks to do itself.
var outcomes = map[string]payment.Outcome{
	"paid":     payment.Approved,
	"failed":   payment.Declined,
	"canceled": payment.Expired, // by the shopper, or by Close
	"expired":  payment.Expired,
}

// Close ends a payment that nobody has begun. Of one that Mollie lets nobody end,
// such as a card that is being checked, it says so: it ends by itself soon, and
// until then it is asked about again.
func (p *Provider) Close(ctx context.Context, ref string) error {
	got, err := p.payment(ctx, ref)
	if err == nil {
		_, err = p.read(got)
	}
	if err != nil {
		return fmt.Errorf("close payment: %w", err)
	}
	if _, decided := outcomes[got.Status]; decided {
		return nil
	}
	if !got.Cancelable {
		return errors.New("close payment: it can't be ended yet")
	}
	if err := p.call(ctx, http.MethodDelete, "/v2/payments/"+ref, "", nil, &got); err != nil {
		return fmt.Errorf("close payment: %w", err)
	}
	return nil
}

// Refund pays back part or all of an approved payment.
func (p *Provider) Refund(ctx context.Context, q payment.RefundRequest) error {
	got, err := p.payment(ctx, q.Ref)
	if err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	n, err := p.read(got)
	if err != nil || n.OrderID != q.OrderID || got.Status != "paid" || q.Amount.Minor() <= 0 || n.Amount.Currency() != q.Amount.Currency() || q.Amount.Cmp(n.Amount) > 0 {
		return fmt.Errorf("refund: there is no such payment: %w", payment.ErrRefused)
	}
	if done, err := p.GaveBack(ctx, q); err != nil || done {
		return err
	}
	ask := newRefund{Amount: amountOf(q.Amount), Description: "Refund", Metadata: metadata{Shop: p.c.Shop, Order: q.OrderID, Refund: q.ID}}
	var made refund
	if err := p.call(ctx, http.MethodPost, "/v2/payments/"+q.Ref+"/refunds", "refund-"+q.ID, ask, &made); err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	if made.failed() {
		return fmt.Errorf("refund: it failed: %w", payment.ErrRefused)
	}
	if back, err := made.Amount.money(); err != nil || back != q.Amount || made.Metadata.Refund != q.ID {
		return errors.New("refund: the answer is about something else")
	}
	return nil
}

// GaveBack looks a refund up by our own id. Mollie forgets its idempotency keys after a
// while; a job that goes on trying for longer must not pay back twice.
func (p *Provider) GaveBack(ctx context.Context, q payment.RefundRequest) (bool, error) {
	if !isID(q.Ref, "tr_") {
		return false, fmt.Errorf("refund: %w", payment.ErrRefused)
	}
	list, err := p.refunds(ctx, q.Ref)
	if err != nil {
		return false, fmt.Errorf("refund: %w", err)
	}
	for _, r := range list {
		if r.failed() || r.Metadata.Refund != q.ID || r.Metadata.Shop != p.c.Shop {
			continue
		}
		if back, err := r.Amount.money(); err != nil || back != q.Amount {
			return false, fmt.Errorf("refund: this one was of another amount: %w", payment.ErrRefused)
		}
		return true, nil
	}
	return false, nil
}

// PaidBack tells how much of a payment went back, whoever asked for it.
func (p *Provider) PaidBack(ctx context.Context, ref string) (money.Amount, error) {
	got, err := p.payment(ctx, ref)
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	n, err := p.read(got)
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	sum := money.Zero(n.Amount.Currency())
	list, err := p.refunds(ctx, ref)
	for _, r := range list {
		if err != nil || r.failed() {
			continue
		}
		var one money.Amount
		if one, err = r.Amount.money(); err == nil {
			sum, err = sum.Plus(one)
		}
	}
	if err != nil {
		return money.Amount{}, fmt.Errorf("refunds: %w", err)
	}
	return sum, nil
}

// read says which order a payment is about, and for how much. A payment of somebody
// else on the same profile is none of ours.
func (p *Provider) read(got paid) (payment.Notice, error) {
	if got.Resource != "payment" || !isID(got.ID, "tr_") || got.Mode != p.c.Mode || got.Profile != p.c.Profile {
		return payment.Notice{}, payment.ErrNotice
	}
	m := got.Metadata
	if m.Shop != p.c.Shop {
		return payment.Notice{}, payment.ErrIgnored
	}
	amount, err := got.Amount.money()
	attempt, err2 := strconv.Atoi(m.Attempt)
	if err != nil || err2 != nil || attempt < 1 || strconv.Itoa(attempt) != m.Attempt || m.Order == "" {
		return payment.Notice{}, payment.ErrNotice
	}
	return payment.Notice{Ref: got.ID, OrderID: m.Order, Attempt: attempt, Amount: amount, Mode: p.c.Mode, Account: p.c.Profile}, nil
}

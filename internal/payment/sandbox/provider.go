// Package sandbox is a make-believe bank, for trying the shop out. No money moves.
//
// It has two halves that talk over HTTPS like a shop and a real provider do.
// Provider is the shop's half and implements payment.Provider. Service is the
// bank: pages on an origin of its own where a person plays the shopper's bank,
// signed call-backs to the shop, and a small API for Provider.
//
//	shop                      Provider            Service              shopper
//	 │  Open ────────────────────▶│ POST /v1/sessions ▶│ journal            │
//	 │◀──────────── Session ──────│◀── ref, url ───────│                    │
//	 │ ── 303 to Session.URL ───────────────────────────────────────────────▶│
//	 │                            │                    │◀ POST outcome ─────│
//	 │◀──────────── signed call-back ──────────────────│ journal            │
//	 │ ───────────── 2xx ─────────────────────────────▶│                    │
//	 │                            │                    │─ 303 to the shop ─▶│
//
// What the Service has promised (a session, a decision) is in its journal, on
// disk, before anyone is told; call-backs not yet answered are sent again,
// after a restart too. The journal holds order ids, numbers, amounts and the
// shop's addresses, nothing personal.
//
// It does not know what an order is, and a card number typed into it goes
// nowhere: there is no field for one. Start reading at wire.go.
package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Config is what the shop's half needs.
type Config struct {
	Secret []byte           // shared with the Service; at least MinSecret bytes
	Origin string           // of the Service: "https://127.0.0.1:8444"
	Client *http.Client     // trusts the Service's certificate
	Now    func() time.Time // nil: time.Now
}

// Provider is the shop's half of the sandbox.
type Provider struct {
	secret []byte
	origin string
	client *http.Client
	now    func() time.Time
}

var (
	_ payment.Provider = (*Provider)(nil)
	_ payment.Capturer = (*Provider)(nil)
	_ payment.Keeper   = (*Provider)(nil)
)

// New refuses a short secret and an origin that is none.
func New(c Config) (*Provider, error) {
	if err := checkSecret(c.Secret); err != nil {
		return nil, err
	}
	if err := checkOrigin(c.Origin); err != nil {
		return nil, err
	}
	if c.Client == nil {
		return nil, errors.New("sandbox: no HTTP client given")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Provider{bytes.Clone(c.Secret), c.Origin, staying(c.Client), c.Now}, nil
}

// Name is the word for this provider in settings, rows and paths.
const Name = "sandbox"

// Name is "sandbox".
func (p *Provider) Name() string { return Name }

// Title is what a shopper reads when choosing.
func (p *Provider) Title() string { return "Make-believe bank (no money moves)" }

// Origin is where the shopper pays.
func (p *Provider) Origin() string { return p.origin }

// Open makes or finds the session of this order and attempt.
func (p *Provider) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	var got sessionBody
	err := p.call(ctx, http.MethodPost, "/v1/sessions", openBody{
		Order: q.OrderID, Number: q.OrderNumber, Attempt: q.Attempt, Amount: q.Amount,
		ReturnURL: q.ReturnURL, CancelURL: q.CancelURL, NoticeURL: q.NoticeURL,
		ExpiresAt: q.ExpiresAt.UTC(), Authorize: q.Authorize, Customer: q.Customer, Keep: q.Keep && q.Customer != "",
	}, &got)
	if err != nil {
		return payment.Session{}, fmt.Errorf("open session: %w", err)
	}
	if !strings.HasPrefix(got.URL, p.origin+"/") || !isWord(got.Ref) {
		return payment.Session{}, errors.New("open session: the answer leads elsewhere")
	}
	return payment.Session{Ref: got.Ref, URL: got.URL, Mode: payment.ModeTest, Account: Account, ExpiresAt: got.ExpiresAt}, nil
}

// Notice checks the signature and reads the call-back.
func (p *Provider) Notice(r *http.Request, body []byte) (payment.Notice, error) {
	if err := verify(p.secret, r.Header.Values(SignatureHeader), body, p.now()); err != nil {
		return payment.Notice{}, err
	}
	return decodeNotice(body)
}

// Refund pays back part or all of an approved session.
func (p *Provider) Refund(ctx context.Context, q payment.RefundRequest) error {
	err := p.call(ctx, http.MethodPost, "/v1/refunds",
		refundBody{ID: q.ID, Session: q.Ref, Order: q.OrderID, Amount: q.Amount}, nil)
	if err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	return nil
}

// Find tells how a session ended; false while nothing was decided.
func (p *Provider) Find(ctx context.Context, ref string) (payment.Notice, bool, error) {
	if !isWord(ref) {
		return payment.Notice{}, false, fmt.Errorf("find session: %w", payment.ErrRefused)
	}
	var got sessionBody
	if err := p.call(ctx, http.MethodGet, "/v1/sessions/"+ref, nil, &got); err != nil {
		return payment.Notice{}, false, fmt.Errorf("find session: %w", err)
	}
	if len(got.Notice) == 0 {
		return payment.Notice{}, false, nil
	}
	n, err := decodeNotice(got.Notice)
	if err == nil && n.Ref != ref {
		err = payment.ErrNotice
	}
	return n, err == nil, err
}

// call speaks to the Service. A refusal for good is payment.ErrRefused.
func (p *Provider) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.origin+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+apiToken(p.secret))
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return payment.Unquoted(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, payment.MaxNotice))
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode/100 == 2:
	case res.StatusCode == 400 || res.StatusCode == 404 || res.StatusCode == 409 || res.StatusCode == 422:
		return fmt.Errorf("answer %d: %w", res.StatusCode, payment.ErrRefused)
	default:
		return fmt.Errorf("answer %d", res.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// staying is the client with its redirects left alone: neither half has a
// reason to follow the other to a third place.
func staying(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// checkOrigin accepts "https://HOST[:PORT]" and nothing behind it. A host has
// no character with a meaning in a policy header.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != s ||
		strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
		return errors.New("sandbox: an origin is https://HOST:PORT")
	}
	return nil
}

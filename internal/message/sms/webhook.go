package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/message"
)

// WebhookConfig is a service that takes a signed call.
type WebhookConfig struct {
	URL    string // https
	Secret string // "whsec_" and base64 of 24 to 64 bytes
	// Private lets the call go to an address of the merchant's own network.
	Private bool

	trust *tls.Config
	now   func() time.Time
}

// Webhook sends by a call in the form of Standard Webhooks
// (https://www.standardwebhooks.com, its specification 1.0):
//
//	POST URL
//	content-type: application/json
//	webhook-id: ID                     the same when a call is repeated
//	webhook-timestamp: 1764000000      seconds, now
//	webhook-signature: v1,BASE64       HMAC-SHA256 by the secret over ID.TIMESTAMP.BODY
//
//	{"type":"sms.send","timestamp":"2026-03-01T12:00:00Z","data":{"id":"ID","to":"+49…","text":"…"}}
//
// The service answers 200, 201 or 202 with {"id":"ID"}, the id it was given: it
// has the text, and drops repeats of the id. It answers 422 when the number can
// never be reached, 429 or 5xx to be asked again. The service should refuse a
// timestamp that is five minutes away from its clock.
type Webhook struct {
	cfg    WebhookConfig
	secret []byte
	client *http.Client
}

// NewWebhook checks a configuration.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	var bad []error
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		bad = append(bad, errors.New("the address of the service that sends texts is https://HOST/… without a user"))
	}
	word, ok := strings.CutPrefix(c.Secret, "whsec_")
	secret, err := base64.StdEncoding.DecodeString(word)
	if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
		bad = append(bad, errors.New("the secret of the service that sends texts is whsec_ and 24 to 64 bytes in base64"))
	}
	open := isPublic
	if c.Private {
		open = func(netip.Addr) bool { return true }
	}
	if c.now == nil {
		c.now = time.Now
	}
	return &Webhook{cfg: c, secret: secret, client: newClient(c.trust, open)}, errors.Join(bad...)
}

// String names the sender by its host; a path may hold a secret.
func (h *Webhook) String() string {
	u, err := url.Parse(h.cfg.URL)
	if err != nil {
		return "webhook"
	}
	return "webhook " + u.Host
}

// order is the body of a call.
type order struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      text      `json:"data"`
}

type text struct {
	ID   string `json:"id"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// Send implements message.Sender.
func (h *Webhook) Send(ctx context.Context, m message.Message) error {
	if err := fit("webhook", m); err != nil {
		return err
	}
	now := h.cfg.now().UTC().Truncate(time.Second)
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(order{"sms.send", now, text{m.ID, m.To, m.Text}}); err != nil {
		return &message.Failure{Sender: "webhook", Why: message.Unfit}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.cfg.URL, bytes.NewReader(body.Bytes()))
	if err != nil {
		return &message.Failure{Sender: "webhook", Why: message.Unfit}
	}
	at := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", m.ID)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+h.signature(m.ID, at, body.Bytes()))
	r.Header.Set("Idempotency-Key", m.ID)
	status, answer, err := call(h.client, "webhook", r)
	if err != nil {
		return err
	}
	return webhookAnswer(m.ID, status, answer)
}

func (h *Webhook) signature(id, at string, body []byte) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// webhookAnswer believes a success only with the id that the call carried.
func webhookAnswer(id string, status int, body []byte) error {
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		var a struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(body, &a) == nil && a.ID == id {
			return nil
		}
		return &message.Failure{Sender: "webhook", Why: message.Odd, Code: status}
	case http.StatusUnprocessableEntity:
		return &message.Failure{Sender: "webhook", Why: message.Refused, Code: status}
	}
	return graded("webhook", status)
}

package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// The signature of a call-back.
//
//	Sandbox-Signature: t=1767225600,v1=64 lower-case hexadecimal digits
//	v1 = HMAC-SHA256(secret, t ‖ "." ‖ body)
const (
	SignatureHeader = "Sandbox-Signature"
	Tolerance       = 5 * time.Minute // how far t may be from our clock, either way
	MinSecret       = 32              // fewest bytes of the shared secret
)

// Account is whose account the make-believe bank pays into.
const Account = "sandbox"

// Sign returns the value of SignatureHeader for a call-back's body.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret []byte, t string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}

// apiToken is the bearer token of the Service's API. It is derived, so that
// the key that signs call-backs never travels.
func apiToken(secret []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("cartkeep/sandbox/api/v1"))
	return hex.EncodeToString(h.Sum(nil))
}

// verify checks the header's values against the body. There is one way to
// write a signature; anything else, doubled parts included, is refused, so
// that no two readers can disagree about which part counts.
func verify(secret []byte, values []string, body []byte, now time.Time) error {
	if len(values) != 1 {
		return payment.ErrSignature
	}
	t, sum, ok := parseSignature(values[0])
	if !ok {
		return payment.ErrSignature
	}
	if !hmac.Equal(mac(secret, strconv.FormatInt(t, 10), body), sum) {
		return payment.ErrSignature
	}
	if age := now.Sub(time.Unix(t, 0)); age > Tolerance || age < -Tolerance {
		return payment.ErrSignature
	}
	return nil
}

func parseSignature(s string) (t int64, sum []byte, ok bool) {
	stamp, digits, ok := strings.Cut(s, ",")
	if !ok {
		return 0, nil, false
	}
	stamp, ok = strings.CutPrefix(stamp, "t=")
	if !ok || len(stamp) > 12 {
		return 0, nil, false
	}
	t, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || t <= 0 || strconv.FormatInt(t, 10) != stamp {
		return 0, nil, false
	}
	digits, ok = strings.CutPrefix(digits, "v1=")
	if !ok || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return 0, nil, false
	}
	sum, err = hex.DecodeString(digits)
	return t, sum, err == nil
}

// noticeBody is the JSON of a call-back. Its only valid form is the one that
// json.Marshal gives: no spaces, this order, nothing doubled.
type noticeBody struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"` // "payment." and an outcome
	Session string       `json:"session"`
	Order   string       `json:"order"`
	Attempt int          `json:"attempt"`
	Amount  money.Amount `json:"amount"`
	Mode    string       `json:"mode"`
	Account string       `json:"account"`
	At      time.Time    `json:"at"`

	Fingerprint string `json:"fingerprint,omitempty"` // of a make-believe card

	// Of an approval whose money is only reserved.
	CaptureBy *time.Time    `json:"capture_by,omitempty"`
	Captured  *money.Amount `json:"captured,omitempty"` // of what was reserved, when it is taken by now

	// Of a dispute.
	About    string              `json:"about,omitempty"`
	Reason   order.DisputeReason `json:"reason,omitempty"`
	AnswerBy *time.Time          `json:"answer_by,omitempty"`
}

const noticeType = "payment."

func encodeNotice(n payment.Notice) ([]byte, error) {
	b := noticeBody{
		ID: n.ID, Type: noticeType + string(n.Outcome), Session: n.Ref,
		Order: n.OrderID, Attempt: n.Attempt, Amount: n.Amount,
		Mode: n.Mode, Account: n.Account, At: n.At.UTC(), Fingerprint: n.Fingerprint, About: n.About, Reason: n.Reason,
	}
	if !n.AnswerBy.IsZero() {
		b.AnswerBy = new(n.AnswerBy.UTC())
	}
	if n.Authorized {
		b.CaptureBy = new(n.CaptureBy.UTC())
	}
	if n.Captured.Minor() > 0 {
		b.Captured = &n.Captured
	}
	return json.Marshal(b)
}

func decodeNotice(body []byte) (payment.Notice, error) {
	if len(body) > payment.MaxNotice {
		return payment.Notice{}, payment.ErrNotice
	}
	var b noticeBody
	if err := decodeStrict(body, &b); err != nil {
		return payment.Notice{}, payment.ErrNotice
	}
	outcome, ok := strings.CutPrefix(b.Type, noticeType)
	n := payment.Notice{
		ID: b.ID, Ref: b.Session, OrderID: b.Order, Attempt: b.Attempt,
		Outcome: payment.Outcome(outcome), Amount: b.Amount,
		Mode: b.Mode, Account: b.Account, At: b.At, Fingerprint: b.Fingerprint, About: b.About, Reason: b.Reason,
	}
	if b.AnswerBy != nil {
		n.AnswerBy = *b.AnswerBy
	}
	if b.CaptureBy != nil {
		n.Authorized, n.CaptureBy = true, *b.CaptureBy
	}
	if b.Captured != nil {
		n.Captured = *b.Captured
	}
	if !ok || !n.Outcome.Known() || !isWord(n.ID) || !isWord(n.Ref) || !isWord(n.OrderID) ||
		n.Attempt < 1 || n.Amount.Minor() <= 0 || n.At.IsZero() ||
		n.Mode != payment.ModeTest || n.Account != Account || n.Fingerprint != "" && !isWord(n.Fingerprint) ||
		b.Captured != nil && (n.Authorized || n.Outcome != payment.Approved || n.Captured.Minor() <= 0 || n.Captured.Currency() != n.Amount.Currency() || n.Captured.Cmp(n.Amount) > 0) ||
		n.Authorized && (n.Outcome != payment.Approved || n.CaptureBy.IsZero()) || n.Outcome.Ends() != (n.About == "") || n.About != "" && (!isWord(n.About) || !isWord(string(n.Reason))) {
		return payment.Notice{}, payment.ErrNotice
	}
	again, err := encodeNotice(n)
	if err != nil || !bytes.Equal(again, body) {
		return payment.Notice{}, payment.ErrNotice
	}
	return n, nil
}

// isWord accepts ids: 1 to 100 letters, digits, '-' and '_'.
func isWord(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// fingerprint names a make-believe card, which whoever plays the bank may give a
// word for; a real provider names the card that was typed there.
func fingerprint(secret []byte, card string) string {
	if !isWord(card) || len(card) > 40 {
		return ""
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("cartkeep/sandbox/card/v1\x00" + card))
	return "card_" + hex.EncodeToString(h.Sum(nil)[:12])
}

func decodeStrict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("bytes after the end")
	}
	return nil
}

// The bodies of the API between the two halves.
type openBody struct {
	Order     string       `json:"order"`
	Number    string       `json:"number"`
	Attempt   int          `json:"attempt"`
	Amount    money.Amount `json:"amount"`
	ReturnURL string       `json:"return_url"`
	CancelURL string       `json:"cancel_url"`
	NoticeURL string       `json:"notice_url"`
	ExpiresAt time.Time    `json:"expires_at"`
	Authorize bool         `json:"authorize,omitempty"` // reserve the money only
	Customer  string       `json:"customer,omitempty"`
	Keep      bool         `json:"keep,omitempty"`
}

type sessionBody struct {
	Ref       string          `json:"ref"`
	URL       string          `json:"url"`
	ExpiresAt time.Time       `json:"expires_at"`
	Notice    json.RawMessage `json:"notice,omitempty"` // the newest decision

	Authorization *authorizationBody `json:"authorization,omitempty"` // of one that was approved
}

// authorizationBody is what has become of reserved money.
type authorizationBody struct {
	State     payment.Reserve `json:"state"`
	Captured  money.Amount    `json:"captured"`
	CaptureBy time.Time       `json:"capture_by"`
}

type captureBody struct {
	Session string       `json:"session"`
	Order   string       `json:"order"`
	Amount  money.Amount `json:"amount"`
}

type releaseBody struct {
	Session string `json:"session"`
}

type refundBody struct {
	ID      string       `json:"id"`
	Session string       `json:"session"`
	Order   string       `json:"order"`
	Amount  money.Amount `json:"amount"`
}

func checkSecret(secret []byte) error {
	if len(secret) < MinSecret {
		return fmt.Errorf("sandbox: the shared secret needs at least %d bytes", MinSecret)
	}
	for _, b := range secret {
		if b != secret[0] {
			return nil
		}
	}
	return errors.New("sandbox: the shared secret is one byte repeated")
}

package stripe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/paymenttest"
)

// sign writes the header's value with the library's sum.
func sign(secret []byte, at time.Time, body []byte) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, body, string(secret))))
}

func TestConformance(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.Subject {
		b := newBank(t)
		return paymenttest.Subject{
			Provider: b.provider,
			New: func(secret []byte) (payment.Provider, error) {
				return New(Config{Key: key, Secret: string(secret), Mode: payment.ModeTest, Shop: shop})
			},
			Secret: []byte(secret), Header: SignatureHeader, Sign: sign,
			Decide: func(t *testing.T, s payment.Session, o payment.Outcome) (http.Header, []byte) {
				kind := "checkout.session.completed"
				if o == payment.Declined {
					kind = "checkout.session.async_payment_failed"
				}
				body := b.decide(s.Ref, kind, o == payment.Approved)
				return signed(sign([]byte(secret), b.now(), body)), body
			},
			Now: b.now, Tolerance: Tolerance, Request: b.request,
		}
	})
}

func notice(b *bank, header string, body []byte) (payment.Notice, error) {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header = signed(header)
	return b.provider.Notice(r, body)
}

// vector is a call-back that Stripe's library for Node signed; see
// tools/stripe/sign.mjs. It shares no code with ours, nor with the one for Go.
type vector struct {
	Secret string `json:"secret"`
	At     int64  `json:"at"`
	Body   string `json:"body"`
	Header string `json:"header"`
}

func readVectors(t *testing.T, raw []byte) (out []vector) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func verify(t *testing.T, list []vector) {
	t.Helper()
	for i, v := range list {
		now := time.Unix(v.At, 0)
		p, err := New(Config{Key: key, Secret: v.Secret, Mode: payment.ModeTest, Shop: shop, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if !p.signed([]string{v.Header}, []byte(v.Body)) {
			t.Errorf("call-back %d, signed by Stripe's own library, is refused", i)
		}
		if p.signed([]string{v.Header}, []byte(v.Body+" ")) {
			t.Errorf("call-back %d with another body is taken", i)
		}
	}
}

// TestCallBacksThatStripeSigned reads what Stripe's library for Node has signed.
// The lines were made by: node tools/stripe/sign.mjs < unsigned lines.
func TestCallBacksThatStripeSigned(t *testing.T) {
	raw, err := os.ReadFile("testdata/signed.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	list := readVectors(t, raw)
	if len(list) < 4 {
		t.Fatalf("got %d vectors", len(list))
	}
	verify(t, list)
}

// TestStripeSignsForUsNow has that library sign a real call-back, where Node and
// the library are at hand (npm ci in tools/stripe).
func TestStripeSignsForUsNow(t *testing.T) {
	const folder = "../../../tools/stripe"
	node, err := exec.LookPath("node")
	if _, absent := os.Stat(filepath.Join(folder, "node_modules/stripe")); err != nil || absent != nil {
		t.Skip("Node or Stripe's library for it is not there; the signed lines in testdata stand for them")
	}
	b := newBank(t)
	opened, err := b.provider.Open(t.Context(), b.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	body := b.decide(opened.Ref, "checkout.session.completed", true)
	var in bytes.Buffer
	if err := json.NewEncoder(&in).Encode(vector{Secret: secret, At: b.now().Unix(), Body: string(body)}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "sign.mjs")
	cmd.Dir, cmd.Stdin = folder, &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range readVectors(t, out) {
		n, err := notice(b, v.Header, []byte(v.Body))
		if err != nil || n.Outcome != payment.Approved || n.Ref != opened.Ref {
			t.Errorf("got %+v, %v", n, err)
		}
	}
}

func TestAKeyIsOfOneMode(t *testing.T) {
	good := Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop}
	for name, harm := range map[string]func(*Config){
		"no key":                     func(c *Config) { c.Key = "" },
		"a test key, taken for live": func(c *Config) { c.Mode = payment.ModeLive },
		"a live key, taken for test": func(c *Config) { c.Key = "sk_live_0123456789abcdefghij" },
		"a restricted live key":      func(c *Config) { c.Key = "rk_live_0123456789abcdefghij" },
		"a key for browsers":         func(c *Config) { c.Key = "pk_test_0123456789abcdefghij" },
		"a short key":                func(c *Config) { c.Key = "sk_test_0123" },
		"the secret for the key":     func(c *Config) { c.Key = secret },
		"the key for the secret":     func(c *Config) { c.Secret = key },
		"a line break in the key":    func(c *Config) { c.Key += "\n" },
		"no mode":                    func(c *Config) { c.Mode = "" },
		"no shop":                    func(c *Config) { c.Shop = "" },
		"an account that is none":    func(c *Config) { c.Account = "shop" },
	} {
		c := good
		harm(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: want an error", name)
		} else if strings.Contains(err.Error(), "0123") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
	for _, k := range []string{"sk_live_0123456789abcdefghij", "rk_live_0123456789abcdefghij"} {
		live := good
		live.Key, live.Mode = k, payment.ModeLive
		if _, err := New(live); err != nil {
			t.Errorf("a live key in live mode: %v", err)
		}
	}
	p, err := New(good)
	if err != nil || !strings.Contains(p.Title(), "test mode") {
		t.Errorf("in test mode shoppers read %q, %v", p.Title(), err)
	}
}

// TestWhatAnEventMeans changes a genuine event, and signs it again.
func TestWhatAnEventMeans(t *testing.T) {
	b := newBank(t)
	opened, err := b.provider.Open(t.Context(), b.request("order-1", 2))
	if err != nil {
		t.Fatal(err)
	}
	paid := string(b.decide(opened.Ref, "checkout.session.completed", true))
	swap := func(pairs ...string) string {
		out := strings.NewReplacer(pairs...).Replace(paid)
		if out == paid {
			t.Fatalf("%q changes nothing in %s", pairs, paid)
		}
		return out
	}
	const unpaid = `"payment_status": "unpaid"`
	for name, row := range map[string]struct {
		body    string
		outcome payment.Outcome
		err     error
	}{
		"paid":                              {paid, payment.Approved, nil},
		"paid in the end":                   {swap("session.completed", "session.async_payment_succeeded"), payment.Approved, nil},
		"completed, the bank still at it":   {swap(`"payment_status": "paid"`, unpaid), "", payment.ErrIgnored},
		"succeeded, and not paid":           {swap("session.completed", "session.async_payment_succeeded", `"payment_status": "paid"`, unpaid), "", payment.ErrIgnored},
		"nothing had to be paid":            {swap(`"payment_status": "paid"`, `"payment_status": "no_payment_required"`), "", payment.ErrIgnored},
		"the bank said no":                  {swap("session.completed", "session.async_payment_failed", `"payment_status": "paid"`, unpaid), payment.Declined, nil},
		"failed, and paid":                  {swap("session.completed", "session.async_payment_failed"), "", payment.ErrIgnored},
		"the page ended":                    {swap("session.completed", "session.expired", `"payment_status": "paid"`, unpaid), payment.Expired, nil},
		"another event of a session":        {swap("session.completed", "session.created"), "", payment.ErrIgnored},
		"an event about something else":     {swap("checkout.session.completed", "customer.created"), "", payment.ErrIgnored},
		"a session of another shop":         {swap(`"cartkeep_shop": "`+shop, `"cartkeep_shop": "https://other.example`), "", payment.ErrIgnored},
		"a session of nobody":               {swap("cartkeep_shop", "their_shop"), "", payment.ErrIgnored},
		"an event of live mode":             {swap(`"livemode": false`, `"livemode": true`), "", payment.ErrNotice},
		"an event without a mode":           {swap("  \"livemode\": false,\n  \"object\": \"event\"", "  \"object\": \"event\""), "", payment.ErrNotice},
		"another account's event":           {swap(`"object": "event"`, `"object": "event", "account": "acct_123"`), "", payment.ErrNotice},
		"no envelope":                       {swap(`"object": "event"`, `"object": "v2.core.event"`), "", payment.ErrNotice},
		"a session that is none":            {swap(`"object": "checkout.session"`, `"object": "payment_intent"`), "", payment.ErrNotice},
		"attempt 0":                         {swap(`"cartkeep_attempt": "2"`, `"cartkeep_attempt": "0"`), "", payment.ErrNotice},
		"attempt 02":                        {swap(`"cartkeep_attempt": "2"`, `"cartkeep_attempt": "02"`), "", payment.ErrNotice},
		"no order":                          {swap(`"cartkeep_order": "order-1"`, `"cartkeep_order": ""`), "", payment.ErrNotice},
		"nothing paid":                      {swap(`"amount_total": 4800`, `"amount_total": 0`), "", payment.ErrNotice},
		"less than nothing":                 {swap(`"amount_total": 4800`, `"amount_total": -4800`), "", payment.ErrNotice},
		"a part of a cent":                  {swap(`"amount_total": 4800`, `"amount_total": 4800.5`), "", payment.ErrNotice},
		"no currency":                       {swap(`"currency": "eur"`, `"currency": null`), "", payment.ErrNotice},
		"a currency in capitals":            {swap(`"currency": "eur"`, `"currency": "EUR"`), "", payment.ErrNotice},
		"a currency that Stripe writes odd": {swap(`"currency": "eur"`, `"currency": "ugx"`), "", payment.ErrNotice},
	} {
		n, err := notice(b, sign([]byte(secret), b.now(), []byte(row.body)), []byte(row.body))
		if n.Outcome != row.outcome || !errors.Is(err, row.err) {
			t.Errorf("%s: got %+v, %v, want %q, %v", name, n, err, row.outcome, row.err)
		}
		if err != nil && n != (payment.Notice{}) {
			t.Errorf("%s: a refused event still tells %+v", name, n)
		}
	}
}

// TestAConnectedAccountIsTheOneThatWasNamed: a platform's endpoint is told of many.
func TestAConnectedAccountIsTheOneThatWasNamed(t *testing.T) {
	live := false
	p, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop, Account: "acct_1ours"})
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]bool{"acct_1ours": true, "": true, "acct_1theirs": false, "direct": false} {
		if got := p.ours(event{Live: &live, Account: account}); got != want {
			t.Errorf("an event of %q: got %v", account, got)
		}
	}
}

func TestAmountsAreStripes(t *testing.T) {
	for _, row := range []struct {
		currency    string
		ours, units int64 // 0: refused
	}{
		{"EUR", 4800, 4800}, {"USD", 1, 1}, {"HUF", 104500, 104500},
		{"JPY", 480, 480}, {"KRW", 48000, 48000}, {"XAF", 5, 5},
		{"ISK", 500, 50000}, {"MGA", 50000, 500}, {"MGA", 50001, 0},
		{"KWD", 5120, 5120}, {"KWD", 5124, 0}, {"BHD", 10, 10}, {"TND", 1, 0},
		{"UGX", 500, 0}, {"CLF", 10000, 0}, {"IQD", 1000, 0},
		{"EUR", 0, 0}, {"EUR", -1, 0}, {"EUR", money.Limit + 1, 0},
	} {
		c, err := money.ParseCurrency(row.currency)
		if err != nil {
			t.Fatal(err)
		}
		got, err := toUnits(money.Of(row.ours, c))
		if got != row.units || (row.units == 0) != errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s %d: got %d, %v, want %d", row.currency, row.ours, got, err, row.units)
			continue
		}
		if row.units == 0 {
			continue
		}
		back, err := fromUnits(got, strings.ToLower(row.currency))
		if err != nil || back != money.Of(row.ours, c) {
			t.Errorf("%s %d comes back as %v, %v", row.currency, row.ours, back, err)
		}
	}
	for _, row := range []struct {
		units    int64
		currency string
	}{{50050, "isk"}, {5124, "kwd"}, {500, "ugx"}, {500, "xxx"}, {500, ""}} {
		if a, err := fromUnits(row.units, row.currency); err == nil {
			t.Errorf("%d %s was read as %v", row.units, row.currency, a)
		}
	}
}

// TestStripeIsToldNoMoreThanItNeeds: an order's number, its total and ways back.
func TestStripeIsToldNoMoreThanItNeeds(t *testing.T) {
	b := newBank(t)
	for _, row := range []struct {
		currency string
		minor    int64
		units    string
	}{{"EUR", 4800, "4800"}, {"JPY", 480, "480"}, {"KWD", 5120, "5120"}, {"ISK", 500, "50000"}} {
		s, err := b.provider.Open(t.Context(), b.requestIn("order-"+row.currency, 1, row.minor, row.currency))
		if err != nil {
			t.Fatal(err)
		}
		last := b.asked[len(b.asked)-1]
		if got := last.form.Get("line_items[0][price_data][unit_amount]"); got != row.units {
			t.Errorf("%s: Stripe was asked for %s, want %s", row.currency, got, row.units)
		}
		if last.header.Get("Idempotency-Key") != "order-"+row.currency+"-1" {
			t.Errorf("got the key %q", last.header.Get("Idempotency-Key"))
		}
		if s.Mode != payment.ModeTest || strings.Contains(s.Ref, "secret") {
			t.Errorf("got %+v", s)
		}
		for name := range last.header {
			if strings.HasPrefix(name, "X-Stripe") {
				t.Errorf("Stripe is told %s: %s", name, last.header.Get(name))
			}
		}
		for name := range last.form {
			for _, personal := range []string{"email", "customer", "shipping", "address", "phone"} {
				if strings.Contains(name, personal) {
					t.Errorf("Stripe is told %s", name)
				}
			}
		}
	}
	if _, err := b.provider.Open(t.Context(), b.requestIn("order-odd", 1, 5124, "KWD")); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a third decimal that is not 0: got %v", err)
	}
}

func status(n int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		s, raw := refuse(n, code)
		w.WriteHeader(s)
		w.Write(raw)
	}
}

// TestStripeFailsOnTheWay: what was asked is asked again under the same key, so
// that a session, or a refund, is never made twice.
func TestStripeFailsOnTheWay(t *testing.T) {
	b := newBank(t)
	ctx := t.Context()
	b.fail = []func(http.ResponseWriter){status(500, "")}
	first, err := b.provider.Open(ctx, b.request("order-1", 1))
	if err != nil {
		t.Fatalf("500 and then success: %v", err)
	}
	if again, err := b.provider.Open(ctx, b.request("order-1", 1)); err != nil || again.Ref != first.Ref {
		t.Errorf("asked again: got %s, %v, want %s", again.Ref, err, first.Ref)
	}
	b.losing(true)
	if _, err := b.provider.Open(ctx, b.request("order-2", 1)); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Fatalf("an answer that was lost: got %v, want an error that passes", err)
	}
	b.losing(false)
	second, err := b.provider.Open(ctx, b.request("order-2", 1))
	if err != nil || len(b.sessions) != 2 {
		t.Errorf("got %v and %d sessions, want the one that was made before", err, len(b.sessions))
	}
	b.decide(second.Ref, "checkout.session.completed", true)
	q := payment.RefundRequest{ID: "refund-1", Ref: second.Ref, OrderID: "order-2", Amount: b.request("order-2", 1).Amount}
	q.Amount = money.Of(1000, q.Amount.Currency())
	b.losing(true)
	if err := b.provider.Refund(ctx, q); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("a refund whose answer was lost: got %v, want an error that passes", err)
	}
	b.losing(false)
	for range 2 {
		if err := b.provider.Refund(ctx, q); err != nil {
			t.Errorf("refund: %v", err)
		}
		b.forget() // days later
	}
	if got := b.refunded["pi_2"]; got != 1000 {
		t.Errorf("%d was paid back, want 1000: asked again and again, paid once", got)
	}
	for _, row := range []struct {
		status  int
		code    string
		refused bool
	}{{400, "amount_too_small", true}, {402, "card_declined", true}, {404, "resource_missing", true}, {401, "", false}, {403, "", false}, {409, "idempotency_key_in_use", false}, {429, "rate_limit", false}} {
		b.fail = []func(http.ResponseWriter){status(row.status, row.code), status(row.status, row.code)}
		_, _, err := b.provider.Find(ctx, first.Ref)
		if err == nil || errors.Is(err, payment.ErrRefused) != row.refused {
			t.Errorf("%d %s: got %v", row.status, row.code, err)
		}
		if strings.Contains(err.Error(), "order-1") || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), first.Ref) {
			t.Errorf("%d: the error tells too much: %v", row.status, err)
		}
	}
	b.fail = nil
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.provider.Open(gone, b.request("order-3", 1)); err == nil || strings.Contains(err.Error(), b.url) {
		t.Errorf("nobody waits any more: got %v", err)
	}
}

// FuzzNotice: nothing that is signed makes the reader fall over, and nothing
// incomplete comes out.
func FuzzNotice(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","object":"event","type":"checkout.session.completed","created":1,"livemode":false,"data":{"object":{"id":"cs_test_1","object":"checkout.session","livemode":false,"amount_total":1,"currency":"eur","payment_status":"paid","metadata":{"cartkeep_shop":"https://shop.example","cartkeep_order":"o","cartkeep_attempt":"1"}}}}`))
	f.Add([]byte(`{}`))
	p, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header = signed(sign([]byte(secret), time.Now(), body))
		n, err := p.Notice(r, body)
		switch {
		case err == nil && (!n.Outcome.Known() || n.Ref == "" || n.OrderID == "" || n.Attempt < 1 || n.Amount.Minor() <= 0 || n.Mode != payment.ModeTest || n.ID == ""):
			t.Errorf("got %+v", n)
		case err != nil && (n != (payment.Notice{}) || err != payment.ErrNotice && err != payment.ErrIgnored):
			t.Errorf("got %+v, %v", n, err)
		}
	})
}

// FuzzSignature: whatever is accepted holds a sum of ours.
func FuzzSignature(f *testing.F) {
	now := time.Unix(1767225600, 0)
	good := sign([]byte(secret), now, []byte("body"))
	for _, s := range []string{good, "", "t=,v1=", good + ",v0=00", good + ",v1=" + strings.Repeat("0", 64), " " + good} {
		f.Add(s)
	}
	p, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop, Now: func() time.Time { return now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if !p.signed([]string{header}, []byte("body")) {
			return
		}
		at, _, _ := parseSignature(header)
		if _, sum, _ := strings.Cut(sign([]byte(secret), at, []byte("body")), ",v1="); !strings.Contains(header, sum) {
			t.Errorf("%q was accepted", header)
		}
	})
}

// TestTheSecretIsBeingChanged: for a day Stripe signs with the old and the new one.
func TestTheSecretIsBeingChanged(t *testing.T) {
	p, err := New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop})
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Now(), []byte("{}")
	ours, old := sign([]byte(secret), now, body), sign([]byte("whsec_the_one_before_this_one"), now, body)
	_, oldSum, _ := strings.Cut(old, ",")
	_, ourSum, _ := strings.Cut(ours, ",")
	for _, header := range []string{ours + "," + oldSum, old + "," + ourSum, ours + ",v0=00"} {
		if !p.signed([]string{header}, body) {
			t.Errorf("%s: refused", header)
		}
	}
	if p.signed([]string{old}, body) {
		t.Error("the old secret alone is taken")
	}
	if p.signed([]string{ours + strings.Repeat(","+oldSum, maxParts)}, body) {
		t.Error("a header of many sums is taken")
	}
}

package mollie

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/paymenttest"
)

func TestMollieIsAPaymentProvider(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.Subject {
		d := newDouble(t)
		return paymenttest.Subject{Provider: d.provider, Secret: []byte(key), Now: d.now, Request: d.request,
			New: func(secret []byte) (payment.Provider, error) {
				return New(Config{Key: string(secret), Profile: profile, Mode: payment.ModeTest, Shop: shop})
			},
			Ping: func(t *testing.T, s payment.Session, o payment.Outcome) (*http.Request, []byte) {
				d.set(func() {
					d.decide(s.Ref, map[payment.Outcome]string{payment.Approved: "paid", payment.Declined: "failed"}[o])
				})
				return ping(s.Ref)
			},
		}
	})
}

// Every status of Mollie's reference means one thing, and one that nobody knows
// means that nothing is decided.
func TestWhatAStatusMeans(t *testing.T) {
	d := newDouble(t)
	s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[string]payment.Outcome{"open": "", "pending": "", "authorized": "", "canceled": payment.Expired, "expired": payment.Expired,
		"failed": payment.Declined, "paid": payment.Approved, "refunded": "", "PAID": "", "": ""} {
		d.set(func() { d.payments[s.Ref]["status"] = status })
		n, decided, err := d.provider.Find(t.Context(), s.Ref)
		if err != nil || decided != (want != "") || decided && (n.Outcome != want || n.Amount != money.Of(4800, n.Amount.Currency())) {
			t.Errorf("%q: got %+v, %v, %v, want %q", status, n, decided, err, want)
		}
	}
}

// What Mollie says of a payment is believed when all of it is ours.
func TestAPaymentMustBeOfThisShop(t *testing.T) {
	type object = map[string]any
	for name, row := range map[string]struct {
		change func(object)
		want   error
	}{
		"another mode":    {func(p object) { p["mode"] = "live" }, payment.ErrNotice},
		"another profile": {func(p object) { p["profileId"] = "pfl_other" }, payment.ErrNotice},
		"another shop": {func(p object) {
			p["metadata"] = object{"cartkeep_shop": "https://evil.example", "cartkeep_order": "order-1", "cartkeep_attempt": "1"}
		}, payment.ErrIgnored},
		"no metadata":  {func(p object) { p["metadata"] = nil }, payment.ErrIgnored},
		"a text there": {func(p object) { p["metadata"] = "order-1" }, payment.ErrIgnored},
		"no order":     {func(p object) { p["metadata"] = object{"cartkeep_shop": shop, "cartkeep_attempt": "1"} }, payment.ErrNotice},
		"attempt 01": {func(p object) {
			p["metadata"] = object{"cartkeep_shop": shop, "cartkeep_order": "order-1", "cartkeep_attempt": "01"}
		}, payment.ErrNotice},
		"another resource":   {func(p object) { p["resource"] = "order" }, payment.ErrNotice},
		"a number as amount": {func(p object) { p["amount"] = object{"currency": "EUR", "value": "48.0"} }, payment.ErrNotice},
		"no decimals":        {func(p object) { p["amount"] = object{"currency": "EUR", "value": "48"} }, payment.ErrNotice},
		"another currency":   {func(p object) { p["amount"] = object{"currency": "eur", "value": "48.00"} }, payment.ErrNotice},
		"below nothing":      {func(p object) { p["amount"] = object{"currency": "EUR", "value": "-48.00"} }, payment.ErrNotice},
	} {
		d := newDouble(t)
		s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
		if err != nil {
			t.Fatal(err)
		}
		d.set(func() {
			d.decide(s.Ref, "paid")
			row.change(d.payments[s.Ref])
		})
		if n, decided, err := d.provider.Find(t.Context(), s.Ref); !errors.Is(err, row.want) || decided {
			t.Errorf("%s: got %+v, %v, %v, want %v", name, n, decided, err, row.want)
		}
		if err := d.provider.Refund(t.Context(), payment.RefundRequest{ID: "r", Ref: s.Ref, OrderID: "order-1", Amount: d.request("order-1", 1).Amount}); !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: refund: got %v", name, err)
		}
	}
}

func TestAnAnswerAboutAnotherPaymentIsNotTaken(t *testing.T) {
	d := newDouble(t)
	one, err := d.provider.Open(t.Context(), d.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	two, err := d.provider.Open(t.Context(), d.request("order-2", 1))
	if err != nil {
		t.Fatal(err)
	}
	d.set(func() {
		d.decide(two.Ref, "paid")
		d.payments[one.Ref] = d.payments[two.Ref]
	})
	if n, decided, err := d.provider.Find(t.Context(), one.Ref); err == nil || decided {
		t.Errorf("got %+v, %v", n, decided)
	}
}

// Amounts are decimals with the decimals of their currency: a factor of a hundred
// is at stake.
func TestAmountsAreWrittenAsMollieWants(t *testing.T) {
	d := newDouble(t)
	for i, row := range []struct {
		currency, want string
		minor          int64
	}{{"EUR", "48.00", 4800}, {"EUR", "0.01", 1}, {"JPY", "4800", 4800}, {"ISK", "12", 12}, {"HUF", "1.50", 150}, {"KWD", "1.234", 1234}} {
		q := d.requestIn("order-"+row.currency, i+1, row.minor, row.currency)
		s, err := d.provider.Open(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", row.want, err)
			continue
		}
		d.set(func() {
			if got := d.payments[s.Ref]["amount"].(map[string]any)["value"]; got != row.want {
				t.Errorf("%d of %s: got %q, want %q", row.minor, row.currency, got, row.want)
			}
			d.decide(s.Ref, "paid")
		})
		if n, decided, err := d.provider.Find(t.Context(), s.Ref); err != nil || !decided || n.Amount != q.Amount {
			t.Errorf("%s: read again it is %v, %v", row.want, n.Amount, err)
		}
	}
}

func TestMollieIsToldNothingOfPeople(t *testing.T) {
	d := newDouble(t)
	if _, err := d.provider.Open(t.Context(), d.request("order-1", 1)); err != nil {
		t.Fatal(err)
	}
	for _, a := range d.requests(http.MethodPost, "/v2/payments") {
		if a.header.Get("User-Agent") != "Cartkeep" || a.header.Get("Idempotency-Key") != "order-1-1" || strings.Contains(string(a.body), "email") {
			t.Errorf("got %v %s", a.header, a.body)
		}
	}
}

// Money is taken or given once, whatever happens on the way: an answer lost before
// or after the deed, a failure and then a success, and hours in between.
func TestNothingHappensTwiceWithMollie(t *testing.T) {
	d := newDouble(t)
	q := d.request("order-1", 1)
	d.set(func() { d.lose = true })
	if s, err := d.provider.Open(t.Context(), q); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Fatalf("got %+v, %v, want a failure that may pass", s, err)
	}
	d.set(func() { d.lose = false; d.fail = []int{500, 503, 429} })
	for range 3 {
		if _, err := d.provider.Open(t.Context(), q); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Fatalf("got %v, want a failure that may pass", err)
		}
	}
	s, err := d.provider.Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	d.set(func() {
		if len(d.payments) != 1 {
			t.Errorf("there are %d payments", len(d.payments))
		}
		d.decide(s.Ref, "paid")
	})
	back := payment.RefundRequest{ID: "refund-1", Ref: s.Ref, OrderID: q.OrderID, Amount: money.Of(1000, q.Amount.Currency())}
	d.set(func() { d.fail = []int{500} })
	if err := d.provider.Refund(t.Context(), back); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Fatalf("got %v", err)
	}
	// The answer to the third request, which pays, is lost.
	d.set(func() { d.fail = nil })
	lost := &loser{d: d, when: http.MethodPost, next: d.provider.c.Client.Transport}
	d.provider.c.Client.Transport = lost
	if err := d.provider.Refund(t.Context(), back); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Fatalf("got %v, want the answer lost", err)
	}
	lost.when = ""
	for range 2 {
		if err := d.provider.Refund(t.Context(), back); err != nil {
			t.Fatal(err)
		}
		d.move(26 * time.Hour) // Mollie has forgotten the key by now
	}
	if got, err := d.provider.PaidBack(t.Context(), s.Ref); err != nil || got != back.Amount {
		t.Errorf("got %v paid back, %v, want %v", got, err, back.Amount)
	}
	part := payment.RefundRequest{ID: "refund-2", Ref: s.Ref, OrderID: q.OrderID, Amount: money.Of(3800, q.Amount.Currency())}
	if err := d.provider.Refund(t.Context(), part); err != nil {
		t.Fatal(err)
	}
	if got, err := d.provider.PaidBack(t.Context(), s.Ref); err != nil || got != q.Amount {
		t.Errorf("got %v paid back, %v, want all", got, err)
	}
	// One that failed at the bank is not paid back, and its id may be tried again.
	d.set(func() { d.refunds[s.Ref][1]["status"] = "failed" })
	if got, err := d.provider.PaidBack(t.Context(), s.Ref); err != nil || got != back.Amount {
		t.Errorf("got %v paid back, %v, want the first", got, err)
	}
}

// loser loses the answers to requests of one method, after the deed.
type loser struct {
	d    *double
	when string
	next http.RoundTripper
}

func (l *loser) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err == nil && r.Method == l.when {
		res.Body.Close()
		return nil, errors.New("the way back broke")
	}
	return res, err
}

func TestMollieIsSilent(t *testing.T) {
	d := newDouble(t)
	hang := make(chan struct{})
	d.set(func() { d.hang = hang })
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.provider.Open(ctx, d.request("order-1", 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	} else if strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), key) {
		t.Errorf("the error tells too much: %v", err)
	}
}

// What Mollie says in words stays out of errors, and a flood of words is not read.
func TestMolliesAnswersAreBounded(t *testing.T) {
	for name, body := range map[string]string{"endless": strings.Repeat(" ", maxAnswer+10), "no document": "<html>order-1</html>", "empty": ""} {
		p, err := New(Config{Key: key, Profile: profile, Mode: payment.ModeTest, Shop: shop, Client: &http.Client{Transport: says(body)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Find(t.Context(), "tr_1"); err == nil || errors.Is(err, payment.ErrRefused) || strings.Contains(err.Error(), "order-1") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	d := newDouble(t)
	for _, status := range []int{400, 404, 410, 422} {
		d.set(func() { d.fail = []int{status} })
		if _, _, err := d.provider.Find(t.Context(), "tr_1"); !errors.Is(err, payment.ErrRefused) || strings.Contains(err.Error(), "order-1") || strings.Contains(err.Error(), shop) {
			t.Errorf("%d: got %v, want ErrRefused without Mollie's words", status, err)
		}
	}
	for _, status := range []int{401, 403, 409, 429, 500, 502, 503, 302} {
		d.set(func() { d.fail = []int{status} })
		if _, _, err := d.provider.Find(t.Context(), "tr_1"); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%d: got %v, want a failure that may pass", status, err)
		}
	}
}

type says string

func (s says) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(s))), Header: http.Header{}}, nil
}

// A card that is being checked can't be taken back by anybody: whoever closes such a
// payment is told to ask again.
func TestAPaymentThatCanNotBeEndedIsAskedAboutAgain(t *testing.T) {
	d := newDouble(t)
	d.set(func() { d.stuck = true })
	s, err := d.provider.Open(t.Context(), d.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.provider.Close(t.Context(), s.Ref); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("got %v, want a failure that may pass", err)
	}
	d.set(func() { d.decide(s.Ref, "expired") })
	if err := d.provider.Close(t.Context(), s.Ref); err != nil {
		t.Errorf("once it has ended: got %v", err)
	}
	if len(d.requests(http.MethodDelete, s.Ref)) != 0 {
		t.Error("it was tried all the same")
	}
}

func TestKeysOfMollie(t *testing.T) {
	good := Config{Key: key, Profile: profile, Mode: payment.ModeTest, Shop: shop}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	live := good
	live.Key, live.Mode = "live_0123456789abcdefghijABCDEFGHIJ", payment.ModeLive
	if p, err := New(live); err != nil || strings.Contains(p.Title(), "test") {
		t.Errorf("live: got %v", err)
	}
	for name, change := range map[string]func(*Config){
		"no key":                func(c *Config) { c.Key = "" },
		"a short key":           func(c *Config) { c.Key = "test_0123" },
		"a key of one sign":     func(c *Config) { c.Key = "test_" + strings.Repeat("0", 30) },
		"an access token":       func(c *Config) { c.Key = "access_0123456789abcdefghijABCDEFGHIJ" },
		"Stripe's key":          func(c *Config) { c.Key = "sk_test_0123456789abcdefghijABCDEFGHIJ" },
		"a live key in test":    func(c *Config) { c.Key = live.Key },
		"a test key in live":    func(c *Config) { c.Mode = payment.ModeLive },
		"no profile":            func(c *Config) { c.Profile = "" },
		"another kind of id":    func(c *Config) { c.Profile = "org_123" },
		"a profile with a path": func(c *Config) { c.Profile = "pfl_1/../2" },
		"no shop":               func(c *Config) { c.Shop = "" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: it was made all the same", name)
		} else if c.Key != "" && strings.Contains(err.Error(), c.Key) {
			t.Errorf("%s: the error tells the key", name)
		}
	}
}

func FuzzNamed(f *testing.F) {
	p, err := New(Config{Key: key, Profile: profile, Mode: payment.ModeTest, Shop: shop})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("id=tr_5B8cwPMGnU6qLbRvo7qEZo")
	f.Add("id=tr_1&id=tr_2")
	f.Add("id=tr_%2e%2e%2f")
	f.Fuzz(func(t *testing.T, body string) {
		r, _ := ping("tr_1")
		ref, err := p.Named(r, []byte(body))
		if err == nil && !isID(ref, "tr_") || err != nil && ref != "" {
			t.Errorf("got %q, %v", ref, err)
		}
	})
}

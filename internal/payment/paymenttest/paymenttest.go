// Package paymenttest is what every payment.Provider must hold to, as tests.
//
// A provider's own test builds a Subject: the provider, a bank for it to talk
// to, and a way to sign as the bank does. Run then plays honest shoppers,
// forgers and replayers against it.
package paymenttest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Subject is one provider, ready to be tried.
type Subject struct {
	Provider payment.Provider
	// New makes another provider like it, but for the secret.
	New func(secret []byte) (payment.Provider, error)
	// Secret is the one that Provider knows.
	Secret []byte
	// Header is the name of the signature's header.
	Header string
	// Sign writes the header's value as the bank would at that time.
	Sign func(secret []byte, at time.Time, body []byte) string
	// Decide has the shopper's bank answer and returns the call-back it sent.
	Decide func(t *testing.T, s payment.Session, o payment.Outcome) (http.Header, []byte)
	// Now is the clock of Provider, and Tolerance how old a call-back may be.
	Now       func() time.Time
	Tolerance time.Duration
	// Recalls: Find tells the call-back itself again, its id and time too.
	Recalls bool
	// Ping stands for Decide where call-backs are not signed (payment.Pinged); Header,
	// Sign and Tolerance mean nothing then.
	Ping func(t *testing.T, s payment.Session, o payment.Outcome) (*http.Request, []byte)
	// Request is a valid request for this order and attempt.
	Request func(orderID string, attempt int) payment.Request
}

// Run tries a provider. Each test gets a Subject of its own.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	t.Run("says who it is", func(t *testing.T) { identity(t, subject(t)) })
	t.Run("opens once for an order and attempt", func(t *testing.T) { openTwice(t, subject(t)) })
	for _, o := range []payment.Outcome{payment.Approved, payment.Declined} {
		t.Run("tells the shop of "+string(o), func(t *testing.T) { honest(t, subject(t), o) })
	}
	if subject(t).Ping != nil {
		t.Run("believes no call-back", func(t *testing.T) { pings(t, subject(t)) })
	} else {
		t.Run("refuses forgers", func(t *testing.T) { forgers(t, subject(t)) })
		t.Run("refuses signed nonsense", func(t *testing.T) { nonsense(t, subject(t)) })
	}
	t.Run("can not be made without a secret", func(t *testing.T) { noSecret(t, subject(t)) })
	t.Run("tells when asked", func(t *testing.T) { found(t, subject(t)) })
	t.Run("ends a page that nobody paid on", func(t *testing.T) { closes(t, subject(t)) })
	t.Run("keeps cards for who wishes it, and forgets them", func(t *testing.T) { keeps(t, subject(t)) })
	t.Run("pays back what was paid, once", func(t *testing.T) { refunds(t, subject(t)) })
	t.Run("takes what is reserved, once", func(t *testing.T) { captures(t, subject(t)) })
	t.Run("lets go of what is reserved", func(t *testing.T) { releases(t, subject(t)) })
}

// RunByHand tries a provider that no service stands behind. request gives a valid
// request for an order and attempt; other orders have other numbers.
func RunByHand(t *testing.T, p payment.ByHand, request func(order string, attempt int) payment.Request) {
	t.Helper()
	ctx := context.Background()
	open := func(order string, attempt int) payment.Session {
		got, err := p.Open(ctx, request(order, attempt))
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return got
	}
	if p.Name() == "" || strings.ToLower(p.Name()) != p.Name() || strings.ContainsAny(p.Name(), " /") || p.Title() == "" || p.Origin() != "" {
		t.Errorf("got name %q, title %q and origin %q", p.Name(), p.Title(), p.Origin())
	}
	if terms := p.Terms(); terms.Note == "" || terms.Wait <= 0 || terms.Most < 1 {
		t.Errorf("got terms %+v", terms)
	}
	first := open("order-1", 1)
	if first.Ref == "" || first.URL != "" || first.Account == "" || first.Mode != payment.ModeTest && first.Mode != payment.ModeLive {
		t.Errorf("got %+v, want a reference, an account, a mode, and no page", first)
	}
	for name, other := range map[string]payment.Session{"another attempt": open("order-1", 2), "another order": open("order-2", 1)} {
		if other.Ref == first.Ref {
			t.Errorf("%s has the same reference", name)
		}
	}
	if again := open("order-1", 1); again != first {
		t.Errorf("the same order and attempt: got %+v and %+v", first, again)
	}
	for _, body := range []string{"", "{}", first.Ref, `{"ref":"` + first.Ref + `","outcome":"approved"}`} {
		if n, err := p.Notice(call(nil, []byte(body)), []byte(body)); !errors.Is(err, payment.ErrSignature) || n != (payment.Notice{}) {
			t.Errorf("a call-back %q: got %+v, %v, want ErrSignature", body, n, err)
		}
	}
	q := request("order-1", 1)
	if err := p.Refund(ctx, payment.RefundRequest{ID: "refund-1", Ref: first.Ref, OrderID: q.OrderID, Amount: q.Amount}); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("refund: got %v, want ErrRefused: nobody is there to send money", err)
	}
	for name, is := range map[string]bool{"Finder": implements[payment.Finder](p), "Closer": implements[payment.Closer](p), "Capturer": implements[payment.Capturer](p), "Teller": implements[payment.Teller](p)} {
		if is {
			t.Errorf("it claims to be a %s, and there is nobody to ask", name)
		}
	}
}

func implements[T any](p payment.Provider) bool {
	_, ok := p.(T)
	return ok
}

func identity(t *testing.T, s Subject) {
	p := s.Provider
	if p.Name() == "" || strings.ToLower(p.Name()) != p.Name() || strings.ContainsAny(p.Name(), " /") || p.Title() == "" {
		t.Errorf("got name %q and title %q", p.Name(), p.Title())
	}
	if !strings.HasPrefix(p.Origin(), "https://") || strings.HasSuffix(p.Origin(), "/") {
		t.Errorf("got origin %q, want https://HOST", p.Origin())
	}
}

func open(t *testing.T, s Subject, q payment.Request) payment.Session {
	t.Helper()
	got, err := s.Provider.Open(context.Background(), q)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if got.Ref == "" || !strings.HasPrefix(got.URL, s.Provider.Origin()+"/") {
		t.Fatalf("open: got %+v, want a page on %s", got, s.Provider.Origin())
	}
	if got.Mode != payment.ModeTest && got.Mode != payment.ModeLive || got.Account == "" {
		t.Fatalf("open: got mode %q and account %q", got.Mode, got.Account)
	}
	return got
}

func openTwice(t *testing.T, s Subject) {
	first := open(t, s, s.Request("order-1", 1))
	if again := open(t, s, s.Request("order-1", 1)); again.Ref != first.Ref || again.URL != first.URL {
		t.Errorf("the same order and attempt: got %s and %s", first.Ref, again.Ref)
	}
	if next := open(t, s, s.Request("order-1", 2)); next.Ref == first.Ref {
		t.Error("another attempt has the same session")
	}
	if other := open(t, s, s.Request("order-2", 1)); other.Ref == first.Ref {
		t.Error("another order has the same session")
	}
	dearer := s.Request("order-1", 1)
	dearer.Amount = money.Of(dearer.Amount.Minor()+1, dearer.Amount.Currency())
	if got, err := s.Provider.Open(context.Background(), dearer); err == nil || !errors.Is(err, payment.ErrRefused) {
		t.Errorf("the same order and attempt for another amount: got %+v, %v, want ErrRefused", got, err)
	}
}

func honest(t *testing.T, s Subject, o payment.Outcome) {
	q := s.Request("order-1", 3)
	opened := open(t, s, q)
	n, body := s.told(t, opened, o)
	if n.ID == "" || n.At.IsZero() || n.Account != opened.Account || n.Mode != opened.Mode {
		t.Errorf("notice lacks a part: %+v", n)
	}
	if n.Ref != opened.Ref || n.OrderID != q.OrderID || n.Attempt != q.Attempt || n.Outcome != o || n.Amount != q.Amount {
		t.Errorf("got %+v, want order %s attempt %d %s", n, q.OrderID, q.Attempt, o)
	}
	for _, part := range []string{q.OrderNumber + "@", string(s.Secret)} {
		if bytes.Contains(body, []byte(part)) {
			t.Errorf("the call-back shows %q", part)
		}
	}
}

// decide has the bank answer, and forgets its call-back.
func (s Subject) decide(t *testing.T, opened payment.Session, o payment.Outcome) {
	if s.Ping != nil {
		s.Ping(t, opened, o)
		return
	}
	s.Decide(t, opened, o)
}

// told has the bank answer, and is what the provider makes of its call-back.
func (s Subject) told(t *testing.T, opened payment.Session, o payment.Outcome) (payment.Notice, []byte) {
	t.Helper()
	if s.Ping == nil {
		header, body := s.Decide(t, opened, o)
		n, err := s.Provider.Notice(call(header, body), body)
		if err != nil {
			t.Fatalf("notice: %v", err)
		}
		return n, body
	}
	r, body := s.Ping(t, opened, o)
	p := s.Provider.(payment.Pinged)
	ref, err := p.Named(r, body)
	if err != nil || ref != opened.Ref {
		t.Fatalf("a call-back names %q, %v, want %q", ref, err, opened.Ref)
	}
	n, decided, err := p.Find(context.Background(), ref)
	if err != nil || !decided {
		t.Fatalf("find: %v, %v", decided, err)
	}
	return n, body
}

// pings holds a provider to it that a call-back which nobody signed is believed in
// nothing, and names a session or is refused.
func pings(t *testing.T, s Subject) {
	p, ok := s.Provider.(payment.Pinged)
	if !ok {
		t.Fatal("its call-backs are not signed, and it is not payment.Pinged")
	}
	opened := open(t, s, s.Request("order-1", 1))
	r, body := s.Ping(t, opened, payment.Approved)
	if n, err := p.Notice(r, body); !errors.Is(err, payment.ErrSignature) || n != (payment.Notice{}) {
		t.Errorf("got %+v, %v, want nothing believed", n, err)
	}
	text := string(body)
	for name, b := range map[string]string{
		"nothing":           "",
		"no document":       "approved",
		"a foreign letter":  "\xff",
		"twice":             text + "&" + text,
		"with more":         text + "&status=paid",
		"a path":            text + "%2F..%2F..%2Frefunds",
		"a line break":      text + "%0A",
		"an empty name":     strings.ReplaceAll(text, opened.Ref, ""),
		"another kind":      strings.ReplaceAll(text, opened.Ref, "sub_1"),
		"a long name":       text + strings.Repeat("x", 1000),
		"too much":          text + strings.Repeat(" ", payment.MaxNotice),
		"a name in a list":  strings.Replace(text, "=", "[]=", 1),
		"JSON for the form": `{"id":"` + opened.Ref + `"}`,
	} {
		if ref, err := p.Named(r, []byte(b)); !errors.Is(err, payment.ErrNotice) || ref != "" {
			t.Errorf("%s: got %q, %v, want ErrNotice", name, ref, err)
		} else {
			silent(t, name, err, s, []byte(b))
		}
	}
	bare := r.Clone(context.Background())
	bare.Header = http.Header{}
	if ref, err := p.Named(bare, body); !errors.Is(err, payment.ErrNotice) {
		t.Errorf("without saying what it is: got %q, %v", ref, err)
	}
}

// genuine is a call-back that Provider accepts, for forgers to start from.
func genuine(t *testing.T, s Subject) []byte {
	t.Helper()
	header, body := s.Decide(t, open(t, s, s.Request("order-1", 1)), payment.Approved)
	if _, err := s.Provider.Notice(call(header, body), body); err != nil {
		t.Fatalf("the genuine call-back: %v", err)
	}
	resigned := http.Header{}
	resigned.Set(s.Header, s.Sign(s.Secret, s.Now(), body))
	if _, err := s.Provider.Notice(call(resigned, body), body); err != nil {
		t.Fatalf("the genuine call-back signed by the suite: %v", err)
	}
	return body
}

func forgers(t *testing.T, s Subject) {
	body := genuine(t, s)
	now := s.Now()
	good := s.Sign(s.Secret, now, body)
	other := bytes.Repeat([]byte("another secret, "), 4)
	dearer := bytes.Replace(bytes.Clone(body), []byte("approved"), []byte("declined"), 1)
	if bytes.Equal(dearer, body) {
		dearer = append(bytes.Clone(body), ' ')
	}
	flipped := []byte(good)
	flipped[len(flipped)-1] ^= 1
	late, early := now.Add(-s.Tolerance-2*time.Second), now.Add(s.Tolerance+2*time.Second)
	for _, row := range []struct {
		name   string
		values []string
		body   []byte
	}{
		{"unsigned", nil, body},
		{"an empty signature", []string{""}, body},
		{"spaces for a signature", []string{"  "}, body},
		{"only commas", []string{",,,"}, body},
		{"a forged signature", []string{string(flipped)}, body},
		{"a signature without its end", []string{good[:len(good)-2]}, body},
		{"a signature with more behind it", []string{good + "00"}, body},
		{"the empty secret", []string{s.Sign(nil, now, body)}, body},
		{"another secret", []string{s.Sign(other, now, body)}, body},
		{"a secret with a byte more", []string{s.Sign(append(bytes.Clone(s.Secret), 1), now, body)}, body},
		{"an old time", []string{s.Sign(s.Secret, late, body)}, body},
		{"a future time", []string{s.Sign(s.Secret, early, body)}, body},
		{"the first day of computers", []string{s.Sign(s.Secret, time.Unix(0, 0), body)}, body},
		{"a truncated body", []string{good}, body[:len(body)-1]},
		{"an empty body", []string{good}, nil},
		{"a longer body", []string{good}, append(bytes.Clone(body), ' ')},
		{"another content", []string{good}, dearer},
		{"the header twice", []string{good, good}, body},
		{"a forged header before the good one", []string{string(flipped), good}, body},
		{"a forged header behind the good one", []string{good, string(flipped)}, body},
		{"its parts twice", []string{good + "," + good}, body},
		{"an old time first, then the good one", []string{s.Sign(s.Secret, late, body) + "," + good}, body},
		{"the good one first, then a forged one", []string{good + "," + string(flipped)}, body},
		{"another letter case", []string{strings.ToUpper(good)}, body},
		{"a line break", []string{good + "\n"}, body},
	} {
		h := http.Header{}
		for _, v := range row.values {
			h.Add(s.Header, v)
		}
		n, err := s.Provider.Notice(call(h, row.body), row.body)
		if !errors.Is(err, payment.ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", row.name, err)
		}
		if n != (payment.Notice{}) {
			t.Errorf("%s: a refused call-back still tells %+v", row.name, n)
		}
		silent(t, row.name, err, s, row.body)
	}
	edge := http.Header{}
	edge.Set(s.Header, s.Sign(s.Secret, now.Add(-s.Tolerance+time.Second), body))
	if _, err := s.Provider.Notice(call(edge, body), body); err != nil {
		t.Errorf("a call-back within the tolerance: %v", err)
	}
}

// amounts finds the numbers of money in a call-back.
var amounts = regexp.MustCompile(`"amount[a-z_]*": ?`)

func nonsense(t *testing.T, s Subject) {
	body := string(genuine(t, s))
	great := amounts.ReplaceAllString(body, "${0}99999999999999999999")
	if great == body {
		t.Fatalf("the call-back has no amount: %s", body)
	}
	for name, b := range map[string]string{
		"nothing":          "",
		"no document":      "approved",
		"null":             "null",
		"a list":           "[" + body + "]",
		"two documents":    body + body,
		"an empty object":  "{}",
		"a great number":   great,
		"a foreign letter": "\xff" + body,
		"too much":         body + strings.Repeat(" ", payment.MaxNotice),
	} {
		h := http.Header{}
		h.Set(s.Header, s.Sign(s.Secret, s.Now(), []byte(b)))
		n, err := s.Provider.Notice(call(h, []byte(b)), []byte(b))
		if !errors.Is(err, payment.ErrNotice) || n != (payment.Notice{}) {
			t.Errorf("%s: got %+v, %v, want ErrNotice", name, n, err)
		}
		silent(t, name, err, s, []byte(b))
	}
}

// silent checks that an error can be logged.
func silent(t *testing.T, name string, err error, s Subject, body []byte) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if strings.Contains(text, string(s.Secret)) || strings.Contains(text, "order-1") || len(body) > 20 && strings.Contains(text, string(body[:20])) {
		t.Errorf("%s: the error tells too much: %q", name, text)
	}
}

func noSecret(t *testing.T, s Subject) {
	for _, secret := range [][]byte{nil, {}, []byte("short"), make([]byte, 64)} {
		if p, err := s.New(secret); err == nil {
			t.Errorf("a provider was made with a secret of %d bytes: %v", len(secret), p.Name())
		}
	}
	if _, err := s.New(s.Secret); err != nil {
		t.Errorf("with the good secret: %v", err)
	}
}

func found(t *testing.T, s Subject) {
	f, ok := s.Provider.(payment.Finder)
	if !ok {
		t.Skip("the provider can't be asked")
	}
	ctx := context.Background()
	opened := open(t, s, s.Request("order-1", 1))
	if n, ok, err := f.Find(ctx, opened.Ref); ok || err != nil {
		t.Errorf("before a decision: got %+v, %v, %v", n, ok, err)
	}
	told, _ := s.told(t, opened, payment.Approved)
	n, ok, err := f.Find(ctx, opened.Ref)
	if n.ID == "" || n.At.IsZero() {
		t.Errorf("got %+v, want an id and a time", n)
	}
	if !s.Recalls {
		n.ID, n.At = told.ID, told.At
	}
	if !ok || err != nil || n != told {
		t.Errorf("got %+v, %v, %v, want what the call-back told: %+v", n, ok, err, told)
	}
	if _, ok, err := f.Find(ctx, "unknown"); ok || !errors.Is(err, payment.ErrRefused) {
		t.Errorf("an unknown session: got %v, %v", ok, err)
	}
}

func closes(t *testing.T, s Subject) {
	c, ok := s.Provider.(payment.Closer)
	if !ok {
		t.Skip("the provider's pages end by themselves")
	}
	f, ok := s.Provider.(payment.Finder)
	if !ok {
		t.Fatal("who can end a page must be able to say what became of it")
	}
	ctx := context.Background()
	unpaid, paid := open(t, s, s.Request("order-1", 1)), open(t, s, s.Request("order-2", 1))
	s.decide(t, paid, payment.Approved)
	for range 2 {
		for _, ref := range []string{unpaid.Ref, paid.Ref} {
			if err := c.Close(ctx, ref); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
	if n, ok, err := f.Find(ctx, unpaid.Ref); err != nil || !ok || n.Outcome != payment.Expired {
		t.Errorf("the page that nobody paid on: got %+v, %v, %v, want expired", n, ok, err)
	}
	if n, ok, err := f.Find(ctx, paid.Ref); err != nil || !ok || n.Outcome != payment.Approved {
		t.Errorf("the page that was paid on: got %+v, %v, %v, want approved", n, ok, err)
	}
	if err := c.Close(ctx, "unknown"); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("an unknown session: got %v", err)
	}
}

func refunds(t *testing.T, s Subject) {
	ctx := context.Background()
	q := s.Request("order-1", 1)
	opened := open(t, s, q)
	all := payment.RefundRequest{ID: "refund-1", Ref: opened.Ref, OrderID: q.OrderID, Amount: q.Amount}
	refused := func(name string, r payment.RefundRequest) {
		t.Helper()
		if err := s.Provider.Refund(ctx, r); !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
	refused("before it was paid", all)
	s.decide(t, opened, payment.Approved)

	change := func(f func(*payment.RefundRequest)) payment.RefundRequest { r := all; f(&r); return r }
	refused("of another order", change(func(r *payment.RefundRequest) { r.OrderID = "order-2" }))
	refused("of an unknown session", change(func(r *payment.RefundRequest) { r.Ref = "unknown" }))
	refused("of more than was paid", change(func(r *payment.RefundRequest) { r.Amount = money.Of(q.Amount.Minor()+1, q.Amount.Currency()) }))
	refused("of nothing", change(func(r *payment.RefundRequest) { r.Amount = money.Zero(q.Amount.Currency()) }))
	refused("below nothing", change(func(r *payment.RefundRequest) { r.Amount = money.Of(-1, q.Amount.Currency()) }))

	for range 2 { // asked twice, paid once
		if err := s.Provider.Refund(ctx, all); err != nil {
			t.Fatalf("refund: %v", err)
		}
	}
	if teller, ok := s.Provider.(payment.Teller); ok {
		if got, err := teller.PaidBack(ctx, opened.Ref); err != nil || got != q.Amount {
			t.Errorf("got %v paid back, %v, want %v", got, err, q.Amount)
		}
		fresh := open(t, s, s.Request("order-3", 1))
		if got, err := teller.PaidBack(ctx, fresh.Ref); err != nil || got != money.Zero(q.Amount.Currency()) {
			t.Errorf("of a session that nobody paid, got %v paid back, %v", got, err)
		}
	}
	refused("a second one", change(func(r *payment.RefundRequest) { r.ID, r.Amount = "refund-2", money.Of(1, q.Amount.Currency()) }))
	refused("the same with another amount", change(func(r *payment.RefundRequest) { r.Amount = money.Of(1, q.Amount.Currency()) }))
}

func call(h http.Header, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://shop.example/", bytes.NewReader(body))
	r.Header = h.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return r
}

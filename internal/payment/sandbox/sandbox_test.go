package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/paymenttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("a secret of more than thirty-two bytes, for tests")

// town is a shop and a bank on two origins, with one clock.
type town struct {
	t        *testing.T
	bank     *httptest.Server
	shop     *httptest.Server
	client   *http.Client // trusts both and follows nothing
	journal  string
	log      *syncBuffer
	service  *Service
	provider *Provider

	mu      sync.Mutex
	ahead   time.Duration // of the clock
	answer  int           // of the shop to a call-back
	calls   []call        // that the shop received
	handler http.Handler
}

type call struct {
	header http.Header
	body   []byte
	path   string
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newTown(t *testing.T) *town {
	n := &town{t: t, answer: 200, journal: filepath.Join(t.TempDir(), "sandbox.journal"), log: &syncBuffer{}}
	serve := func(h http.HandlerFunc) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	n.shop = serve(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n.mu.Lock()
		defer n.mu.Unlock()
		if r.Method == http.MethodPost {
			n.calls = append(n.calls, call{r.Header.Clone(), body, r.URL.Path})
		}
		if n.answer == http.StatusFound {
			w.Header().Set("Location", n.bank.URL+"/")
		}
		w.WriteHeader(n.answer)
	})
	n.bank = serve(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		h := n.handler
		n.mu.Unlock()
		h.ServeHTTP(w, r)
	})
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // httptest's certificate
	t.Cleanup(tr.CloseIdleConnections)
	n.client = staying(&http.Client{Transport: tr})
	n.start()
	t.Cleanup(func() { n.service.Close() })
	var err error
	n.provider, err = New(Config{Secret: secret, Origin: n.bank.URL, Client: n.client, Now: n.now})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *town) start() {
	n.t.Helper()
	s, err := NewService(ServiceConfig{
		Secret: secret, Journal: n.journal, Origin: n.bank.URL, ShopOrigins: []string{n.shop.URL},
		Client: n.client, Now: n.now, Log: slog.New(slog.NewTextHandler(n.log, nil)),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.service, n.handler = s, s.Handler()
}

func (n *town) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Now().Add(n.ahead)
}

func (n *town) advance(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ahead += d
}

func (n *town) shopAnswers(status int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = status
}

func (n *town) received() []call {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]call(nil), n.calls...)
}

func (n *town) request(order string, attempt int) payment.Request {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		n.t.Fatal(err)
	}
	return payment.Request{
		OrderID: order, OrderNumber: "K7Q2M-9F3XA", Attempt: attempt, Amount: money.Of(4800, eur),
		ReturnURL: n.shop.URL + "/orders/K7Q2M-9F3XA", CancelURL: n.shop.URL + "/checkout", NoticeURL: n.shop.URL + "/call-backs/sandbox",
		ExpiresAt: n.now().Add(15 * time.Minute),
	}
}

func (n *town) open() payment.Session {
	n.t.Helper()
	s, err := n.provider.Open(context.Background(), n.request("order-1", 1))
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

// press posts the form of a page, as a browser or a script does.
func (n *town) press(address, outcome string) (*http.Response, string) {
	n.t.Helper()
	return n.do(n.client.PostForm(address, url.Values{"outcome": {outcome}}))
}

func (n *town) get(address string) (*http.Response, string) {
	n.t.Helper()
	return n.do(n.client.Get(address))
}

func (n *town) do(res *http.Response, err error) (*http.Response, string) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res, string(body)
}

func (n *town) leadsTo(res *http.Response, want string) {
	n.t.Helper()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != n.shop.URL+want {
		n.t.Errorf("got %d to %q, want 303 to %s", res.StatusCode, res.Header.Get("Location"), want)
	}
}

// waitFor gives something that happens beside the test five seconds.
func (n *town) waitFor(what string, come func() bool) {
	n.t.Helper()
	for range 500 {
		if come() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	n.t.Fatalf("waited in vain for %s; log:\n%s", what, n.log.String())
}

func TestConformance(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.Subject {
		n := newTown(t)
		return paymenttest.Subject{
			Provider: n.provider,
			New: func(secret []byte) (payment.Provider, error) {
				return New(Config{Secret: secret, Origin: n.bank.URL, Client: n.client})
			},
			Secret: secret, Header: SignatureHeader, Sign: Sign,
			Decide: func(t *testing.T, s payment.Session, o payment.Outcome) (http.Header, []byte) {
				n.press(s.URL, string(o))
				calls := n.received()
				if len(calls) == 0 {
					t.Fatal("no call-back came before the redirect")
				}
				last := calls[len(calls)-1]
				return last.header, last.body
			},
			Now: n.now, Tolerance: Tolerance, Recalls: true, Request: n.request,
		}
	})
}

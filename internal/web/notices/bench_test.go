package notices_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/notices"
)

// wire leads to the make-believe bank, and catches the call-backs that it sends.
type wire struct {
	bank http.Handler
	mu   sync.Mutex
	sent []*http.Request
	body [][]byte

	asked atomic.Int64 // how often the bank was asked
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if strings.HasPrefix(r.URL.Path, "/payments/") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		w.sent, w.body = append(w.sent, r), append(w.body, body)
		w.mu.Unlock()
		rec.WriteHeader(http.StatusNoContent)
	} else {
		w.asked.Add(1)
		w.bank.ServeHTTP(rec, r)
	}
	return rec.Result(), nil
}

// noticesAtOnce is how many call-backs a provider may send at the same time.
const noticesAtOnce = 32

// BenchmarkNotices takes call-backs of orders that wait for them, each through the
// router, verified, compared with its order in all it says, and settled with its jobs,
// events and cart: of which 2,000 a second are the budget on SQLite. Then the same
// once more, which change nothing. The network and its TLS are not in it, and so many
// from one address would be told to come again later (see abuse.General).
func BenchmarkNotices(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) {
			n := shoptest.Tenth(20_000)
			s := shoptest.Open(b, engine)
			shop, sent := waiting(b, s, n)
			for b.Loop() {
				for _, name := range []string{"first", "again"} {
					began := time.Now()
					deliverAll(b, shop, sent)
					b.ReportMetric(float64(n)/time.Since(began).Seconds(), name+"/s")
				}
			}
			if paid := shoptest.One[int64](b, s.Raw(b), `SELECT COUNT(*) FROM orders WHERE status = 'paid'`); paid != int64(n) {
				b.Fatalf("%d of %d are paid", paid, n)
			}
		})
	}
}

// waiting places n orders, has the bank decide to pay for each, and returns where the
// bank calls back.
func waiting(b testing.TB, s *shoptest.Shop, n int, more ...payment.Provider) (http.Handler, *wire) {
	b.Helper()
	secret := []byte("0123456789abcdef0123456789abcdef-bench")
	out := &wire{}
	client := &http.Client{Transport: out}
	service, err := sandbox.NewService(sandbox.ServiceConfig{Secret: secret, Journal: filepath.Join(b.TempDir(), "bank.jsonl"), Origin: "https://bank.test",
		ShopOrigins: []string{"https://shop.test"}, Client: client})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { service.Close() })
	out.bank = service.Handler()
	provider, err := sandbox.New(sandbox.Config{Secret: secret, Origin: "https://bank.test", Client: client})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.DB.InTx(b.Context(), ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.providers", sandbox.Name) }); err != nil {
		b.Fatal(err)
	}
	s.DB.ForgetSettings()
	providers := append([]payment.Provider{provider}, more...)
	desk, err := checkout.New(checkout.Config{Store: s.DB, Providers: providers, Origin: "https://shop.test"})
	if err != nil {
		b.Fatal(err)
	}
	bowl := s.Product(b, "bowl", 3900, shoptest.Counted(int64(2*n)))
	each(b, n, func(i int) error {
		basket := s.Ready(b, bowl.ID, 1)
		p, err := desk.Place(b.Context(), basket.ID, basket.Token, checkout.PlaceInput{Key: fmt.Sprintf("key-%d", i), Request: []byte("{}")})
		if err != nil {
			return err
		}
		res, err := client.Post(p.Payment.RedirectURL, "application/x-www-form-urlencoded", strings.NewReader("outcome=approved"))
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	if len(out.sent) != n {
		b.Fatalf("the bank sent %d call-backs of %d", len(out.sent), n)
	}
	g := gate.New(gate.Config{Counters: s.DB, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	t := g.Table()
	if err := t.Add("machines", notices.Routes(g, desk, providers)...); err != nil {
		b.Fatal(err)
	}
	t.Seal()
	return g.Wrap(t), out
}

func deliverAll(b testing.TB, shop http.Handler, out *wire) {
	b.Helper()
	each(b, len(out.sent), func(i int) error {
		r := httptest.NewRequest("POST", out.sent[i].URL.String(), bytes.NewReader(out.body[i]))
		r.Header = out.sent[i].Header
		w := httptest.NewRecorder()
		if shop.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			return fmt.Errorf("answered %d: %s", w.Code, w.Body)
		}
		return nil
	})
}

// each does n things, several at a time.
func each(b testing.TB, n int, do func(i int) error) {
	b.Helper()
	todo := make(chan int)
	var group sync.WaitGroup
	for range noticesAtOnce {
		group.Go(func() {
			for i := range todo {
				if err := do(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		todo <- i
	}
	close(todo)
	group.Wait()
}

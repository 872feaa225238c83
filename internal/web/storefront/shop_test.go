package storefront

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/demo"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// stall is a shop on the network: a real store, the real router behind the
// real gate, over TLS.
type stall struct {
	*shoptest.Shop
	server *httptest.Server
	logs   *logbook
	table  *gate.Table
}

// logbook is what a shop logs, which goes on after an answer is out.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String is all of it so far.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// quick is the network whose requests are not limited.
const quick = "192.0.2.0/24"

func open(t testing.TB) *stall {
	t.Helper()
	return openWith(t, nil)
}

// openWith opens a shop whose till is made once the shop's address is known.
func openWith(t testing.TB, desk func(s *shoptest.Shop, origin string) *checkout.Desk) *stall {
	t.Helper()
	return openOn(t, shoptest.Open(t, "sqlite"), desk)
}

// openOn is openWith on an engine of one's choice.
func openOn(t testing.TB, shop *shoptest.Shop, desk func(s *shoptest.Shop, origin string) *checkout.Desk) *stall {
	t.Helper()
	s := &stall{Shop: shop, logs: new(logbook)}
	pages, err := page.New(page.Config{ShopName: "Hazelmott", BaseURL: "https://shop.test"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})) // all that a shop can be made to say
	var front *Shop
	g := gate.New(gate.Config{Page: ErrorPage(pages, s.DB, nil), Log: log, Exempt: []netip.Prefix{netip.MustParsePrefix(quick)}, Counters: s.DB,
		Who: func(r *http.Request) (access.Standing, error) {
			cookie, _ := gate.Cookie(r, gate.SessionCookie)
			return s.Keeper.Who(r.Context(), cookie)
		},
		Door: func(w http.ResponseWriter, r *http.Request, need access.Need, v access.Verdict) {
			front.Door(w, r, need, v)
		}})
	mux := g.Table()
	s.table = mux
	s.server = httptest.NewUnstartedServer(g.Wrap(mux))
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	if desk != nil {
		s.Desk = desk(s.Shop, s.server.URL)
	}
	front, err = New(Config{Gate: g, Pages: pages, Desk: s.Desk, Store: s.DB, Keeper: s.Keeper, Origin: s.server.URL, Letters: true,
		Pictures: demo.Picture, Age: 50 * time.Millisecond, Kept: 8, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := front.Register(mux); err != nil {
		t.Fatal(err)
	}
	mux.Seal()
	return s
}

// shopper is somebody with a browser, without JavaScript.
type shopper struct {
	t     testing.TB
	base  string
	jar   http.CookieJar
	agent *http.Client
}

func (s *stall) shopper(t testing.TB) *shopper {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	agent := &http.Client{Transport: s.server.Client().Transport, Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), s.server.URL+"/") || len(via) > 5 {
			return http.ErrUseLastResponse // the payment service is not ours to visit
		}
		return nil
	}}
	return &shopper{t, s.server.URL, jar, agent}
}

// seen is an answer as it was seen.
type seen struct {
	t      testing.TB
	status int
	path   string // where redirects ended
	body   string
	header http.Header
}

func (b *shopper) do(r *http.Request) seen {
	b.t.Helper()
	answer, err := b.agent.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return seen{b.t, answer.StatusCode, answer.Request.URL.Path, string(body), answer.Header}
}

func (b *shopper) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *shopper) get(path string) seen {
	b.t.Helper()
	return b.do(b.request("GET", path, nil))
}

func (b *shopper) post(path string, form url.Values) seen {
	b.t.Helper()
	return b.do(b.form(path, form))
}

func (b *shopper) form(path string, form url.Values) *http.Request {
	b.t.Helper()
	r := b.request("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (b *shopper) cookies() map[string]string {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range b.jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

func (s seen) is(status int, texts ...string) seen {
	s.t.Helper()
	if s.status != status {
		s.t.Errorf("%s: got status %d, want %d\n%s", s.path, s.status, status, mainOf(s.body))
	}
	plain := html.UnescapeString(s.body)
	for _, text := range texts {
		if !strings.Contains(plain, text) {
			s.t.Errorf("%s: does not say %q\n%s", s.path, text, mainOf(s.body))
		}
	}
	return s
}

func (s seen) not(texts ...string) seen {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(s.body, text) || strings.Contains(html.UnescapeString(s.body), text) {
			s.t.Errorf("%s: says %q", s.path, text)
		}
	}
	return s
}

func mainOf(body string) string {
	if _, after, ok := strings.Cut(body, "<main"); ok {
		body, _, _ = strings.Cut(after, "</main>")
	}
	return body[:min(len(body), 3000)]
}

// field returns the value of a form field.
func (s seen) field(name string) string {
	s.t.Helper()
	m := regexp.MustCompile(`name="` + regexp.QuoteMeta(name) + `"[^>]* value="([^"]*)"`).FindStringSubmatch(s.body)
	if m == nil {
		s.t.Fatalf("%s: no field %s\n%s", s.path, name, mainOf(s.body))
	}
	return html.UnescapeString(m[1])
}

// count returns the number in the masthead.
func (s seen) count() string {
	s.t.Helper()
	m := regexp.MustCompile(`<b id="count">([^<]*)</b>`).FindStringSubmatch(s.body)
	if m == nil {
		s.t.Fatalf("%s: no number in the masthead", s.path)
	}
	return m[1]
}

// line returns the path that the first line of the cart posts to.
func (s seen) line() string {
	s.t.Helper()
	m := regexp.MustCompile(`action="(/cart/lines/[^"]+)"`).FindStringSubmatch(s.body)
	if m == nil {
		s.t.Fatalf("%s: no line\n%s", s.path, mainOf(s.body))
	}
	return m[1]
}

// ada is the checkout form as Ada fills it in.
func ada() url.Values {
	return url.Values{
		"email": {"ada@lovelace.example"}, "name": {"Ada Lovelace"}, "phone": {"+49 30 1234567"}, "note": {"The blue bell"},
		"shipping_address.street_address": {"12 Analytical Way"}, "shipping_address.address_locality": {"Berlin"},
		"shipping_address.postal_code": {"10115"}, "shipping_address.address_country": {"DE"}, "shipping_method": {"standard"},
	}
}

func put(v catalog.Variant, quantity string) url.Values {
	return url.Values{"variant_id": {string(v.ID)}, "quantity": {quantity}}
}

// toReview brings a browser with one mug to the review.
func (s *stall) toReview(t testing.TB, b *shopper, v catalog.Variant) seen {
	t.Helper()
	b.post("/cart/lines", put(v, "1")).is(200)
	return b.post("/checkout", ada()).is(200, "Check and pay")
}

func pay(review seen) url.Values {
	return url.Values{"payment_method": {"bank"}, "idempotency_key": {review.field("idempotency_key")}, "seen": {review.field("seen")}}
}

var orderNumber = regexp.MustCompile(`__Host-order-([0-9A-Z]{5}-[0-9A-Z]{5})`)

// placed returns the order whose cookie a browser holds.
func (s *stall) placed(t testing.TB, b *shopper) checkout.Placed {
	t.Helper()
	for name, token := range b.cookies() {
		if m := orderNumber.FindStringSubmatch(name); m != nil {
			var o order.Order
			err := s.DB.View(context.Background(), func(v *store.View) (err error) {
				o, err = v.OrderByNumber(order.Number(m[1]))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return checkout.Placed{Order: o, Token: token}
		}
	}
	t.Fatalf("no order cookie among %d", len(b.cookies()))
	return checkout.Placed{}
}

// reprice changes what a product costs.
func (s *stall) reprice(t testing.TB, handle string, minor int64) {
	t.Helper()
	ctx := context.Background()
	var p catalog.Product
	err := s.DB.View(ctx, func(v *store.View) (err error) {
		p, err = v.ProductByHandle(handle)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Variants[0].Price = money.Of(minor, p.Variants[0].Price.Currency())
	if err := s.DB.InTx(ctx, ledger.System("test"), func(t *store.Tx) error { return t.SaveProduct(p) }); err != nil {
		t.Fatal(err)
	}
}

package storefront

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func TestErrorsAreFriendlyPages(t *testing.T) {
	s := open(t)
	s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	foreign := b.form("/cart/lines", url.Values{"variant_id": {"x"}})
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	plain := b.form("/cart/lines", nil)
	plain.Header.Set("Content-Type", "text/plain")
	both := b.request("GET", "/cart", nil)
	both.Header.Set("Cart-Token", "x")
	both.Header.Set("Cookie", "__Host-cart=x")
	for _, c := range []struct {
		name string
		r    *http.Request
		want int
		says string
	}{
		{"unknown address", b.request("GET", "/nothing", nil), 404, "There is nothing here"},
		{"unknown product", b.request("GET", "/products/nothing", nil), 404, "There is nothing here"},
		{"no product's name", b.request("GET", "/products/a%00b", nil), 404, "There is nothing here"},
		{"unknown shelf", b.request("GET", "/collections/nothing", nil), 404, "There is nothing here"},
		{"unknown picture", b.request("GET", "/pictures/nothing.svg", nil), 404, "There is nothing here"},
		{"picture outside", b.request("GET", "/pictures/..%2fproducts.csv", nil), 404, "There is nothing here"},
		{"unknown asset", b.request("GET", "/assets/style.css", nil), 404, "There is nothing here"},
		{"posting to an asset", b.form("/assets/style.css", nil), 405, "This address does not do that"},
		{"assets without their slash", b.request("GET", "/assets?x=1", nil), 404, "There is nothing here"},
		{"untidy address", b.request("GET", "//orders/AAAAA-AAAAA?token=x", nil), 404, "There is nothing here"},
		{"wrong method", b.form("/products/mug", nil), 405, "This address does not do that"},
		{"deleting", b.request("DELETE", "/cart", nil), 405, "This address does not do that"},
		{"a form from elsewhere", foreign, 403, "We stopped that"},
		{"no form", plain, 415, "We could not read that"},
		{"too much", b.form("/checkout", url.Values{"note": {strings.Repeat("n", 10<<20)}}), 413, "That was too much to read"},
		{"no text", b.form("/checkout", url.Values{"name": {"\xff\x00"}}), 400, "We could not read that"},
		{"two keys to a cart", both, 400, "We could not read that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			got := b.do(c.r).is(c.want, c.says, "Cart", "tell us this reference").not("goroutine", ".go:", "sql")
			if got.header.Get("Content-Type") != typeHTML || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got headers %v", got.header)
			}
		})
	}
}

func TestCatalogueIsTheSameForEverybody(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b, other := s.shopper(t), s.shopper(t)
	first := b.get("/products/mug").is(200, "€19.50", "5 left")
	if got := first.header.Get("Cache-Control"); got != cachePage {
		t.Errorf("got %q, want %q", got, cachePage)
	}
	again := b.request("GET", "/products/mug", nil)
	again.Header.Set("If-None-Match", first.header.Get("Etag"))
	if got := b.do(again); got.status != 304 || got.body != "" {
		t.Errorf("got status %d, want 304", got.status)
	}
	head := b.do(b.request("HEAD", "/products/mug", nil)).is(200)
	if head.body != "" || head.header.Get("Content-Length") != fmt.Sprint(len(first.body)) {
		t.Errorf("HEAD: got %d bytes and length %s", len(head.body), head.header.Get("Content-Length"))
	}
	b.post("/cart/lines", put(mug, "2"))
	mine := b.get("/products/mug").is(200)
	if mine.count() != "2" || mine.header.Get("Cache-Control") != "no-store" || mine.header.Get("Etag") != "" {
		t.Errorf("got count %s, %v: with something in the cart it is one person's page", mine.count(), mine.header)
	}
	if got := other.get("/products/mug").count(); got != "0" {
		t.Errorf("got %s in a stranger's cart, want 0", got)
	}
	s.reprice(t, "mug", 2450)
	time.Sleep(60 * time.Millisecond)
	other.get("/products/mug").is(200, "€24.50").not("€19.50")
	if moved := other.get("/products/MUG"); moved.path != "/products/mug" {
		t.Errorf("got %s, want the one address of the thing", moved.path)
	}
	loud := other.request("GET", "/products/mug", nil)
	loud.Header.Set("Sec-GPC", "1")
	other.do(loud).is(200, "Opt-out request honoured")
	other.get("/products/mug").is(200).not("Opt-out request honoured")
}

func TestPersonalPagesAreNotKept(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	order := "/orders/" + string(s.placed(t, b).Order.Number)
	for _, path := range []string{"/cart", "/checkout", "/checkout/review", order, "/search?q=mug", "/", "/privacy"} {
		if got := b.get(path).header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: got %q, want no-store", path, got)
		}
	}
}

func TestLongListGoesOn(t *testing.T) {
	s := open(t)
	for i := range 30 {
		s.Product(t, fmt.Sprintf("thing-%02d", i), 100, shoptest.Counted(1))
	}
	b := s.shopper(t)
	for _, path := range []string{"/?", "/collections/kitchen?", "/search?q=the+thing&"} {
		first := b.get(path).is(200, "The thing-00", "Show more").not("The thing-29")
		_, rest, _ := strings.Cut(first.body, `<p class="more"><a class="btn quiet" href="`)
		next, _, _ := strings.Cut(rest, `"`)
		b.get(html.UnescapeString(next)).is(200, "The thing-29").not("The thing-00", "Show more")
		b.get(path+"after=%27;--").is(200, "The thing-00")
	}
	b.get("/search?q=%25").is(200, "Nothing for")
	b.get("/search?q=THING-07").is(200, "The thing-07").not("The thing-08")
}

func TestKeptPagesAreBounded(t *testing.T) {
	kept := newShelf(time.Minute, 8)
	for i := range 100 {
		if _, err := kept.get(address{path: fmt.Sprint(i)}, func() ([]byte, error) { return []byte("page"), nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := kept.get(address{path: fmt.Sprint("missing", i)}, func() ([]byte, error) { return nil, http.ErrNoLocation }); err == nil {
			t.Fatal("got a page that could not be built")
		}
	}
	if len(kept.slots) > 8 {
		t.Errorf("got %d kept, want at most 8", len(kept.slots))
	}
}

func TestPictureCanOnlyBeLookedAt(t *testing.T) {
	b := open(t).shopper(t)
	got := b.get("/pictures/everyday-mug.svg").is(200, "<svg")
	for name, want := range map[string]string{"Content-Type": "image/svg+xml", "Content-Security-Policy": "default-src 'none'; style-src 'none'; sandbox",
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": cacheDay} {
		if got.header.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.header.Get(name), want)
		}
	}
}

func TestAFetchedPictureNeverGrowsOld(t *testing.T) {
	s := open(t)
	const hash, source = "0123456789abcdef0123456789abcdef", "https://elsewhere.example/mug.jpg"
	v := s.Product(t, "mug", 1950, shoptest.Counted(5))
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error {
		p, err := t.ProductByHandle("mug")
		if err != nil {
			return err
		}
		p.Pictures = []catalog.Picture{{Source: source, Alt: "A mug"}, {Source: "https://elsewhere.example/gone.jpg", Alt: "Gone"}}
		if err := t.SaveProduct(p); err != nil {
			return err
		}
		return t.KeepPicture(source, store.Drawn{Hash: hash, Type: "image/jpeg", Bodies: []store.Body{
			{Width: 360, Height: 180, Bytes: []byte("small")}, {Width: 720, Height: 360, Bytes: []byte("large")}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.shopper(t)
	const set = `srcset="/pictures/` + hash + `-360.jpg 360w, /pictures/` + hash + `-720.jpg 720w" sizes="`
	b.get("/products/mug").is(200, set, `alt="A mug" width="720" height="360" decoding="async" fetchpriority="high"`).not("elsewhere", "Gone")
	b.get("/search?q=mug").is(200, set)
	b.post("/cart/lines", url.Values{"variant_id": {string(v.ID)}, "quantity": {"1"}})
	b.get("/cart").is(200, set, `sizes="120px"`)
	got := b.get("/pictures/"+hash+"-360.jpg").is(200, "small")
	for name, want := range map[string]string{"Content-Type": "image/jpeg", "Content-Security-Policy": picturePolicy,
		"X-Content-Type-Options": "nosniff", "Cache-Control": gate.CacheForever, "Etag": `"` + hash + `-360.jpg"`} {
		if got.header.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.header.Get(name), want)
		}
	}
	again := b.request("GET", "/pictures/"+hash+"-360.jpg", nil)
	again.Header.Set("If-None-Match", got.header.Get("Etag"))
	b.do(again).is(304)
	for _, wrong := range []string{hash + "-361.jpg", hash + "-360.png", hash + "-360.svg", hash, "../" + hash + "-360.jpg"} {
		b.get("/pictures/" + wrong).is(404)
	}
}

// TestPrivacyTellsEverythingSealed and tells it in a shopper's words: how we
// find and compare things is one breath, not a row of our register.
func TestPrivacyTellsEverythingSealed(t *testing.T) {
	s := open(t)
	told := s.shopper(t).get("/privacy").is(200, "12 months after delivery", "payment provider", "__Host-cart", "__Host-order-…", "__Host-flash",
		"Not sealed", "Under a random number in place of you: ", "random numbers and keyed hashes that tie these together")
	purposes := map[personal.Purpose]string{}
	for _, terms := range personal.Purposes() {
		purposes[terms.Purpose] = terms.Title
	}
	for _, f := range personal.All() {
		switch {
		case f.Purpose == personal.ShopSecrets:
		case f.Kind == personal.Sealed:
			told.is(200, f.Label, purposes[f.Purpose])
		case f.Kind == personal.Index || f.Kind == personal.Hash:
			told.not(f.Label)
		}
	}
	told.not("mail provider", "SMS provider") // nobody carries letters or texts here
	told.not("keyed hash belongs", "as a keyed hash", "Idempotency key")
}

func TestLoopbackAddressLeadsToTheName(t *testing.T) {
	s := &Shop{cfg: Config{Origin: "https://localhost:8443"}, host: "localhost"}
	for _, c := range []struct {
		host, method string
		want         bool
	}{
		{"127.0.0.1:8443", "GET", true}, {"[::1]:8443", "HEAD", true}, {"127.0.0.1", "GET", true},
		{"localhost:8443", "GET", false}, {"127.0.0.1:8443", "POST", false}, {"shop.example", "GET", false}, {"192.0.2.1:8443", "GET", false},
	} {
		r := &http.Request{Method: c.method, Host: c.host, URL: &url.URL{Path: "/"}}
		if got := s.misnamed(r); got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.method, c.host, got, c.want)
		}
	}
}

func FuzzCookies(f *testing.F) {
	f.Add("018f2e6a-0000-7000-8000-000000000001." + strings.Repeat("A", 43))
	f.Add("removed.018f2e6a-0000-7000-8000-000000000001.3")
	f.Add("cleared")
	f.Add("removed..0")
	f.Fuzz(func(t *testing.T, value string) {
		if b, ok := parseBasket(value); ok && b.String() != value {
			t.Errorf("got %q, want it back as it was", b)
		}
		if n, ok := parseNews(value); ok && (n.quantity < 0 || n.quantity > 999 || len(n.variant) > 64) {
			t.Errorf("got %+v", n)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("oak\x00\xff  bowl")
	f.Fuzz(func(t *testing.T, text string) {
		got := queryOf(text)
		if len([]rune(got)) > maxQuery || queryOf(got) != got || strings.ContainsAny(got, "\x00\n\r\t") {
			t.Errorf("got %q", got)
		}
	})
}

// BenchmarkProductPage stands beside a handler that writes the same bytes.
func BenchmarkProductPage(b *testing.B) {
	s := open(b)
	s.Product(b, "mug", 1950, shoptest.Counted(5))
	body := []byte(s.shopper(b).get("/products/mug").body)
	handlers := map[string]http.Handler{
		"shop":  s.server.Config.Handler,
		"bytes": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }),
	}
	for name, h := range handlers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r, err := http.NewRequest("GET", s.server.URL+"/products/mug", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:4000" // of quick
			for b.Loop() {
				w := &sink{header: http.Header{}}
				h.ServeHTTP(w, r)
			}
		})
	}
}

type sink struct {
	bytes.Buffer
	header http.Header
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

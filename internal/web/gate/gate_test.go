package gate

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// visitGate sends one request through a gate in front of handler.
func visitGate(cfg Config, handler http.HandlerFunc, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	mux := http.NewServeMux()
	mux.HandleFunc("/things/{id}", handler)
	mux.HandleFunc("/api/things/{id}", handler)
	g := New(cfg)
	mux.Handle("/", g.NotFound())
	g.Wrap(mux).ServeHTTP(w, r)
	return w
}

func fine(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") }

func TestEveryAnswerCarriesTheStrictHeaders(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp",
		"Cache-Control":                "no-store",
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
	}
	handlers := map[string]http.HandlerFunc{
		"fine":  fine,
		"panic": func(http.ResponseWriter, *http.Request) { panic("no") },
	}
	for name, handler := range handlers {
		for _, path := range []string{"/things/1", "/api/things/1", "/nothing", "/api/nothing"} {
			for _, site := range []string{"same-origin", "cross-site"} {
				r := httptest.NewRequest("POST", path, strings.NewReader("x"))
				r.Header.Set("Sec-Fetch-Site", site)
				got := visitGate(Config{HSTS: true}, handler, r)
				for header, value := range want {
					if got.Header().Get(header) != value {
						t.Errorf("%s %s %s: got %s %q, want %q", name, path, site, header, got.Header().Get(header), value)
					}
				}
				if len(got.Header().Get(ReferenceHeader)) != 10 || !strings.Contains(got.Header().Get("Permissions-Policy"), "camera=()") {
					t.Errorf("%s %s: got %v, want a reference and closed features", name, path, got.Header())
				}
				for _, word := range []string{"unsafe", "*", "http:", "data:"} {
					if strings.Contains(got.Header().Get("Content-Security-Policy"), word) {
						t.Errorf("got %q in the policy", word)
					}
				}
			}
		}
	}
	got := visitGate(Config{}, fine, httptest.NewRequest("GET", "/things/1", nil))
	if got.Header().Get("Strict-Transport-Security") != "" {
		t.Error("got HSTS without asking, want none: it would hold for every port of localhost")
	}
}

func TestOneAnswerMayPostToThePaymentOrigin(t *testing.T) {
	pay := func(w http.ResponseWriter, _ *http.Request) {
		if err := FormTo(w, "https://127.0.0.1:8444"); err != nil {
			t.Error(err)
		}
		for _, bad := range []string{"", "http://pay.example", "https://pay.example/x", "https://*", "https://a b", "https://a;script-src *",
			"https://u@pay.example", "https://pay.example?x", "'unsafe-inline'", "https://pay.example https://evil.example", "https://x\n"} {
			if FormTo(w, bad) == nil {
				t.Errorf("got %q accepted", bad)
			}
		}
	}
	got := visitGate(Config{}, pay, httptest.NewRequest("GET", "/things/1", nil)).Header().Get("Content-Security-Policy")
	if !strings.Contains(got, "; form-action 'self' https://127.0.0.1:8444; frame-ancestors 'none'") {
		t.Errorf("got %s", got)
	}
	got = visitGate(Config{}, fine, httptest.NewRequest("GET", "/things/1", nil)).Header().Get("Content-Security-Policy")
	if strings.Contains(got, "8444") {
		t.Errorf("got %s, want the origin on one answer only", got)
	}
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		method  string
		headers map[string]string
		status  int
	}{
		{"same origin by fetch metadata", "POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200},
		{"same origin by Origin", "POST", map[string]string{"Origin": "https://shop.example"}, 200},
		{"typed into the address bar", "POST", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		{"a program", "POST", nil, 200},
		{"cross-site form", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		{"sibling host", "POST", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"old browser, other origin", "POST", map[string]string{"Origin": "https://evil.example"}, 403},
		{"sandboxed frame", "POST", map[string]string{"Origin": "null"}, 403},
		{"look-alike", "POST", map[string]string{"Origin": "https://shop.example.evil.example"}, 403},
		{"other port", "POST", map[string]string{"Origin": "https://shop.example:8443"}, 403},
		{"other verb", "DELETE", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a link from elsewhere", "GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
	} {
		done := false
		r := httptest.NewRequest(c.method, "https://shop.example/things/1", nil)
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		got := visitGate(Config{}, func(w http.ResponseWriter, _ *http.Request) { done = true }, r)
		if got.Code != c.status || done != (c.status == 200) {
			t.Errorf("%s: got %d, carried out %v, want %d", c.name, got.Code, done, c.status)
		}
	}
}

func TestFormsInOtherClothesAreRefused(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		want       fault.Kind
	}{
		{"application/x-www-form-urlencoded", "a=1&b=%C3%A4", ""},
		{"application/x-www-form-urlencoded; charset=UTF-8", "a=1", ""},
		{"text/plain", `{"a":1}`, fault.MediaType},
		{"", "a=1", fault.MediaType},
		{"application/json", `{"a":1}`, fault.MediaType},
		{"multipart/form-data; boundary=x", "--x--", fault.MediaType},
		{"application/x-www-form-urlencoded; charset=utf-7", "a=1", fault.MediaType},
		{"application/x-www-form-urlencoded", "a=%ff", fault.Malformed},
		{"application/x-www-form-urlencoded", "a=%00", fault.Malformed},
		{"application/x-www-form-urlencoded", "a=%zz", fault.Malformed},
		{"application/x-www-form-urlencoded", "a=1;b=2", fault.Malformed},
		{"application/x-www-form-urlencoded", strings.Repeat("a=1&", 300), fault.Malformed},
		{"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", DefaultBody), fault.TooLarge},
	} {
		r := httptest.NewRequest("POST", "/things/1", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		visitGate(Config{}, func(_ http.ResponseWriter, r *http.Request) {
			form, err := Form(r)
			if c.want == "" && (err != nil || form.Get("a") != "1") || c.want != "" && !fault.Is(err, c.want) {
				t.Errorf("%q %.20q: got %v, %v, want %q", c.kind, c.body, form, err, c.want)
			}
		}, r)
	}
}

func FuzzForm(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "a=1&b=%C3%A4")
	f.Add("text/plain; charset=\"", "%00=;&&&")
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		form, err := Form(r)
		if err != nil {
			return
		}
		count := 0
		for name, values := range form {
			count += len(values)
			for _, text := range append(values, name) {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					t.Errorf("got %q through", text)
				}
			}
		}
		if count > MaxFields {
			t.Errorf("got %d values, want at most %d", count, MaxFields)
		}
	})
}

func TestASlowBodyIsGivenUp(t *testing.T) {
	answered := make(chan error, 1)
	server := Server(New(Config{}).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		answered <- ReadError(err)
	})), nil)
	if server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.ReadHeaderTimeout == 0 || server.IdleTimeout == 0 {
		t.Error("got a server without a time limit")
	}
	server.ReadTimeout = 50 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	defer server.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
	select {
	case err := <-answered:
		if !fault.Is(err, fault.Malformed) {
			t.Errorf("got %v, want malformed", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("got the handler still waiting, want it given up")
	}
}

func TestOneHandlerMayReadMore(t *testing.T) {
	g := New(Config{MaxBody: 10})
	read := func(limit int64, r *http.Request) (int, error) {
		var n int
		var err error
		g.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if limit > 0 {
				g.Body(r, limit)
			}
			var data []byte
			data, err = io.ReadAll(r.Body)
			n = len(data)
		})).ServeHTTP(httptest.NewRecorder(), r)
		return n, err
	}
	body := func() *http.Request {
		return httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 50)))
	}
	if _, err := read(0, body()); !fault.Is(ReadError(err), fault.TooLarge) {
		t.Errorf("got %v, want too-large", err)
	}
	if n, err := read(60, body()); n != 50 || err != nil {
		t.Errorf("got %d bytes, %v, want all 50", n, err)
	}
}

func TestPanicsBecomeCleanAnswers(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, path := range []string{"/things/ada@example.org?q=ada@example.org", "/api/things/ada@example.org"} {
		log.Reset()
		got := visitGate(cfg, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", CacheForever)
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Location", "/elsewhere")
			panic(errors.New("could not store ada@example.org"))
		}, httptest.NewRequest("GET", path, nil))
		if got.Code != 500 || got.Header().Get("Cache-Control") != "no-store" || got.Header().Get("Location") != "" {
			t.Errorf("got %d %v", got.Code, got.Header())
		}
		reference := got.Header().Get(ReferenceHeader)
		if !strings.Contains(got.Body.String(), reference) || !strings.Contains(log.String(), reference) {
			t.Errorf("got %s, want the reference in answer and log", got.Body)
		}
		if !strings.Contains(log.String(), "gate_test.go") || !strings.Contains(log.String(), "/things/{id}") {
			t.Errorf("got log %s, want place and route", log.String())
		}
		for _, text := range []string{"ada@", "example.org", "goroutine", "q="} {
			if strings.Contains(got.Body.String(), text) || strings.Contains(log.String(), text) {
				t.Errorf("got %q in %s or %s", text, got.Body, log.String())
			}
		}
	}
}

func TestAPanicAfterHalfAnAnswerCutsTheConnection(t *testing.T) {
	server := httptest.NewServer(New(Config{}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic("no")
	})))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("got a whole answer, want the connection cut: half a page must not look whole")
	}
}

func TestStatusTable(t *testing.T) {
	for kind, status := range map[fault.Kind]int{
		fault.Malformed: 400, fault.IdempotencyKeyMissing: 400, fault.Forbidden: 403, fault.NotFound: 404, fault.Method: 405,
		fault.OutOfStock: 409, fault.Changed: 409, fault.CartClosed: 409, fault.InProgress: 409, fault.Conflict: 409,
		fault.TooLarge: 413, fault.MediaType: 415, fault.Invalid: 422, fault.IdempotencyMismatch: 422,
		fault.RateLimited: 429, fault.Internal: 500, fault.Unavailable: 503, "no such kind": 500,
	} {
		if Status(kind) != status {
			t.Errorf("%s: got %d, want %d", kind, Status(kind), status)
		}
		if Title(kind) == Title("no such kind") && status != 500 {
			t.Errorf("%s: got no title", kind)
		}
		g := New(Config{})
		w := httptest.NewRecorder()
		g.Refuse(w, httptest.NewRequest("GET", "/api/x", nil), fault.New(kind, "Some text."))
		retry := w.Header().Get("Retry-After")
		if w.Code != status || (retry != "") != (status == 429 || status == 503) {
			t.Errorf("%s: got %d, Retry-After %q", kind, w.Code, retry)
		}
		if status == 500 && strings.Contains(w.Body.String(), "Some text") {
			t.Errorf("%s: got an internal text outside", kind)
		}
	}
}

func TestRefusalsOfPagesAreDrawnByThePage(t *testing.T) {
	cfg := Config{Page: func(w http.ResponseWriter, _ *http.Request, status int, e *fault.Error, reference string) {
		w.WriteHeader(status)
		io.WriteString(w, "<p>"+e.Text+" "+reference)
	}}
	got := visitGate(cfg, fine, httptest.NewRequest("GET", "/nothing", nil))
	if got.Code != 404 || got.Body.String() != "<p>There is nothing at this address. "+got.Header().Get(ReferenceHeader) {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

func TestProblemsPointAtFields(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{}).Refuse(w, httptest.NewRequest("GET", "/api/x", nil),
		fault.Because(fault.NotFound, "No.", errors.New("row 17 of carts")))
	if strings.Contains(w.Body.String(), "17") {
		t.Errorf("got the cause outside: %s", w.Body)
	}
	for field, want := range map[string]string{"": "", "quantity": "/quantity", "a/b~c": "/a/b~0c"} {
		if Pointer(field) != want {
			t.Errorf("%q: got %q, want %q", field, Pointer(field), want)
		}
	}
}

func TestCookies(t *testing.T) {
	w := httptest.NewRecorder()
	SetCookie(w, CartCookie, "secret", 30*24*time.Hour)
	if got, want := w.Header().Get("Set-Cookie"), "__Host-cart=secret; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w = httptest.NewRecorder()
	ClearCookie(w, CartCookie)
	if got, want := w.Header().Get("Set-Cookie"), "__Host-cart=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if _, ok := Cookie(r, CartCookie); ok || HasCookie(r, CartCookie) {
		t.Error("got a cookie out of nothing")
	}
	r.Header.Set("Cookie", "__Host-cart=a")
	if value, ok := Cookie(r, CartCookie); !ok || value != "a" {
		t.Errorf("got %q, want a", value)
	}
	r.Header.Set("Cookie", "__Host-cart=a; __Host-cart=b")
	if _, ok := Cookie(r, CartCookie); ok || !HasCookie(r, CartCookie) {
		t.Error("got one of two cookies, want neither")
	}
}

func TestServerLogHidesVisitors(t *testing.T) {
	for line, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.7:5555: EOF":                      "http: TLS handshake error from [address] EOF",
		"http: TLS handshake error from [2001:db8::1]:5: remote error":            "http: TLS handshake error from [address] remote error",
		"read tcp 127.0.0.1:8443->192.0.2.7:5555: connection reset by peer":       "read tcp [address] connection reset by peer",
		"http2: server connection error from [2001:db8::1]:443: PROTOCOL_ERROR":   "http2: server connection error from [address] PROTOCOL_ERROR",
		"http: Accept error: accept tcp [::]:8443: too many open files; retrying": "http: Accept error: accept tcp [address] too many open files; retrying",
		"http: superfluous response.WriteHeader call from x.go:12 (answer.go:33)": "http: superfluous response.WriteHeader call from x.go:12 (answer.go:33)",
	} {
		var log bytes.Buffer
		server := Server(http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		server.ErrorLog.Print(line)
		if !strings.Contains(log.String(), want) {
			t.Errorf("got %s, want %s", log.String(), want)
		}
	}
}

// BenchmarkWrap is the whole chain around a handler that does nothing: rates,
// headers, log line as JSON. The clock runs fast enough that nobody is refused.
func BenchmarkWrap(b *testing.B) {
	var ticks atomic.Int64
	start := time.Now()
	g := New(Config{
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Now: func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * 20 * time.Millisecond) },
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	h := g.Wrap(mux)
	sent := httptest.NewRequest("POST", "/things/1", nil)
	sent.Header.Set("Sec-Fetch-Site", "same-origin")
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{h: http.Header{}}
		r := *sent
		h.ServeHTTP(w, &r)
		if w.status != 204 {
			b.Fatalf("got %d", w.status)
		}
	}
}

type sink struct {
	h      http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

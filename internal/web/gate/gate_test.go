package gate

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /reports",
		"Integrity-Policy":             "blocked-destinations=(script), endpoints=(page)",
		"Reporting-Endpoints":          `page="/reports"`,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
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

func TestARequestIsGivenUpBeforeItsAnswerReachesNobody(t *testing.T) {
	limit := Server(nil, nil).WriteTimeout
	visitGate(Config{}, func(w http.ResponseWriter, r *http.Request) {
		end, ok := r.Context().Deadline()
		if left := time.Until(end); !ok || left > limit-2*time.Second || left < 10*time.Second {
			t.Errorf("got %v (%v), want an end some seconds before the %v of the server", left, ok, limit)
		}
	}, httptest.NewRequest("GET", "/things/1", nil))
}

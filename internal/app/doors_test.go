package app

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// hard checks what every answer carries, whichever door it leaves by.
func hard(t *testing.T, where string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %s %q, want %q", where, name, got, want)
		}
	}
	if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
		t.Errorf("%s: got %v, want a closed policy", where, h)
	}
}

// TestThePrivateDoorKnowsItsName: a page whose name was pointed at 127.0.0.1
// reads no figures and starts no profile.
func TestThePrivateDoorKnowsItsName(t *testing.T) {
	private := newFigures(shoptest.Open(t, "sqlite").DB).routes()
	for host, want := range map[string]int{
		"localhost:8445": 200, "localhost": 200, "LOCALHOST:1": 200, "127.0.0.1:8445": 200, "127.0.0.1": 200, "[::1]:8445": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:8445": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:8445": 403, "192.0.2.1:8445": 403,
		"0.0.0.0:8445": 403, "": 403, "[::]:8445": 403, "localhost:8445:1": 403, "evil.example@127.0.0.1": 403,
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/"} {
			r := httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			private.ServeHTTP(w, r)
			if w.Code != want || (want != 200 && strings.Contains(w.Body.String(), host) && host != "") {
				t.Errorf("%s for %q: got %d %.100s, want %d", path, host, w.Code, w.Body, want)
			}
			hard(t, path+" for "+host, w.Header())
		}
	}
}

func TestPlainHTTPLeadsToOurOwnName(t *testing.T) {
	h := toHTTPS("https://shop.example")
	for target, want := range map[string]string{
		"/": "https://shop.example/", "/orders/K7Q2M-9F3XA?token=ada-token": "https://shop.example/orders/K7Q2M-9F3XA",
		"//evil.example/": "https://shop.example//evil.example/", "*": "https://shop.example/", "/a%0d%0ab": "https://shop.example/a%0d%0ab",
	} {
		r := httptest.NewRequest("OPTIONS", target, nil)
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 308 || w.Header().Get("Location") != want || w.Body.Len() > 0 {
			t.Errorf("%s: got %d to %q with %d bytes, want 308 to %q", target, w.Code, w.Header().Get("Location"), w.Body.Len(), want)
		}
		hard(t, target, w.Header())
	}
}

func TestTheOutboxIsGuardedLikeAPage(t *testing.T) {
	shop := shoptest.Open(t, "sqlite")
	bank, err := sandbox.NewService(sandbox.ServiceConfig{Secret: []byte("0123456789abcdefghijklmnopqrstuv"), Journal: filepath.Join(t.TempDir(), "sandbox.jsonl"),
		Origin: "https://127.0.0.1:8444", ShopOrigins: []string{"https://localhost:8443"}, Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bank.Close() })
	s := &server{origin: "https://localhost:8443", sandbox: bank, vault: &vault{db: shop.DB}}
	w := httptest.NewRecorder()
	s.bankRoutes().ServeHTTP(w, httptest.NewRequest("GET", "/outbox", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Outbox") {
		t.Errorf("got %d %.200s, want the outbox", w.Code, w.Body)
	}
	hard(t, "/outbox", w.Header())
}

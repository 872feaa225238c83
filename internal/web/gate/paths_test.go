package gate

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asked sends request lines as they are, which http.Client would tidy up.
func asked(t *testing.T, address string, lines ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// TestAnUntidyAddressIsNotRepeated: a mux answers these with a redirect, and
// so writes a token into Location and body.
func TestAnUntidyAddressIsNotRepeated(t *testing.T) {
	g := New(Config{})
	mux := http.NewServeMux()
	for _, pattern := range []string{"/api/things/{id}", "/things/{id}", "/{$}"} {
		mux.HandleFunc(pattern, fine)
	}
	mux.Handle("/", g.NotFound())
	server := Server(g.Wrap(mux), nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	defer server.Close()
	for _, path := range []string{"//things/1", "/things//1", "/things/./1", "/x/../things/1", "/things/1/..", "/things/%2e%2e/1", "//", "/./", "/..",
		"/api//things/1", "//api/things/1", "/api/x/../things/1", "/api/./things/1", "/api/../api/things/1"} {
		for _, method := range []string{"GET", "POST"} {
			got, body := asked(t, listener.Addr().String(), method+" "+path+"?token=ada-token HTTP/1.1")
			if got.StatusCode != 404 || got.Header.Get("Location") != "" || strings.Contains(body, "ada-token") {
				t.Errorf("%s %s: got %d to %q, %s, want 404", method, path, got.StatusCode, got.Header.Get("Location"), body)
			}
			kind := "text/plain; charset=utf-8"
			if strings.HasPrefix(path, "/api/") {
				kind = "application/problem+json"
			}
			if got.Header.Get("Content-Type") != kind || got.Header.Get("Content-Security-Policy") == "" || got.Header.Get("Cache-Control") != CacheNever {
				t.Errorf("%s %s: got headers %v, want %s with the strict ones", method, path, got.Header, kind)
			}
		}
	}
	for _, path := range []string{"/", "/things/1", "/api/things/1", "/things/a%2Fb", "/things/..."} {
		if got, _ := asked(t, listener.Addr().String(), "GET "+path+" HTTP/1.1"); got.StatusCode != 200 {
			t.Errorf("%s: got %d, want 200", path, got.StatusCode)
		}
	}
	for _, line := range []string{"OPTIONS * HTTP/1.1", "GET * HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1"} {
		got, _ := asked(t, listener.Addr().String(), line)
		if got.StatusCode != 404 || got.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: got %d %v, want 404 with the strict headers", line, got.StatusCode, got.Header)
		}
	}
}

func TestHardenedAnswersCarryTheSameHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	Harden(w, "default-src 'none'")
	for _, f := range fixedHeaders(false) {
		want := f.value[0]
		switch f.name {
		case "Content-Security-Policy":
			want = "default-src 'none'"
		case "Integrity-Policy", "Reporting-Endpoints":
			want = "" // the shop's pages alone have somewhere to report to
		}
		if got := w.Header().Get(f.name); got != want {
			t.Errorf("got %s %q, want %q", f.name, got, want)
		}
	}
}

package gate

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

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

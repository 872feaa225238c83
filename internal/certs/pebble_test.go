package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// TestARealAuthorityGivesACertificate lets an ACME server of the test's own
// look at the shop's listeners, once through each challenge, and starts again
// from the storage folder without asking it.
func TestARealAuthorityGivesACertificate(t *testing.T) {
	const domain = "shop.kestrel.example"
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			shop, plain := listen(t), listen(t)
			directory, roots, authority := pebble(t, port(shop), port(plain))
			var mu sync.Mutex
			var told bytes.Buffer
			c := PublicConfig{
				Domains: []string{domain}, Email: "owner@kestrel.example", Storage: filepath.Join(t.TempDir(), "acme"),
				Directory: directory.URL + wfe.DirectoryPath, Roots: roots,
				TLSPort: port(shop), HTTPPort: port(plain),
				Log: slog.New(slog.NewTextHandler(locked{&mu, &told}, nil)),
			}
			p, err := ACME(c)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			p.issuer.DisableHTTPChallenge = challenge != "http-01"
			p.issuer.DisableTLSALPNChallenge = challenge != "tls-alpn-01"
			hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
			serve(t, tls.NewListener(shop, p.TLSConfig()), hello)
			serve(t, plain, p.HTTPHandler(http.RedirectHandler("https://"+domain+"/", http.StatusPermanentRedirect)))
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			ready(t, p, &mu, &told)

			trusted := x509.NewCertPool()
			trusted.AddCert(authority)
			conn, err := tls.Dial("tcp", shop.Addr().String(), &tls.Config{ServerName: domain, RootCAs: trusted, NextProtos: []string{"h2", "http/1.1"}})
			if err != nil {
				t.Fatal(err)
			}
			state := conn.ConnectionState()
			conn.Close()
			if state.NegotiatedProtocol != "h2" || state.CurveID != tls.X25519MLKEM768 {
				t.Errorf("got %s, curve %v", state.NegotiatedProtocol, state.CurveID)
			}
			if conn, err := tls.Dial("tcp", shop.Addr().String(), &tls.Config{ServerName: "other.example", InsecureSkipVerify: true}); err == nil {
				conn.Close()
				t.Error("a certificate was shown for a name that is not the shop's")
			}
			mu.Lock()
			if strings.Contains(told.String(), "owner@") {
				t.Errorf("the log tells the account's address:\n%s", told.String())
			}
			mu.Unlock()
			if info, _ := os.Stat(c.Storage); info.Mode().Perm()&0o077 != 0 {
				t.Errorf("storage has mode %v", info.Mode())
			}

			directory.Close() // the next start needs no authority
			p.Close()
			again, err := ACME(c)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if err := again.Start(); err != nil {
				t.Fatal(err)
			}
			ready(t, again, &mu, &told)
		})
	}
}

func ready(t *testing.T, p *Public, mu *sync.Mutex, told *bytes.Buffer) {
	t.Helper()
	for range 1500 {
		if p.Ready() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	t.Fatalf("no certificate; log:\n%s", told.String())
}

// pebble starts an ACME server that finds every name at 127.0.0.1.
func pebble(t *testing.T, tlsPort, httpPort int) (*httptest.Server, *x509.CertPool, *x509.Certificate) {
	t.Helper()
	silent := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuing := ca.New(silent, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "tests"}})
	checking := va.New(silent, httpPort, tlsPort, false, nameServer(t), store)
	front := wfe.New(silent, store, checking, issuing, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	s := httptest.NewTLSServer(front.Handler())
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	root, err := x509.ParseCertificate(issuing.GetRootCert(0).DER)
	if err != nil {
		t.Fatal(err)
	}
	return s, roots, root
}

func nameServer(t *testing.T) string {
	l := listen(t)
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1},
				A:   net.IPv4(127, 0, 0, 1),
			})
		}
		w.WriteMsg(m)
	})}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func serve(t *testing.T, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

package certs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

func TestACMERefusesWhatNoAuthorityWouldSign(t *testing.T) {
	good := PublicConfig{Domains: []string{"shop.example.com"}, Email: "owner@example.com", Storage: t.TempDir()}
	for name, harm := range map[string]func(*PublicConfig){
		"no domain": func(c *PublicConfig) { c.Domains = nil },
		"localhost": func(c *PublicConfig) { c.Domains = []string{"localhost"} },
		"address":   func(c *PublicConfig) { c.Domains = []string{"192.0.2.1"} },
		"wildcard":  func(c *PublicConfig) { c.Domains = []string{"*.example.com"} },
		"a path":    func(c *PublicConfig) { c.Domains = []string{"example.com/x"} },
		"empty":     func(c *PublicConfig) { c.Domains = []string{""} },
		"no mail":   func(c *PublicConfig) { c.Email = "" },
		"bad mail":  func(c *PublicConfig) { c.Email = "Owner <owner@example.com>" },
		"no folder": func(c *PublicConfig) { c.Storage = "" },
	} {
		c := good
		harm(&c)
		if p, err := ACME(c); err == nil {
			p.Close()
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestACMELeavesTheDefaultsAlone(t *testing.T) {
	before, beforeACME := certmagic.Default, certmagic.DefaultACME
	p, err := ACME(PublicConfig{Domains: []string{"bücher.example.com"}, Email: "owner@example.com", Storage: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if !reflect.DeepEqual(before.Storage, certmagic.Default.Storage) || before.Logger != certmagic.Default.Logger ||
		len(certmagic.Default.Issuers) != len(before.Issuers) ||
		beforeACME.Email != certmagic.DefaultACME.Email || beforeACME.Agreed != certmagic.DefaultACME.Agreed || beforeACME.CA != certmagic.DefaultACME.CA {
		t.Error("a default of certmagic was changed")
	}
	if p.domains[0] != "xn--bcher-kva.example.com" {
		t.Errorf("got domain %s", p.domains[0])
	}
	c := p.TLSConfig()
	if c.MinVersion != tls.VersionTLS12 || !slices.Equal(c.NextProtos, []string{"h2", "http/1.1", "acme-tls/1"}) || c.CurvePreferences != nil {
		t.Errorf("got %x %v", c.MinVersion, c.NextProtos)
	}
	if p.Ready() {
		t.Error("ready without a certificate")
	}
	p.Close() // a second time does nothing
}

func TestThePlainPortOnlyAnswersChallenges(t *testing.T) {
	p, err := ACME(PublicConfig{Domains: []string{"shop.example.com"}, Email: "owner@example.com", Storage: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, path := range []string{"/", "/orders/1", "/.well-known/acme-challenge/unknown"} {
		w := httptest.NewRecorder()
		p.HTTPHandler(next).ServeHTTP(w, httptest.NewRequest("GET", "http://shop.example.com"+path, nil))
		if w.Code != http.StatusTeapot {
			t.Errorf("%s: got %d", path, w.Code)
		}
	}
}

func TestItsLogTellsNoAddresses(t *testing.T) {
	var b bytes.Buffer
	log := quiet(slog.New(slog.NewJSONHandler(&b, nil)), "owner@example.com")
	log.Named("x").With(zap.String("remote_ip", "192.0.2.9")).Error("could not register owner@example.com",
		zap.String("identifier", "shop.example.com"), zap.Strings("contact", []string{"mailto:owner@example.com"}),
		zap.Int("attempt", 2), zap.Error(errors.New("bad contact mailto:owner@example.com")), zap.String("token", "geheim"))
	log.Debug("nothing of this")
	got := b.String()
	for _, bad := range []string{"owner@", "192.0.2.9", "geheim", "nothing"} {
		if strings.Contains(got, bad) {
			t.Errorf("the log tells %q: %s", bad, got)
		}
	}
	for _, want := range []string{`"identifier":"shop.example.com"`, `"attempt":"2"`, `"level":"ERROR"`, "[email]"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q: %s", want, got)
		}
	}
}

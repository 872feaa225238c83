package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"os"
	"strings"
	"sync"

	"github.com/caddyserver/certmagic"
	"golang.org/x/net/idna"
)

// acmeALPN is the protocol of the TLS-ALPN-01 challenge (RFC 8737).
const acmeALPN = "acme-tls/1"

// PublicConfig is what getting certificates for real domains needs.
type PublicConfig struct {
	Domains []string     // each gets a certificate; they must lead to this shop
	Email   string       // where the authority writes when something is wrong; needed
	Storage string       // folder for account, keys and certificates; made with mode 0700
	Log     *slog.Logger // nil: silent

	// Directory is the ACME server; "" is Let's Encrypt. Roots are trusted when
	// talking to it; nil trusts what this computer trusts.
	Directory string
	Roots     *x509.CertPool

	// Ports where the shop itself listens, where these are not 443 and 80:
	// behind a forwarded port, say. Zero means the usual one.
	TLSPort, HTTPPort int
}

// Public keeps certificates for real domains. Both challenges work without
// another listener: TLS-ALPN-01 through TLSConfig, HTTP-01 through HTTPHandler.
type Public struct {
	domains []string
	cache   *certmagic.Cache
	magic   *certmagic.Config
	issuer  *certmagic.ACMEIssuer

	ctx  context.Context
	stop context.CancelFunc
	once sync.Once
}

// ACME checks the settings and prepares. Nothing is asked of the authority
// before Start. No default of certmagic is changed, so two may stand side by side.
func ACME(c PublicConfig) (*Public, error) {
	if len(c.Domains) == 0 {
		return nil, errors.New("acme: no domain given")
	}
	p := &Public{}
	for _, d := range c.Domains {
		name, err := idna.Lookup.ToASCII(strings.TrimSpace(d))
		if err != nil || strings.Contains(name, "*") || !certmagic.SubjectQualifiesForPublicCert(name) || certmagic.SubjectIsIP(name) {
			return nil, errors.New("acme: " + fmt.Sprintf("%q", d) + " is no domain a public authority knows")
		}
		p.domains = append(p.domains, name)
	}
	if a, err := mail.ParseAddress(c.Email); err != nil || a.Address != c.Email {
		return nil, errors.New("acme: an e-mail address is needed, for the authority to write to")
	}
	if c.Storage == "" {
		return nil, errors.New("acme: no storage folder given")
	}
	if err := os.MkdirAll(c.Storage, 0o700); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	if c.Directory == "" {
		c.Directory = certmagic.LetsEncryptProductionCA
	}
	logger := quiet(c.Log, c.Email)
	p.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return p.magic, nil },
		Logger:           logger,
	})
	p.magic = certmagic.New(p.cache, certmagic.Config{
		Storage:   &certmagic.FileStorage{Path: c.Storage},
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		Logger:    logger,
	})
	p.issuer = certmagic.NewACMEIssuer(p.magic, certmagic.ACMEIssuer{
		CA: c.Directory, Email: c.Email, Agreed: true, TrustedRoots: c.Roots,
		AltTLSALPNPort: c.TLSPort, AltHTTPPort: c.HTTPPort, Logger: logger,
	})
	p.magic.Issuers = []certmagic.Issuer{p.issuer}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p, nil
}

// Start gets and renews certificates in the background until Close, trying
// again when the authority says no. Listeners must be open before.
func (p *Public) Start() error { return p.magic.ManageAsync(p.ctx, p.domains) }

// Ready reports whether every domain has a certificate in memory.
func (p *Public) Ready() bool {
	for _, d := range p.domains {
		if len(p.cache.AllMatchingCertificates(d)) == 0 {
			return false
		}
	}
	return true
}

// TLSConfig is for the shop's public listeners.
func (p *Public) TLSConfig() *tls.Config {
	c := serving()
	c.NextProtos = append(c.NextProtos, acmeALPN)
	c.GetCertificate = p.magic.GetCertificate
	return c
}

// HTTPHandler answers HTTP-01 challenges on port 80 and leaves the rest to
// next, which usually leads to https.
func (p *Public) HTTPHandler(next http.Handler) http.Handler {
	return p.issuer.HTTPChallengeHandler(next)
}

// Close ends what runs in the background.
func (p *Public) Close() error {
	p.once.Do(func() {
		p.stop()
		p.cache.Stop()
	})
	return nil
}

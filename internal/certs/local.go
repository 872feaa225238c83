package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	lifetime  = 820 * 24 * time.Hour // browsers refuse more than 825 days
	renewFrom = 30 * 24 * time.Hour  // before the end, at a start
	backdated = time.Hour            // for clocks that are a little slow
	maxPEM    = 64 << 10
)

// names and addresses of this computer, as browsers write them.
func ownNames() []string { return []string{"localhost"} }
func ownAddresses() []net.IP {
	return []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
}

// Authority is the local authority of one folder and the certificate it signed.
type Authority struct {
	dir  string
	made string
	ca   *x509.Certificate
	leaf tls.Certificate
}

// Local reads the certificate kept in dir, or makes a new authority with a new
// certificate: at the first start, when the end is near, and when any of the
// files is missing, damaged, does not fit the others, or could be read by others.
func Local(dir string, now time.Time) (*Authority, error) {
	a, why := load(dir, now)
	if why == "" {
		return a, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	i, err := newIssuer(now)
	if err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	leaf, key, err := i.sign(now, ownNames(), ownAddresses())
	if err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("local authority: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		der        []byte
		mode       fs.FileMode
	}{
		{"leaf.key", "PRIVATE KEY", der, 0o600},
		{"leaf.pem", "CERTIFICATE", leaf.Raw, 0o644},
		{"ca.pem", "CERTIFICATE", i.ca.Raw, 0o644},
	} {
		raw := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})
		if err := replace(filepath.Join(dir, f.name), raw, f.mode); err != nil {
			return nil, fmt.Errorf("local authority: %w", err)
		}
	}
	a, still := load(dir, now)
	if still != "" {
		return nil, errors.New("local authority: the files just written can't be used: " + still)
	}
	a.made = why
	return a, nil
}

// TLSConfig is for listeners on loopback.
func (a *Authority) TLSConfig() *tls.Config {
	c := serving()
	c.Certificates = []tls.Certificate{a.leaf}
	return c
}

// ClientPool trusts this authority and nothing else.
func (a *Authority) ClientPool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.ca)
	return p
}

// CAFile is the path of the authority's certificate, to be trusted by browsers.
func (a *Authority) CAFile() string { return filepath.Join(a.dir, "ca.pem") }

// Made says why the certificate was made at this start; "" when it was reused.
func (a *Authority) Made() string { return a.made }

// NotAfter is when the certificate ends.
func (a *Authority) NotAfter() time.Time { return a.leaf.Leaf.NotAfter }

// Fingerprint is the SHA-256 of the authority's certificate, as browsers show it.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.ca.Raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(digits[i : i+2])
	}
	return b.String()
}

// load reads the folder. The text says why it can't be used; "" means it can.
func load(dir string, now time.Time) (*Authority, string) {
	ca, why := readCert(dir, "ca.pem")
	if why != "" {
		return nil, why
	}
	leaf, why := readCert(dir, "leaf.pem")
	if why != "" {
		return nil, why
	}
	key, why := readKey(dir)
	if why != "" {
		return nil, why
	}
	public, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || !public.Equal(key.Public()) {
		return nil, "leaf.key does not belong to leaf.pem"
	}
	if !ca.IsCA || !ca.PermittedDNSDomainsCritical || !sameConstraints(ca) {
		return nil, "ca.pem is not held to this computer"
	}
	if ca.CheckSignatureFrom(ca) != nil {
		return nil, "ca.pem is damaged"
	}
	if now.Before(leaf.NotBefore) || now.Before(ca.NotBefore) {
		return nil, "the certificate is from the future: was the clock changed?"
	}
	if soon := now.Add(renewFrom); soon.After(leaf.NotAfter) || soon.After(ca.NotAfter) {
		return nil, "the certificate ends within 30 days"
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, name := range ownHosts() {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			return nil, "leaf.pem is not good for " + name
		}
	}
	return &Authority{
		dir: dir, ca: ca,
		leaf: tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf},
	}, ""
}

// ownHosts are the names and addresses as a client asks for them.
func ownHosts() []string {
	hosts := ownNames()
	for _, ip := range ownAddresses() {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

func readCert(dir, name string) (*x509.Certificate, string) {
	der, why := readPEM(dir, name, "CERTIFICATE")
	if why != "" {
		return nil, why
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, name + " is damaged"
	}
	return c, ""
}

func readKey(dir string) (*ecdsa.PrivateKey, string) {
	info, err := os.Lstat(filepath.Join(dir, "leaf.key"))
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0) {
		return nil, "leaf.key could be read by others"
	}
	der, why := readPEM(dir, "leaf.key", "PRIVATE KEY")
	if why != "" {
		return nil, why
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, "leaf.key is damaged"
	}
	if again, err := x509.MarshalPKCS8PrivateKey(key); err != nil || !bytes.Equal(again, der) {
		return nil, "leaf.key is damaged" // in a part that parsing passes over
	}
	return key, ""
}

// readPEM reads a file that holds one block and nothing else.
func readPEM(dir, name, kind string) ([]byte, string) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, name + " is not there"
	}
	if err != nil || info.Size() > maxPEM {
		return nil, name + " can't be read"
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, name + " can't be read"
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 ||
		!bytes.Equal(pem.EncodeToMemory(block), raw) {
		return nil, name + " is damaged"
	}
	return block.Bytes, ""
}

// replace writes a file so that it is there whole or not at all.
func replace(path string, raw []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// issuer is an authority with its key, which lives only while Local makes a
// certificate and never leaves memory.
type issuer struct {
	ca  *x509.Certificate
	key crypto.Signer
}

func newIssuer(now time.Time) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var mark [4]byte // tells two authorities apart in a browser's list
	rand.Read(mark[:])
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject: pkix.Name{
			Organization: []string{"Cartkeep"},
			CommonName:   "Cartkeep on this computer only, " + hex.EncodeToString(mark[:]),
		},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:    x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		// Each kind of name has an entry, for a kind without one would be free.
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         ownNames(),
		PermittedEmailAddresses:     ownNames(),
		PermittedURIDomains:         ownNames(),
	}
	for _, ip := range ownAddresses() {
		t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return &issuer{ca, key}, err
}

// sign makes a key and a certificate for it.
func (i *issuer) sign(now time.Time, names []string, addresses []net.IP) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"Cartkeep"}},
		NotBefore:    now.Add(-backdated), NotAfter: now.Add(lifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, i.ca, key.Public(), i.key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return leaf, key, err
}

// sameConstraints reports whether ca is held to exactly this computer.
func sameConstraints(ca *x509.Certificate) bool {
	want := ownNames()
	same := func(got []string) bool { return strings.Join(got, " ") == strings.Join(want, " ") }
	if !same(ca.PermittedDNSDomains) || !same(ca.PermittedEmailAddresses) || !same(ca.PermittedURIDomains) ||
		len(ca.PermittedIPRanges) != len(ownAddresses()) {
		return false
	}
	for n, ip := range ownAddresses() {
		r := ca.PermittedIPRanges[n]
		if ones, bits := r.Mask.Size(); !r.IP.Equal(ip) || ones != bits {
			return false
		}
	}
	return true
}

func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f // positive
	b[15] |= 1   // not zero
	return new(big.Int).SetBytes(b[:])
}

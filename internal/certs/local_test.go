package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func local(t testing.TB, dir string, now time.Time) *Authority {
	t.Helper()
	a, err := Local(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheCertificateIsGoodForThisComputerAndNothingElse(t *testing.T) {
	now := time.Now()
	a := local(t, t.TempDir(), now)
	check := func(name string) error {
		_, err := a.leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.ClientPool(), CurrentTime: now})
		return err
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := check(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.com", "shop.localhost", "localhost.example.com", "127.0.0.2", "10.0.0.1", "::2", "*"} {
		if check(name) == nil {
			t.Errorf("%s: the certificate is good for it", name)
		}
	}
	leaf := a.leaf.Leaf
	if days := leaf.NotAfter.Sub(leaf.NotBefore).Hours() / 24; days > 825 {
		t.Errorf("the certificate lives %v days", days)
	}
	if leaf.IsCA || a.ca.MaxPathLen != 0 || !a.ca.MaxPathLenZero {
		t.Error("the certificate could sign others")
	}
	if a.leaf.PrivateKey.(*ecdsa.PrivateKey).Curve != elliptic.P256() {
		t.Error("want a P-256 key")
	}
}

// TestTheAuthorityCanNotSpeakForOthers gives its key to a thief for the length
// of a test: even so no client believes a certificate for another name.
func TestTheAuthorityCanNotSpeakForOthers(t *testing.T) {
	now := time.Now()
	i, err := newIssuer(now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(i.ca)
	verify := func(name string, names []string, ips []net.IP) error {
		leaf, _, err := i.sign(now, names, ips)
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now})
		return err
	}
	if err := verify("localhost", ownNames(), nil); err != nil {
		t.Fatalf("the thief's tools are blunt: %v", err)
	}
	if err := verify("example.com", []string{"example.com"}, nil); err == nil {
		t.Error("a certificate for example.com was believed")
	}
	if err := verify("localhost", []string{"localhost", "example.com"}, nil); err == nil {
		t.Error("a certificate for localhost and example.com was believed")
	}
	if err := verify("10.0.0.1", nil, []net.IP{net.IPv4(10, 0, 0, 1)}); err == nil {
		t.Error("a certificate for 10.0.0.1 was believed")
	}
	if err := verify("127.0.0.2", nil, []net.IP{net.IPv4(127, 0, 0, 2)}); err == nil {
		t.Error("a certificate for 127.0.0.2 was believed")
	}
	critical := false
	for _, e := range i.ca.Extensions {
		if e.Id.String() == "2.5.29.30" { // name constraints
			critical = e.Critical
		}
	}
	if !critical {
		t.Error("the constraint is not critical: old clients would pass over it")
	}
}

// TestTheAuthoritysKeyIsNotOnDisk looks for any key that made the authority's
// signature: each private key found in the folder must be another one.
func TestTheAuthoritysKeyIsNotOnDisk(t *testing.T) {
	dir := t.TempDir()
	a := local(t, dir, time.Now())
	keys := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
			if !strings.Contains(block.Type, "PRIVATE") {
				continue
			}
			keys++
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return err
			}
			if key.(*ecdsa.PrivateKey).PublicKey.Equal(a.ca.PublicKey) {
				t.Errorf("%s holds the authority's key", path)
			}
		}
		// A raw, hexadecimal or base64 scalar would be found by trying every
		// 32 bytes of the folder as a key.
		for _, form := range [][]byte{raw, unhex(raw), unbase64(raw)} {
			for n := 0; n+32 <= len(form); n++ {
				if k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), form[n:n+32]); err == nil && k.PublicKey.Equal(a.ca.PublicKey) {
					t.Errorf("%s holds the authority's key at byte %d", path, n)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if keys != 1 {
		t.Errorf("got %d private keys in the folder, want 1", keys)
	}
	if info, _ := os.Stat(filepath.Join(dir, "leaf.key")); info.Mode().Perm() != 0o600 {
		t.Errorf("leaf.key has mode %v", info.Mode())
	}
	if files, _ := os.ReadDir(dir); len(files) != 3 {
		t.Errorf("got %d files, want 3: %v", len(files), files)
	}
}

func unhex(raw []byte) []byte {
	out, _ := hex.DecodeString(string(bytes.TrimSpace(raw)))
	return out
}

func unbase64(raw []byte) []byte {
	var text strings.Builder
	for l := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(l, "-----") {
			text.WriteString(strings.TrimSpace(l))
		}
	}
	out, _ := base64.StdEncoding.DecodeString(text.String())
	return out
}

func TestASecondStartReusesTheFirst(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := local(t, dir, now)
	second := local(t, dir, now.Add(time.Hour))
	if first.Made() == "" || second.Made() != "" {
		t.Errorf("made: got %q and %q", first.Made(), second.Made())
	}
	if first.Fingerprint() != second.Fingerprint() || !bytes.Equal(first.leaf.Leaf.Raw, second.leaf.Leaf.Raw) {
		t.Error("the second start has another certificate")
	}
	if len(first.Fingerprint()) != 95 {
		t.Errorf("fingerprint %q", first.Fingerprint())
	}
}

func TestWhatIsDamagedOrEndsIsMadeAnew(t *testing.T) {
	now := time.Now()
	other := t.TempDir()
	local(t, other, now)
	edit := func(name string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(raw), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap := func(name string) func(*testing.T, string) {
		raw, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			t.Fatal(err)
		}
		return edit(name, func([]byte) []byte { return raw })
	}
	flip := func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }
	half := func(raw []byte) []byte { return raw[:len(raw)/2] }
	empty := func([]byte) []byte { return nil }
	rows := []struct {
		name  string
		harm  func(*testing.T, string)
		after time.Duration
		why   string
	}{
		{"near its end", nil, lifetime - renewFrom + time.Minute, "30 days"},
		{"past its end", nil, lifetime + time.Hour, "30 days"},
		{"clock set back", nil, -48 * time.Hour, "clock"},
		{"key of another", swap("leaf.key"), 0, "belong"},
		{"certificate of another", swap("leaf.pem"), 0, "belong"},
		{"authority of another", swap("ca.pem"), 0, "not good"},
		{"key readable by others", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "leaf.key"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, 0, "by others"},
		{"authority without constraint", func(t *testing.T, dir string) { looseAuthority(t, dir, now) }, 0, "not held"},
	}
	for _, file := range []string{"ca.pem", "leaf.pem", "leaf.key"} {
		for how, f := range map[string]func([]byte) []byte{"flipped": flip, "cut": half, "empty": empty} {
			rows = append(rows, struct {
				name  string
				harm  func(*testing.T, string)
				after time.Duration
				why   string
			}{file + " " + how, edit(file, f), 0, ""})
		}
		rows = append(rows, struct {
			name  string
			harm  func(*testing.T, string)
			after time.Duration
			why   string
		}{file + " gone", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, file)) }, 0, file + " is not there"})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			was := local(t, dir, now)
			if row.harm != nil {
				row.harm(t, dir)
			}
			is := local(t, dir, now.Add(row.after))
			if is.Made() == "" || !strings.Contains(is.Made(), row.why) {
				t.Errorf("made: got %q, want it to say %q", is.Made(), row.why)
			}
			if is.Fingerprint() == was.Fingerprint() {
				t.Error("the authority is the old one")
			}
			if again := local(t, dir, now.Add(row.after)); again.Made() != "" {
				t.Errorf("made again: %q", again.Made())
			}
		})
	}
}

// looseAuthority puts in a set of files that fit each other, from an authority
// that could speak for any name.
func looseAuthority(t *testing.T, dir string, now time.Time) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: serial(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca, _ := x509.ParseCertificate(der)
	leaf, leafKey, err := (&issuer{ca, key}).sign(now, ownNames(), ownAddresses())
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(leafKey)
	for name, b := range map[string]*pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: der},
		"leaf.pem": {Type: "CERTIFICATE", Bytes: leaf.Raw}, "leaf.key": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := replace(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAConversation has a real client and a real server.
func TestAConversation(t *testing.T) {
	a := local(t, t.TempDir(), time.Now())
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	s.EnableHTTP2 = true
	s.TLS = a.TLSConfig()
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.ClientPool()}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get(strings.Replace(s.URL, "127.0.0.1", "localhost", 1))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || res.TLS.Version != tls.VersionTLS13 || res.TLS.CurveID != tls.X25519MLKEM768 {
		t.Errorf("got %s, TLS %x, curve %v", res.Proto, res.TLS.Version, res.TLS.CurveID)
	}
	old := &tls.Config{RootCAs: a.ClientPool(), MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if c, err := tls.Dial("tcp", s.Listener.Addr().String(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestTheHintNamesTheFile(t *testing.T) {
	if h := TrustHint("/data/ca.pem"); strings.Count(h, "/data/ca.pem") < 6 || !strings.Contains(h, "Firefox") {
		t.Errorf("got %s", h)
	}
}

// FuzzDamagedFolder writes anything into the files: Local never panics and
// always ends with a certificate that works.
func FuzzDamagedFolder(f *testing.F) {
	f.Add("ca.pem", []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add("leaf.key", []byte{0})
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		if name != "ca.pem" && name != "leaf.pem" && name != "leaf.key" {
			return
		}
		dir := t.TempDir()
		now := time.Now()
		local(t, dir, now)
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if local(t, dir, now).Made() == "" {
			t.Error("a foreign file was used")
		}
	})
}

package smtp

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// keys makes one of each kind, with what DNS says of it.
func keys(t *testing.T) map[string]struct {
	key crypto.Signer
	dns string
} {
	t.Helper()
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(long.Public())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		key crypto.Signer
		dns string
	}{
		"ed25519": {ed, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub)},
		"rsa":     {long, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)},
	}
}

// TestASignatureHolds has the letter that arrived checked by the library, and by
// hand: the hash of its body, and the signature.
func TestASignatureHolds(t *testing.T) {
	for name, k := range keys(t) {
		p := &peer{}
		start(t, p, false, true)
		c := p.config()
		c.DKIM = &DKIM{Domain: "shop.example", Selector: "ck1", Key: k.key}
		if err := sender(t, c).Send(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
		got := p.got[0]
		verify := func(letter string) []*dkim.Verification {
			v, err := dkim.VerifyWithOptions(strings.NewReader(letter), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
				if domain != "ck1._domainkey.shop.example" {
					t.Errorf("%s: the key is looked for at %s", name, domain)
				}
				return []string{k.dns}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		v := verify(got)
		if len(v) != 1 || v[0].Err != nil || v[0].Domain != "shop.example" {
			t.Fatalf("%s: got %+v, want one signature that holds", name, *v[0])
		}
		for _, signed := range []string{"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type"} {
			if !regexp.MustCompile(`(?i)(^| )` + signed + `( |$)`).MatchString(strings.Join(v[0].HeaderKeys, " ")) {
				t.Errorf("%s: %s is not signed: %v", name, signed, v[0].HeaderKeys)
			}
		}
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		unfolded := regexp.MustCompile(`\r\n[ \t]+`).ReplaceAllString(head, "")
		if !strings.Contains(unfolded, "c=relaxed/relaxed") {
			t.Errorf("%s: want relaxed/relaxed: %s", name, unfolded)
		}
		if want := regexp.MustCompile(`bh=([^;]+)`).FindStringSubmatch(unfolded); len(want) != 2 || strings.ReplaceAll(want[1], " ", "") != bodyHash(body) {
			t.Errorf("%s: bh is %v, by hand it is %s", name, want, bodyHash(body))
		}
		byHand(t, name, head, k.key.Public())
		// Whoever changes or adds something breaks it.
		for what, changed := range map[string]string{
			"body": strings.Replace(got, "marker", "Marker", 1), "subject": strings.Replace(got, "Subject: ", "Subject: x", 1),
			"second From": "From: <evil@evil.example>\r\n" + got, "second To": "To: <evil@evil.example>\r\n" + got, "reply": "Reply-To: <evil@evil.example>\r\n" + got,
			"more": got + "more\r\n",
		} {
			if v := verify(changed); len(v) != 1 || v[0].Err == nil {
				t.Errorf("%s: a changed letter (%s) is still signed", name, what)
			}
		}
	}
}

// byHand checks the signature as RFC 6376, 3.4.2 and 3.7, has it, without a library.
func byHand(t *testing.T, name, head string, public crypto.PublicKey) {
	t.Helper()
	fields := map[string][]string{}
	for _, line := range strings.Split(regexp.MustCompile(`\r\n([ \t])`).ReplaceAllString(head, "$1"), "\r\n") {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(regexp.MustCompile(`[ \t]+`).ReplaceAllString(value, " "))
		fields[strings.ToLower(field)] = append(fields[strings.ToLower(field)], value)
	}
	signature := fields["dkim-signature"][0]
	b := regexp.MustCompile(`(^|;) *b=([^;]*)`).FindStringSubmatch(signature)[2]
	var in strings.Builder
	for field := range strings.SplitSeq(regexp.MustCompile(` h=([^;]+)`).FindStringSubmatch(signature)[1], ":") {
		field = strings.ToLower(strings.TrimSpace(field))
		if have := fields[field]; len(have) > 0 {
			in.WriteString(field + ":" + have[len(have)-1] + "\r\n")
			fields[field] = have[:len(have)-1]
		}
	}
	in.WriteString("dkim-signature:" + strings.TrimSpace(strings.Replace(signature, b, "", 1)))
	sum := sha256.Sum256([]byte(in.String()))
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(b, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	switch public := public.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(public, sum[:], raw) {
			t.Errorf("%s: by hand the signature does not hold", name)
		}
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], raw); err != nil {
			t.Errorf("%s: by hand the signature does not hold", name)
		}
	}
}

// bodyHash is RFC 6376, 3.4.4 and 3.7: blanks at the ends of lines and empty
// lines at the end are not counted, and blanks within are one.
func bodyHash(body string) string {
	var out bytes.Buffer
	empty := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		line = strings.TrimRight(regexp.MustCompile(`[ \t]+`).ReplaceAllString(line, " "), " ")
		if line == "" {
			empty++
			continue
		}
		out.WriteString(strings.Repeat("\r\n", empty) + line + "\r\n")
		empty = 0
	}
	sum := sha256.Sum256(out.Bytes())
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestAKeyForSigningIsReadFromItsFile(t *testing.T) {
	write := func(kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), "dkim.pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, k := range keys(t) {
		der, err := x509.MarshalPKCS8PrivateKey(k.key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadKey(write("PRIVATE KEY", der))
		if err != nil {
			t.Fatal(err)
		}
		d := &DKIM{Domain: "shop.example", Selector: "ck1", Key: got}
		if err := d.check("orders@shop.example"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.check("orders@mail.shop.example"); err != nil {
			t.Errorf("%s, below the domain: %v", name, err)
		}
		for _, from := range []string{"orders@other.example", "orders@evilshop.example"} {
			if err := d.check(from); err == nil {
				t.Errorf("%s: letters from %s: want an error", name, from)
			}
		}
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&DKIM{Domain: "shop.example", Selector: "ck1", Key: short}).check("orders@shop.example"); err == nil {
		t.Error("a short RSA key: want an error")
	}
	for _, path := range []string{write("PRIVATE KEY", []byte("marker")), write("CERTIFICATE", nil), filepath.Join(t.TempDir(), "marker")} {
		_, err := ReadKey(path)
		if err == nil {
			t.Error("want an error")
		}
		hidden(t, err)
	}
}

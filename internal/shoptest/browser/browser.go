// Package browser drives a real Chromium through the shop's pages in tests.
//
// It knows how to start a browser that reaches nothing but this machine, how
// to trust one certificate and no other, and how to look at a page as a
// shopper does: narrow or wide, light or dark, with scripts or without. It
// does not know the shop's pages. What goes wrong in the browser ends the test
// that asked for it.
//
// Start reading at Start and Browser.Page.
package browser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// ShotsEnv names the environment variable with the folder for screenshots.
// Without it none are taken.
const ShotsEnv = "CARTKEEP_SCREENSHOTS"

// RequireEnv names the environment variable that turns a skip for want of
// Chromium into a failure. make test sets it.
const RequireEnv = "CARTKEEP_TEST_REQUIRE"

// Browser is a running Chromium with an empty profile.
type Browser struct{ ctx context.Context }

// Start starts a browser that ends with the test. It accepts the given
// certificates (of the server itself, not of an authority) besides those that
// the machine trusts. The test is skipped when Chromium is not installed, and
// fails instead when RequireEnv is set.
func Start(t testing.TB, trust ...*x509.Certificate) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		const absent = "Chromium is not installed (Debian package chromium; make test installs it)"
		if os.Getenv(RequireEnv) != "" {
			t.Fatal(absent)
		}
		t.Skip(absent)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("hide-scrollbars", true),
		// A page that asks another host for something must fail, and not wait.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1 , EXCLUDE [::1]"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the sandbox refuses root
	}
	if len(trust) > 0 {
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", fingerprints(trust)))
	}
	// Not t.Context: it ends before the clean-up, and the browser with it,
	// while the profile is still being written.
	root, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(root, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // a browser that ended already is as good
		end()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx}
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if f, err := exec.LookPath(name); err == nil {
			return f
		}
	}
	return ""
}

// fingerprints names keys in the way of Chromium's switch.
func fingerprints(certs []*x509.Certificate) string {
	var list []string
	for _, c := range certs {
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		list = append(list, base64.StdEncoding.EncodeToString(sum[:]))
	}
	return strings.Join(list, ",")
}

// Certificate reads the first certificate of a PEM file, for Start.
func Certificate(t testing.TB, file string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatalf("%s holds no PEM block", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

package passkey_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"

	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const strict = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// door is a shop that is nothing but the door: bare pages with the shop's
// script and its strictest headers.
type door struct {
	*shop
	mu     sync.Mutex
	assets *page.Set
	state  []byte
	begun  []string // the ceremonies begun
	needUV bool
	broken bool // begin fails
}

// form is what a page for passkeys holds, besides its words.
func form(kind, more string) string {
	return fmt.Sprintf(`<form method="post" action="/%[1]s/finish" data-passkey="%[1]s" data-begin="/%[1]s/begin"
 data-working="Waiting for your device." data-cancelled="Nothing was done. You can try again."
 data-enrolled="This device has a passkey already." data-failed="That did not work. Please try again.">
<input type="hidden" name="csrf" value="the-token"><input type="hidden" name="credential">%[2]s
<button type="button" hidden data-passkey-start>Go</button><p role="status" data-passkey-said></p></form>`, kind, more)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, page.PathAssets) {
		d.assets.Assets(http.NotFoundHandler()).ServeHTTP(w, r)
		return
	}
	gate.Harden(w, strict)
	gate.Passkeys(w)
	if r.Method == http.MethodPost && r.PostFormValue("csrf") != "the-token" {
		http.Error(w, "no token", http.StatusForbidden)
		return
	}
	kind, half, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	switch half {
	case "begin":
		d.begin(w, kind)
	case "finish":
		d.finish(w, r, kind)
	default:
		body := form(kind, "")
		switch kind {
		case "offer":
			body = form("sign-in", `<input id="name" name="name" autocomplete="username webauthn" data-passkey-conditional>`)
		case "manage":
			body = `<p data-passkey-rp="localhost" data-passkey-unknown="` + base([]byte("gone")) + `" data-passkey-user="` + base(ada.ID) +
				`" data-passkey-accepted="">Managed</p>`
		}
		d.write(w, http.StatusOK, body)
	}
}

func (d *door) write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Door</title><link rel="icon" href="%s"><script defer src="%s"></script><main>%s</main>`,
		d.assets.AssetPath("favicon.svg"), d.assets.AssetPath("passkey.js"), body)
}

func (d *door) begin(w http.ResponseWriter, kind string) {
	d.begun = append(d.begun, kind)
	if d.broken {
		http.Error(w, "broken", http.StatusServiceUnavailable)
		return
	}
	var keys []passkey.Key
	for id, k := range d.keys {
		if string(d.owner[id].ID) == string(ada.ID) {
			keys = append(keys, k)
		}
	}
	var options []byte
	var err error
	switch kind {
	case "register":
		options, d.state, err = d.BeginRegister(ada, keys, d.needUV)
	case "sign-in":
		options, d.state, err = d.BeginSignIn(d.needUV)
	case "step-up":
		options, d.state, err = d.BeginStepUp(ada, keys, d.needUV)
	}
	if err != nil {
		d.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(options)
}

func (d *door) finish(w http.ResponseWriter, r *http.Request, kind string) {
	answer, state := []byte(r.PostFormValue("credential")), d.state
	d.state = nil // used once
	if kind == "register" {
		key, err := d.FinishRegister(ada, state, answer)
		if err != nil {
			d.write(w, http.StatusUnprocessableEntity, "<p>"+err.Error())
			return
		}
		d.keep(ada, key)
		d.write(w, http.StatusOK, fmt.Sprintf("<h1>Enrolled, %v</h1>", key.Transports))
		return
	}
	key, grade, err := d.FinishSignIn(state, answer, d.find)
	if err != nil {
		d.write(w, http.StatusUnprocessableEntity, "<p>"+err.Error())
		return
	}
	d.keep(d.owner[string(key.ID)], key)
	d.write(w, http.StatusOK, fmt.Sprintf("<h1>In with grade %d</h1>", grade))
}

// ceremonies waits until as many have begun, and says of which kinds.
func (d *door) ceremonies(t *testing.T, n int) string {
	t.Helper()
	for range 750 {
		d.mu.Lock()
		begun := strings.Join(d.begun, " ")
		d.mu.Unlock()
		if len(strings.Fields(begun)) >= n {
			return begun
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%d ceremonies never began", n)
	return ""
}

func openDoor(t *testing.T, view browser.View) (*door, *browser.Page, string) {
	t.Helper()
	assets, err := page.New(page.Config{ShopName: "Tidewater"})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{assets: assets}
	server := httptest.NewTLSServer(d)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at := "https://localhost:" + u.Port() // browsers know passkeys by domains
	d.shop = newShop(t)
	if d.Party, err = passkey.New(passkey.Config{RPID: "localhost", RPName: "Tidewater", Origins: []string{at}}); err != nil {
		t.Fatal(err)
	}
	return d, browser.Start(t, server.Certificate()).Page(t, view), at
}

// waitFor waits for words in the page, which may be another page by then.
func waitFor(t *testing.T, p *browser.Page, selector, want string) {
	t.Helper()
	got := ""
	for range 750 {
		got = browser.Eval[string](p, fmt.Sprintf("document.querySelector(%q)?.textContent || ''", selector))
		if strings.Contains(got, want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: got %q, want %q; the browser says %v", selector, got, want, p.Complaints())
}

func TestABrowserEnrolsAndSignsIn(t *testing.T) {
	d, p, at := openDoor(t, browser.View{})
	browser.Tell(p, webauthn.Enable, webauthn.EnableParams{})
	device := browser.Tell(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}}).AuthenticatorID
	verified := func(yes bool) {
		browser.Tell(p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: yes})
	}

	p.Open(at + "/register")
	p.Click("[data-passkey-start]")
	waitFor(t, p, "h1", "Enrolled, [internal]")

	p.Open(at + "/register") // the same device again
	p.Click("[data-passkey-start]")
	waitFor(t, p, "[data-passkey-said]", "This device has a passkey already.")

	p.Open(at + "/sign-in")
	p.Click("[data-passkey-start]")
	waitFor(t, p, "h1", "In with grade 2")

	p.Open(at + "/step-up")
	p.Click("[data-passkey-start]")
	waitFor(t, p, "h1", "In with grade 2")

	// The person is not recognised, or goes away.
	d.mu.Lock()
	d.needUV = true
	d.mu.Unlock()
	verified(false)
	p.Open(at + "/sign-in")
	p.Click("[data-passkey-start]")
	waitFor(t, p, "[data-passkey-said]", "Nothing was done. You can try again.")
	verified(true)
	p.Click("[data-passkey-start]") // and tries again on the same page
	waitFor(t, p, "h1", "In with grade 2")

	p.Open(at + "/offer") // nothing is clicked: the browser offers, the virtual person takes it
	waitFor(t, p, "h1", "In with grade 2")

	p.Open(at + "/manage")
	for range 100 {
		if kept := browser.Tell(p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: device}); len(kept.Credentials) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if kept := browser.Tell(p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: device}); len(kept.Credentials) != 0 {
		t.Errorf("the device keeps %d passkeys of an account that has none", len(kept.Credentials))
	}
	if got := p.Complaints(); len(got) != 0 {
		t.Errorf("the browser complains: %v", got)
	}
}

// A browser runs one ceremony at a time. Whoever presses the button while
// passkeys are on offer gets the button's, and what fails is said in words.
func TestAnOfferGivesWayAndFailuresAreSaid(t *testing.T) {
	d, p, at := openDoor(t, browser.View{})
	browser.Tell(p, webauthn.Enable, webauthn.EnableParams{})
	device := browser.Tell(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}}).AuthenticatorID
	present := func(yes bool) {
		browser.Tell(p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: device, Enabled: yes})
	}
	p.Open(at + "/register")
	p.Click("[data-passkey-start]")
	waitFor(t, p, "h1", "Enrolled")

	present(false) // nobody takes the offer
	p.Open(at + "/offer")
	d.ceremonies(t, 2)
	p.Fill("#name", "ada") // typing goes on meanwhile
	p.Click("[data-passkey-start]")
	if got := d.ceremonies(t, 3); got != "register sign-in sign-in" {
		t.Errorf("ceremonies: got %q, want the offer and the button's", got)
	}
	waitFor(t, p, "[data-passkey-said]", "Waiting for your device.")
	// The virtual device wakes for a waiting request at times, and at times only
	// for a new one: then the button is pressed again, while the first still waits.
	present(true)
	time.Sleep(200 * time.Millisecond)
	browser.Eval[bool](p, "document.querySelector('[data-passkey-start]')?.click() || true")
	waitFor(t, p, "h1", "In with grade 2")
	begun := len(strings.Fields(d.ceremonies(t, 3)))

	d.mu.Lock()
	d.broken = true
	d.mu.Unlock()
	p.Open(at + "/offer")
	d.ceremonies(t, begun+1)
	if got := p.Text("[data-passkey-said]"); got != "" {
		t.Errorf("an offer that failed said %q, though nobody asked", got)
	}
	p.Click("[data-passkey-start]")
	waitFor(t, p, "[data-passkey-said]", "That did not work. Please try again.")
	for _, c := range p.Complaints() {
		if !strings.Contains(c, "503") {
			t.Errorf("the browser complains: %s", c)
		}
	}

	browser.Tell(p, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.PublicKeyCredential"})
	p.Open(at + "/sign-in")
	if !browser.Eval[bool](p, "document.querySelector('[data-passkey-start]').hidden") {
		t.Error("a browser without passkeys offers a button that can do nothing")
	}
}

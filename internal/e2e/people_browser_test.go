package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestPeopleSignInByEveryMeans walks through an account by hand: with scripts
// and a passkey, and without any scripts by everything else.
func TestPeopleSignInByEveryMeans(t *testing.T) {
	if _, err := exec.LookPath("oathtool"); err != nil {
		if os.Getenv("CARTKEEP_TEST_REQUIRE") != "" {
			t.Fatal("oathtool is not installed, and this run must not skip")
		}
		t.Skip("oathtool is not installed: no independent program shows the codes of an authenticator app")
	}
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	for i, view := range []browser.View{{Width: browser.Narrow, NoScript: true, Dark: true}, {Width: browser.Wide}} {
		t.Run(name(view), func(t *testing.T) {
			t.Parallel() // most of the time is waiting for the next code
			m := &member{visitor: &visitor{t: t, shop: s, view: view, Page: b.Page(t, view)},
				email: []string{"grace@example.com", "alan@example.com"}[i], phone: []string{"+4915112345678", "+4915112345679"}[i]}
			m.joins()
			m.addsAnApp()
			m.addsAPhone()
			m.savesCodes()
			m.looksAtEverything()
			m.signsInBy("recovery", func() string { return m.recovery[3] })
			m.signsInBy("totp", m.code)
			m.signsInBy("sms", func() string { return m.newest(m.phone) })
			m.provesAgain()
			if !view.NoScript {
				m.usesAPasskey()
			}
			m.losesEverything()
			m.wasLeftAlone()
		})
	}
}

// member is a visitor who has an account.
type member struct {
	*visitor
	email, phone string
	key          string // of the authenticator app
	used         string // the last code of it
	recovery     []string
}

// press submits the form that leads somewhere.
func (m *member) press(action string) int {
	m.t.Helper()
	return m.Submit(`form[action="` + action + `"] button:not([type=button])`)
}

// newest is the newest code to somebody.
func (m *member) newest(to string) (code string) {
	m.t.Helper()
	eventually(m.t, 20*time.Second, "a code for "+to, func() bool {
		for _, l := range m.shop.letters(m.t) {
			if c := mailedCode.FindStringSubmatch(l.Text); c != nil && l.To == to && time.Since(atOf(l)) < 5*time.Second {
				code = c[1] + c[2]
			}
		}
		return code != ""
	})
	return code
}

func atOf(l letter) time.Time {
	at, _ := time.Parse(time.RFC3339, l.At) // ours
	return at
}

// code is what an independent program shows for the key, once.
func (m *member) code() string {
	m.t.Helper()
	for {
		out, err := exec.Command("oathtool", "--totp", "-b", m.key).Output()
		if err != nil {
			m.t.Fatalf("oathtool: %v", err)
		}
		if c := strings.TrimSpace(string(out)); c != m.used {
			m.used = c
			return c
		}
		time.Sleep(time.Second) // the shop takes each code once
	}
}

func (m *member) joins() {
	m.status(m.Open(m.shop.origin+"/register"), 200)
	m.shot("register")
	m.Fill("#email", m.email)
	m.Fill("#password", "short")
	m.status(m.press("/register"), 422)
	m.shot("register-wrong")
	if got := m.Value("#email"); got != m.email {
		m.t.Errorf("the address is gone after a mistake: %q", got)
	}
	m.Fill("#password", passphrase)
	m.press("/register")
	m.expect(m.URL(), "/register/code")
	m.shot("register-code")
	m.Fill("#code", m.newest(m.email))
	m.press("/register/code")
	m.expect(m.URL(), "/account/security")
	m.shot("security-new")
}

func (m *member) savesCodes() {
	m.Open(m.shop.origin + "/account/security")
	m.press("/account/security/codes")
	m.recovery = nil
	for i := range 8 {
		m.recovery = append(m.recovery, browser.Eval[string](m.Page, `document.querySelectorAll(".codes code")[`+string(rune('0'+i))+`].textContent`))
	}
	m.shot("recovery-codes")
	m.Fill("#code", strings.ToLower(m.recovery[0]))
	m.status(m.press("/account/security/codes/confirm"), 200)
}

var typedKey = regexp.MustCompile(`[A-Z2-7]{4}( [A-Z2-7]{4}){7}`)

func (m *member) addsAnApp() {
	m.Open(m.shop.origin + "/account/security")
	m.press("/account/security/app")
	m.shot("app")
	m.key = strings.ReplaceAll(typedKey.FindString(m.Text("main")), " ", "")
	if m.key == "" || !m.Has(".qr svg") {
		m.t.Fatalf("no key and no picture:\n%s", m.Text("main"))
	}
	m.Fill("#code", "000000")
	m.status(m.press("/account/security/app/code"), 422)
	m.Fill("#code", m.code())
	m.status(m.press("/account/security/app/code"), 200)
}

func (m *member) addsAPhone() {
	m.Open(m.shop.origin + "/account/security")
	m.Fill("#phone", m.phone)
	m.press("/account/security/phone")
	m.shot("phone")
	m.Fill("#code", m.newest(m.phone))
	m.status(m.press("/account/security/phone/code"), 200)
	m.expect(m.Text("main"), m.phone[len(m.phone)-2:])
	if strings.Contains(m.HTML(), m.phone[3:]) {
		m.t.Error("the page of security shows the whole number")
	}
	m.shot("security")
}

func (m *member) looksAtEverything() {
	for _, path := range []string{"/account", "/account/orders", "/account/addresses", "/account/credit", "/account/messages", "/account/activity"} {
		m.status(m.Open(m.shop.origin+path), 200)
		m.shot(strings.ReplaceAll(path[1:], "/", "-"))
	}
}

// signsOut leaves by the button.
func (m *member) signsOut() {
	m.Open(m.shop.origin + "/account")
	m.status(m.press("/sign-out"), 200)
	m.expect(m.URL(), "/sign-in")
	m.Open(m.shop.origin + "/account")
	m.expect(m.URL(), "/sign-in")
}

// half signs in by the password, which opens nothing yet.
func (m *member) half() {
	m.Open(m.shop.origin + "/sign-in")
	m.Fill("#email", m.email)
	m.Fill("#password", passphrase)
	m.press("/sign-in")
	m.expect(m.URL(), "/sign-in/second")
	m.Open(m.shop.origin + "/account/orders")
	m.expect(m.URL(), "/sign-in/second")
}

func (m *member) signsInBy(way string, code func() string) {
	m.signsOut()
	m.half()
	m.Open(m.shop.origin + "/sign-in/second?by=" + way)
	m.shot("second-" + way)
	if way == "sms" {
		for m.press("/sign-in/second/text") == 429 { // the one before was less than a minute ago
			time.Sleep(3 * time.Second)
			m.Open(m.shop.origin + "/sign-in/second?by=sms")
		}
	}
	m.Fill("#code", code())
	if way == "sms" {
		m.Click("input[name=trust]")
	}
	m.press("/sign-in/second")
	m.expect(m.URL(), "/account")
	m.status(m.Open(m.shop.origin+"/account"), 200)
	m.expect(m.URL(), "/account")
}

// provesAgain comes back to a browser that is spared the second factor, and is
// asked for it before something delicate all the same.
func (m *member) provesAgain() {
	m.signsOut()
	m.Open(m.shop.origin + "/sign-in")
	m.Fill("#email", m.email)
	m.Fill("#password", passphrase)
	m.press("/sign-in")
	m.expect(m.URL(), "/account")
	m.Open(m.shop.origin + "/account/new-address")
	m.expect(m.URL(), "/account/prove")
	m.Open(m.shop.origin + "/account/prove?by=recovery")
	m.shot("prove")
	m.Fill("#code", m.recovery[4])
	m.press("/account/prove")
	m.expect(m.URL(), "/account/new-address")
	m.shot("address-new")
}

// losesEverything begins to replace a second factor, and the mail stops it.
func (m *member) losesEverything() {
	m.signsOut()
	m.Open(m.shop.origin + "/sign-in")
	for _, c := range m.Cookies() {
		if c.Name == "__Host-ckd" { // another browser: this one is spared the second factor
			m.Forget(m.shop.origin, c.Name)
		}
	}
	m.half()
	m.Open(m.shop.origin + "/sign-in/lost")
	m.press("/sign-in/lost")
	m.Fill("#code", m.newest(m.email))
	m.press("/sign-in/lost/code")
	m.shot("lost")
	m.expect(m.Text("main"), "72 hours")
	link := ""
	eventually(m.t, 20*time.Second, "the way to stop it", func() bool {
		for _, l := range m.shop.letters(m.t) {
			if l.To == m.email && strings.Contains(l.Text, "/account/undo?token=") {
				_, link, _ = strings.Cut(l.Text, "/account/undo?token=")
				link, _, _ = strings.Cut(link, "\n")
			}
		}
		return link != ""
	})
	m.status(m.Open(m.shop.origin+"/account/undo?token="+link), 200)
	if strings.Contains(m.URL(), "token") {
		m.t.Error("the token stays in the address")
	}
	m.shot("undo")
	m.status(m.press("/account/undo"), 200)
	m.Open(m.shop.origin + "/account")
	m.expect(m.URL(), "/sign-in")
}

// usesAPasskey adds one and signs in with it. The device is there no longer
// than that: it takes every offer by itself.
func (m *member) usesAPasskey() {
	browser.Tell(m.Page, webauthn.Enable, webauthn.EnableParams{})
	device := browser.Tell(m.Page, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	m.Open(m.shop.origin + "/account/security")
	m.Submit(`form[data-passkey=register] [data-passkey-start]`)
	m.Open(m.shop.origin + "/account/security")
	m.shot("security-passkey")
	// The virtual person takes a passkey the moment it is offered, which the page
	// to sign in does at once: nobody would see that they had signed out.
	present := func(yes bool) {
		browser.Tell(m.Page, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: device.AuthenticatorID, Enabled: yes})
	}
	present(false)
	m.signsOut()
	present(true)
	m.Open(m.shop.origin + "/sign-in")
	m.comesTo("/account") // the browser offers the passkey, and the virtual person takes it
	m.status(m.Open(m.shop.origin+"/account/new-address"), 200)
	m.expect(m.URL(), "/account/new-address")

	// It gets another name, and goes again.
	m.Open(m.shop.origin + "/account/security")
	m.Submit("#passkeys .rows a")
	m.Fill("#label", "the telephone")
	m.Submit("main form:has(#label) .btn")
	m.expect(m.Text("#passkeys .rows"), "the telephone")
	m.Submit("#passkeys .rows a")
	m.Submit(`form[action$="/remove"] .btn`)
	if m.Has("#passkeys .rows") {
		m.t.Error("the passkey is still there")
	}
	browser.Tell(m.Page, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: device.AuthenticatorID})
}

// comesTo waits until the browser has gone somewhere by itself.
func (m *member) comesTo(path string) {
	m.t.Helper()
	eventually(m.t, 20*time.Second, "the way to "+path, func() bool { return strings.HasSuffix(m.URL(), path) })
}

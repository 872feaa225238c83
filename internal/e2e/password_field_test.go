package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestThePasswordFieldHelpsWhileOneTypes: what is to be said of a password changes
// with it, it can be shown, and it is covered again before it is sent.
func TestThePasswordFieldHelpsWhileOneTypes(t *testing.T) {
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	p := b.Page(t, browser.View{Width: browser.Narrow})
	p.Open(s.origin + "/register")
	says := func(what, typed string) {
		t.Helper()
		browser.Eval[string](p, "document.querySelector('#password').value = ''")
		p.Fill("#password", typed)
		said := ""
		defer func() {
			if t.Failed() {
				t.Logf("%q: it says %q", typed, said)
			}
		}()
		eventually(t, 10*time.Second, what, func() bool {
			said = p.Text("[data-said]")
			return strings.Contains(said, what)
		})
	}
	says("thieves try first", "password123")
	says("too short", "tram clouds")
	says("strong", passphrase)
	kind := func() string { return browser.Eval[string](p, "document.querySelector('#password').type") }
	const show = "#password + button"
	if p.Text(show) != "Show the password" || kind() != "password" {
		t.Errorf("covered: the button says %q, the field is of type %s", p.Text(show), kind())
	}
	p.Click(show)
	if p.Text(show) != "Hide the password" || kind() != "text" {
		t.Errorf("shown: the button says %q, the field is of type %s", p.Text(show), kind())
	}
	browser.Eval[bool](p, "document.querySelector('#password').form.addEventListener('submit', e => e.preventDefault()), true")
	p.Click(`form[action="/register"] .btn`)
	if kind() != "password" {
		t.Error("it is sent uncovered, and the browser may offer it in other fields")
	}
	if list := p.Complaints(); len(list) > 0 {
		t.Errorf("the browser complains: %v", list)
	}

	// What a password manager looks for.
	for path, want := range map[string]string{"/register": "username new-password", "/sign-in": "username webauthn current-password"} {
		p.Open(s.origin + path)
		got := browser.Eval[string](p, "[...document.querySelectorAll('form:has(#password) input:not([type=hidden])')].map(e => e.autocomplete).join(' ')")
		for _, word := range strings.Fields(want) {
			if !strings.Contains(got, word) {
				t.Errorf("%s: the fields say %q, want %q in it", path, got, word)
			}
		}
	}
}

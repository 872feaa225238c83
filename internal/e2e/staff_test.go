package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestTheFirstOwnerComesInByThePrintedLink: with a real browser and a device of
// its own, from the line that the demo prints to the second sign-in.
func TestTheFirstOwnerComesInByThePrintedLink(t *testing.T) {
	h := newHome(t, "")
	s := h.start(t)
	if !strings.HasPrefix(s.owner, s.origin+"/admin/invite?token=") {
		t.Fatalf("the demo printed %q as the owner's link", s.owner)
	}
	first := s.owner
	s.stop()
	s = h.start(t)
	if s.owner == "" || s.owner == first {
		t.Errorf("the second start printed %q, want a link of its own", s.owner)
	}
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	p := b.Page(t, browser.View{Width: browser.Narrow})
	shots := func(name string) {
		for _, width := range []int64{browser.Narrow, browser.Wide} {
			p.Look(browser.View{Width: width})
			p.Shot(fmt.Sprintf("staff-%s-%d", name, width))
			if over := browser.Eval[bool](p, "document.documentElement.scrollWidth > innerWidth"); over {
				t.Errorf("%s is wider than %d", name, width)
			}
		}
	}
	heading := func(want string) {
		t.Helper()
		got := ""
		for range 500 {
			if got = browser.Eval[string](p, "document.querySelector('h1')?.textContent || ''"); got == want {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("got %q, want the page %q; it says %q; the browser complains %v", got, want, p.Text("main"), p.Complaints())
	}
	p.Authenticator()
	if got := p.Open(s.origin + "/admin/invite?token=" + strings.SplitAfter(first, "token=")[1]); got != 404 {
		t.Errorf("the link of the start before: got %d, want 404", got)
	}
	p.Open(s.owner)
	heading("You are invited")
	if strings.Contains(p.URL(), "token") {
		t.Errorf("the token stays in the address %s", p.URL())
	}
	shots("invited")
	p.Fill("#label", "work laptop")
	p.Click("[data-passkey-start]")
	heading("Your security")
	if !strings.Contains(p.Text("main"), "work laptop") {
		t.Errorf("the passkey has no name: %s", p.Text("main"))
	}
	shots("security")
	p.Open(s.origin + "/admin/staff")
	heading("Staff")
	shots("staff")
	p.Open(s.origin + "/admin")
	heading("Console")
	shots("home")
	p.Submit("form[action='/admin/sign-out'] button")
	heading("Staff")
	shots("entrance")
	if p.Has("input[type=password]") || p.Has("a[href='/account']") || p.Has("a[href='/sign-in']") {
		t.Error("the entrance has more than the passkey's button")
	}
	p.Click("[data-passkey-start]")
	heading("Console")
	if !strings.Contains(p.Text("main"), "You work here as owner") {
		t.Errorf("signed in as: %s", p.Text("main"))
	}
	for _, c := range p.Complaints() {
		if !strings.Contains(c, "404") { // of the link of the start before
			t.Errorf("the browser complains: %s", c)
		}
	}

	// Beside the running shop: the owner is listed, and the next start prints no link.
	if out := h.must(t, "staff", "list"); !strings.Contains(out, "owner") || !strings.Contains(out, "open") || strings.Contains(out, "@") {
		t.Errorf("staff list says %s", out)
	}
	s.stop()
	if s = h.start(t); s.owner != "" {
		t.Errorf("with an owner the demo printed %q", s.owner)
	}
}

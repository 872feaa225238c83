package e2e

import (
	"encoding/base32"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

var (
	routeRow  = regexp.MustCompile("(?m)^\\| `GET (/[^`]*)` \\|")
	routeHole = regexp.MustCompile(`\{[^}]*\}`)
	ofPeople  = regexp.MustCompile(`^/(account|admin|sign-in|register|forgotten)(/|$)`)
)

// showsNothing are addresses that only lead on, and another spelling of one.
var showsNothing = []string{"/account/security/open", "/account/cards/use/{provider}", "/account/cards/keep/{provider}", "/admin/{$}"}

// pagesOfPeople lists every address of entrance, account and console, as the
// table of routes has them: a new one is on the list by itself.
func pagesOfPeople(t testing.TB) (out []string) {
	t.Helper()
	table, err := os.ReadFile("../../docs/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range routeRow.FindAllStringSubmatch(string(table), -1) {
		if ofPeople.MatchString(m[1]) && !slices.Contains(showsNothing, m[1]) {
			out = append(out, m[1])
		}
	}
	if len(out) < 30 {
		t.Fatalf("the table of routes has %d pages for people: is it read rightly?", len(out))
	}
	return out
}

// longMail is as long as people's addresses get: it has to fit everywhere.
const longMail = "ada.augusta.king-noel.countess.of.lovelace+hazelmott@analytical-engines-and-looms.example"

// TestNoPageOfAnAccountHasABarrierThatAxeFinds walks through console, entrance
// and account, and is not content before it has seen every page that the table
// of routes has there, narrow and wide, in the light and in the dark.
func TestNoPageOfAnAccountHasABarrierThatAxeFinds(t *testing.T) {
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	seen := map[string]bool{}
	open := func() *inspector {
		i := &inspector{visitor: &visitor{t: t, shop: s, Page: b.Page(t, browser.View{Still: true})}, script: axe(t), seen: seen, plain: true}
		for _, width := range []int64{browser.Narrow, browser.Wide} {
			i.views = append(i.views, browser.View{Width: width, Still: true}, browser.View{Width: width, Dark: true, Still: true})
		}
		return i
	}
	owner, staff, shopper := open(), open(), open()
	owner.worksHere(staff)
	m := &member{visitor: shopper.visitor, email: longMail, phone: "+4915112345681"}
	shopper.entersFirst(m)
	shopper.keepsAnAddress(m)
	shopper.ordersSomething(m)
	shopper.addsEveryFactor(m)
	shopper.comesAgain(m)
	shopper.losesAll(m)

	for _, path := range pagesOfPeople(t) {
		like := regexp.MustCompile("^" + routeHole.ReplaceAllString(path, `[^/]+`) + "$")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), like.MatchString) {
			t.Errorf("%s was not looked at: lead this walk there", path)
		}
	}
	t.Logf("%d pages in %d views", owner.pages+staff.pages+shopper.pages, len(owner.views))
}

// arrives waits for the page with a heading: a passkey leads on by itself.
func (i *inspector) arrives(heading string) {
	i.t.Helper()
	eventually(i.t, 20*time.Second, "the page "+heading, func() bool {
		return browser.Eval[bool](i.Page, "document.readyState === 'complete' && document.querySelector('h1')?.textContent === '"+heading+"'")
	})
}

// presses submits the form that leads somewhere and wants a status.
func (i *inspector) presses(action string, status int) {
	i.t.Helper()
	i.status(i.Submit(`form[action="`+action+`"] button:not([type=button])`), status)
}

// mailed carries something out that sends a code to somebody, and returns it.
func (i *inspector) mailed(to string, act func()) (code string) {
	i.t.Helper()
	count := func() (n int) {
		for _, l := range i.shop.letters(i.t) {
			if m := mailedCode.FindStringSubmatch(l.Text); m != nil && l.To == to {
				n, code = n+1, m[1]+m[2]
			}
		}
		return n
	}
	before := count()
	act()
	eventually(i.t, 20*time.Second, "a code for "+to, func() bool { return count() > before })
	return code
}

// worksHere looks at the console: its first owner, and somebody they invite.
func (i *inspector) worksHere(other *inspector) {
	i.visit("staff entrance", "/admin", 200)
	i.Authenticator()
	i.Open(i.shop.owner)
	i.look("staff invited")
	i.Fill("#label", "the laptop from work that has a rather long name")
	i.Click("[data-passkey-start]")
	i.arrives("Your security")
	i.look("staff security")
	i.visit("staff home", "/admin", 200)
	i.visit("staff proves", "/admin/prove", 200)

	i.Open(i.shop.origin + "/admin/staff")
	i.Fill("#email", "nobody")
	i.presses("/admin/staff/invitations", 422)
	i.look("staff invites with a mistake")
	browser.Eval[string](i.Page, "document.querySelector('#email').value = ''")
	i.Fill("#email", longMail)
	i.presses("/admin/staff/invitations", 200)
	i.look("staff invitation made")
	link := regexp.MustCompile(`https://\S+/admin/invite\?token=[\w.-]+`).FindString(i.Text("main"))
	i.visit("staff list", "/admin/staff", 200)
	i.visit("staff what strangers try", "/admin/abuse", 200)

	other.Authenticator()
	other.status(other.Open(link), 200)
	other.look("staff invited by an owner")
	other.Click("[data-passkey-start]")
	other.arrives("You wait for an owner")
	other.look("staff waits")
	other.visit("staff invitation that has ended", "/admin/invite", 404)

	i.Open(i.shop.origin + "/admin/staff")
	person := browser.Eval[string](i.Page, `[...document.querySelectorAll("a[href^='/admin/staff/person/']")].find(a => a.textContent.includes("lovelace")).getAttribute("href")`)
	i.visit("staff person who waits", person, 200)
	i.presses(person+"/confirm", 200)
	i.visit("staff person", person, 200)
	i.presses(person+"/passkeys", 200)
	i.look("staff replaces passkeys")
	i.Open(i.shop.origin + person)
	i.presses(person+"/disable", 200)
	i.visit("staff person out", person, 200)

	i.Open(i.shop.origin + "/admin/security")
	i.presses("/admin/security/codes", 200)
	i.look("staff codes")
	i.Fill("#code", "AAAA")
	i.presses("/admin/security/codes/confirm", 422)
	i.look("staff codes with a mistake")
}

// entersFirst looks at the entrance and makes an account.
func (i *inspector) entersFirst(m *member) {
	i.visit("sign in", "/sign-in", 200)
	i.Fill("#email", m.email)
	i.Fill("#password", "not the right one at all")
	i.presses("/sign-in", 422)
	i.look("sign in with a mistake")
	for _, road := range []string{"/sign-in/browser", "/forgotten"} {
		name := strings.Trim(strings.ReplaceAll(road, "/", " "), " ")
		i.visit(name, road, 200)
		i.Fill("#email", "nobody")
		i.presses(road, 422)
		i.look(name + " with a mistake")
		browser.Eval[string](i.Page, "document.querySelector('#email').value = ''")
		i.Fill("#email", "nobody@example.com")
		i.presses(road, 200)
		i.look(name + " code")
		i.Fill("#code", "1")
		i.presses(road+"/code", 422)
		i.look(name + " code with a mistake")
	}
	i.visit("register", "/register", 200)
	i.Fill("#password", "short")
	i.presses("/register", 422)
	i.look("register with mistakes")
	i.Fill("#email", m.email)
	i.Fill("#password", passphrase)
	code := i.mailed(m.email, func() { i.presses("/register", 200) })
	i.look("register code")
	i.Fill("#code", code)
	i.presses("/register/code", 200)
	i.look("security of a new account")
	i.visit("account of somebody new", "/account", 200)
	i.visit("orders none", "/account/orders", 200)
	i.visit("addresses none", "/account/addresses", 200)
}

func (i *inspector) keepsAnAddress(m *member) {
	i.visit("new address", "/account/new-address", 200)
	i.presses("/account/addresses", 422)
	i.look("new address with mistakes")
	i.Choose("#shipping_address-address_country", "GB")
	for field, text := range map[string]string{"#name": "Augusta Ada King-Noel, Countess of Lovelace", "#shipping_address-street_address": "12 Analytical Way",
		"#shipping_address-postal_code": "CF61 1AA", "#shipping_address-address_locality": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"} {
		i.Fill(field, text)
	}
	i.presses("/account/addresses", 200)
	i.look("addresses")
	i.Submit(".rows a")
	i.look("address")
	i.Open(i.shop.origin + "/account")
	i.Fill("#name", "www.example.com")
	i.presses("/account/name", 422)
	i.look("account with a mistake")
	browser.Eval[string](i.Page, "document.querySelector('#name').value = ''")
	i.Fill("#name", "Countess")
	i.presses("/account/name", 200)
	i.look("account")
}

func (i *inspector) ordersSomething(m *member) {
	i.Open(i.shop.origin + "/products/nesting-bowls")
	i.Submit(".add .btn")
	i.visit("address for the checkout", "/account/use-address", 200)
	i.presses("/account/use-address", 200)
	i.Choose("#shipping_address-address_country", "DE")
	i.look("checkout of somebody signed in")
	i.fillsIn()
	i.status(i.Submit("#details .go .btn"), 200)
	i.Click("[name=keep_card]")
	i.Submit("#pay .btn")
	i.status(i.Submit("button[value=approved]"), 200)
	i.look("order of somebody signed in")
	i.visit("cards", "/account/cards", 200)
	i.visit("orders", "/account/orders", 200)
	i.Submit(".rows a")
	i.look("order in the account")
	i.visit("order in the account whole", i.path()+"/whole", 200)
	i.Open(i.shop.origin + "/account/orders")
	i.presses("/account/find-orders", 200)
	i.look("orders by code")
}

func (i *inspector) addsEveryFactor(m *member) {
	const security = "/account/security"
	browser.Tell(i.Page, webauthn.Enable, webauthn.EnableParams{})
	device := browser.Tell(i.Page, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	i.Open(i.shop.origin + security)
	i.Fill("#label", "the telephone with the cracked glass")
	i.Submit("form[data-passkey=register] [data-passkey-start]")
	browser.Tell(i.Page, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: device.AuthenticatorID})
	i.look("security with a passkey")
	i.Submit("#passkeys .rows a")
	i.look("passkey")

	i.Open(i.shop.origin + security)
	i.presses(security+"/app", 200)
	i.look("app")
	raw, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(typedKey.FindString(i.Text("main")), " ", ""))
	if err != nil {
		i.t.Fatal(err)
	}
	i.Fill("#code", "1")
	i.presses(security+"/app/code", 422)
	i.look("app with a mistake")
	i.Fill("#code", shoptest.TOTP(i.t, raw, time.Now()))
	i.presses(security+"/app/code", 200)

	i.Fill("#phone", "12")
	i.presses(security+"/phone", 422)
	i.look("security with a mistake")
	browser.Eval[string](i.Page, "document.querySelector('#phone').value = ''")
	i.Fill("#phone", m.phone)
	code := i.mailed(m.phone, func() { i.presses(security+"/phone", 200) })
	i.look("phone")
	i.Fill("#code", code)
	i.presses(security+"/phone/code", 200)

	i.presses(security+"/codes", 200)
	i.look("recovery codes")
	m.recovery = browser.Eval[[]string](i.Page, `[...document.querySelectorAll(".codes code")].map(c => c.textContent)`)
	i.Fill("#code", "AAAA")
	i.presses(security+"/codes/confirm", 422)
	i.look("recovery codes with a mistake")
	i.Fill("#code", m.recovery[0])
	i.presses(security+"/codes/confirm", 200)
	i.look("security")
	i.Fill("#email", "ada.moves@example.com")
	i.presses(security+"/email", 200)
	i.look("e-mail")
	i.visit("messages", "/account/messages", 200)
	i.visit("activity", "/account/activity", 200)
	if out, err := i.shop.command(i.t, "credit", "issue", "10", "--to", m.email).CombinedOutput(); err != nil {
		i.t.Fatalf("store credit: %v, %s", err, out)
	}
	i.visit("credit", "/account/credit", 200)
	i.Open(i.shop.origin + "/products/nesting-bowls")
	i.Submit(".add .btn")
	i.visit("paying with credit", "/account/credit/use", 200)
	for _, way := range []string{"passkey", "totp", "sms", "recovery"} {
		i.visit("prove by "+way, "/account/prove?by="+way, 200)
	}
}

// enters signs in with the password alone.
func (i *inspector) enters(m *member) {
	i.Open(i.shop.origin + "/account")
	if i.Has(`form[action="/sign-out"]`) {
		i.presses("/sign-out", 200)
	}
	i.Open(i.shop.origin + "/sign-in")
	i.Fill("#email", m.email)
	i.Fill("#password", passphrase)
	i.presses("/sign-in", 200)
}

// comesAgain looks at the second step, and at what waits for a fresh proof.
func (i *inspector) comesAgain(m *member) {
	i.Open(i.shop.origin + "/account")
	i.presses("/sign-out", 200)
	i.look("signed out")
	i.enters(m)
	for _, way := range []string{"passkey", "totp", "sms", "recovery"} {
		i.visit("second step by "+way, "/sign-in/second?by="+way, 200)
	}
	i.Fill("#code", "AAAA")
	i.presses("/sign-in/second", 422)
	i.look("second step with a mistake")
	i.Fill("#code", m.recovery[1])
	i.Click("input[name=trust]")
	i.presses("/sign-in/second", 200)
	i.enters(m) // and is spared the second step, so that nothing is fresh
	i.expect(i.path(), "/account")
	i.look("account that is not fresh")
	i.visit("security that is not fresh", "/account/security", 200)
}

// losesAll replaces the second step, has that stopped, and takes a new password.
func (i *inspector) losesAll(m *member) {
	i.Open(i.shop.origin + "/account")
	i.presses("/sign-out", 200)
	i.Forget(i.shop.origin, "__Host-ckd")
	i.enters(m)
	i.visit("second step lost", "/sign-in/lost", 200)
	code := i.mailed(m.email, func() { i.presses("/sign-in/lost", 200) })
	i.Fill("#code", "1")
	i.presses("/sign-in/lost/code", 422)
	i.look("second step lost with a mistake")
	i.Fill("#code", code)
	i.presses("/sign-in/lost/code", 200)
	i.look("second step lost and waited for")

	var link string
	eventually(i.t, 20*time.Second, "the way to stop it", func() bool {
		for _, l := range i.shop.letters(i.t) {
			if found := undoLink.FindString(l.Text); found != "" && l.To == m.email {
				link = found
			}
		}
		return link != ""
	})
	i.status(i.Open(i.shop.origin+link), 200)
	i.look("undo")
	i.presses("/account/undo", 200)
	i.look("undone")
	i.visit("undo that has ended", "/account/undo", 404)
	i.Open(i.shop.origin + "/forgotten")
	i.Fill("#email", m.email)
	code = i.mailed(m.email, func() { i.presses("/forgotten", 200) })
	i.Fill("#code", code)
	i.presses("/forgotten/code", 200)
	i.look("new password")
	i.Fill("#password", "short")
	i.presses("/forgotten/password", 422)
	i.look("new password with a mistake")
}

var undoLink = regexp.MustCompile(`/account/undo\?token=[\w.-]+`)

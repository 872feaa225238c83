package storefront

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

const (
	adasMail = "ada@lovelace.example"
	evesMail = "eve@elsewhere.example"
	adasPass = "kestrel over quiet harbour"
)

// member is a browser whose owner has an account and has just signed in.
func (s *stall) member(t testing.TB, email string) *shopper {
	t.Helper()
	ticket, err := s.Keeper.Register(t.Context(), email, adasPass)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Keeper.FinishRegister(t.Context(), ticket, s.Code(t, email), account.Visitor{Agent: "Firefox on Linux"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.shopper(t)
	b.keep(map[string]string{gate.SessionCookie: e.Cookie, gate.DeviceCookie: e.Device})
	return b
}

func (b *shopper) keep(cookies map[string]string) {
	b.t.Helper()
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, value := range cookies {
		b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
	}
}

// standing is who a browser is.
func (s *stall) standing(t testing.TB, b *shopper) access.Standing {
	t.Helper()
	st, err := s.Keeper.Who(t.Context(), b.cookies()[gate.SessionCookie])
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// sends posts a form of somebody who is signed in.
func (s *stall) sends(t testing.TB, b *shopper, path string, fields url.Values) seen {
	t.Helper()
	if fields == nil {
		fields = url.Values{}
	}
	fields.Set("csrf", s.standing(t, b).CSRF)
	return b.post(path, fields)
}

// stale lets the last proof of a browser grow old.
func (s *stall) stale() { s.Clock.Move(access.FreshFor + time.Minute) }

// book is Ada's address as her form says it.
func book() url.Values {
	f := ada()
	for _, other := range []string{"email", "note", "shipping_method"} {
		f.Del(other)
	}
	return f
}

// private are words of Ada's that no page shows without a fresh proof.
var private = []string{"Analytical", "Lovelace", "1234567", "10115", adasMail}

func TestEveryPageOfAnAccountOpensForItsOwner(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	s.sends(t, b, "/account/addresses", book()).is(200, "Berlin, Germany", "It is done.")
	s.stale()
	for path, says := range map[string]string{
		"/account": "a•••@l•••.example", "/account/orders": "no orders in your account yet", "/account/addresses": "Berlin, Germany",
		"/account/security": "Show that it is me", "/account/credit": "You have €0.00 to spend", "/account/messages": "Your account", "/account/activity": "An address was saved",
	} {
		b.get(path).is(200, says).not(private...)
	}
	b.get("/account").is(200, "Add a passkey", "1 address", "Sign out")
}

func TestAMemberIsCalledWhatTheyLike(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	called := func(name string) seen { return s.sends(t, b, "/account/name", url.Values{"name": {name}}) }
	called("  Countess   of Lovelace ").is(200, "It is done.", `value="Countess of Lovelace"`)
	called("see evil.example/now").is(422, "Please check what is marked", `href="#name"`, "A name cannot contain a web address", `value="see evil.example/now"`)
	b.get("/account").is(200, "For now it is C•••.", `value="Countess of Lovelace"`)
	b.get("/account/activity").is(200, "What we call you was changed").not("Countess")
	s.stale() // a password alone shows one letter of it
	b.get("/account").is(200, "For now it is C•••.").not("Countess", "Lovelace")
	s.shopper(t).get("/account").not("Countess", "C•••")
	called(" ").is(200, "What should we call you?").not("For now it is", "Countess")
	if a, err := s.Keeper.Account(t.Context(), s.standing(t, b).Account); err != nil || !a.Name.IsZero() {
		t.Errorf("taken away, there is still %v, %v", a.Name.Reveal(), err)
	}
}

func TestAStrangerIsAskedWhoTheyAreAndComesBack(t *testing.T) {
	s := open(t)
	s.member(t, adasMail)
	for _, path := range []string{"/account", "/account/orders", "/account/addresses", "/account/security", "/account/credit", "/account/messages", "/account/activity", "/account/new-address"} {
		if got := s.shopper(t).get(path); got.path != "/sign-in" {
			t.Errorf("%s: a stranger came to %s", path, got.path)
		}
	}
	b := s.shopper(t)
	b.get("/account/orders")
	if got := b.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}}); got.path != "/account/orders" {
		t.Errorf("signed in and came to %s, want what was asked for\n%s", got.path, mainOf(got.body))
	}
	// Where one comes back to can't be an address elsewhere.
	for _, bad := range []string{"//evil.example/account", "https://evil.example/", "/account/../../evil", "/accounts/x", "/accounts?x=1"} {
		b := s.shopper(t)
		b.keep(map[string]string{nextCookie: bad})
		got := b.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}})
		if got.path != "/account" {
			t.Errorf("%s: came to %s", bad, got.path)
		}
	}
}

func TestDelicatePagesAskAgainAndComeBack(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	s.sends(t, b, "/account/addresses", book())
	at := regexp.MustCompile(`/account/addresses/[0-9a-f-]{36}`).FindString(b.get("/account/addresses").body)
	b.get(at).is(200, "12 Analytical Way", "Ada Lovelace")
	s.stale()
	for _, path := range []string{at, "/account/new-address", "/account/use-address", "/account/security/open", "/account/orders/AAAAA-AAAAA/whole"} {
		if got := b.get(path); got.path != "/account/prove" {
			t.Errorf("%s without a fresh proof: came to %s", path, got.path)
		}
	}
	b.get(at)
	if got := s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}); got.path != at {
		t.Errorf("proved again and came to %s, want the address", got.path)
	}
	// A form of an old tab does nothing: it leads to the proof, and back to its page.
	s.stale()
	old := b.form("/account/security/password", url.Values{"csrf": {s.standing(t, b).CSRF}, "password": {"seventeen lanterns at noon"}})
	old.Header.Set("Referer", b.base+"/account/security")
	if got := b.do(old); got.path != "/account/prove" {
		t.Errorf("an old tab came to %s", got.path)
	}
	if got := s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}); got.path != "/account/security" {
		t.Errorf("came to %s, want the page of the form", got.path)
	}
	b.get("/account/security").is(200, "Change the password", "Change the e-mail").not("Show that it is me", adasMail)
}

func TestFormsOfAnAccountNeedTheirToken(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	for _, path := range []string{"/account/addresses", "/account/security/password", "/account/security/app", "/account/security/codes", "/account/security/phone",
		"/account/security/email", "/account/security/browsers", "/account/security/sessions", "/account/security/sessions/others", "/account/security/preferred", "/account/find-orders", "/account/name", "/sign-out"} {
		b.post(path, book()).is(403)
		f := book()
		f.Set("csrf", s.standing(t, s.shopper(t)).CSRF+"x")
		b.post(path, f).is(403)
	}
	if f, err := s.Keeper.Factors(t.Context(), s.standing(t, b).Account); err != nil || len(f.Second)+len(f.Untried) > 0 {
		t.Errorf("a form without its token did something: %v", err)
	}
}

func TestWhatBelongsToAnotherIsNotThere(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	s.sends(t, b, "/account/addresses", book())
	at := regexp.MustCompile(`/account/addresses/[0-9a-f-]{36}`).FindString(b.get("/account/addresses").body)
	s.sends(t, b, "/account/security/app", nil).is(200, "Or type this key")
	order := s.buys(t, b, mug)
	hers := s.standing(t, b)
	sessions, err := s.Keeper.Sessions(t.Context(), hers.Account)
	if err != nil {
		t.Fatal(err)
	}

	eve := s.member(t, evesMail)
	id := strings.TrimPrefix(at, "/account/addresses/")
	eve.get(at).is(404).not(private...)
	eve.get("/account/orders/" + order).is(404)
	eve.get("/account/orders/" + order + "/whole").is(404).not(private...)
	eve.get("/orders/" + order).is(404)
	f := book()
	f.Set("id", id)
	s.sends(t, eve, "/account/addresses", f).is(404)
	s.sends(t, eve, at+"/first", nil).is(404)
	s.sends(t, eve, at+"/remove", nil).is(404)
	s.sends(t, eve, "/account/security/sessions", url.Values{"id": {sessions[0].Name}}).is(404)
	s.sends(t, eve, "/account/security/browsers", url.Values{"id": {hers.Device}}).is(404)
	factors, err := s.Keeper.Factors(t.Context(), hers.Account)
	if err != nil || len(factors.Untried) != 1 {
		t.Fatal(err, factors)
	}
	eve.get("/account/security/factors/" + factors.Untried[0].ID).is(404)
	s.sends(t, eve, "/account/security/factors/"+factors.Untried[0].ID, url.Values{"label": {"mine"}}).is(404)
	s.sends(t, eve, "/account/security/factors/"+factors.Untried[0].ID+"/remove", nil).is(404)
	b.get("/account/addresses").is(200, "Berlin, Germany")
	if s.standing(t, b).Account == "" {
		t.Error("another ended her session")
	}
}

// buys orders one thing and pays for it, and returns the number of the order.
func (s *stall) buys(t testing.TB, b *shopper, v catalog.Variant) string {
	t.Helper()
	b.post("/checkout/review", pay(s.toReview(t, b, v)))
	n := shoptest.One[string](t, s.Raw(t), `SELECT number FROM orders ORDER BY placed_at DESC LIMIT 1`)
	return n
}

func TestAnOrderOfAMemberIsTheirs(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	n := s.buys(t, b, mug)
	for name := range b.cookies() {
		if strings.HasPrefix(name, orderCookie) {
			t.Errorf("an order of a member left the cookie %s", name)
		}
	}
	b.get("/account/orders").is(200, n, "€24.40").not(private...)
	b.get("/orders/"+n).is(200, n, "in case somebody else sits at this screen").not(private...)
	b.get("/account/orders/"+n).is(200, n).not(private...)
	b.get("/account/orders/"+n+"/whole").is(200, "12 Analytical Way", "Ada Lovelace", "just shown that it is you")
	b.get("/orders/" + n).not("Keep this order in an account?")

	s.sends(t, b, "/sign-out", nil).is(200, "You are signed out")
	b.get("/orders/" + n).is(404)
	if got := b.get("/account/orders/" + n); got.path != "/sign-in" {
		t.Errorf("signed out and came to %s", got.path)
	}
}

func TestTheDayAfterAChangeOfEmailAddressesStayCovered(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	s.sends(t, b, "/account/addresses", book())
	at := regexp.MustCompile(`/account/addresses/[0-9a-f-]{36}`).FindString(b.get("/account/addresses").body)
	s.sends(t, b, "/account/security/email", url.Values{"email": {"countess@lovelace.example"}}).is(200, "Type the code")
	s.sends(t, b, "/account/security/email/code", url.Values{"code": {s.Code(t, "countess@lovelace.example")}}).is(200, "has its new e-mail", "c•••@l•••.example")
	b.get(at).is(409, "less than a day ago").not("Analytical")
	b.get("/account/use-address").is(409).not("Analytical")
	s.sends(t, b, "/account/addresses", book()).is(409, "less than a day ago")

	// The old mailbox takes it back: opening the link changes nothing.
	letter := s.Letter(t, adasMail)
	link := regexp.MustCompile(`/account/undo\?token=\S+`).FindString(letter.Text)
	eve := s.shopper(t)
	eve.get("/account/undo?token=00000000-0000-0000-0000-000000000000.00000000-0000-0000-0000-000000000000.x").is(404)
	mail := s.shopper(t)
	if got := mail.get(link).is(200, "Your account gets its old e-mail back."); got.path != "/account/undo" {
		t.Errorf("the token stayed in %s", got.path)
	}
	b.get("/account").is(200, "c•••@l•••.example")
	mail.post("/account/undo", nil).is(200, "It is taken back")
	if got := b.get("/account"); got.path != "/sign-in" {
		t.Errorf("whoever changed it is still signed in, at %s", got.path)
	}
	mail.post("/account/undo", nil).is(404, "nothing to take back")
}

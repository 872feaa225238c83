package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// shopper is somebody with an account of the shop, and their session.
func (s *site) shopper(email string) string {
	s.t.Helper()
	ticket, err := s.Keeper.Register(s.t.Context(), email, "seven green lanterns hum")
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := s.Keeper.FinishRegister(s.t.Context(), ticket, s.Code(s.t, email), account.Visitor{})
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Cookie
}

// session is the cookie of somebody who is signed in at the console.
func (p *person) session() string {
	p.s.t.Helper()
	at, err := url.Parse(p.s.server.URL)
	if err != nil {
		p.s.t.Fatal(err)
	}
	for _, c := range p.client.Jar.Cookies(at) {
		if c.Name == gate.StaffCookie {
			return c.Value
		}
	}
	p.s.t.Fatal("not signed in")
	return ""
}

// raw asks with a cookie and follows nothing.
func (s *site) raw(method, path, cookie, csrf string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(url.Values{"csrf": {csrf}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := s.server.Client().Transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body) + res.Header.Get("Location")
}

// Every line of the table that names roles refuses the others, a shopper in
// either cookie, and a form without the token.
func TestNoRouteOfTheConsoleOpensToWhomItDoesNotName(t *testing.T) {
	s := open(t, "sqlite")
	owner := s.owner()
	people := map[access.Role]*person{access.Owner: owner}
	for _, role := range access.Roles()[1:] {
		people[role] = owner.hire(string(role)+"@shop.test", role)
	}
	eve := s.shopper("eve@example.com")
	bob := s.id("auditor@shop.test")
	closed, checked := 0, 0
	for _, row := range s.table.Rows() {
		if row.Surface != "admin" || row.Need.Level == access.Guest {
			continue
		}
		path := strings.ReplaceAll(row.Path, "{id}", bob)
		for role, p := range people {
			if slices.Contains(row.Need.Staff, role) {
				if row.Method == "POST" {
					// Even the right role needs the token of its own session.
					for _, csrf := range []string{"", people[access.Auditor].csrf} {
						if role == access.Auditor && csrf != "" {
							continue
						}
						if code, body := s.raw(row.Method, path, gate.StaffCookie+"="+p.session(), csrf); code != 403 {
							t.Errorf("%s %s as %s with the token %q: got %d %s", row.Method, path, role, csrf, code, body)
						}
						checked++
					}
				}
				continue
			}
			if code, _ := s.raw(row.Method, path, gate.StaffCookie+"="+p.session(), p.csrf); code != 403 {
				t.Errorf("%s %s as %s: got %d, want 403", row.Method, path, role, code)
			}
			closed++
		}
		if code, _ := s.raw(row.Method, path, gate.StaffCookie+"="+eve, ""); code != 403 {
			t.Errorf("%s %s with a shopper's session: got %d, want 403", row.Method, path, code)
		}
		for _, cookie := range []string{"", gate.SessionCookie + "=" + eve, gate.SessionCookie + "=" + owner.session()} {
			if code, to := s.raw(row.Method, path, cookie, ""); code != 303 || !strings.HasSuffix(to, "/admin") {
				t.Errorf("%s %s with %.12s: got %d %s, want the staff's entrance", row.Method, path, cookie, code, to)
			}
		}
	}
	if closed < 30 || checked < 60 {
		t.Errorf("%d routes were closed and %d tokens refused: the table is not what it was", closed, checked)
	}
	// And the other way round: at the shop staff are nobody, and not by their own token either.
	for _, cookie := range []string{gate.StaffCookie + "=" + owner.session(), gate.SessionCookie + "=" + owner.session()} {
		code, to := s.raw("GET", "/account/prove", cookie, "")
		if strings.HasPrefix(cookie, gate.SessionCookie) && code != 403 || code != 403 && !(code == 303 && strings.HasSuffix(to, "/sign-in")) {
			t.Errorf("an owner's session at the shop: got %d %s", code, to)
		}
	}
	owner.get("/admin")
	owner.is(200, "You work here as owner") // nothing of it ended anything
}

func TestEveryChangeOfStaffAsksForThePasskeyAgain(t *testing.T) {
	s := open(t, "sqlite")
	ada := s.owner()
	bob := ada.hire("bob@shop.test", access.Support)
	id := s.id("bob@shop.test")
	s.Clock.Move(11 * time.Minute)
	ada.get("/admin/staff")
	ada.is(200, "Please show first that it is you.").not(`name="email"`)
	csrf := ada.csrf
	ada.get("/admin/security")
	if ada.csrf != csrf {
		t.Fatal("the token changes from page to page")
	}
	for _, path := range []string{"/admin/staff/invitations", "/admin/staff/person/" + id + "/disable", "/admin/staff/person/" + id + "/role", "/admin/staff/person/" + id + "/passkeys",
		"/admin/security/passkeys", "/admin/security/passkeys/begin", "/admin/security/passkeys/remove", "/admin/security/codes", "/admin/security/codes/confirm"} {
		if code, to := s.raw("POST", path, gate.StaffCookie+"="+ada.session(), csrf); code != 303 || !strings.HasSuffix(to, "/admin/prove") {
			t.Errorf("%s: got %d %s, want a proof first", path, code, to)
		}
	}
	bob.get("/admin")
	bob.is(200, "You work here as support")
	ada.get("/admin/staff") // where the proof leads back to
	before := ada.session()
	ada.prove()
	if ada.session() == before {
		t.Error("the session has its old token after a proof")
	}
	ada.get("/admin/staff")
	ada.is(200, `name="email"`, "bob@shop.test")
	if code, to := s.raw("GET", "/admin/staff", gate.StaffCookie+"="+before, ""); code != 303 {
		t.Errorf("the old token still opens: %d %s", code, to)
	}

	// Fifteen idle minutes, and twelve hours whatever is done.
	s.Clock.Move(16 * time.Minute)
	ada.get("/admin/security")
	ada.is(200, "It opens with your passkey.")
	ada.signIn()
	for range 72 {
		s.Clock.Move(10 * time.Minute)
		ada.get("/admin")
	}
	ada.is(200, "It opens with your passkey.")
}

func TestLostPasskeysAreReplacedByAnotherOwnerAndACode(t *testing.T) {
	s := open(t, "sqlite")
	ada := s.owner()
	bob := ada.hire("bob@shop.test", access.Owner)
	bob.get("/admin/security")
	bob.post("/admin/security/codes")
	bob.is(200, "These codes are shown once.")
	var codes []string
	for _, part := range strings.Split(bob.last.body, "<code>")[1:] {
		codes = append(codes, part[:strings.Index(part, "</code>")])
	}
	bob.post("/admin/security/codes/confirm", "code", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
	bob.is(422)
	bob.post("/admin/security/codes/confirm", "code", codes[0])
	bob.is(200, "The new recovery codes work from now on.")

	ada.get("/admin/staff/person/" + s.id("bob@shop.test"))
	ada.is(200, "Replace lost passkeys")
	ada.post("/admin/staff/person/" + s.id("bob@shop.test") + "/passkeys")
	ada.is(200, "This link is shown once")
	link := shownLink.FindStringSubmatch(ada.last.body)[1]

	// The link alone does nothing.
	thief := s.person()
	thief.get(link)
	thief.is(200, "Replace your passkeys", `name="code"`)
	thief.enrol("code", "")
	thief.is(422)
	thief.enrol("code", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
	thief.is(422)
	bob.get("/admin")
	bob.is(200, "You work here as owner")

	again := s.person()
	again.get(link)
	again.enrol("code", codes[1])
	again.is(200, "Your security")
	s.Run(t)
	told := false
	for _, m := range s.Letters.All() {
		told = told || m.To == "bob@shop.test" && strings.Contains(m.Text, "one of your recovery codes for your staff account")
	}
	if !told {
		t.Error("he hears nothing of passkeys that were replaced")
	}
	bob.get("/admin")
	bob.is(200, "It opens with your passkey.") // where the old passkey was, it ended
	bob.signIn()
	bob.is(422)
	fresh := again.elsewhere()
	fresh.signIn()
	fresh.is(200, "You work here as owner")

	// A code works once, with whichever link.
	ada.post("/admin/staff/person/" + s.id("bob@shop.test") + "/passkeys")
	late := s.person()
	late.get(shownLink.FindStringSubmatch(ada.last.body)[1])
	late.enrol("code", codes[1])
	late.is(422)
	// Nobody replaces their own.
	ada.post("/admin/staff/person/" + s.id("ada@shop.test") + "/passkeys")
	ada.is(409, "You are signed in, so you have a passkey.")
}

func TestTheLastOwnerStays(t *testing.T) {
	s := open(t, "sqlite")
	ada := s.owner()
	bob := ada.hire("bob@shop.test", access.Manager)
	me := "/admin/staff/person/" + s.id("ada@shop.test")
	ada.post(me + "/disable")
	ada.is(409, "This is the only owner.")
	ada.post(me+"/role", "role", "manager")
	ada.is(409, "This is the only owner.")
	f, err := s.Keeper.Factors(t.Context(), s.id("ada@shop.test"))
	if err != nil || len(f.Second) != 1 {
		t.Fatal(f, err)
	}
	ada.post("/admin/security/passkeys/remove", "id", f.Second[0].ID)
	ada.is(409, "This is your only passkey.")
	ada.get("/admin/staff")
	ada.is(200, "ada@shop.test", "you")
	// Somebody's subject is no invitation: nothing ends by its id.
	ada.post("/admin/staff/invitations/" + s.id("bob@shop.test") + "/withdraw")
	ada.is(404)
	bob.get("/admin")
	bob.is(200, "You work here as manager")
	ada.post("/admin/staff/invitations", "email", "bob@shop.test", "role", "owner")
	ada.is(422, "This person works here already.")
	ada.post("/admin/staff/invitations", "email", "carl", "role", "owner")
	ada.is(422, `value="carl"`)
	ada.post("/admin/staff/person/"+s.id("bob@shop.test")+"/role", "role", "king")
	ada.is(422, "Please choose owner")

	// A second passkey, and then the first can go.
	options := ada.post("/admin/security/passkeys/begin")
	ada.is(200)
	var o struct{ ExcludeCredentials []any }
	if err := json.Unmarshal([]byte(options.body), &o); err != nil || len(o.ExcludeCredentials) != 1 {
		t.Errorf("the first passkey is not named in %s", options.body)
	}
	second := s.person().device
	ada.post("/admin/security/passkeys", "credential", string(second.Register(t, []byte(options.body))), "label", "key in the drawer")
	ada.is(200, "The passkey is added.", "key in the drawer").not("Please add a second one")
	ada.post("/admin/security/passkeys/rename", "id", f.Second[0].ID, "label", "old phone")
	ada.is(200, "old phone")
	ada.post("/admin/security/passkeys/remove", "id", f.Second[0].ID)
	ada.is(200, "The passkey is removed.").not("old phone")
	ada.post("/admin/sign-out")
	ada.signIn()
	ada.is(422)
	ada.device = second
	ada.signIn()
	ada.is(200, "You work here as owner")

	other := ada.elsewhere()
	other.signIn()
	other.get("/admin/security")
	other.post("/admin/security/sessions/end-others")
	other.is(200, "Every other sign-in of yours has ended.")
	ada.get("/admin")
	ada.is(200, "It opens with your passkey.")
}

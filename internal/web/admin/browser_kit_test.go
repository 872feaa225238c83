package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/authenticator"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
	"github.com/cartkeep/cartkeep/internal/web/storefront"
)

// site is a shop with its console, over real HTTP.
type site struct {
	*shoptest.Shop
	t       *testing.T
	server  *httptest.Server
	table   *gate.Table
	console *Console
}

// open serves the console and the shop from one table, as the product does.
func open(t *testing.T, engine string) *site {
	t.Helper()
	s := &site{Shop: shoptest.Open(t, engine), t: t}
	pages, err := page.New(page.Config{ShopName: "Hazelmott"})
	if err != nil {
		t.Fatal(err)
	}
	var front *storefront.Shop
	g := gate.New(gate.Config{Now: s.Clock.Now, Counters: s.DB, Page: storefront.ErrorPage(pages, s.DB, nil),
		Who: func(r *http.Request) (access.Standing, error) {
			if page.OfConsole(r.URL.Path) {
				return Who(s.Keeper, r)
			}
			cookie, _ := gate.Cookie(r, gate.SessionCookie)
			return s.Keeper.Who(r.Context(), cookie)
		},
		Door: func(w http.ResponseWriter, r *http.Request, n access.Need, v access.Verdict) {
			if page.OfConsole(r.URL.Path) {
				s.console.Door(w, r, n, v)
				return
			}
			front.Door(w, r, n, v)
		}})
	if front, err = storefront.New(storefront.Config{Gate: g, Pages: pages, Desk: s.Desk, Store: s.DB, Keeper: s.Keeper, Origin: shoptest.Origin}); err != nil {
		t.Fatal(err)
	}
	if s.console, err = New(Config{Gate: g, Pages: pages, Store: s.DB, Keeper: s.Keeper, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	s.table = g.Table()
	if err := errors.Join(s.console.Register(s.table), front.Register(s.table)); err != nil {
		t.Fatal(err)
	}
	s.table.Seal()
	s.server = httptest.NewTLSServer(g.Wrap(s.table))
	t.Cleanup(s.server.Close)
	return s
}

// machine is whoever works at the shop's own machine.
var machine = ledger.OS("root")

// link invites somebody from the shop's own machine and returns the link.
func (s *site) link(email string, role access.Role) string {
	s.t.Helper()
	link, err := s.Keeper.Invite(s.t.Context(), machine, account.Invitation{Email: email, Role: role})
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimPrefix(link, shoptest.Origin)
}

// person is somebody with a browser and a passkey.
type person struct {
	s      *site
	client *http.Client
	device *authenticator.Device
	csrf   string
	last   answer
}

type answer struct {
	status int
	path   string
	body   string
	header http.Header
}

func (s *site) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.server.Client()
	c.Jar = jar
	return &person{s: s, client: &c, device: authenticator.New(s.t, "shop.test", shoptest.Origin)}
}

// elsewhere is another browser of the same person, with the same passkey.
func (p *person) elsewhere() *person {
	q := p.s.person()
	q.device = p.device
	return q
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (p *person) do(method, path string, form url.Values) answer {
	p.s.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, p.s.server.URL+path, body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.last = answer{res.StatusCode, res.Request.URL.RequestURI(), string(text), res.Header}
	if m := csrfField.FindStringSubmatch(p.last.body); m != nil {
		p.csrf = m[1]
	}
	return p.last
}

func (p *person) get(path string) answer { p.s.t.Helper(); return p.do("GET", path, nil) }

// post sends a form with the token that the last page gave.
func (p *person) post(path string, fields ...string) answer {
	p.s.t.Helper()
	form := url.Values{"csrf": {p.csrf}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.do("POST", path, form)
}

// is holds an answer to its status and to words that it says.
func (p *person) is(status int, says ...string) *person {
	p.s.t.Helper()
	if p.last.status != status {
		p.s.t.Fatalf("%s: got %d, want %d: %s", p.last.path, p.last.status, status, p.last.body)
	}
	for _, want := range says {
		if !strings.Contains(p.last.body, want) {
			p.s.t.Fatalf("%s does not say %q: %s", p.last.path, want, p.last.body)
		}
	}
	return p
}

func (p *person) not(says ...string) *person {
	p.s.t.Helper()
	for _, bad := range says {
		if strings.Contains(p.last.body, bad) {
			p.s.t.Fatalf("%s says %q: %s", p.last.path, bad, p.last.body)
		}
	}
	return p
}

// enrol takes the invitation that is open in the browser.
func (p *person) enrol(fields ...string) answer {
	p.s.t.Helper()
	options := p.post("/admin/invite/begin")
	p.is(200)
	return p.post("/admin/invite", append([]string{"credential", string(p.device.Register(p.s.t, []byte(options.body))), "label", "my phone"}, fields...)...)
}

// signIn shows the passkey at the entrance.
func (p *person) signIn() answer {
	p.s.t.Helper()
	options := p.post("/admin/sign-in/begin")
	p.is(200)
	return p.post("/admin/sign-in/finish", "credential", string(p.device.Get(p.s.t, []byte(options.body))))
}

// prove shows it again.
func (p *person) prove() answer {
	p.s.t.Helper()
	p.get("/admin/prove")
	options := p.post("/admin/prove/begin")
	p.is(200)
	return p.post("/admin/prove", "credential", string(p.device.Get(p.s.t, []byte(options.body))))
}

// owner is the first owner of a shop, signed in.
func (s *site) owner() *person {
	s.t.Helper()
	p := s.person()
	p.get(s.link("ada@shop.test", access.Owner))
	p.enrol()
	return p.is(200, "Your security")
}

var shownLink = regexp.MustCompile(`https://shop\.test(/admin/invite\?token=[\w.-]+)`)

// invite makes an invitation on the page and returns the path of its link.
func (p *person) invite(email string, role access.Role) string {
	p.s.t.Helper()
	p.get("/admin/staff")
	p.post("/admin/staff/invitations", "email", email, "role", string(role))
	p.is(200, "This link is shown once")
	return shownLink.FindStringSubmatch(p.last.body)[1]
}

// id finds the id of somebody who works here.
func (s *site) id(email string) string {
	s.t.Helper()
	all, err := s.Keeper.Staff(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range all.People {
		if a.Email.Reveal() == email {
			return a.ID
		}
	}
	s.t.Fatalf("nobody works here as %s", email)
	return ""
}

// hire lets somebody in as something: invited, enrolled, confirmed, signed in.
func (p *person) hire(email string, role access.Role) *person {
	p.s.t.Helper()
	q := p.s.person()
	q.get(p.invite(email, role))
	q.enrol()
	q.is(200, "You wait for an owner")
	p.get("/admin/staff")
	p.post("/admin/staff/person/" + p.s.id(email) + "/confirm")
	p.is(200, "This person can sign in now.")
	q.signIn()
	return q.is(200, "You work here as "+string(role))
}

// Package admin is the staff console: its own entrance, who works here, and how
// everybody who does keeps their own passkeys.
//
// Staff prove a passkey that has checked that it is them, and nothing else:
// there is no password, no text, no mailbox and no recovery code that signs
// anybody in here. Their session has a cookie of its own (gate.StaffCookie), so
// a shopper's opens nothing here and theirs opens nothing in the shop, and
// signing in at one entrance changes nothing at the other.
//
// It does not know how a passkey is proved or what a role may keep (account),
// nor whom a route answers (the table of web/gate): a handler here runs for
// nobody whom its line in routes.go does not name.
//
// Start reading at routes.go, then entrance.go.
package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Config is what the console needs; all of it.
type Config struct {
	Gate    *gate.Gate
	Pages   *page.Set
	Store   *store.DB
	Keeper  *account.Keeper
	Version string
}

// Console answers /admin and everything below it.
type Console struct {
	cfg    Config
	gate   *gate.Gate
	keeper *account.Keeper
}

// New makes a console.
func New(c Config) (*Console, error) {
	if c.Gate == nil || c.Pages == nil || c.Store == nil || c.Keeper == nil {
		return nil, errors.New("admin: gate, pages, store and keeper are needed")
	}
	return &Console{cfg: c, gate: c.Gate, keeper: c.Keeper}, nil
}

// Cookies of the console.
const (
	inviteCookie = "__Host-cs-invite" // the invitation that is being taken
	nextCookie   = "__Host-cs-next"   // where to go on after a proof
	saidCookie   = "__Host-cs-said"   // what was done just now
)

// Who tells on which rung a request to the console stands.
func Who(k *account.Keeper, r *http.Request) (access.Standing, error) {
	cookie, ok := gate.Cookie(r, gate.StaffCookie)
	if !ok {
		return access.Standing{}, nil
	}
	return k.Who(r.Context(), cookie)
}

// Door sends whoever does not stand high enough to the entrance, or to prove
// again that it is them, and back afterwards.
func (c *Console) Door(w http.ResponseWriter, r *http.Request, _ access.Need, verdict access.Verdict) {
	back := r.URL.Path
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		back = page.PathAdmin
		if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
			back = u.Path
		}
	}
	if ours(back) {
		gate.SetCookie(w, nextCookie, back, 15*time.Minute)
	}
	if verdict == access.StepUp {
		seeOther(w, page.PathAdminProve)
		return
	}
	seeOther(w, page.PathAdmin)
}

// ours reports whether a path is a page of the console that one can come back to.
func ours(path string) bool {
	return page.OfConsole(path) && path != page.PathAdminProve && !strings.ContainsAny(path, "\\?#;\r\n")
}

// next is where somebody wanted to go before they were asked who they are.
func next(w http.ResponseWriter, r *http.Request) string {
	to, ok := gate.Cookie(r, nextCookie)
	gate.ClearCookie(w, nextCookie)
	if !ok || !ours(to) {
		return page.PathAdmin
	}
	return to
}

// who tells who asks. Behind a route that needs a session it can't fail.
func (c *Console) who(r *http.Request) access.Standing {
	st, err := c.gate.Standing(r)
	if err != nil {
		return access.Standing{}
	}
	return st
}

// visitor is who asks, as the browser shows itself at this entrance.
func visitor(r *http.Request) account.Visitor { return gate.Visitor(r, gate.StaffCookie) }

// token is the hidden field that every form of a session carries.
func (c *Console) token(r *http.Request) page.Field {
	return page.Field{Name: page.FieldCSRF, Value: c.who(r).CSRF}
}

// tabs are the parts of the console that somebody may see.
func tabs(role access.Role, here string) []page.Tab {
	links := []page.Link{{Text: "Start", URL: page.PathAdmin}}
	if role == access.Owner {
		links = append(links, page.Link{Text: "Staff", URL: page.PathAdminStaff})
	}
	if role == access.Owner || role == access.Manager {
		links = append(links, page.Link{Text: "Abuse", URL: page.PathAdminAbuse})
	}
	links = append(links, page.Link{Text: "Your security", URL: page.PathAdminSecurity})
	var out []page.Tab
	for _, l := range links {
		out = append(out, page.Tab{Link: l, Here: l.URL == here})
	}
	return out
}

// show writes a page of the console.
func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, p page.Desk) {
	p.Layout = page.Layout{Console: true, Flash: page.Flash{Text: said(w, r)}}
	if s, err := c.cfg.Store.Settings(r.Context()); err == nil { // without them the console has its old name
		p.Layout.Shop = s.ShopName
	}
	if p.Passkeys {
		gate.Passkeys(w)
		p.NoScript = "A passkey needs JavaScript. Please switch it on for this page, then load it again."
	}
	body, err := c.cfg.Pages.Bytes(p)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // a reader that went away is no error of ours
}

// seeOther sends the browser on after a form: a reload there posts nothing.
func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// warning is a section that has to be seen.
func warning(title string, says ...string) page.Section {
	return page.Section{Title: title, Says: says, Notice: true}
}

// begin answers the options of a ceremony.
func (c *Console) begin(w http.ResponseWriter, r *http.Request, make func(context.Context) (account.Ceremony, error)) {
	err := c.gate.Begin(r, abuse.Passkey)
	var ceremony account.Ceremony
	if err == nil {
		ceremony, err = make(r.Context())
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	gate.WriteCeremony(w, ceremony)
}

// at tells a day and time in the shop's zone.
func (c *Console) at(r *http.Request, t time.Time) string {
	zone := time.UTC
	if s, err := c.cfg.Store.Settings(r.Context()); err == nil && s.Zone != nil {
		zone = s.Zone
	}
	return t.In(zone).Format("2 January 2006, 15:04 MST")
}

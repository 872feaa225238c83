package storefront

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Cookies of people who sign in.
const (
	signupCookie = "__Host-signup" // who waits for a code to make an account
	resetCookie  = "__Host-reset"  // or for a new password
	passCookie   = "__Host-pass"   // whose mailbox was proved for one
	knowCookie   = "__Host-know"   // or to make this browser known
	moveCookie   = "__Host-move"   // or for another mailbox
	claimCookie  = "__Host-claim"  // or to find orders
	nextCookie   = "__Host-next"   // where to go on after signing in

	keepDevice = 365 * 24 * time.Hour
)

// steadyTime is how long every answer to a stranger takes who names a mailbox,
// so that its length does not tell whether there is an account.
const steadyTime = 350 * time.Millisecond

// paced waits until steadyTime has passed since it was made.
func paced(r *http.Request) (wait func()) {
	timer := time.NewTimer(steadyTime)
	return func() {
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
}

// Visitor is who asks, as a shopper's browser shows itself.
func Visitor(r *http.Request) account.Visitor { return gate.Visitor(r, gate.SessionCookie) }

// Enter gives a shopper's browser what a proof has opened.
func Enter(w http.ResponseWriter, e account.Entry) { gate.Enter(w, gate.SessionCookie, e) }

// who tells who asks. Behind a route that needs a session it can't fail.
func (s *Shop) who(r *http.Request) access.Standing {
	st, err := s.gate.Standing(r)
	if err != nil {
		return access.Standing{}
	}
	return st
}

// token is the hidden field that every form of a session carries.
func (s *Shop) token(r *http.Request) page.Field {
	return page.Field{Name: page.FieldCSRF, Value: s.who(r).CSRF}
}

// halfToken is the same for half a session, which the table of routes does not
// know.
func (s *Shop) halfToken(r *http.Request) page.Field {
	v := Visitor(r)
	_, token, _ := strings.Cut(v.Cookie, ".")
	return page.Field{Name: page.FieldCSRF, Value: s.cfg.Store.CSRF(token)}
}

// Door sends whoever does not stand high enough to sign in, or to prove again
// that it is them, and back afterwards. What a form has sent is not kept: its
// page is where one comes back to.
func (s *Shop) Door(w http.ResponseWriter, r *http.Request, need access.Need, verdict access.Verdict) {
	back := r.URL.Path
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		back = page.PathAccount
		if u, err := url.Parse(r.Referer()); err == nil && u.Path != "" && u.Host == r.Host {
			back = u.Path
		}
	}
	gate.SetCookie(w, nextCookie, back, 15*time.Minute)
	if verdict == access.StepUp {
		seeOther(w, page.PathProve)
		return
	}
	v := Visitor(r)
	if _, half, err := s.cfg.Keeper.Half(r.Context(), v.Cookie); err == nil && half {
		seeOther(w, page.PathSecond)
		return
	}
	seeOther(w, page.PathSignIn)
}

// next is where somebody wanted to go before they were asked who they are: a
// path of ours, never an address.
func next(w http.ResponseWriter, r *http.Request, otherwise string) string {
	to, ok := gate.Cookie(r, nextCookie)
	gate.ClearCookie(w, nextCookie)
	if !ok || to != page.PathAccount && !strings.HasPrefix(to, page.PathAccount+"/") && to != page.PathCheckout || strings.ContainsAny(to, "\\?#\r\n") || path.Clean(to) != to {
		return otherwise
	}
	return to
}

// tabs are the parts of an account.
func tabs(here string) []page.Tab {
	var out []page.Tab
	for _, l := range []page.Link{{Text: "Account", URL: page.PathAccount}, {Text: "Orders", URL: page.PathMyOrders}, {Text: "Credit", URL: page.PathMyCredit}, {Text: "Addresses", URL: page.PathAddresses},
		{Text: "Security", URL: page.PathSecurity}, {Text: "Messages", URL: page.PathMessages}, {Text: "Activity", URL: page.PathActivity}} {
		out = append(out, page.Tab{Link: l, Here: l.URL == here})
	}
	return out
}

// ticket reads a cookie of the form "ID.TOKEN".
func ticket(r *http.Request, cookie string) (string, bool) { return gate.Ticket(r, cookie) }

// proving carries out a try to prove something, and counts it. form carries
// what strangers show under attack.
func (s *Shop) proving(r *http.Request, form url.Values, a gate.Attempt, fn func() error) error {
	a.Work, a.Ticket = form.Get(gate.FieldWork), form.Get(gate.FieldTicket)
	return s.gate.Prove(r, a, fn)
}

// zone is the time zone of the shop.
func (s *Shop) zone(r *http.Request) *time.Location {
	settings, err := s.db.Settings(r.Context())
	if err != nil || settings.Zone == nil {
		return time.UTC
	}
	return settings.Zone
}

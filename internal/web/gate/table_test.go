package gate

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
)

func nothing(http.ResponseWriter, *http.Request) {}

func TestARouteThatSaysNoLevelStopsTheStart(t *testing.T) {
	for name, bad := range map[string]Route{
		"no level":              {Method: "GET", Path: "/a", Handle: nothing},
		"an act without proof":  {Method: "POST", Path: "/a", Need: access.Need{Level: access.Password}, Act: access.ChangeEmail, Handle: nothing},
		"an act without roles":  {Method: "POST", Path: "/a", Need: access.Need{Level: access.TwoFactors, Fresh: true}, Act: access.Refund, Handle: nothing},
		"an act that is none":   {Method: "POST", Path: "/a", Need: access.Need{Level: access.TwoFactors, Fresh: true}, Act: "fly", Handle: nothing},
		"staff by password":     {Method: "GET", Path: "/a", Need: access.Need{Level: access.Password, Staff: access.Roles()}, Handle: nothing},
		"no handler":            {Method: "GET", Path: "/a", Need: Anybody},
		"no method":             {Path: "/a", Need: Anybody, Handle: nothing},
		"a guest who is fresh?": {Method: "GET", Path: "/a", Need: access.Need{Level: access.Guest, Fresh: true}, Handle: nothing},
	} {
		if err := New(Config{}).Table().Add("test", bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	table := New(Config{}).Table()
	good := Route{Method: "GET", Path: "/a", Need: Anybody, Handle: nothing}
	if err := table.Add("test", good); err != nil {
		t.Error(err)
	}
	if err := table.Add("test", good); err == nil {
		t.Error("the same route twice")
	}
	table.Seal()
	if err := table.Add("test", Route{Method: "GET", Path: "/b", Need: Anybody, Handle: nothing}); err == nil {
		t.Error("a route after the table was sealed")
	}
}

// TestWhoGetsThroughTheTable: each need against each standing, and the token of
// a session on whatever changes something.
func TestWhoGetsThroughTheTable(t *testing.T) {
	var who access.Standing
	var fails error
	asked, reached := 0, 0
	g := New(Config{
		Who: func(*http.Request) (access.Standing, error) { asked++; return who, fails },
		Door: func(w http.ResponseWriter, r *http.Request, need access.Need, v access.Verdict) {
			w.Header().Set("Location", map[access.Verdict]string{access.SignIn: "/sign-in", access.StepUp: "/prove"}[v])
			w.WriteHeader(http.StatusSeeOther)
		},
	})
	table := g.Table()
	reach := func(w http.ResponseWriter, r *http.Request) {
		reached++
		if r.Method == "POST" { // the guard has read the form before
			if form, err := Form(r); err != nil || form.Get("word") != "typed" {
				t.Errorf("the handler reads %v, %v", form, err)
			}
		}
	}
	err := table.Add("test",
		Route{Method: "GET", Path: "/open", Need: Anybody, Handle: reach},
		Route{Method: "GET", Path: "/account", Need: access.Need{Level: access.Password}, Handle: reach},
		Route{Method: "POST", Path: "/account", Need: access.Need{Level: access.Password}, Handle: reach},
		Route{Method: "POST", Path: "/email", Need: access.Need{Level: access.Password, Fresh: true}, Act: access.ChangeEmail, Handle: reach},
		Route{Method: "GET", Path: "/admin", Need: access.Need{Level: access.TwoFactors, Staff: []access.Role{access.Owner}}, Handle: reach},
		Route{Method: "GET", Path: "/api/v1/secret", Need: access.Need{Level: access.Password}, Handle: reach},
		Route{Method: "GET", Path: "/counts", Need: Anybody, Handle: func(w http.ResponseWriter, r *http.Request) {
			if err := g.Allow(r, abuse.Orders); err != nil {
				g.Refuse(w, r, err)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	table.Seal()
	h := g.Wrap(table)
	shopper := access.Standing{Account: "a", Level: access.Password, CSRF: "token"}
	fresh := access.Standing{Account: "a", Level: access.Password, Fresh: true, CSRF: "token"}
	owner := access.Standing{Account: "o", Level: access.TwoFactors, Role: access.Owner, CSRF: "token"}
	for _, c := range []struct {
		name, method, path, csrf string
		who                      access.Standing
		fails                    error
		status                   int
		to                       string
	}{
		{name: "a guest in the shop", method: "GET", path: "/open", status: 200},
		{name: "a guest while the store is gone", method: "GET", path: "/open", fails: errors.New("gone"), status: 200},
		{name: "a guest at the account", method: "GET", path: "/account", status: 303, to: "/sign-in"},
		{name: "the store can't say", method: "GET", path: "/account", who: shopper, fails: errors.New("gone"), status: 503},
		{name: "a shopper", method: "GET", path: "/account", who: shopper, status: 200},
		{name: "a form without the token", method: "POST", path: "/account", who: shopper, status: 403},
		{name: "a form with another's token", method: "POST", path: "/account", csrf: "tokem", who: shopper, status: 403},
		{name: "a form", method: "POST", path: "/account", csrf: "token", who: shopper, status: 200},
		{name: "a session that has no token", method: "POST", path: "/account", who: access.Standing{Account: "a", Level: access.Password}, status: 403},
		{name: "a delicate act, long after", method: "POST", path: "/email", csrf: "token", who: shopper, status: 303, to: "/prove"},
		{name: "a delicate act, fresh", method: "POST", path: "/email", csrf: "token", who: fresh, status: 200},
		{name: "a shopper at the console", method: "GET", path: "/admin", who: fresh, status: 403},
		{name: "an owner at the console", method: "GET", path: "/admin", who: owner, status: 200},
		{name: "an owner at a shopper's account", method: "GET", path: "/account", who: owner, status: 403},
		{name: "a guest of the API", method: "GET", path: "/api/v1/secret", status: 403},
		{name: "a count that is not in the table", method: "GET", path: "/counts", status: 500},
		{name: "no such method", method: "POST", path: "/open", status: 405},
	} {
		who, fails = c.who, c.fails
		before := reached
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(url.Values{FieldCSRF: {c.csrf}, "word": {"typed"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Location") != c.to {
			t.Errorf("%s: got %d %q, want %d %q", c.name, w.Code, w.Header().Get("Location"), c.status, c.to)
		}
		if got := reached > before; got != (c.status == 200) {
			t.Errorf("%s: the handler ran: %v", c.name, got)
		}
	}
	asked = 0
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/open", nil))
	if asked != 0 {
		t.Error("a page for anybody asks who comes")
	}
}

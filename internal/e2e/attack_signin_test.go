package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// raw makes a request with headers of an attacker's choice.
func (p *caller) raw(t testing.TB, method, path, body string, header map[string]string) response {
	t.Helper()
	r, err := http.NewRequest(method, p.s.origin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	res, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{status: res.StatusCode, to: strings.TrimPrefix(res.Header.Get("Location"), p.s.origin), body: string(b), header: res.Header}
}

// cookie returns what the browser holds.
func (p *caller) cookie(name string) string {
	u, _ := url.Parse(p.s.origin) // ours, and parsed before
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// plant sets a cookie as somebody on the same machine could.
func (p *caller) plant(name, value string) {
	u, _ := url.Parse(p.s.origin)
	p.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// signedIn reports whether the browser is let into the account.
func (p *caller) signedIn(t testing.TB) bool {
	t.Helper()
	a := p.get(t, "/account/prove")
	return a.status == http.StatusOK
}

// TestAttacksOnSignIn bears the numbers of docs/attacks.md.
func TestAttacksOnSignIn(t *testing.T) {
	s := people(t, "")
	emails := []string{"ada.signin@example.com", "bob.signin@example.com", "eve.signin@example.com", "dan.signin@example.com"}
	members := s.settle(t, emails...)
	ada, bob := members[0], members[1]
	right := url.Values{"email": {emails[0]}, "password": {passphrase}}

	t.Run("31 broken codes", func(t *testing.T) {
		p := s.caller("10.31.0.9")
		if a := p.post(t, "/forgotten", url.Values{"email": {emails[2]}}); a.to != "/forgotten/code" {
			t.Fatalf("asking: %d %s", a.status, a.to)
		}
		for _, body := range []string{"", "code=", "code=null", "code[]=1", "code=%5B%5D", "code=" + strings.Repeat("1", 20000), "code=%00", "code=0x1&code=2", "code=1e8", "code=-1", "code=%EF%BC%91"} {
			a := p.raw(t, "POST", "/forgotten/code", body, nil)
			if a.status < 400 || a.status >= 500 {
				t.Errorf("%.30q: got %d %s", body, a.status, a.to)
			}
			if a.to != "" {
				t.Errorf("%.30q leads to %s", body, a.to)
			}
		}
		if a := p.raw(t, "POST", "/forgotten/code", `{"code":null}`, map[string]string{"Content-Type": "application/json"}); a.status < 400 || a.status >= 500 {
			t.Errorf("JSON: %d", a.status)
		}
		if a := p.get(t, "/forgotten/password"); a.to != "/forgotten" {
			t.Errorf("the next page without the code: %d %s", a.status, a.to)
		}
	})

	t.Run("31 one code in parallel", func(t *testing.T) {
		p := s.caller("10.31.1.9")
		p.post(t, "/forgotten", url.Values{"email": {emails[2]}})
		code := ""
		eventually(t, 20*time.Second, "the code", func() bool { code = s.codes(t)[emails[2]]; return code != "" })
		var ok atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if a, err := p.do("POST", "/forgotten/code", url.Values{"code": {code}}); err == nil && a.to == "/forgotten/password" {
					ok.Add(1)
				}
			})
		}
		group.Wait()
		if n := ok.Load(); n != 1 {
			t.Errorf("one code opened %d times", n)
		}
	})

	t.Run("32 a forged host", func(t *testing.T) {
		p := s.caller("10.32.0.9")
		before := len(s.letters(t))
		for _, path := range []string{"/forgotten", "/register", "/sign-in/browser"} {
			a := p.raw(t, "POST", path, url.Values{"email": {emails[3]}, "password": {"seventeen lanterns at noon"}}.Encode(),
				map[string]string{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "Sec-Fetch-Site": "same-origin", "Host": "evil.example"})
			if strings.Contains(a.header.Get("Location"), "evil") || strings.Contains(a.body, "evil.example") {
				t.Errorf("%s: the forged host comes back: %s", path, a.header.Get("Location"))
			}
		}
		time.Sleep(2 * time.Second)
		for _, l := range s.letters(t)[before:] {
			if strings.Contains(l.Text+l.HTML, "evil") {
				t.Errorf("a letter names the forged host:\n%s", l.Text)
			}
		}
	})

	t.Run("33 old sessions", func(t *testing.T) {
		p := s.caller("10.33.0.9")
		p.post(t, "/sign-in", url.Values{"email": {emails[1]}, "password": {passphrase}})
		if !p.signedIn(t) || !bob.signedIn(t) {
			t.Fatal("not signed in on two browsers")
		}
		r := s.caller("10.33.1.9")
		r.post(t, "/forgotten", url.Values{"email": {emails[1]}})
		code := ""
		eventually(t, 20*time.Second, "the code", func() bool { code = s.codes(t)[emails[1]]; return code != "" })
		if a := r.post(t, "/forgotten/code", url.Values{"code": {code}}); a.to != "/forgotten/password" {
			t.Fatalf("the code: %d %s", a.status, a.to)
		}
		if a := r.post(t, "/forgotten/password", url.Values{"password": {"seventeen lanterns at noon"}}); a.to != "/sign-in" {
			t.Fatalf("the new password: %d %s", a.status, a.to)
		}
		if p.signedIn(t) || bob.signedIn(t) || r.signedIn(t) {
			t.Error("a session outlives the password, or setting one signs in")
		}
		if a := r.post(t, "/forgotten/password", url.Values{"password": {"another password of mine"}}); a.to == "/sign-in" {
			t.Error("a proved mailbox sets two passwords")
		}
	})

	t.Run("34 forms of other sites", func(t *testing.T) {
		p := s.caller("10.34.0.9")
		for name, header := range map[string]map[string]string{
			"another site":     {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
			"no fetch headers": {"Origin": "https://evil.example"},
			"a null origin":    {"Origin": "null"},
			"text as JSON":     {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
		} {
			for _, path := range []string{"/sign-in", "/register", "/forgotten", "/sign-in/passkey", "/sign-in/passkey/begin"} {
				if a := p.raw(t, "POST", path, right.Encode(), header); a.status != http.StatusForbidden {
					t.Errorf("%s, %s: got %d %s, want 403", name, path, a.status, a.to)
				}
			}
		}
		if p.cookie("__Host-ck") != "" {
			t.Error("a foreign form signed somebody in")
		}
		if a := ada.post(t, "/sign-out", url.Values{}); a.status != http.StatusForbidden || !ada.signedIn(t) {
			t.Errorf("a form without the token of its session: %d", a.status)
		}
	})

	t.Run("34 a session that was planted", func(t *testing.T) {
		p := s.caller("10.34.1.9")
		planted := ada.cookie("__Host-ck")[:37] + strings.Repeat("A", 43)
		p.plant("__Host-ck", planted)
		if p.signedIn(t) {
			t.Fatal("a made-up session opens something")
		}
		if a := p.post(t, "/sign-in", right); a.status != http.StatusSeeOther || !p.signedIn(t) {
			t.Fatalf("signing in: %d %s", a.status, a.to)
		}
		now := p.cookie("__Host-ck")
		if now == planted || now == "" {
			t.Error("the session keeps the planted cookie")
		}
		q := s.caller("10.34.2.9")
		q.plant("__Host-ck", planted)
		if q.signedIn(t) {
			t.Error("who planted the cookie is signed in")
		}
		before := p.cookie("__Host-ck")
		token := csrfOf.FindStringSubmatch(p.get(t, "/account/prove").body)
		if a := p.post(t, "/account/prove", url.Values{"csrf": {token[1]}, "method": {"password"}, "password": {passphrase}}); a.status != http.StatusSeeOther {
			t.Fatalf("step-up: %d", a.status)
		}
		if p.cookie("__Host-ck") == before {
			t.Error("a step-up keeps the token")
		}
		old := s.caller("10.34.3.9")
		old.plant("__Host-ck", before)
		if old.signedIn(t) {
			t.Error("the token of before the step-up still works")
		}
	})

	t.Run("29 headers that lie about the network", func(t *testing.T) {
		h := newHome(t, "")
		h.env = nil // no proxy is trusted
		other := h.start(t)
		var refused atomic.Int64
		var group sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range 80 {
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				a := other.caller("").raw(t, "POST", "/sign-in", url.Values{"email": {"nobody" + strings.Repeat("x", i) + "@example.com"}, "password": {"guess"}}.Encode(),
					map[string]string{"X-Forwarded-For": "10.1.2." + strings.Repeat("1", i%3+1), "Sec-Fetch-Site": "same-origin"})
				if a.status == http.StatusTooManyRequests {
					refused.Add(1)
				}
			})
		}
		group.Wait()
		if refused.Load() == 0 {
			t.Error("who names another network with every try is never slowed down")
		}
	})
}

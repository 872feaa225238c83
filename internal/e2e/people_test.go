package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// people opens a demo that believes a proxy on this machine, so that one test
// can come from many networks.
func people(t testing.TB, database string) *shop {
	t.Helper()
	h := newHome(t, database)
	h.env = []string{"CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128"}
	return h.start(t)
}

// caller is somebody with a browser without JavaScript, on a network of their own.
type caller struct {
	s      *shop
	from   string // an address
	client *http.Client
}

// response is what came back.
type response struct {
	status int
	to     string // where it sends one on, without the origin
	body   string
	header http.Header
	took   time.Duration
}

func (s *shop) caller(from string) *caller {
	jar, _ := cookiejar.New(nil) // never fails without options
	c := *s.client
	c.Jar = jar
	return &caller{s, from, &c}
}

// do makes one request.
func (p *caller) do(method, path string, form url.Values) (response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, p.s.origin+path, body)
	if err != nil {
		return response{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.from != "" {
		r.Header.Set("X-Forwarded-For", p.from)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	start := time.Now()
	res, err := p.client.Do(r)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return response{res.StatusCode, strings.TrimPrefix(res.Header.Get("Location"), p.s.origin), string(b), res.Header, time.Since(start)}, err
}

// post and get are do where it has to work.
func (p *caller) post(t testing.TB, path string, form url.Values) response {
	t.Helper()
	a, err := p.do("POST", path, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (p *caller) get(t testing.TB, path string) response {
	t.Helper()
	a, err := p.do("GET", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var mailedCode = regexp.MustCompile(`(?m)^ +(\d{4}(?: \d{4})+)$|#(\d{6})$`)

// codes reads the newest code to everybody out of the outbox.
func (h home) codes(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, l := range h.letters(t) {
		if m := mailedCode.FindStringSubmatch(l.Text); m != nil {
			out[l.To] = m[1] + m[2]
		}
	}
	return out
}

// passphrase is the password of everybody in these tests.
const passphrase = "kestrel over quiet harbour"

// settle makes accounts, each in a browser of its own, and leaves them signed in.
func (s *shop) settle(t testing.TB, emails ...string) []*caller {
	t.Helper()
	out := make([]*caller, len(emails))
	each := func(fn func(i int) error) {
		var group sync.WaitGroup
		slots := make(chan struct{}, 32)
		for i := range emails {
			group.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				if err := fn(i); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	each(func(i int) error {
		out[i] = s.caller(fmt.Sprintf("10.%d.%d.7", i/250, i%250))
		a, err := out[i].do("POST", "/register", url.Values{"email": {emails[i]}, "password": {passphrase}})
		if err == nil && a.to != "/register/code" {
			err = fmt.Errorf("register: got %d %s", a.status, a.to)
		}
		return err
	})
	var codes map[string]string
	eventually(t, 30*time.Second, "a code for everybody", func() bool {
		codes = s.codes(t)
		for _, e := range emails {
			if codes[e] == "" {
				return false
			}
		}
		return true
	})
	each(func(i int) error {
		a, err := out[i].do("POST", "/register/code", url.Values{"code": {codes[emails[i]]}})
		if err == nil && a.to != "/account/security" {
			err = fmt.Errorf("the code of %d: got %d %s", i, a.status, a.to)
		}
		return err
	})
	return out
}

var variantOf = regexp.MustCompile(`name="variant_id"[^>]*value="([^"]+)"`)

var csrfOf = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// slipped is what a thief between the shop and its shoppers puts into every page: a
// script within the page, one of another host, and one that seems to be the shop's.
const slipped = `<script>window.stolen="within"</script><script src="https://cdn.evil.example/a.js"></script><script src="/assets/evil.js"></script>`

// thief stands between a browser and the shop. While bold, it takes the policies off
// too.
type thief struct {
	*httptest.Server
	bold atomic.Bool
}

func between(t *testing.T, s *shop) *thief {
	t.Helper()
	to, err := url.Parse(s.origin)
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{}
	proxy := &httputil.ReverseProxy{Transport: s.client.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
			if r.Out.URL.Path == "/reports" { // he is honest here: nobody would ask him
				body, _ := io.ReadAll(io.LimitReader(r.Out.Body, 1<<20))
				body = bytes.ReplaceAll(body, []byte(th.URL), []byte(s.origin))
				r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			if r.Out.Header.Get("Origin") != "" {
				r.Out.Header.Set("Origin", s.origin)
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			if th.bold.Load() {
				res.Header.Del("Content-Security-Policy")
				res.Header.Del("Integrity-Policy")
			}
			body, err := io.ReadAll(res.Body)
			body = bytes.Replace(body, []byte("</main>"), []byte(slipped+"</main>"), 1)
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			res.Header.Del("Content-Length")
			return err
		}}
	th.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/assets/evil.js" {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, `window.stolen="own"`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(th.Close)
	return th
}

// TestABrowserRunsNoSlippedScriptAndTells puts a thief between the shop and a real
// browser.
func TestABrowserRunsNoSlippedScriptAndTells(t *testing.T) {
	s := demo(t, "")
	th := between(t, s)
	p := browser.Start(t, th.Certificate()).Page(t, browser.View{Width: browser.Wide})
	told := func(within time.Duration, want ...string) {
		t.Helper()
		began, said := time.Now(), ""
		eventually(t, within, strings.Join(want, ", "), func() bool {
			said = s.must(t, "payment-page", "reports")
			for _, w := range want {
				if !strings.Contains(said, w) {
					return false
				}
			}
			return true
		})
		t.Logf("told within %v:\n%s", time.Since(began).Round(time.Millisecond), said)
	}

	p.Open(th.URL + "/cart")
	if got := browser.Eval[string](p, `String(window.stolen)`); got != "undefined" {
		t.Errorf("the browser ran a script that was slipped in: %s", got)
	}
	told(20*time.Second, "script-src-elem blocked inline on /cart", "script-src-elem blocked https://cdn.evil.example on /cart",
		// And our own script runs: it saw them too.
		"script-src-elem blocked this shop on /cart (page)")

	// Without the policies it runs, and our own script tells.
	th.bold.Store(true)
	p.Open(th.URL + "/cart")
	if got := browser.Eval[string](p, `String(window.stolen)`); got == "undefined" {
		t.Error("nothing was slipped in, so nothing was tried")
	}
	told(20*time.Second, "2  "+time.Now().UTC().Format(time.DateOnly)+"  script-src-elem blocked https://cdn.evil.example on /cart (page)")
}

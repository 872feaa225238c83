package sandbox

import (
	"regexp"
	"strings"
	"testing"
)

func TestThePayPage(t *testing.T) {
	n := newTown(t)
	s := n.open()
	res, page := n.get(s.URL)
	if res.StatusCode != 200 {
		t.Fatalf("got %d", res.StatusCode)
	}
	for _, want := range []string{
		"K7Q2M-9F3XA", "€48.00", "make-believe", "No money moves", "Never type a card number", `lang="en"`, `name="viewport"`,
		`value="approved"`, `value="declined"`, `value="challenge"`, `value="abandoned"`, `value="approved_late"`, "<details>", `method="post"`,
	} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "<input", " style=", " on", "http:", "<iframe", "<img"} {
		tags := strings.Join(regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1), "")
		if strings.Contains(tags, bad) {
			t.Errorf("the page has %q in its tags", bad)
		}
	}
	res, css := n.get(n.bank.URL + "/style.css")
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/css") || strings.Contains(css, "url(") {
		t.Errorf("stylesheet: got %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
}

// TestEveryAnswerIsStrict looks at the headers of pages, errors and the API.
func TestEveryAnswerIsStrict(t *testing.T) {
	n := newTown(t)
	s := n.open()
	for path, status := range map[string]int{
		"/": 200, strings.TrimPrefix(s.URL, n.bank.URL): 200, "/style.css": 200,
		"/pay/sb_unknown": 404, "/pay/": 404, "/nothing": 404, "/v1/sessions/x": 401, "/pay/..%2f..%2fetc": 404,
	} {
		res, body := n.get(n.bank.URL + path)
		if res.StatusCode != status {
			t.Errorf("%s: got %d, want %d", path, res.StatusCode, status)
		}
		h := res.Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "form-action 'self' " + n.shop.URL} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %q: %s", path, want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: a loose policy: %s", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: headers %v", path, h)
		}
		if len(h.Values("Set-Cookie")) > 0 || path != "/style.css" && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: cookies or a cache: %v", path, h)
		}
		if strings.Contains(body, "goroutine") {
			t.Errorf("%s: internals in the answer", path)
		}
	}
}

func TestWrongButtonsDecideNothing(t *testing.T) {
	n := newTown(t)
	s := n.open()
	for _, outcome := range []string{"", "APPROVED", "approved ", "refunded", "<script>", strings.Repeat("a", maxBody+1)} {
		if res, body := n.press(s.URL, outcome); res.StatusCode != 400 || strings.Contains(body, "<script") {
			t.Errorf("%.20q: got %d", outcome, res.StatusCode)
		}
	}
	if res, _ := n.press(n.bank.URL+"/pay/sb_00000000000000000000000000000000", "approved"); res.StatusCode != 404 {
		t.Errorf("an unknown session: got %d", res.StatusCode)
	}
	if res, _ := n.get(s.URL + "?outcome=approved"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
	if len(n.received()) != 0 {
		t.Error("the shop was told of something")
	}
}

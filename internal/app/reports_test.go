package app

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestReportsAreTakenAtARate: a network says so much of what its browsers blocked, and
// everybody together so much; who is refused is told when to come again, and nothing more
// is written down.
func TestReportsAreTakenAtARate(t *testing.T) {
	s := openedWith(t, func(set *Settings) { set.TrustedProxies = "127.0.0.1/32,::1/128" })
	v, err := s.paying.Visitor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := `{"csp-report":{"document-uri":"` + s.origin + `/checkout","effective-directive":"script-src-elem","blocked-uri":"https://cdn.evil.example/a.js"}}`
	post := func(from string) *http.Response {
		t.Helper()
		r, err := http.NewRequest("POST", s.origin+"/reports", strings.NewReader(report))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/csp-report")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("X-Forwarded-For", from)
		res, err := v.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	taken := func(from func(i int) string) (n int) {
		t.Helper()
		for i := range 300 {
			res := post(from(i))
			if res.StatusCode == http.StatusNoContent {
				n++
				continue
			}
			if wait, err := strconv.Atoi(res.Header.Get("Retry-After")); res.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 {
				t.Fatalf("got %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
			}
			return n
		}
		return n
	}
	one := taken(func(int) string { return "192.0.2.7" })
	if one < 20 || one > 22 { // one more for each five seconds
		t.Errorf("one network: %d reports are taken at once, want 20", one)
	}
	// The first network counts among everybody.
	all := one + taken(func(i int) string { return fmt.Sprintf("198.51.%d.7", i) })
	if all < 100 || all > 140 { // five more each second
		t.Errorf("everybody: %d reports are taken at once, want about 100", all)
	}
}

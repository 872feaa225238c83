package gate

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNoHostBringsAKeywordOrAWildcardBack: what a page embeds is plain origins, in each
// of the lists, or nothing is changed at all.
func TestNoHostBringsAKeywordOrAWildcardBack(t *testing.T) {
	good := Sources{Scripts: []string{"https://js.pay.example"}, Frames: []string{"https://js.pay.example"}, Connects: []string{"https://api.pay.example"}, Forms: []string{"https://pay.example"}}
	for _, bad := range []string{"*", "https:", "https://*.pay.example", "https://*", "'unsafe-inline'", "'unsafe-eval'", "'strict-dynamic'", "http://pay.example", "data:", "blob:",
		"https://pay.example/path", "https://pay.example; script-src *", "https://pay.example 'unsafe-inline'", "", "//pay.example", "https://u@pay.example", "https://pay.example?x"} {
		for name, with := range map[string]func(s *Sources){
			"scripts":  func(s *Sources) { s.Scripts = append([]string{bad}, s.Scripts...) },
			"frames":   func(s *Sources) { s.Frames = append([]string{bad}, s.Frames...) },
			"connects": func(s *Sources) { s.Connects = append([]string{bad}, s.Connects...) },
			"forms":    func(s *Sources) { s.Forms = append([]string{bad}, s.Forms...) },
		} {
			s, w := good, httptest.NewRecorder()
			with(&s)
			w.Header().Set("Integrity-Policy", "as it was")
			if err := Embed(w, s); err == nil {
				t.Errorf("%s: %q is taken: %s", name, bad, w.Header().Get("Content-Security-Policy"))
			}
			if w.Header().Get("Content-Security-Policy") != "" || w.Header().Get("Integrity-Policy") != "as it was" {
				t.Errorf("%s: %q is refused and something has changed", name, bad)
			}
		}
	}
	w := httptest.NewRecorder()
	if err := Embed(w, good); err != nil {
		t.Fatal(err)
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self' https://js.pay.example;", "frame-src https://js.pay.example;", "connect-src 'self' https://api.pay.example;",
		"form-action 'self' https://pay.example;", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types default;"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is not in %s", want, policy)
		}
	}
	if err := Embed(httptest.NewRecorder(), Sources{}); err == nil {
		t.Error("a page that embeds nothing is loosened")
	}
}

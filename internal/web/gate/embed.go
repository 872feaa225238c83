package gate

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Sources are the origins that one page may bring code, frames and data from, beside
// the shop's own: a page with a payment service's card fields.
type Sources struct {
	Scripts, Frames, Connects []string
	Forms                     []string // where its forms may end
}

// loosened are the headers that a page with another origin's script can't have. That
// script has no hash, which Integrity-Policy would ask of each; and it and its frames
// do not allow themselves to be embedded by name, which require-corp would ask.
var loosened = []string{"Integrity-Policy", "Cross-Origin-Embedder-Policy"}

// Embed lets this one answer bring in what a payment service's fields need. Each origin
// is a scheme and a host, as with FormTo: no keyword and no wildcard can be added. Text
// still becomes no code: the one policy of Trusted Types that a script may make is that
// of the page's own script, called default.
func Embed(w http.ResponseWriter, s Sources) error {
	policy, err := s.policy()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policy)
	for _, name := range loosened {
		w.Header().Del(name)
	}
	return nil
}

// EmbedHeaders tells what such a page is sent with, by names in small letters.
func EmbedHeaders(hsts bool, s Sources) (map[string]string, error) {
	out, err := Headers(hsts)
	if err != nil {
		return nil, err
	}
	if out["content-security-policy"], err = s.policy(); err != nil {
		return nil, err
	}
	for _, name := range loosened {
		delete(out, strings.ToLower(name))
	}
	return out, nil
}

func (s Sources) policy() (string, error) {
	if err := plainOrigins(slices.Concat(s.Scripts, s.Frames, s.Connects, s.Forms)); err != nil {
		return "", err
	}
	if len(s.Scripts) == 0 || len(s.Frames) == 0 {
		return "", fault.New(fault.Internal, "A page that embeds something says what.")
	}
	list := func(first string, origins []string) string {
		return strings.Join(append([]string{first}, origins...), " ")
	}
	return "default-src 'none'; " + list("script-src 'self'", s.Scripts) + "; style-src 'self'; img-src 'self'; font-src 'self'; " +
		list("connect-src 'self'", s.Connects) + "; " + list("frame-src", s.Frames) + "; " + list("form-action 'self'", s.Forms) +
		policyFrames + "; trusted-types default; report-uri " + PathReports, nil
}

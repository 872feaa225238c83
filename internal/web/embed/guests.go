package embed

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// open lists what pages of other origins may ask for: the script, goods, and a
// cart as long as nobody has said who they are. No call that takes or shows a
// person's details is here, and none that orders or pays.
var open = []struct {
	method, path string
	welcome      gate.Welcome
}{
	{"GET", PathScript + "*", gate.Reader},
	{"GET", "/api/v1/products", gate.Reader},
	{"GET", "/api/v1/products/*", gate.Reader},
	{"POST", "/api/v1/carts", gate.Reader},
	{"GET", "/api/v1/carts/*", gate.Reader},
	{"POST", "/api/v1/carts/*/lines", gate.Reader},
	{"PATCH", "/api/v1/carts/*/lines/*", gate.Reader},
	{"DELETE", "/api/v1/carts/*/lines/*", gate.Reader},
	{"POST", "/api/v1/carts/*/hand-over", gate.Reader},
	{"POST", page.PathAdopt, gate.Sender},
}

// fits reports whether a path is one of a pattern, in which a star stands for
// one part.
func fits(pattern, path string) bool {
	for {
		p, restOfPattern, more := strings.Cut(pattern, "/")
		s, restOfPath, deeper := strings.Cut(path, "/")
		if p != s && (p != "*" || s == "") || more != deeper {
			return false
		}
		if !more {
			return true
		}
		pattern, path = restOfPattern, restOfPath
	}
}

// Guests lets pages of the origins in the setting embed.origins do what open
// lists. An origin counts as it stands there and in no other spelling.
func Guests(db *store.DB) gate.Guests {
	return func(r *http.Request, method, origin string) (gate.Welcome, bool) {
		for _, o := range open {
			if o.method != method || !fits(o.path, r.URL.Path) {
				continue
			}
			if origin == "" {
				return gate.Stranger, true
			}
			set, err := db.Settings(r.Context())
			if err == nil && len(set.Embeds) > 0 && origin == gate.Unnamed && o.path == page.PathAdopt {
				return gate.Sender, true // needs a pass, and the shopper is asked
			}
			if err != nil || !slices.Contains(set.Embeds, origin) {
				return gate.Stranger, true
			}
			if !strings.HasPrefix(origin, "https://") && !set.Demo {
				return gate.Stranger, true // a file of the demo, brought into a real shop
			}
			return o.welcome, true
		}
		return gate.Stranger, false
	}
}

package gate

import (
	"net/http"
	"slices"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Welcome is what a page of another origin may do at an address.
type Welcome int

// From nothing to most. Neither of the two sends cookies along: an answer never
// allows credentials, and browsers hold Lax cookies back from foreign posts.
const (
	Stranger Welcome = iota // what every page may: follow a link
	Reader                  // scripts may send the request and read the answer
	Sender                  // a form may be sent
)

// Unnamed is the origin of a form on a page whose referrer policy hides where
// it comes from, of a frame without an origin, and of whoever likes to say so.
const Unnamed = "null"

// CrossSite refuses what came from another site.
var CrossSite = fault.New(fault.Forbidden, "This came from another site and was not carried out. Please use the pages of this shop.")

// Guests decides what a page of an origin may do with a request's address and
// a method. open tells whether there is any origin that may.
type Guests func(r *http.Request, method, origin string) (w Welcome, open bool)

// What preflights answer. The headers are those that the shop's script sends,
// and a browser asks once in ten minutes.
const (
	guestHeaders = "Cart-Token, Content-Type"
	guestMaxAge  = "600"
)

// welcome says who of another origin asks, and tells browsers so.
func (g *Gate) welcome(w http.ResponseWriter, r *http.Request) (got Welcome, preflight bool) {
	if g.cfg.Guests == nil {
		return Stranger, false
	}
	method := r.Method
	if method == http.MethodOptions {
		method = r.Header.Get("Access-Control-Request-Method")
		preflight = true
	}
	origins := r.Header["Origin"]
	origin := ""
	if len(origins) == 1 {
		origin = origins[0]
	}
	got, open := g.cfg.Guests(r, method, origin)
	if !open {
		return Stranger, false
	}
	h := w.Header()
	if !slices.Contains(h["Vary"], "Origin") {
		h.Add("Vary", "Origin") // for everybody, or a cache would give one origin's answer to another
	}
	if got != Reader {
		return got, false
	}
	h["Access-Control-Allow-Origin"] = origins
	if preflight {
		h.Set("Access-Control-Allow-Methods", method)
		h.Set("Access-Control-Allow-Headers", guestHeaders)
		h.Set("Access-Control-Max-Age", guestMaxAge)
	} else {
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	return got, preflight
}

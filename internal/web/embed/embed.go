// Package embed lets any other site show the shop's buttons and cart.
//
// It knows the script with the two elements, under which address it stands for
// good, what has to be written into a page, and which pages of other origins
// may ask for what. It does not know prices or carts: the script asks the REST
// API for those, and hands the cart over to the shop's own pages to check out.
//
//	page of another origin                     the shop
//	<script integrity=…>     ── GET ─────────▶ /embed/cartkeep.HASH.js
//	<cartkeep-button>        ── fetch ───────▶ /api/v1/products/…, /api/v1/carts/…
//	<cartkeep-cart>          ── fetch ───────▶ no cookies; a Cart-Token in a header
//	   "Checkout"            ── form, POST ──▶ /cart/adopt: new token, old one dead
//
// Start reading at guests.go, which decides who may do what; cartkeep.js is the
// script.
package embed

import (
	_ "embed"
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

//go:embed cartkeep.js
var script []byte

// PathScript is the folder of the script.
const PathScript = "/embed/"

const scriptName = "cartkeep.js"

// Embed serves the script. It is safe for concurrent use.
type Embed struct {
	gate   *gate.Gate
	script *page.File
}

// New prepares the script.
func New(g *gate.Gate) (*Embed, error) {
	f, err := page.NewFile(PathScript, scriptName, script)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	return &Embed{gate: g, script: f}, nil
}

// Register adds the script to the table of a server: under the name of its
// content for good, and under a plain one for pages that want the newest and
// give up the check of its content.
func (e *Embed) Register(t *gate.Table) error {
	serve := func(path, cache string) gate.Route {
		return gate.Route{Method: http.MethodGet, Path: path, Need: gate.Anybody, Handle: func(w http.ResponseWriter, r *http.Request) {
			gate.Cache(w, cache)
			w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin") // code, the same for everybody
			e.script.ServeHTTP(w, r)
		}}
	}
	t.Nothing("/embed")
	return t.Add("embed", serve(e.script.Path, gate.CacheForever), serve(PathScript+scriptName, "public, max-age=300"))
}

// Snippet is what goes into a page of another site, for a shop at an origin and
// one of its products.
func Snippet(origin, handle, title string) (string, error) {
	f, err := page.NewFile(PathScript, scriptName, script)
	if err != nil {
		return "", fmt.Errorf("embed: %w", err)
	}
	origin, product := html.EscapeString(strings.TrimSuffix(origin, "/")), html.EscapeString(page.ProductPath(handle))
	var b strings.Builder
	fmt.Fprintf(&b, "<script src=\"%s%s\"\n  integrity=\"%s\"\n  crossorigin=\"anonymous\" defer></script>\n\n", origin, f.Path, f.Integrity)
	fmt.Fprintf(&b, "<cartkeep-button product=\"%s\">\n  <a href=\"%s%s\">%s</a>\n</cartkeep-button>\n\n", html.EscapeString(handle), origin, product, html.EscapeString(title))
	fmt.Fprintf(&b, "<cartkeep-cart>\n  <a href=\"%s/cart\">Cart</a>\n</cartkeep-cart>\n", origin)
	return b.String(), nil
}

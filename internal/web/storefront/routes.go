package storefront

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

type route struct {
	method string
	path   string
	handle http.HandlerFunc
}

// routes is the whole surface. A GET answers HEAD too and changes nothing but
// cookies of the one who asks.
func (s *Shop) routes() []route {
	return []route{
		// The goods: kept for a second, the same for everybody.
		{"GET", "/{$}", s.home},
		{"GET", "/collections/{handle}", s.collection},
		{"GET", "/products/{handle}", s.product},
		{"GET", page.PathSearch, s.search},
		{"GET", "/pictures/{name...}", s.picture},

		// The cart: known by its cookie.
		{"GET", page.PathCart, s.cart},
		{"POST", page.PathCartLines, s.addLine},
		{"POST", "/cart/lines/{line}", s.setLine},
		{"POST", "/cart/lines/{line}/save", s.saveLine},
		{"POST", "/cart/lines/{line}/restore", s.restoreLine},
		{"POST", page.PathEstimate, s.setEstimate},
		{"POST", page.PathCartAccept, s.acceptCart},
		{"POST", page.PathCartClear, s.clearCart},
		{"POST", page.PathCartCode, s.tryCode},
		{"POST", page.PathCartCodeDrop, s.dropCode},
		{"POST", page.PathAdopt, s.adopt},
		{"GET", page.PathAdopt, s.adopted},
		{"POST", page.PathAdoptChoice, s.chooseCart},

		// The till.
		{"GET", page.PathCheckout, s.checkoutForm},
		{"POST", page.PathCheckout, s.saveCheckout},
		{"GET", page.PathReview, s.review},
		{"POST", page.PathReview, s.placeOrder},

		// The order: known by a cookie of its own.
		{"GET", "/orders/{number}", s.order},
		{"POST", "/orders/{number}/payments", s.payAgain},
		{"POST", "/orders/{number}/hold", s.moreTime},
		{"POST", "/orders/{number}/cancel", s.cancelOrder},
		{"POST", "/orders/{number}/resend", s.resend},
		{"POST", "/orders/{number}/again", s.orderAgain},
		{"GET", "/orders/{number}/invoice", s.invoice},
		{"GET", "/orders/{number}/credit-note", s.creditNote},

		// The order, whole: known by a code from its mailbox.
		{"GET", page.PathFind, s.findOrder},
		{"POST", page.PathFind, s.askCode},
		{"GET", page.PathFindCode, s.codeForm},
		{"POST", page.PathFindCode, s.answerCode},

		// What is not sent by post: known by a token for each file.
		{"GET", "/downloads/{token}", s.download},
		{"POST", "/downloads/{token}", s.startDownload},

		// A wish to hear when a thing is there again.
		{"GET", page.PathWishes, s.wishes},
		{"POST", page.PathWishes, s.askWish},
		{"POST", page.PathNoWish, s.takeBackWish},

		// The words.
		{"GET", page.PathPrivacy, s.privacy},
		{"GET", page.PathTerms, s.text},
		{"GET", page.PathReturns, s.text},
		{"GET", page.PathShipping, s.text},
		{"GET", page.PathImprint, s.text},
		{"GET", page.PathAssets, s.pages.Assets(s.gate.NotFound()).ServeHTTP},
		{"GET", "/robots.txt", s.robots},
		{"GET", "/sitemap.xml", s.sitemap},
		{"GET", "/sitemap/{part}", s.sitemapPart},
	}
}

// Register adds every route to a mux that stands behind the gate, and a
// friendly answer for every address and method that is none.
func (s *Shop) Register(mux *http.ServeMux) {
	methods := map[string][]string{}
	for _, r := range s.routes() {
		mux.Handle(r.method+" "+r.path, s.guard(r.handle))
		if r.method == http.MethodGet {
			methods[r.path] = append(methods[r.path], http.MethodGet, http.MethodHead)
		} else {
			methods[r.path] = append(methods[r.path], r.method)
		}
	}
	for path, allowed := range methods {
		mux.Handle(path, s.gate.MethodNotAllowed(allowed...))
	}
	mux.Handle("/", s.gate.NotFound())
	// Else the mux answers a folder without its slash with a redirect.
	mux.Handle("/assets", s.gate.NotFound())
	mux.Handle("/pictures", s.gate.NotFound())
	mux.Handle("/sitemap", s.gate.NotFound())
	mux.Handle("/downloads", s.gate.NotFound())
}

// guard is what holds for every page.
func (s *Shop) guard(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Cart-Token"] != nil && gate.HasCookie(r, gate.CartCookie) {
			s.gate.Refuse(w, r, fault.New(fault.Malformed, "A request carries either a Cart-Token or the cookie of the pages, not both."))
			return
		}
		if s.misnamed(r) {
			w.Header().Set("Location", strings.TrimSuffix(s.cfg.Origin, "/")+r.URL.RequestURI())
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		next(w, r)
	})
}

// misnamed reports whether a shop called localhost was asked for by its
// loopback address. Cookies do not tell ports apart, so on that address they
// would reach whatever else listens there, such as the payment service of the
// demo.
func (s *Shop) misnamed(r *http.Request) bool {
	if s.host != "localhost" || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

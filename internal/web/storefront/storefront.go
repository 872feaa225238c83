// Package storefront is the shop as a shopper sees it: pages over HTTP.
//
// It reads forms, calls one use case and shows one page. It knows cookies,
// paths and which answer follows which fault. It does not know SQL, prices,
// states or how a page looks. Nothing in it needs JavaScript.
//
//	browser ─▶ gate ─▶ routes.go ─▶ one action a file ─▶ checkout.Desk
//	                                       │
//	                                       └─▶ page struct ─▶ bytes
//
// A shopper is known by two kinds of cookie, and only after doing something:
// the cart's (set by the first thing put into it) and one for each order.
// Pages of the catalogue are the same for everybody, so they are kept as bytes
// for a second (kept.go) and the number of things in the cart is put in last.
//
// Start reading at routes.go.
package storefront

import (
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Config is what a storefront needs.
type Config struct {
	Gate  *gate.Gate     // needed
	Pages *page.Set      // needed
	Desk  *checkout.Desk // needed
	Store *store.DB      // needed
	// Keeper lets people in. Default: there are no accounts.
	Keeper *account.Keeper

	// Origin is the public origin of the shop, such as https://localhost:8443.
	Origin string
	// Pictures finds a picture by what follows /pictures/ in its address.
	// Default: there are none.
	Pictures func(name string) ([]byte, bool)
	// Backup tells in the privacy notice how long backups are kept. Default:
	// nothing is said.
	Backup string
	// Parties are those who carry letters and texts, for the privacy notice.
	// Default: nobody does.
	Parties personal.Parties
	// Letters says that letters are sent, so that pages may promise one.
	Letters bool
	// Age is how old a page of the catalogue may be. Default: one second.
	Age time.Duration
	// Kept bounds how many rendered pages are kept. Default: 1,000.
	Kept int
	// Log gets what the gate does not see. Default: none.
	Log *slog.Logger
}

// Shop answers everything a shopper asks for. It is safe for concurrent use.
type Shop struct {
	*frame
	cfg  Config
	gate *gate.Gate
	desk *checkout.Desk
	kept *shelf
	maps *shelf // of the sitemap
	host string // of Origin, without a port
}

// New makes a storefront.
func New(c Config) (*Shop, error) {
	if c.Gate == nil || c.Pages == nil || c.Desk == nil || c.Store == nil {
		return nil, errors.New("storefront: gate, pages, desk and store are needed")
	}
	origin, err := url.Parse(c.Origin)
	if err != nil {
		return nil, errors.New("storefront: the origin is no address")
	}
	if c.Pictures == nil {
		c.Pictures = func(string) ([]byte, bool) { return nil, false }
	}
	if c.Age <= 0 {
		c.Age = time.Second
	}
	if c.Kept <= 0 {
		c.Kept = 1000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Shop{
		frame: newFrame(c.Pages, c.Store, c.Log),
		cfg:   c, gate: c.Gate, desk: c.Desk, host: origin.Hostname(),
		kept: newShelf(c.Age, c.Kept), maps: newShelf(mapAge, mapKept),
	}, nil
}

package storefront

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// frame is what every page needs, the ones about errors included: the shelves
// of the menu, the number in the cart, and a way to write it all.
type frame struct {
	pages *page.Set
	db    *store.DB
	log   *slog.Logger
	menu  menu
}

func newFrame(pages *page.Set, db *store.DB, log *slog.Logger) *frame {
	return &frame{pages: pages, db: db, log: log}
}

// menuAge is how old the list of shelves may be. It changes with an import.
const menuAge = time.Second

// menu keeps the list of shelves for a moment.
type menu struct {
	mu      sync.Mutex
	shelves []catalog.Collection
	links   []page.Link
	until   time.Time
}

// shelves returns the collections and the links to them. When the store can't
// say, the last answer stays: a page without a menu helps nobody.
func (f *frame) shelves(ctx context.Context) ([]catalog.Collection, []page.Link) {
	f.menu.mu.Lock()
	defer f.menu.mu.Unlock()
	if now := time.Now(); now.After(f.menu.until) {
		var found []catalog.Collection
		err := f.db.View(ctx, func(v *store.View) (err error) {
			found, err = v.Shelves()
			return err
		})
		f.menu.until = now.Add(menuAge)
		if err != nil {
			f.log.WarnContext(ctx, "menu not read", "error", err)
			return f.menu.shelves, f.menu.links
		}
		links := make([]page.Link, 0, len(found))
		for _, c := range found {
			links = append(links, page.Link{Text: c.Title, URL: page.CollectionPath(c.Handle)})
		}
		f.menu.shelves, f.menu.links = found, links
	}
	return f.menu.shelves, f.menu.links
}

// layout is the frame of a page. The number in the cart is put in by write.
func (f *frame) layout(r *http.Request) page.Layout {
	_, links := f.shelves(r.Context())
	l := page.Layout{Nav: links, CartCount: page.CountLater, GPC: gpc(r)}
	if settings, err := f.db.Settings(r.Context()); err == nil { // without them a page has its old name and fewer links
		l.Shop, l.Words = settings.ShopName, wordsOf(settings)
		f.pages.In(settings.Zone)
	}
	return l
}

// gpc reports whether the browser asks not to be sold or shared (Global
// Privacy Control). We do neither; the page says that we heard it.
func gpc(r *http.Request) bool { return r.Header.Get("Sec-Gpc") == "1" }

// units returns how many things are in the shopper's cart. Without a cookie it
// asks nobody.
func (f *frame) units(r *http.Request) (n int64, err error) {
	c, ok := cartOf(r)
	if !ok {
		return 0, nil
	}
	err = f.db.View(r.Context(), func(v *store.View) (err error) {
		n, err = v.CartCount(c.id, c.token)
		return err
	})
	return n, err
}

// count is units as the masthead shows it: nothing at all when it is not known.
func (f *frame) count(r *http.Request) string {
	n, err := f.units(r)
	if err != nil {
		f.log.WarnContext(r.Context(), "cart not counted", "error", err)
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// What headers say.
const (
	typeHTML  = "text/html; charset=utf-8"
	typeText  = "text/plain; charset=utf-8"
	typeSVG   = "image/svg+xml"
	varyPage  = "Cookie, Sec-GPC"
	cachePage = "public, max-age=0, must-revalidate"
	cacheDay  = "public, max-age=86400"
)

// one is a header's value without the search for its canonical name.
func one(value string) []string { return []string{value} }

// write sends a page that belongs to whoever asked: no cache keeps it, which
// is what the gate says unless told otherwise.
func (f *frame) write(w http.ResponseWriter, status int, p page.Page, count string) error {
	body, err := f.pages.Bytes(p)
	if err != nil {
		return err
	}
	if before, after, ok := page.Split(body); ok {
		whole := make([]byte, 0, len(body))
		body = append(append(append(whole, before...), count...), after...)
	}
	h := w.Header()
	h["Content-Type"] = one(typeHTML)
	h["Content-Length"] = one(strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // a reader that went away is no error of ours
	return nil
}

// show writes a page with the number of things in the cart.
func (s *Shop) show(w http.ResponseWriter, r *http.Request, status int, p page.Page) {
	s.showCount(w, r, status, p, s.count(r))
}

func (s *Shop) showCount(w http.ResponseWriter, r *http.Request, status int, p page.Page, count string) {
	if err := s.write(w, status, p, count); err != nil {
		s.gate.Refuse(w, r, err)
	}
}

// seeOther sends the browser on after a form: a reload there posts nothing.
func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// ErrorPage draws refusals for people; it belongs into gate.Config.Page. It
// asks the store only where nothing is wrong with the shop itself.
func ErrorPage(pages *page.Set, db *store.DB, log *slog.Logger) func(w http.ResponseWriter, r *http.Request, status int, refusal *fault.Error, reference string) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := newFrame(pages, db, log)
	return func(w http.ResponseWriter, r *http.Request, status int, refusal *fault.Error, reference string) {
		l, count := page.Layout{CartCount: page.CountLater, GPC: gpc(r)}, ""
		if status < 500 && status != http.StatusTooManyRequests {
			l, count = f.layout(r), f.count(r)
		}
		l.Console = page.OfConsole(r.URL.Path)
		p := page.Problem{Layout: l, Kind: refusal.Kind, RetryAfter: refusal.RetryAfter, Reference: reference}
		if refusal.Kind == fault.Invalid {
			p.Text = refusal.Text // the usual words would not say what is wrong
		}
		if err := f.write(w, status, p, count); err != nil {
			log.ErrorContext(r.Context(), "error page not drawn", "reference", reference, "error", err)
			w.Header()["Content-Type"] = one(typeText)
			w.WriteHeader(status)
			w.Write([]byte(refusal.Text + "\n"))
		}
	}
}

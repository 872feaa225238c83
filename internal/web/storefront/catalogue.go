package storefront

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// home is the front page.
func (s *Shop) home(w http.ResponseWriter, r *http.Request) {
	s.listing(w, r, func(ctx context.Context, after string) (page.Page, error) {
		settings, err := s.db.Settings(ctx)
		if err != nil {
			return nil, err
		}
		p := page.Home{Layout: s.layout(r), Headline: settings.Tagline, Label: "Buy as a guest", Text: welcome}
		p.Products, p.Next, err = s.products(ctx, store.ProductQuery{Cursor: after}, page.PathHome+"?")
		return p, err
	})
}

const welcome = "You need no account to buy here. What you tell us is sealed, kept for one reason, and forgotten on its day."

// collection is one shelf of the shop.
func (s *Shop) collection(w http.ResponseWriter, r *http.Request) {
	handle, ok := s.handle(w, r, page.CollectionPath)
	if !ok {
		return
	}
	s.listing(w, r, func(ctx context.Context, after string) (page.Page, error) {
		shelves, _ := s.shelves(ctx)
		for _, c := range shelves {
			if c.Handle != handle {
				continue
			}
			p := page.Shelf{Layout: s.layout(r), Collection: c}
			var err error
			p.Products, p.Next, err = s.products(ctx, store.ProductQuery{Collection: handle, Cursor: after}, page.CollectionPath(handle)+"?")
			return p, err
		}
		// A menu that could not be read has no shelves either.
		if err := s.db.Healthy(ctx); err != nil {
			return nil, err
		}
		return nil, fault.Missing("We cannot find that shelf.")
	})
}

// listing shows a list of goods: its beginning is kept, the rest is made when
// somebody asks for it.
func (s *Shop) listing(w http.ResponseWriter, r *http.Request, build func(ctx context.Context, after string) (page.Page, error)) {
	after := ""
	if r.URL.RawQuery != "" {
		after = cursorOf(r.URL.Query())
	}
	if after == "" {
		s.showKept(w, r, func() (page.Page, error) { return build(r.Context(), "") })
		return
	}
	p, err := build(r.Context(), after)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, p)
}

// maxQuery bounds a search, in code points.
const maxQuery = 100

// search finds goods by word. What somebody looks for is theirs: it is not
// kept, neither by us nor by a cache.
func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	p := page.Search{Layout: s.layout(r), Query: queryOf(form.Get(page.FieldQuery))}
	if p.Query != "" {
		var err error
		q := store.ProductQuery{Text: p.Query, Cursor: cursorOf(form)}
		p.Products, p.Next, err = s.products(r.Context(), q, page.PathSearch+"?"+page.FieldQuery+"="+url.QueryEscape(p.Query)+"&")
		if err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
	}
	s.show(w, r, http.StatusOK, p)
}

// queryOf tidies what somebody searches for.
func queryOf(text string) string {
	text = strings.ToValidUTF8(text, "")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > maxQuery {
		text = strings.TrimSpace(string([]rune(text)[:maxQuery]))
	}
	return text
}

// cursorOf reads where a list goes on. Anything that can't be a place begins anew.
func cursorOf(form url.Values) string {
	after := form.Get("after")
	if len(after) > 200 || !wordy(strings.ReplaceAll(after, ".", "")) {
		return ""
	}
	return after
}

// products returns a part of a list and the path of the next one.
func (s *Shop) products(ctx context.Context, q store.ProductQuery, path string) (list []catalog.Product, next string, err error) {
	err = s.db.View(ctx, func(v *store.View) (err error) {
		f, err := v.Find(q)
		list, next = f.Products, f.Next
		return err
	})
	if next != "" {
		next = path + "after=" + url.QueryEscape(next)
	}
	return list, next, err
}

// handle reads the handle in the address. Another spelling of it is sent to
// the one that counts; false means that the answer is out.
func (s *Shop) handle(w http.ResponseWriter, r *http.Request, path func(string) string) (string, bool) {
	typed := r.PathValue("handle")
	handle, err := catalog.ParseHandle(typed)
	if err != nil {
		s.gate.Refuse(w, r, fault.Missing("There is nothing at this address."))
		return "", false
	}
	if handle != typed {
		w.Header().Set("Location", path(handle))
		w.WriteHeader(http.StatusMovedPermanently)
		return "", false
	}
	return handle, true
}

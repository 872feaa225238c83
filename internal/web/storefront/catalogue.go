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
	s.listing(w, r, func(ctx context.Context, asked wish) (page.Page, error) {
		settings, err := s.db.Settings(ctx)
		if err != nil {
			return nil, err
		}
		found, err := s.list(ctx, asked, page.PathHome, "", "")
		return page.Home{Layout: s.layout(r), Headline: settings.Tagline, Label: "Buy as a guest", Text: welcome,
			Products: found.Products, Next: found.next, Sift: found.sift}, err
	})
}

const welcome = "You need no account to buy here. What you tell us is sealed, kept for one reason, and forgotten on its day."

// collection is one shelf of the shop.
func (s *Shop) collection(w http.ResponseWriter, r *http.Request) {
	handle, ok := s.handle(w, r, page.CollectionPath)
	if !ok {
		return
	}
	s.listing(w, r, func(ctx context.Context, asked wish) (page.Page, error) {
		var c catalog.Collection
		err := s.db.View(ctx, func(v *store.View) (err error) {
			c, err = v.Collection(handle)
			return err
		})
		if err != nil {
			return nil, err
		}
		found, err := s.list(ctx, asked, page.CollectionPath(handle), handle, "")
		return page.Shelf{Layout: s.layout(r), Collection: c, Products: found.Products, Next: found.next, Sift: found.sift}, err
	})
}

// maxQuery bounds a search, in code points.
const maxQuery = 100

// search finds goods by word. What somebody looks for is theirs: it is not
// kept, neither by us nor by a cache.
func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	p := page.Search{Layout: s.layout(r), Query: queryOf(form.Get(page.FieldQuery))}
	if p.Query != "" {
		found, err := s.list(r.Context(), wishOf(form), page.PathSearch, "", p.Query)
		if err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
		p.Products, p.Next, p.Sift, p.Meant = found.Products, found.next, found.sift, found.Meant
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
	after := form.Get(page.FieldAfter)
	if len(after) > 200 || !wordy(strings.ReplaceAll(after, ".", "")) {
		return ""
	}
	return after
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

package storefront

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// The map for search engines (sitemaps.org): an index, one part with the front
// page and the shelves, and parts of mapPart products. Each is made at most
// once in mapAge, and few are kept, since whoever reads them reads them in turn.
const (
	mapPart = 5_000
	mapAge  = 10 * time.Minute
	mapKept = 8
)

const (
	typeXML   = "application/xml; charset=utf-8"
	cacheHour = "public, max-age=3600"
	mapSpace  = `"http://www.sitemaps.org/schemas/sitemap/0.9"`
)

// sitemap is the index of the parts.
func (s *Shop) sitemap(w http.ResponseWriter, r *http.Request) {
	s.showMap(w, r, func() ([]byte, error) {
		n := 0
		err := s.db.View(r.Context(), func(v *store.View) (err error) {
			n, err = v.CountPublished()
			return err
		})
		if err != nil {
			return nil, err
		}
		b := bytes.NewBufferString(xml.Header + "<sitemapindex xmlns=" + mapSpace + ">\n")
		for part := 0; part <= (n+mapPart-1)/mapPart; part++ {
			fmt.Fprintf(b, "<sitemap><loc>%s/sitemap/%d.xml</loc></sitemap>\n", s.site(), part)
		}
		b.WriteString("</sitemapindex>\n")
		return b.Bytes(), nil
	})
}

// sitemapPart is one part: 0 is the shop itself and its shelves, the others
// are products.
func (s *Shop) sitemapPart(w http.ResponseWriter, r *http.Request) {
	digits, ok := strings.CutSuffix(r.PathValue("part"), ".xml")
	part, err := strconv.Atoi(digits)
	if !ok || err != nil || part < 0 || part > 1_000_000 || strconv.Itoa(part) != digits {
		s.gate.NotFound().ServeHTTP(w, r)
		return
	}
	s.showMap(w, r, func() ([]byte, error) {
		b := bytes.NewBufferString(xml.Header + "<urlset xmlns=" + mapSpace + ">\n")
		if part == 0 {
			err = s.mapShelves(r.Context(), b)
		} else {
			err = s.mapProducts(r.Context(), b, part)
		}
		b.WriteString("</urlset>\n")
		return b.Bytes(), err
	})
}

func (s *Shop) mapShelves(ctx context.Context, b *bytes.Buffer) error {
	s.mapEntry(b, page.PathHome, time.Time{})
	return s.db.View(ctx, func(v *store.View) error {
		shelves, err := v.Shelves()
		for _, c := range shelves {
			s.mapEntry(b, page.CollectionPath(c.Handle), time.Time{})
		}
		return err
	})
}

func (s *Shop) mapProducts(ctx context.Context, b *bytes.Buffer, part int) error {
	return s.db.View(ctx, func(v *store.View) error {
		list, err := v.Listings((part-1)*mapPart, mapPart)
		if err == nil && len(list) == 0 {
			err = fault.Missing("There is nothing at this address.")
		}
		for _, l := range list {
			s.mapEntry(b, page.ProductPath(l.Handle), l.Changed)
		}
		return err
	})
}

func (s *Shop) mapEntry(b *bytes.Buffer, path string, changed time.Time) {
	b.WriteString("<url><loc>")
	xml.EscapeText(b, []byte(s.site()+path)) // into memory: there is no error
	b.WriteString("</loc>")
	if !changed.IsZero() {
		b.WriteString("<lastmod>" + changed.UTC().Format(time.RFC3339) + "</lastmod>")
	}
	b.WriteString("</url>\n")
}

// site is the public origin without a slash at its end.
func (s *Shop) site() string { return strings.TrimSuffix(s.cfg.Origin, "/") }

func (s *Shop) showMap(w http.ResponseWriter, r *http.Request, build func() ([]byte, error)) {
	k, err := s.maps.get(address{path: r.URL.Path}, build)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	h := w.Header()
	h["Cache-Control"] = one(cacheHour)
	h["Etag"] = k.tag
	if r.Header.Get("If-None-Match") == k.tag[0] {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = one(typeXML)
	h["Content-Length"] = k.length
	w.Write(k.empty)
}

// robots keeps search engines to the goods. Filtered lists may be read, so
// that they can say themselves that they belong into no index.
func (s *Shop) robots(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Content-Type"] = one(typeText)
	h["Cache-Control"] = one(cacheDay)
	w.Write([]byte("User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /orders/\nDisallow: /search\nDisallow: /admin\nDisallow: /api/\n\nSitemap: " + s.site() + "/sitemap.xml\n"))
}

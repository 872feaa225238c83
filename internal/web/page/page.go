// Package page turns typed page structs into bytes.
//
// It knows how the shop looks: one Go struct for each page, one template for
// each struct, one style sheet, small scripts (all but one only where
// passkeys are asked for, a card is typed, or under attack). A template can only show what its struct holds,
// everything is escaped by html/template, and no page needs JavaScript. It does
// not know where a page's values come from: no SQL, no request, no rule of the
// shop is in here, and no page holds an inline script, an inline style or an
// address of somebody else's server. What a payment
// service brings to the page with its card fields is given to that page (Card).
//
// Start reading at Set.Render; the pages stand in shop.go, cart.go,
// checkout.go, order.go and plain.go, the names of form fields and paths that
// the handlers share with the templates in paths.go.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Config is what a merchant decides about the look of every page.
type Config struct {
	// ShopName stands in the masthead and in every title. Needed.
	ShopName string

	// BaseURL is the public origin of the shop, such as https://shop.example,
	// for canonical links and product data. Without it they are left out.
	BaseURL string

	// Accent is the one colour of the shop, as #rrggbb; empty means a deep
	// green. A colour too faint to read on paper is darkened or lightened
	// until it is readable: see Set.Accent.
	Accent string

	// Lang is the BCP 47 tag of the texts; empty means "en".
	Lang string

	// Dir is the direction of the texts: "ltr" or "rtl"; empty means "ltr".
	Dir string

	// Zone is the time zone dates are shown in; nil means UTC.
	Zone *time.Location

	// Help is where a shopper finds a person, shown at the same place of every
	// page. Leave it zero when there is none.
	Help Link

	// Footer holds the links of the footer, only to pages that exist.
	// Empty means the privacy page alone.
	Footer []Link
}

// Page is one page of the shop. Only the structs of this package are pages.
type Page interface {
	template() string // the file in templates, without .html
	layout() Layout   // what the frame around it shows
	head(site) head   // title and data for machines
}

// CartMark stands in a rendered page where the number of things in the cart
// belongs when Layout.CartCount is CountLater. It holds characters that
// escaped text can't, and comes before any product text, so the first one in a
// page is always ours. See Split.
const CartMark = "<!--cart-count-->"

// CountLater as Layout.CartCount leaves CartMark in the page instead of a
// number, so that one rendering serves every visitor.
const CountLater = -1

// Split cuts a page rendered with CountLater at its CartMark. Between the two
// parts goes the number of units in the cart, in digits. ok is false when the
// page holds no mark.
func Split(page []byte) (before, after []byte, ok bool) {
	return bytes.Cut(page, []byte(CartMark))
}

// Set holds every template, parsed once, and the assets they name.
type Set struct {
	site      site
	accent    Accent
	templates *template.Template
	assets    assets
	buffers   sync.Pool
	zone      atomic.Pointer[time.Location]
}

// In makes every page from now on tell days and times in a zone.
func (s *Set) In(zone *time.Location) { s.zone.Store(zone) }

// site is what is the same on every page.
type site struct {
	Config
	Assets map[string]Asset // by plain name
}

// view is what a template sees: the frame's values and the page itself.
type view struct {
	Site   site
	Head   head
	Layout Layout
	Page   Page
}

// ShopName is the shop's name as it is now.
func (v view) ShopName() string {
	if v.Layout.Shop != "" {
		return v.Layout.Shop
	}
	return v.Site.ShopName
}

// New parses every template and prepares the assets. It fails on a missing
// shop name, on an accent that is no colour, and on a template that does not
// parse.
func New(c Config) (*Set, error) {
	if strings.TrimSpace(c.ShopName) == "" {
		return nil, errors.New("page: a shop needs a name")
	}
	if c.Lang == "" {
		c.Lang = "en"
	}
	if c.Dir == "" {
		c.Dir = "ltr"
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if len(c.Footer) == 0 {
		c.Footer = []Link{{Text: "Privacy", URL: PathPrivacy}}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	accent, err := ParseAccent(c.Accent)
	if err != nil {
		return nil, err
	}
	s := &Set{accent: accent}
	s.In(c.Zone)
	s.buffers.New = func() any { return new(bytes.Buffer) }
	if s.assets, err = newAssets(accent); err != nil {
		return nil, err
	}
	s.site = site{Config: c, Assets: s.assets.byName}

	// One set for all pages: a copy of the shared parts for each would be most
	// of what a quiet shop keeps in memory.
	s.templates, err = template.New("pages").Option("missingkey=error").Funcs(s.funcs()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	for _, p := range pages() {
		if s.templates.Lookup(mainOf(p)) == nil {
			return nil, fmt.Errorf("page %s: no template %q", p.template(), mainOf(p))
		}
	}
	return s, nil
}

// pages lists one empty value of every page, in the order of the files.
func pages() []Page {
	return []Page{Desk{},
		Home{}, Shelf{}, Search{}, Product{},
		Cart{}, Adopt{}, Checkout{}, Review{}, Card{}, OrderStatus{}, OrderMissing{}, Download{}, OrderFind{}, OrderCode{}, Wishes{}, Invoice{},
		Problem{}, Privacy{}, Text{},
	}
}

// Render writes a whole page, or nothing and an error: a template that fails
// half way never reaches the shopper.
func (s *Set) Render(w io.Writer, p Page) error {
	b := s.buffers.Get().(*bytes.Buffer)
	defer func() { b.Reset(); s.buffers.Put(b) }()
	if err := s.render(b, p); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Bytes returns a whole page, for a caller that keeps it.
func (s *Set) Bytes(p Page) ([]byte, error) {
	var b bytes.Buffer
	err := s.render(&b, p)
	return b.Bytes(), err
}

func (s *Set) render(b *bytes.Buffer, p Page) error {
	v := view{Site: s.site, Head: p.head(s.site), Layout: p.layout(), Page: p}
	for _, name := range []string{"above", mainOf(p), "below"} {
		if err := s.templates.ExecuteTemplate(b, name, v); err != nil {
			return fmt.Errorf("page %s: %w", p.template(), err)
		}
	}
	return nil
}

// mainOf names the template of what is a page's own.
func mainOf(p Page) string { return "page " + p.template() }

// Accent tells which colours the pages use, and whether they are not quite the
// merchant's own.
func (s *Set) Accent() Accent { return s.accent }

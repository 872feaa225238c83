package storefront

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/search"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// wish is what an address asks of a list: order, filters, and where to go on.
// Whatever it says, only so much of it is read (search.MaxFilters, maxQuery).
type wish struct {
	filters   []search.Filter
	available bool
	min, max  string
	sort      search.Sort
	after     string
}

// plain reports that nothing is asked: such a list is the same for everybody.
func (w wish) plain() bool { return w.after == "" && w.sort == "" && !w.filtered() }

func (w wish) filtered() bool {
	return len(w.filters) > 0 || w.available || w.min != "" || w.max != ""
}

// maxPrice bounds a price in an address, in code points.
const maxPrice = 20

func wishOf(form url.Values) wish {
	w := wish{available: form.Get(page.FieldAvailable) == "1", after: cursorOf(form),
		min: shorten(queryOf(form.Get(page.FieldMin)), maxPrice), max: shorten(queryOf(form.Get(page.FieldMax)), maxPrice)}
	if sort := search.Sort(form.Get(page.FieldOrder)); slices.Contains(orders, sort) {
		w.sort = sort
	}
	var names []string
	for name := range form {
		if name == search.GroupKind || name == search.GroupVendor || name == search.GroupTag || strings.HasPrefix(name, search.OptionGroup) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range form[name] {
			f := search.Filter{Group: queryOf(name), Value: queryOf(value)}
			if f.Value != "" && len(w.filters) < search.MaxFilters && !slices.Contains(w.filters, f) {
				w.filters = append(w.filters, f)
			}
		}
	}
	return w
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// orders are those an address may ask for.
var orders = []search.Sort{search.ByNewest, search.ByPrice, search.ByPriceDown, search.ByTitle}

var orderWords = map[search.Sort]string{search.ByNewest: "Newest first", search.ByPrice: "Cheapest first", search.ByPriceDown: "Dearest first", search.ByTitle: "By name"}

// address is the list at path as w asks for it, without where it goes on.
func (w wish) address(path, query string) string {
	form := url.Values{}
	set := func(name, value string) {
		if value != "" {
			form.Add(name, value)
		}
	}
	set(page.FieldQuery, query)
	for _, f := range w.filters {
		set(f.Group, f.Value)
	}
	if w.available {
		set(page.FieldAvailable, "1")
	}
	set(page.FieldMin, w.min)
	set(page.FieldMax, w.max)
	set(page.FieldOrder, string(w.sort))
	if len(form) == 0 {
		return path
	}
	return path + "?" + form.Encode()
}

// listed is a list of goods with the form above it.
type listed struct {
	store.Found
	next string // address of what follows
	sift page.Sift
}

// list answers a wish about a collection, a search or all goods.
func (s *Shop) list(ctx context.Context, w wish, path, collection, query string) (out listed, err error) {
	settings, err := s.db.Settings(ctx)
	if err != nil {
		return out, err
	}
	q := store.ProductQuery{Text: query, Collection: collection, Filters: w.filters, Available: w.available, Sort: w.sort, Cursor: w.after, Facets: true}
	wrong := ""
	if q.From, q.To, err = priceRange(w, settings.Currency); err != nil {
		wrong = fault.Of(err).Text
	}
	err = s.db.View(ctx, func(v *store.View) (err error) {
		out.Found, err = v.Find(q)
		return err
	})
	if err != nil {
		return out, err
	}
	if out.Next != "" {
		out.next = withAfter(w.address(path, query), out.Next)
	}
	out.sift = page.Sift{Action: path, Query: query, Available: w.available, Min: w.min, Max: w.max, Wrong: wrong, Total: out.Total,
		Currency: settings.Currency.Code(), Chosen: w.chosen(path, query), Groups: groupsOf(out.Facets), Orders: ordersOf(w.sort, query)}
	if w.filtered() || w.sort != "" {
		out.sift.Without = wish{}.address(path, query)
	}
	return out, nil
}

func withAfter(address, after string) string {
	join := "?"
	if strings.Contains(address, "?") {
		join = "&"
	}
	return address + join + page.FieldAfter + "=" + url.QueryEscape(after)
}

func ordersOf(chosen search.Sort, query string) []page.Choice {
	first := page.Choice{Text: "As we show it"}
	if query != "" {
		first.Text = "Best match"
	}
	out := []page.Choice{first}
	for _, o := range orders {
		out = append(out, page.Choice{Value: string(o), Text: orderWords[o], Chosen: o == chosen})
	}
	return out
}

var groupWords = map[string]string{search.GroupKind: "Kind", search.GroupVendor: "Maker", search.GroupTag: "Tag"}

func groupsOf(facets []search.Facet) []page.SiftGroup {
	var out []page.SiftGroup
	for _, f := range facets {
		g := page.SiftGroup{Name: f.Group, Legend: groupWords[f.Group]}
		if g.Legend == "" {
			g.Legend = strings.TrimPrefix(f.Group, search.OptionGroup)
		}
		for _, v := range f.Values {
			g.Values = append(g.Values, page.Choice{Value: v.Value, Text: v.Value, Count: v.Count, Chosen: v.Chosen})
		}
		out = append(out, g)
	}
	return out
}

// chosen lists every filter in use with the address of the list without it.
func (w wish) chosen(path, query string) []page.Link {
	var out []page.Link
	add := func(text string, without wish) {
		out = append(out, page.Link{Text: text, URL: without.address(path, query)})
	}
	for i, f := range w.filters {
		without := w
		without.filters = slices.Delete(slices.Clone(w.filters), i, i+1)
		add(f.Value, without)
	}
	without := w
	if w.available {
		without.available = false
		add("Can be bought now", without)
	}
	if w.min != "" {
		without = w
		without.min = ""
		add("From "+w.min, without)
	}
	if w.max != "" {
		without = w
		without.max = ""
		add("To "+w.max, without)
	}
	return out
}

// priceRange reads the prices of a wish; what can't be read is left out.
func priceRange(w wish, c money.Currency) (from, to int64, err error) {
	const help = "Please write a price such as 10 or 12.50."
	read := func(text string) int64 {
		if text == "" {
			return 0
		}
		if !strings.Contains(text, ".") {
			text = strings.Replace(text, ",", ".", 1)
		}
		a, bad := money.Parse(text, c)
		if bad != nil || a.Negative() {
			err = fault.New(fault.Invalid, help)
			return 0
		}
		return a.Minor()
	}
	from, to = read(w.min), read(w.max)
	if err == nil && to > 0 && to < from {
		return 0, 0, fault.New(fault.Invalid, "The second price is below the first. Please swap them.")
	}
	return from, to, err
}

// listing shows a list of goods: its beginning is kept, the rest is made when
// somebody asks for it.
func (s *Shop) listing(w http.ResponseWriter, r *http.Request, build func(ctx context.Context, w wish) (page.Page, error)) {
	var asked wish
	if r.URL.RawQuery != "" {
		asked = wishOf(r.URL.Query())
	}
	if asked.plain() {
		s.showKept(w, r, func() (page.Page, error) { return build(r.Context(), wish{}) })
		return
	}
	p, err := build(r.Context(), asked)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, p)
}

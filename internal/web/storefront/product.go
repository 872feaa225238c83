package storefront

import (
	"context"
	"net/http"
	"slices"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// product is the page of one thing.
func (s *Shop) product(w http.ResponseWriter, r *http.Request) {
	handle, ok := s.handle(w, r, page.ProductPath)
	if !ok {
		return
	}
	build := func() (page.Page, error) {
		ctx := r.Context()
		var p catalog.Product
		err := s.db.View(ctx, func(v *store.View) (err error) {
			p, err = v.ProductByHandle(handle)
			if !fault.Is(err, fault.NotFound) {
				return err
			}
			now, gone := v.MovedTo(handle)
			if gone == nil {
				return moved{page.ProductPath(now)}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return s.productPage(r, p)
	}
	if !gate.HasCookie(r, flashCookie) {
		s.showKept(w, r, build)
		return
	}
	// Something has just happened: this page is for one shopper.
	p, err := build()
	shown, is := p.(page.Product)
	if err != nil || !is {
		s.showKept(w, r, build) // it knows what to answer
		return
	}
	shown.Flash = s.flash(w, r)
	s.show(w, r, http.StatusOK, shown)
}

// moved is the answer of a page that has another address now.
type moved struct{ to string }

// Error says so; the address is no secret.
func (m moved) Error() string { return "this page is at " + m.to }

// productPage says about a thing what is true for every visitor.
func (s *Shop) productPage(r *http.Request, p catalog.Product) (page.Product, error) {
	ctx := r.Context()
	settings, err := s.db.Settings(ctx)
	if err != nil {
		return page.Product{}, err
	}
	out := page.Product{Layout: s.layout(r), Product: p, TaxNote: taxNote(settings), Collection: s.shelfOf(ctx, p)}
	if notSent(p) {
		out.Delivery = "nothing to send: it waits for you on the page of your order"
	} else if price, note, ok := delivery(settings); ok {
		out.Delivery = note
		out.ForSale = page.Offer{Country: settings.Home, Shipping: price}
	}
	if settings.Texts[store.TextReturns].Body != "" {
		out.Returns = page.Link{Text: "Returns", URL: page.PathReturns}
	}
	if out.Facts, err = s.facts(ctx, false); err != nil {
		return out, err
	}
	err = s.db.View(ctx, func(v *store.View) (err error) {
		out.Related, err = v.Related(p.ID, 4)
		return err
	})
	return out, err
}

// productAgain shows the page of a variant once more, with the reason why it
// could not be put into the cart.
func (s *Shop) productAgain(w http.ResponseWriter, r *http.Request, variant catalog.VariantID, why string, status int) bool {
	p, err := s.productOf(r.Context(), variant)
	if err != nil {
		return false
	}
	shown, err := s.productPage(r, p)
	if err != nil {
		return false
	}
	shown.Chosen, shown.Wrong = variant, why
	s.show(w, r, status, shown)
	return true
}

func (s *Shop) productOf(ctx context.Context, variant catalog.VariantID) (p catalog.Product, err error) {
	err = s.db.View(ctx, func(v *store.View) (err error) {
		p, err = v.ProductOf(variant)
		return err
	})
	return p, err
}

// titleOf names a variant as the cart does.
func (s *Shop) titleOf(ctx context.Context, variant catalog.VariantID) (string, error) {
	p, err := s.productOf(ctx, variant)
	if err != nil {
		return "", err
	}
	for _, v := range p.Variants {
		if v.ID == variant && v.Title() != "" {
			return p.Title + ", " + v.Title(), nil
		}
	}
	return p.Title, nil
}

// shelfOf links to the shelf a thing stands on.
func (s *Shop) shelfOf(ctx context.Context, p catalog.Product) page.Link {
	shelves, links := s.shelves(ctx)
	for i, c := range shelves {
		if p.Kind != "" && c.Title == p.Kind {
			return links[i]
		}
	}
	return page.Link{}
}

// notSent reports whether no parcel brings a thing, in whichever variant.
func notSent(p catalog.Product) bool {
	return len(p.Variants) > 0 && !slices.ContainsFunc(p.Variants, func(v catalog.Variant) bool { return !v.Virtual })
}

// taxNote says whether prices contain tax. Which rate it is depends on where
// the parcel goes.
func taxNote(s store.Settings) string {
	switch {
	case s.Tax.None():
		return ""
	case s.Tax.Included:
		return "tax included"
	}
	return "plus tax"
}

// delivery is the cheapest way to the shop's own country.
func delivery(s store.Settings) (price money.Amount, note string, ok bool) {
	ways := s.Shipping.For(shipping.Parcel{Place: area.Place{Country: s.Home}, Total: money.Zero(s.Currency)})
	country, known := contact.CountryOf(s.Home)
	if len(ways) == 0 || !known {
		return money.Amount{}, "", false
	}
	price, note = ways[0].Price, "free delivery to "+country.Name
	if !price.IsZero() {
		note = "delivery " + price.Format() + " to " + country.Name
	}
	if days := ways[0].Estimate(); days != "" {
		note += ", " + days
	}
	return price, note, true
}

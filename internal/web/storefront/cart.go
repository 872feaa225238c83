package storefront

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// cart shows what is in the cart.
func (s *Shop) cart(w http.ResponseWriter, r *http.Request) {
	s.showCart(w, r, http.StatusOK, s.flash(w, r), "")
}

// showCart shows the cart with a word about what just happened. No cart, one
// that has ended and one that became an order are empty ones.
func (s *Shop) showCart(w http.ResponseWriter, r *http.Request, status int, flash page.Flash, postal string) {
	p := page.Cart{Layout: s.layout(r)}
	p.Flash = flash
	s.fillCart(w, r, status, p, postal)
}

// fillCart shows the cart on a page that says something about it already.
func (s *Shop) fillCart(w http.ResponseWriter, r *http.Request, status int, p page.Cart, postal string) {
	if b, has := cartOf(r); has {
		c, err := s.desk.Cart(r.Context(), b.id, b.token)
		switch {
		case fault.Is(err, fault.NotFound):
			gate.ClearCookie(w, gate.CartCookie)
		case err != nil:
			s.gate.Refuse(w, r, err)
			return
		case c.State == cart.Ordered:
			if link, ok := s.orderLink(w, r, b); ok {
				p.Popular = append(p.Popular, link)
			}
		default:
			if err := s.desk.Illustrate(r.Context(), &c); err != nil {
				s.gate.Refuse(w, r, err)
				return
			}
			p.Cart = c
			if p.Own, err = s.ownCredit(r, c); err != nil {
				s.gate.Refuse(w, r, err)
				return
			}
			s.estimate(r.Context(), &p, postal)
		}
	}
	if len(p.Cart.Lines) == 0 {
		p.Popular = append(p.Popular, p.Nav...)
	}
	s.showCount(w, r, status, p, strconv.FormatInt(p.Cart.Count(), 10))
}

// estimate says what delivery will cost before anybody is asked who they are.
// The postcode, where one is needed, is for this answer alone.
func (s *Shop) estimate(ctx context.Context, p *page.Cart, postal string) {
	if p.Cart.Checkout.ShippingMethod != "" || len(p.Cart.Lines) == 0 || p.Cart.Virtual() {
		return // it is in the total
	}
	settings, err := s.db.Settings(ctx)
	if err != nil {
		return // an estimate is not worth an error
	}
	e := &p.Estimate
	e.Countries, e.Postal = destinations(settings), postal
	e.Country = p.Cart.Estimate
	if e.Country == "" {
		e.Country = settings.Home
	}
	got, err := s.desk.Estimate(ctx, p.Cart, area.Place{Country: e.Country, PostalCode: postal})
	e.AskPostal = got.ByPostal
	if err != nil {
		e.Wrong = fault.Of(err).Text
		return
	}
	e.Totals, e.Codes, e.Credits = got.Totals, got.Codes, got.Credits
	for _, o := range got.Options {
		e.Methods = append(e.Methods, page.Method{ID: o.ID, Title: o.Title, Price: o.Price})
	}
}

// setEstimate answers what delivery to a country costs. The country is
// remembered with the cart; a postcode is not, so the answer is the page itself.
func (s *Shop) setEstimate(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return
	}
	_, err = s.desk.SetEstimate(r.Context(), b.id, b.token, form.Get(page.FieldCountry))
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.CartClosed):
		seeOther(w, page.PathCart)
		return
	case fault.Is(err, fault.Invalid):
		s.showCart(w, r, gate.Status(fault.Invalid), page.Flash{Text: fault.Of(err).Text}, "")
		return
	case err != nil:
		s.gate.Refuse(w, r, err)
		return
	}
	keepBasket(w, b)
	if postal := form.Get(page.FieldPostal); postal != "" {
		s.showCart(w, r, http.StatusOK, page.Flash{}, postal)
		return
	}
	seeOther(w, page.PathCart)
}

// orderLink links to the order that a cart has become.
func (s *Shop) orderLink(w http.ResponseWriter, r *http.Request, b basket) (page.Link, bool) {
	o, token, err := s.desk.OrderOf(r.Context(), b.id, b.token)
	if err != nil {
		return page.Link{}, false
	}
	if _, has := orderToken(r, o.Number); !has {
		keepOrderToken(w, o.Number, token)
	}
	return page.Link{Text: "Your order " + string(o.Number), URL: page.PathOrders + string(o.Number)}, true
}

package storefront

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// checkoutForm asks who, where to and how, filled with what is known already.
func (s *Shop) checkoutForm(w http.ResponseWriter, r *http.Request) {
	b, c, ok := s.openCart(w, r)
	if !ok {
		return
	}
	details, err := s.desk.Details(r.Context(), b.id, b.token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.showCheckout(w, r, http.StatusOK, c, page.TypedFrom(details, c.Checkout.ShippingMethod), nil)
}

// saveCheckout reads the form. What is wrong is named, and nothing typed is lost.
func (s *Shop) saveCheckout(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	b, c, ok := s.openCart(w, r)
	if !ok {
		return
	}
	typed := typedIn(form)
	offered, err := s.methods(r.Context(), c, typed)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	typed = fitting(typed, offered)
	_, err = s.desk.SaveDetails(r.Context(), b.id, b.token, input(typed))
	switch {
	case err == nil:
		keepBasket(w, b)
		seeOther(w, page.PathReview)
	case fault.Is(err, fault.Invalid):
		s.showCheckout(w, r, gate.Status(fault.Invalid), c, typed, fault.Of(err).Problems)
	case fault.Is(err, fault.CartClosed):
		s.toOrder(w, r, b)
	default:
		s.gate.Refuse(w, r, err)
	}
}

func (s *Shop) showCheckout(w http.ResponseWriter, r *http.Request, status int, c cart.Cart, typed page.Typed, problems []fault.Problem) {
	ctx := r.Context()
	settings, err := s.db.Settings(ctx)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if typed.ShipTo == (contact.AddressFields{}) && problems == nil {
		typed.ShipTo.Country = settings.Home
	}
	p := page.Checkout{Layout: s.layout(r), Typed: typed, Problems: problems, Cart: c, Countries: destinations(settings)}
	if p.Methods, err = s.methods(ctx, c, typed); err == nil {
		p.Uses, err = uses()
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.showCount(w, r, status, p, strconv.FormatInt(c.Count(), 10))
}

// destinations are the countries that some way of delivery goes to.
func destinations(s store.Settings) []contact.Country {
	all := contact.Countries()
	out := all[:0]
	for _, c := range all {
		if s.Shipping.Reaches(c.Code) {
			out = append(out, c)
		}
	}
	return out
}

// openCart returns the cart for the till, when it can go there. Otherwise the
// answer is out: back to the cart, which shows what has to be looked at first.
func (s *Shop) openCart(w http.ResponseWriter, r *http.Request) (basket, cart.Cart, bool) {
	b, c, ok := s.tillCart(w, r)
	if ok && !(page.Cart{Cart: c}).Ready() {
		seeOther(w, page.PathCart)
		return b, c, false
	}
	return b, c, ok
}

// tillCart returns a cart that is still open. One that has become an order
// leads to the order, and none at all to the empty cart.
func (s *Shop) tillCart(w http.ResponseWriter, r *http.Request) (basket, cart.Cart, bool) {
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return b, cart.Cart{}, false
	}
	c, err := s.desk.Cart(r.Context(), b.id, b.token)
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathCart)
	case err != nil:
		s.gate.Refuse(w, r, err)
	case c.State == cart.Ordered:
		s.toOrder(w, r, b)
	default:
		return b, c, true
	}
	return b, c, false
}

// toOrder goes to the order that a cart has become, which is what somebody
// wants who presses the button twice, reloads, or comes back by it.
func (s *Shop) toOrder(w http.ResponseWriter, r *http.Request, b basket) {
	if !s.goToOrder(r.Context(), w, b) {
		seeOther(w, page.PathCart)
	}
}

func (s *Shop) goToOrder(ctx context.Context, w http.ResponseWriter, b basket) bool {
	o, token, err := s.desk.OrderOf(ctx, b.id, b.token)
	if err != nil {
		return false
	}
	keepOrderToken(w, o.Number, token)
	seeOther(w, page.PathOrders+string(o.Number))
	return true
}

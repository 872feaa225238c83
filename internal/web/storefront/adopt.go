package storefront

import (
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// A cart that was filled on a page of another origin comes in by a form. That
// post brings no cookies, which browsers hold back, so it can't tell whether
// the shopper has a cart here. It gives the newcomer a cookie of its own, and
// the page it leads to decides:
//
//	POST /cart/adopt         from an origin of embed.origins; a new token, the old one is dead
//	GET  /cart/adopt         nothing in the cart here: the newcomer becomes the cart; else asks
//
// A page may hide its origin. Then the post says "null", as any page can, so it
// needs a pass, which the shop gives to scripts of those origins alone, and the
// shopper is asked whatever is here: a cart that somebody else made comes in as
// a question and not as the shopper's cart.
//
//	POST /cart/adopt/choice  from that page: which of the two it shall be
//
// No token ever stands in an address.
const (
	adoptCookie = "__Host-adopt"
	askFirst    = ".ask" // at the end of the cookie
	keepAdopt   = 15 * time.Minute
)

// adopt takes over a cart of another origin. Who may post here is decided at
// the gate.
func (s *Shop) adopt(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	b, ok := parseBasket(form.Get(page.FieldCart) + "." + form.Get(page.FieldCartToken))
	unnamed := r.Header.Get("Origin") == gate.Unnamed
	switch {
	case !ok:
		err = fault.Missing("There is no such cart.")
	case unnamed && !s.desk.PassFits(b.id, b.token, form.Get(page.FieldPass)):
		err = gate.CrossSite
	default:
		b.token, err = s.desk.Adopt(r.Context(), b.id, b.token)
	}
	if fault.Is(err, fault.NotFound) {
		err = s.gate.Missed(r, err)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	value := b.String()
	if unnamed {
		value += askFirst
	}
	gate.SetCookie(w, adoptCookie, value, keepAdopt)
	seeOther(w, page.PathAdopt)
}

// newcomer reads the cookie of a cart that has just come in, and whether it
// comes in only when the shopper says so.
func newcomer(r *http.Request) (b basket, ask, ok bool) {
	value, ok := gate.Cookie(r, adoptCookie)
	if !ok {
		return basket{}, false, false
	}
	value, ask = strings.CutSuffix(value, askFirst)
	b, ok = parseBasket(value)
	return b, ask, ok
}

// adopted makes the newcomer the shopper's cart, or asks when there is one
// already: nothing that somebody put in is lost without a word.
func (s *Shop) adopted(w http.ResponseWriter, r *http.Request) {
	fresh, ask, ok := newcomer(r)
	if !ok {
		seeOther(w, page.PathCart)
		return
	}
	theirs, err := s.desk.Cart(r.Context(), fresh.id, fresh.token)
	if fault.Is(err, fault.NotFound) {
		gate.ClearCookie(w, adoptCookie)
		seeOther(w, page.PathCart)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	mine, err := s.cartHere(r, fresh)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	own, err := s.ofAccount(r, fresh)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if ask || len(mine.Lines)+len(mine.Saved) > 0 {
		s.show(w, r, http.StatusOK, page.Adopt{Layout: s.layout(r), Here: mine, New: theirs, Own: own})
		return
	}
	s.take(w, r, fresh)
}

// cartHere is the cart that this browser has besides a newcomer. One that has
// ended, or became an order, is none.
func (s *Shop) cartHere(r *http.Request, fresh basket) (cart.Cart, error) {
	b, has := cartOf(r)
	if !has || b.id == fresh.id {
		return cart.Cart{}, nil
	}
	c, err := s.desk.Cart(r.Context(), b.id, b.token)
	if fault.Is(err, fault.NotFound) || err == nil && c.State != cart.Open {
		return cart.Cart{}, nil
	}
	return c, err
}

func (s *Shop) take(w http.ResponseWriter, r *http.Request, fresh basket) {
	keepBasket(w, fresh)
	s.mine(r, fresh)
	gate.ClearCookie(w, adoptCookie)
	seeOther(w, page.PathCheckout)
}

// chooseCart does what the shopper chose on the page that asks.
func (s *Shop) chooseCart(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	fresh, _, ok := newcomer(r)
	if !ok {
		seeOther(w, page.PathCart)
		return
	}
	switch form.Get(page.FieldChoice) {
	case page.ChooseNew:
		s.take(w, r, fresh)
	case page.ChooseHere:
		if here, has := cartOf(r); has {
			s.mine(r, here)
		}
		gate.ClearCookie(w, adoptCookie)
		seeOther(w, page.PathCart)
	default:
		seeOther(w, page.PathAdopt)
	}
}

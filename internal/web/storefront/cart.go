package storefront

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// cart shows what is in the cart.
func (s *Shop) cart(w http.ResponseWriter, r *http.Request) {
	s.showCart(w, r, http.StatusOK, s.flash(w, r))
}

// showCart shows the cart with a word about what just happened. No cart, one
// that has ended and one that became an order are empty ones.
func (s *Shop) showCart(w http.ResponseWriter, r *http.Request, status int, flash page.Flash) {
	p := page.Cart{Layout: s.layout(r)}
	p.Flash = flash
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
			p.Cart = c
			s.estimate(r.Context(), &p)
		}
	}
	if len(p.Cart.Lines) == 0 {
		p.Popular = append(p.Popular, p.Nav...)
	}
	s.showCount(w, r, status, p, strconv.FormatInt(p.Cart.Count(), 10))
}

// estimate says what delivery will cost before anybody is asked who they are.
func (s *Shop) estimate(ctx context.Context, p *page.Cart) {
	if p.Cart.Checkout.ShippingMethod != "" {
		return // it is in the total
	}
	settings, err := s.db.Settings(ctx)
	if err != nil {
		return // an estimate is not worth an error
	}
	if price, note, ok := delivery(settings); ok {
		p.Delivery = "Not in it yet: " + note + "."
		if price.IsZero() {
			p.Delivery = "With " + note + "."
		}
	}
	p.TaxNote = "" // the sums beside it say what the tax is
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

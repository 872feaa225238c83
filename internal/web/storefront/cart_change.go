package storefront

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// addLine puts a thing into the cart. The first one begins the cart and sets
// its cookie.
func (s *Shop) addLine(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	variant := catalog.VariantID(form.Get(page.FieldVariant))
	n, err := quantityOf(form, 1)
	var b basket
	if err == nil {
		b, err = s.add(r, variant, n)
	}
	if err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Invalid && s.productAgain(w, r, variant, f.Text, gate.Status(f.Kind)) {
			return
		}
		s.gate.Refuse(w, r, err)
		return
	}
	keepBasket(w, b)
	seeOther(w, page.PathCart)
}

// add adds to the shopper's cart, or to a new one where there is none that can
// still be changed.
func (s *Shop) add(r *http.Request, variant catalog.VariantID, n int64) (basket, error) {
	ctx := r.Context()
	if b, has := cartOf(r); has {
		_, err := s.desk.AddLine(ctx, b.id, b.token, variant, n)
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.CartClosed) {
			return b, err
		}
	}
	// No cart is begun for what we do not sell.
	if _, err := cart.ParseQuantity(n); err != nil {
		return basket{}, err
	}
	if _, err := s.productOf(ctx, variant); err != nil {
		return basket{}, err
	}
	if err := s.gate.Begin(r, abuse.NewCart); err != nil {
		return basket{}, err
	}
	c, token, err := s.desk.NewCart(ctx)
	if err != nil {
		return basket{}, err
	}
	b := basket{c.ID, token}
	s.mine(r, b)
	_, err = s.desk.AddLine(ctx, b.id, b.token, variant, n)
	return b, err
}

// setLine sets how many of a thing there are; 0 removes it, with a way back.
func (s *Shop) setLine(w http.ResponseWriter, r *http.Request) {
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
	line := cart.LineID(r.PathValue("line"))
	n, err := quantityOf(form, -1)
	switch {
	case err != nil:
	case n == 0:
		err = s.remove(r.Context(), w, b, line)
	default:
		_, err = s.desk.SetQuantity(r.Context(), b.id, b.token, line, n)
	}
	switch {
	case err == nil:
		keepBasket(w, b)
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.NotFound):
		tell(w, news{word: newsGone})
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.CartClosed):
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.Invalid):
		s.showCart(w, r, gate.Status(fault.Invalid), page.Flash{Text: fault.Of(err).Text}, "")
	default:
		s.gate.Refuse(w, r, err)
	}
}

// remove takes a line out and tells the next page what it was.
func (s *Shop) remove(ctx context.Context, w http.ResponseWriter, b basket, line cart.LineID) error {
	before, err := s.desk.Cart(ctx, b.id, b.token)
	if err != nil {
		return err
	}
	if _, err := s.desk.RemoveLine(ctx, b.id, b.token, line); err != nil {
		return err
	}
	for _, l := range slices.Concat(before.Lines, before.Saved) {
		if l.ID == line {
			tell(w, news{newsRemoved, l.Variant, l.Quantity})
		}
	}
	return nil
}

// saveLine sets a line aside for later.
func (s *Shop) saveLine(w http.ResponseWriter, r *http.Request) {
	s.moveLine(w, r, s.desk.SaveLine, newsSaved)
}

// restoreLine puts one back that was set aside.
func (s *Shop) restoreLine(w http.ResponseWriter, r *http.Request) {
	s.moveLine(w, r, s.desk.RestoreLine, newsRestored)
}

type lineChange func(context.Context, cart.ID, string, cart.LineID) (cart.Cart, error)

func (s *Shop) moveLine(w http.ResponseWriter, r *http.Request, move lineChange, word string) {
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return
	}
	_, err := move(r.Context(), b.id, b.token, cart.LineID(r.PathValue("line")))
	switch {
	case err == nil:
		keepBasket(w, b)
		tell(w, news{word: word})
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.NotFound):
		tell(w, news{word: newsGone})
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.CartClosed):
		seeOther(w, page.PathCart)
	default:
		s.gate.Refuse(w, r, err)
	}
}

// acceptCart takes the prices shown as seen.
func (s *Shop) acceptCart(w http.ResponseWriter, r *http.Request) {
	if b, has := cartOf(r); has {
		_, err := s.desk.Accept(r.Context(), b.id, b.token)
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.CartClosed) {
			s.gate.Refuse(w, r, err)
			return
		}
	}
	seeOther(w, page.PathCart)
}

// clearCart is for a computer that others use too: the cart and what was typed
// end at once, and the browser forgets the orders it could open.
func (s *Shop) clearCart(w http.ResponseWriter, r *http.Request) {
	if b, has := cartOf(r); has {
		err := s.desk.Clear(r.Context(), b.id, b.token)
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.CartClosed) {
			s.gate.Refuse(w, r, err)
			return
		}
	}
	forgetAll(w, r)
	// Pages kept for the back button may show what was in the cart and in the
	// form. Cookies are cleared by name: the directive for them would reach
	// other sites of the same domain.
	w.Header()["Clear-Site-Data"] = one(`"cache", "storage"`)
	tell(w, news{word: newsCleared})
	seeOther(w, page.PathCart)
}

// quantityOf reads a quantity; none takes the place of one left out.
func quantityOf(form url.Values, none int64) (int64, error) {
	text := strings.TrimSpace(form.Get(page.FieldQuantity))
	if text == "" && none >= 0 {
		return none, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fault.Field("quantity", "Choose a quantity from 1 to 999.")
	}
	return n, nil
}

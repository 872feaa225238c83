package storefront

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// checkoutForm asks who, where to and how, filled with what is known already.
// It is one page; ?step= shows one part of it.
func (s *Shop) checkoutForm(w http.ResponseWriter, r *http.Request) {
	b, c, ok := s.openCart(w, r)
	if !ok {
		return
	}
	typed, err := s.desk.Typed(r.Context(), b.id, b.token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	step := 0
	if r.URL.RawQuery != "" {
		step = stepIn(r.URL.Query())
	}
	s.showCheckout(w, r, http.StatusOK, c, step, typed, nil)
}

// saveCheckout reads the form, or one step of it. What is wrong is named, and
// nothing typed is lost: a form that can't be taken yet is kept as it is.
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
	ctx, step := r.Context(), stepIn(form)
	var typed checkout.DetailsInput
	if step > 0 {
		typed, err = s.desk.Typed(ctx, b.id, b.token)
	}
	if err == nil {
		typeIn(&typed, form, step == 0)
		err = s.fitting(ctx, c, &typed)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	next, err := s.takeStep(ctx, b, c, step, form.Get(page.FieldGo), typed)
	switch {
	case err == nil:
		keepBasket(w, b)
		seeOther(w, next)
	case fault.Is(err, fault.Invalid):
		problems := fault.Of(err).Problems
		if step == page.Steps {
			step = firstStep(problems)
		}
		if err := s.desk.KeepDraft(ctx, b.id, b.token, typed); err != nil {
			s.log.WarnContext(ctx, "draft not kept", "error", err) // the page still shows all of it
		}
		s.showCheckout(w, r, gate.Status(fault.Invalid), c, step, typed.WithoutCards(), problems)
	case fault.Is(err, fault.CartClosed):
		s.toOrder(w, r, b)
	default:
		s.gate.Refuse(w, r, err)
	}
}

// takeStep carries out what a button of the form asks for, and says where to
// go next.
func (s *Shop) takeStep(ctx context.Context, b basket, c cart.Cart, step int, button string, typed checkout.DetailsInput) (next string, err error) {
	switch {
	case step > 0 && button == page.GoWhole:
		return page.PathCheckout, s.desk.KeepDraft(ctx, b.id, b.token, typed)
	case step > 1 && button == page.GoBack:
		return stepPath(step - 1), s.desk.KeepDraft(ctx, b.id, b.token, typed)
	case step > 0 && step < page.Steps:
		var here fault.Fields
		for _, p := range problemsOf(s.desk.Check(ctx, c, typed)) {
			if page.StepOf(p.Field) == step {
				here.Add(p.Field, p.Detail)
			}
		}
		if err := here.Err(); err != nil {
			return "", err
		}
		return stepPath(step + 1), s.desk.KeepDraft(ctx, b.id, b.token, typed)
	}
	_, err = s.desk.SaveDetails(ctx, b.id, b.token, typed)
	return page.PathReview, err
}

func problemsOf(err error) []fault.Problem {
	if err == nil {
		return nil
	}
	return fault.Of(err).Problems
}

// firstStep is the step where the first thing to mend is asked for.
func firstStep(problems []fault.Problem) int {
	step := page.Steps
	for _, p := range problems {
		step = min(step, page.StepOf(p.Field))
	}
	return step
}

// stepIn reads which step a form or an address is about; 0 for the whole.
func stepIn(values url.Values) int {
	n, err := strconv.Atoi(values.Get(page.FieldStep))
	if err != nil || n < 1 || n > page.Steps {
		return 0
	}
	return n
}

func stepPath(step int) string {
	return page.PathCheckout + "?" + page.FieldStep + "=" + strconv.Itoa(step)
}

func (s *Shop) showCheckout(w http.ResponseWriter, r *http.Request, status int, c cart.Cart, step int, in checkout.DetailsInput, problems []fault.Problem) {
	ctx := r.Context()
	settings, err := s.db.Settings(ctx)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if in.ShipTo == (contact.AddressFields{}) && problems == nil {
		in.ShipTo.Country = c.Estimate
		if c.Estimate == "" {
			in.ShipTo.Country = settings.Home
		}
	}
	p := page.Checkout{Layout: s.layout(r), Step: step, Typed: typedOf(in), Problems: problems, Cart: c, Countries: destinations(settings)}
	st := s.who(r)
	p.Member = st.Account != "" && st.Role == ""
	if p.Methods, err = s.methods(ctx, c, in); err == nil {
		p.Uses, err = uses(c.Virtual())
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.reckon(ctx, &p, in.ShipTo)
	s.showCount(w, r, status, p, strconv.FormatInt(c.Count(), 10))
}

// reckon puts the total beside the form that the cart showed, for the place
// typed so far: nobody should have to wonder where delivery went. A dearer way
// of delivery, or a place that makes no sense yet, is reckoned at the next step.
func (s *Shop) reckon(ctx context.Context, p *page.Checkout, to contact.AddressFields) {
	if p.Cart.Checkout.ShippingMethod != "" || p.Cart.Virtual() {
		return // it is in the total
	}
	e, err := s.desk.Estimate(ctx, p.Cart, area.Place{Country: to.Country, Region: to.Region, PostalCode: to.PostalCode})
	if err == nil && len(e.Options) > 0 && e.Options[0].ID == p.Method().ID {
		p.Estimate, p.Estimated = e.Totals, true
	}
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

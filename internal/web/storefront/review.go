package storefront

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// review shows everything once more before the order.
func (s *Shop) review(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.reviewAgain(w, r, http.StatusOK, page.Review{Payment: q.Get(page.FieldPaymentMethod), Keep: q.Get(page.FieldKeepCard) != ""})
}

// reviewAgain shows the review, with what p already says about this time.
func (s *Shop) reviewAgain(w http.ResponseWriter, r *http.Request, status int, p page.Review) {
	b, c, ok := s.tillCart(w, r)
	switch {
	case !ok:
	case !p.Working && !(page.Cart{Cart: c}).Ready(): // while we work, our own order holds the goods
		seeOther(w, page.PathCart)
	case !c.Checkout.Complete:
		seeOther(w, page.PathCheckout)
	default:
		s.showReview(w, r, status, b, c, p)
	}
}

func (s *Shop) showReview(w http.ResponseWriter, r *http.Request, status int, b basket, c cart.Cart, p page.Review) {
	ctx := r.Context()
	details, err := s.desk.Details(ctx, b.id, b.token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if !details.Complete() {
		seeOther(w, page.PathCheckout) // what was typed has ended meanwhile
		return
	}
	settings, err := s.db.Settings(ctx)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	providers, err := s.desk.MethodsFor(ctx, c)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	p.Terms, p.MustTick = acceptable(settings), settings.MustTick
	p.Layout, p.Details, p.Cart, p.Descriptor = s.layout(r), details, c, settings.Descriptor
	k := c.Checkout
	p.Method = page.Method{ID: k.ShippingMethod, Title: checkout.DeliveryWords(settings, k.ShippingMethod, k.Window), Price: c.Totals.Shipping}
	if p.Payments, err = s.waysToPay(r, providers); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if err := gate.FormTo(w, payment.Origins(providers)...); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if len(providers) == 0 && p.Wrong == "" && !p.Free() {
		p.Wrong = "This shop can't take payments right now. Your cart is kept."
	}
	if p.Facts, err = s.facts(ctx, abuse.Of(ctx).Customer() != ""); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if p.Seen, err = s.desk.Seen(c, details, settings); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	p.Key = rand.Text() // at least 128 random bits, new for each page
	if p.Working {
		w.Header().Set("Refresh", "2; url="+page.PathReview)
	}
	s.showCount(w, r, status, p, strconv.FormatInt(c.Count(), 10))
}

// placeOrder makes the order and sends the shopper on to pay.
func (s *Shop) placeOrder(w http.ResponseWriter, r *http.Request) {
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
	// Only who holds a cart counts: junk uses up nobody's orders. A cookie that
	// has ended is no guess, and its 256 bits need no brake.
	if _, err = s.desk.Cart(r.Context(), b.id, b.token); err == nil {
		err = s.gate.Begin(r, abuse.Place)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathCart)
		return
	case err != nil:
		s.gate.Refuse(w, r, err)
		return
	}
	way := wayIn(form)
	request := "form\n" + form.Get(page.FieldPaymentMethod)
	if way.cards == store.CardKeep {
		request += "\n" + way.cards
	}
	placed, err := s.desk.Place(r.Context(), b.id, b.token, checkout.PlaceInput{
		Key: form.Get(page.FieldIdempotency), PaymentMethod: way.method, Here: way.here, Cards: way.cards, Fresh: s.who(r).Fresh, Request: []byte(request),
		Seen: form.Get(page.FieldSeen), AcceptTerms: ticked(r),
	})
	if errors.Is(err, checkout.ErrProve) {
		about := "/use/"
		if way.cards == store.CardKeep {
			about = "/keep/"
		}
		seeOther(w, page.PathCards+about+url.PathEscape(way.method))
		return
	}
	if err != nil {
		s.notPlaced(w, r, b, err, page.Review{Payment: form.Get(page.FieldPaymentMethod), Keep: way.cards == store.CardKeep})
		return
	}
	if !s.own(r, placed.Order) {
		keepOrderToken(w, placed.Order.Number, placed.Token)
	}
	if placed.Now.RedirectURL == "" {
		seeOther(w, page.PathOrders+string(placed.Order.Number)) // paid or ended meanwhile
		return
	}
	seeOther(w, placed.Now.RedirectURL)
}

// notPlaced answers for an order that was not made, or whose payment could not
// be opened. A shopper never has to guess whether it was.
func (s *Shop) notPlaced(w http.ResponseWriter, r *http.Request, b basket, err error, again page.Review) {
	if s.friction(w, r, err, s.cartRoad(b)) {
		return
	}
	f := fault.Of(err)
	status := gate.Status(f.Kind)
	again.Wrong = f.Text
	switch f.Kind {
	case fault.CartClosed:
		s.toOrder(w, r, b)
	case fault.NotFound:
		seeOther(w, page.PathCart)
	case fault.InProgress:
		s.reviewAgain(w, r, status, page.Review{Working: true})
	case fault.OutOfStock:
		s.showCart(w, r, status, page.Flash{Text: f.Text}, "")
	case fault.Changed:
		if c, err := s.desk.Cart(r.Context(), b.id, b.token); err == nil {
			again.Wrong += " The total is now " + c.Totals.Total.Format() + "."
			if len(c.Credits) > 0 {
				again.Wrong += " Left to pay: " + c.Due().Format() + "."
			}
		}
		s.reviewAgain(w, r, status, again)
	case fault.IdempotencyKeyMissing, fault.IdempotencyMismatch:
		// The button of an old page. If its order was made, that is the answer.
		if !s.goToOrder(r.Context(), w, b) {
			again.Wrong = "This page was out of date. Please look at it and press the button once more."
			s.reviewAgain(w, r, status, again)
		}
	case fault.RateLimited: // enough is held for this buyer or this network
		again.Wrong += " You can try again " + inWords(f.RetryAfter) + "."
		again.Ticked = ticked(r)
		s.reviewAgain(w, r, gate.Later(w, f), again)
	case fault.Invalid:
		s.notReady(w, r, b, f, again)
	case fault.Unavailable:
		// The order may stand and only the payment service be silent.
		tell(w, news{word: newsNoPay})
		if !s.goToOrder(r.Context(), w, b) {
			gate.ClearCookie(w, flashCookie)
			s.gate.Refuse(w, r, err)
		}
	default:
		s.gate.Refuse(w, r, err)
	}
}

// ticked reports whether the form accepts the terms.
func ticked(r *http.Request) bool {
	form, err := gate.Form(r)
	return err == nil && form.Get(page.FieldAcceptTerms) == "yes"
}

// notReady leads to where the thing that is missing can be given.
func (s *Shop) notReady(w http.ResponseWriter, r *http.Request, b basket, f *fault.Error, again page.Review) {
	field := ""
	if len(f.Problems) > 0 {
		field = f.Problems[0].Field
	}
	switch {
	case field == "lines":
		seeOther(w, page.PathCart)
	case field == page.FieldAcceptTerms:
		again.Unticked = true
		s.reviewAgain(w, r, gate.Status(f.Kind), again)
	case field == "payment_method":
		s.reviewAgain(w, r, gate.Status(f.Kind), again)
	case strings.HasPrefix(field, "shipping"), field == "delivery_window":
		b, c, ok := s.openCart(w, r)
		if !ok {
			return
		}
		typed, err := s.desk.Typed(r.Context(), b.id, b.token)
		if err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
		s.showCheckout(w, r, gate.Status(f.Kind), c, 0, typed, f.Problems)
	default:
		seeOther(w, page.PathCheckout)
	}
}

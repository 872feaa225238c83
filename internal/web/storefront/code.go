package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// tryCode puts a discount code into the cart. One that gives nothing is counted
// as a guess.
func (s *Shop) tryCode(w http.ResponseWriter, r *http.Request) {
	b, has := cartOf(r)
	if !has {
		seeOther(w, page.PathCart)
		return
	}
	form, err := gate.Form(r)
	if f := fault.Of(err); fault.Is(err, fault.Invalid) && f.Problems[0].Field == page.FieldCode {
		s.wrongCode(w, r, gate.Status(f.Kind), cardForCode)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	err = s.gate.Prove(r, gate.Attempt{Act: abuse.Discount}, func() error {
		_, err := s.desk.TryCode(r.Context(), b.id, b.token, form.Get(page.FieldCode))
		return err
	})
	switch {
	case err == nil:
		keepBasket(w, b)
		tell(w, news{word: newsCode})
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.CartClosed):
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		f := fault.Of(err)
		s.wrongCode(w, r, gate.Status(f.Kind), f.Text)
	default:
		s.gate.Refuse(w, r, err)
	}
}

// cardForCode is said to whoever types a payment card where a code goes.
const cardForCode = "That looks like the number of a payment card, so we did not take it and kept nothing of it. You give your card on the payment page, never here."

// wrongCode shows the cart again, with what is wrong beside the field.
func (s *Shop) wrongCode(w http.ResponseWriter, r *http.Request, status int, why string) {
	s.fillCart(w, r, status, page.Cart{Layout: s.layout(r), CodeWrong: why}, "")
}

// dropCode takes a code out of the cart.
func (s *Shop) dropCode(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if b, has := cartOf(r); has {
		_, err := s.desk.DropCode(r.Context(), b.id, b.token, form.Get(page.FieldCode))
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.CartClosed) {
			s.gate.Refuse(w, r, err)
			return
		}
		keepBasket(w, b)
	}
	seeOther(w, page.PathCart)
}

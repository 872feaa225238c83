package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// tryCode tries a discount code. One that gives nothing is counted as a guess.
func (s *Shop) tryCode(w http.ResponseWriter, r *http.Request) {
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
	err = s.desk.TryCode(r.Context(), b.id, b.token, form.Get(page.FieldCode))
	switch {
	case err == nil, fault.Is(err, fault.NotFound), fault.Is(err, fault.CartClosed):
		seeOther(w, page.PathCart)
	case fault.Is(err, fault.Invalid):
		if err := s.gate.Missed(r, err); !fault.Is(err, fault.Invalid) {
			s.gate.Refuse(w, r, err)
			return
		}
		s.showCart(w, r, gate.Status(fault.Invalid), page.Flash{Text: fault.Of(err).Text}, "")
	default:
		s.gate.Refuse(w, r, err)
	}
}

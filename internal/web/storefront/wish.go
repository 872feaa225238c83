package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// askWish keeps an address that wants to hear when a thing is there again. It
// says the same whether the address waits already.
func (s *Shop) askWish(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	variant := catalog.VariantID(form.Get(page.FieldVariant))
	p, err := s.productOf(r.Context(), variant)
	var mine checkout.WishToken
	if err == nil {
		mine, err = s.desk.AskWish(r.Context(), variant, form.Get(page.FieldEmail))
	}
	switch f := fault.Of(err); {
	case err == nil:
		keepWishes(w, append(wishesOf(r), mine))
		tell(w, news{word: newsWish})
		seeOther(w, page.ProductPath(p.Handle))
	case f.Kind == fault.Invalid && f.Problems[0].Field == page.FieldVariant && s.productAgain(w, r, variant, f.Text, gate.Status(f.Kind)):
	case f.Kind == fault.Invalid && s.wishAgain(w, r, variant, form.Get(page.FieldEmail), f.Text):
	default:
		s.gate.Refuse(w, r, err)
	}
}

// wishAgain shows the product once more with what was typed and what is
// wrong with it.
func (s *Shop) wishAgain(w http.ResponseWriter, r *http.Request, variant catalog.VariantID, typed, why string) bool {
	p, err := s.productOf(r.Context(), variant)
	if err != nil {
		return false
	}
	shown, err := s.productPage(r, p)
	if err != nil {
		return false
	}
	shown.Chosen, shown.WishTyped, shown.WishWrong = variant, typed, why
	s.show(w, r, gate.Status(fault.Invalid), shown)
	return true
}

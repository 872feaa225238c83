package storefront

import (
	"context"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// ownTexts are the pages of the shop's own words, in the order of the footer.
func ownTexts() []struct{ name, path, title string } {
	return []struct{ name, path, title string }{
		{store.TextTerms, page.PathTerms, "Terms"},
		{store.TextReturns, page.PathReturns, "Returns"},
		{"shipping", page.PathShipping, "Delivery"},
		{"imprint", page.PathImprint, "Imprint"},
	}
}

// wordsOf links to the texts that there are.
func wordsOf(s store.Settings) []page.Link {
	var out []page.Link
	for _, t := range ownTexts() {
		if s.Texts[t.name].Body != "" || t.path == page.PathImprint && s.Seller.Name != "" {
			out = append(out, page.Link{Text: t.title, URL: t.path})
		}
	}
	return out
}

// text shows one of the shop's own texts. With ?v= it shows the wording that an
// order was made with.
func (s *Shop) text(w http.ResponseWriter, r *http.Request) {
	if version := r.URL.Query().Get("v"); version != "" {
		p, err := s.oldText(r, version)
		if err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
		s.show(w, r, http.StatusOK, p)
		return
	}
	s.showKept(w, r, func() (page.Page, error) {
		settings, err := s.db.Settings(r.Context())
		if err != nil {
			return nil, err
		}
		for _, t := range ownTexts() {
			if t.path != r.URL.Path {
				continue
			}
			text := settings.Texts[t.name]
			p := page.Text{Layout: s.layout(r), Title: t.title, Path: t.path, Blocks: page.Blocks(text.Body), Since: text.Since}
			if t.path == page.PathImprint {
				p.Facts, p.Since = sellerFacts(settings.Seller), text.Since
			}
			if len(p.Blocks)+len(p.Facts) > 0 {
				return p, nil
			}
		}
		return nil, errNoText
	})
}

var errNoText = fault.Missing("This shop has no such text.")

func (s *Shop) oldText(r *http.Request, version string) (page.Page, error) {
	settings, err := s.db.Settings(r.Context())
	if err != nil {
		return nil, err
	}
	for _, t := range ownTexts() {
		if t.path != r.URL.Path {
			continue
		}
		text, ok, err := s.wording(r.Context(), t.name, version)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		return page.Text{Layout: s.layout(r), Title: t.title, Path: t.path, Blocks: page.Blocks(text.Body), Since: text.Since,
			Old: settings.Texts[t.name].Hash != version}, nil
	}
	return nil, errNoText
}

func (s *Shop) wording(ctx context.Context, name, hash string) (text store.Text, ok bool, err error) {
	err = s.db.View(ctx, func(v *store.View) error {
		text, ok, err = v.TextVersion(name, hash)
		return err
	})
	return text, ok, err
}

// acceptable links to what ordering accepts.
func acceptable(s store.Settings) []page.Link {
	var out []page.Link
	if s.Texts[store.TextTerms].Body != "" {
		out = append(out, page.Link{Text: "terms", URL: page.PathTerms})
	}
	if s.Texts[store.TextReturns].Body != "" {
		out = append(out, page.Link{Text: "return rules", URL: page.PathReturns})
	}
	return out
}

// acceptedLinks links to the wordings that an order was made with.
func acceptedLinks(note string) []page.Link {
	var out []page.Link
	for _, a := range checkout.AcceptedOf(note) {
		l := page.Link{Text: "terms", URL: page.PathTerms + "?v=" + a.Hash}
		if a.Name == store.TextReturns {
			l = page.Link{Text: "return rules", URL: page.PathReturns + "?v=" + a.Hash}
		}
		out = append(out, l)
	}
	return out
}

// sellerFacts are what the law wants to be known of a seller (Directive
// 2000/31/EC Art. 5), as far as the merchant has told it.
func sellerFacts(s store.Seller) []page.Named {
	var out []page.Named
	for _, f := range []page.Named{{Name: "Seller", Value: s.Name}, {Name: "Address", Value: s.Address}, {Name: "E-mail", Value: s.Email},
		{Name: "Phone", Value: s.Phone}, {Name: "VAT number", Value: s.VAT}, {Name: "Register", Value: s.Register}} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

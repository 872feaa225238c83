package storefront

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// myCards lists what payment services keep for an account. They are asked; nothing of
// a card is kept here.
func (s *Shop) myCards(w http.ResponseWriter, r *http.Request) {
	all, err := s.desk.Cards(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathCards, "Your cards")
	d.Says = []string{"We keep no card. If you wished so, a payment service keeps one for you, with what you typed there, like an e-mail. We keep the number under which it knows you.",
		"What nobody has paid with for 18 months is forgotten there by itself, and everything with your account."}
	for _, k := range all {
		d.Sections = append(d.Sections, s.cardsAt(r, k))
	}
	if len(all) == 0 {
		d.Sections = []page.Section{{Empty: "Nobody keeps a card for you. You can wish it when you pay."}}
	}
	d.Links = []page.Link{{Text: "Back to your account", URL: page.PathAccount}}
	s.show(w, r, http.StatusOK, d)
}

// cardsAt is the part of the page about one service.
func (s *Shop) cardsAt(r *http.Request, k checkout.KeptCards) page.Section {
	forget := func(card, button string) page.Form {
		return page.Form{Action: page.PathCards, Button: button,
			Hidden: []page.Field{s.token(r), {Name: page.FieldPaymentMethod, Value: k.Provider}, {Name: page.FieldID, Value: card}}}
	}
	out := page.Section{Title: "Kept by " + k.Who, Empty: "No card is kept there."}
	for _, c := range k.Cards {
		name := cardName(c)
		out.Rows = append(out.Rows, page.Row{Text: name, Small: []string{fmt.Sprintf("Good until %02d/%d", c.Month, c.Year)}, Forms: []page.Form{forget(c.ID, "Remove "+name)}})
	}
	if k.Silent {
		out.Empty = "The payment service does not answer, so we can’t show which. You can have all of them forgotten all the same: we tell it as soon as it answers."
	}
	out.Forms = []page.Form{forget("", "Have all of them forgotten")}
	out.Forms[0].Quiet = true
	return out
}

func cardName(c payment.Card) string {
	brand := c.Brand
	if brand == "" {
		brand = "Card"
	}
	return brand + " that ends in " + c.Last
}

// forgetCard has a service forget a card, or all of them.
func (s *Shop) forgetCard(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.desk.ForgetCards(r.Context(), s.who(r).Account, form.Get(page.FieldPaymentMethod), form.Get(page.FieldID))
	}
	if fault.Is(err, fault.NotFound) { // it was gone before
		err = nil
	}
	s.backTo(w, r, err, page.PathCards)
}

// useCards and keepCard stand behind a fresh proof and lead back to the order that asked
// for it, with the choice that was made.
func (s *Shop) useCards(w http.ResponseWriter, r *http.Request) {
	seeOther(w, page.PathReview+"?"+url.Values{page.FieldPaymentMethod: {page.Kept(r.PathValue("provider"))}}.Encode())
}

func (s *Shop) keepCard(w http.ResponseWriter, r *http.Request) {
	with := r.PathValue("provider")
	seeOther(w, page.PathReview+"?"+url.Values{page.FieldPaymentMethod: {with}, page.FieldKeepCard: {with}}.Encode())
}

// keepers are the services that keep cards for who is signed in; none for guests.
func (s *Shop) keepers(r *http.Request) (names []string, err error) {
	account := abuse.Of(r.Context()).Customer()
	if account == "" {
		return nil, nil
	}
	all, err := s.desk.Keepers(r.Context(), account)
	for _, k := range all {
		names = append(names, k.Provider)
	}
	return names, err
}

// cardsRow is the line of the account's home about cards; none in a shop whose payment
// services keep none.
func (s *Shop) cardsRow(r *http.Request) ([]page.Row, error) {
	names, err := s.keepers(r)
	if err != nil {
		return nil, err
	}
	methods, err := s.desk.Methods(r.Context())
	if err != nil {
		return nil, err
	}
	if len(names) == 0 && !slices.ContainsFunc(methods, func(p payment.Provider) bool { return keepsMore(p) != "" }) {
		return nil, nil
	}
	small := "No payment service keeps a card for you"
	if len(names) > 0 {
		small = "Kept by a payment service, as you wished"
	}
	return []page.Row{{Text: "Cards", Small: []string{small}, Link: page.Link{Text: "Cards", URL: page.PathCards}}}, nil
}

// keepsMore is who would keep a card that pays; "" for nobody.
func keepsMore(p payment.Provider) string {
	keeper, is := p.(payment.Keeper)
	if !is {
		return ""
	}
	who, more := keeper.Keeps()
	if !more {
		return ""
	}
	return who
}

// waysToPay are the choices of the review: a service, and where it keeps cards for who
// is signed in, these.
func (s *Shop) waysToPay(r *http.Request, providers []payment.Provider) (out []page.Payment, err error) {
	kept, err := s.keepers(r)
	if err != nil {
		return nil, err
	}
	member := abuse.Of(r.Context()).Customer() != ""
	for _, p := range providers {
		one := page.Payment{ID: p.Name(), Title: p.Title(), Note: payNote(p)}
		if member {
			one.Keeps = keepsMore(p)
		}
		out = append(out, one)
		if title, note := typedHere(p); title != "" {
			out = append(out, page.Payment{ID: page.Here(p.Name()), Title: title, Note: note})
		}
		if slices.Contains(kept, p.Name()) {
			who, _ := p.(payment.Keeper).Keeps()
			out = append(out, page.Payment{ID: page.Kept(p.Name()), Title: "A card that " + who + " keeps for you", Note: payNote(p)})
		}
	}
	return out, nil
}

// way is what a form asks for: the service, whether the card is typed on our page, and
// what about kept cards.
type way struct {
	method, cards string
	here          bool
}

func wayIn(form url.Values) (out way) {
	var kept bool
	out.method, kept = strings.CutSuffix(form.Get(page.FieldPaymentMethod), page.Kept(""))
	if kept {
		out.cards = store.CardKept
		return out
	}
	out.method, out.here = strings.CutSuffix(out.method, page.Here(""))
	if out.method != "" && slices.Contains(form[page.FieldKeepCard], out.method) {
		out.cards = store.CardKeep
	}
	return out
}

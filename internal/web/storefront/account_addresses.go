package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	pathNewAddress = page.PathAccount + "/new-address" // GET; POST to PathAddresses
	pathUseAddress = page.PathUseAddress               // GET; POST id: fills the checkout
)

// addresses lists the book by town and country. The rest needs a fresh proof.
func (s *Shop) addresses(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Keeper.Places(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathAddresses, "Your addresses")
	d.Says = []string{"Street and name stay covered until you show that it is you."}
	book := page.Section{Empty: "There is no address in your book yet."}
	for _, p := range list {
		at := page.PathAddresses + "/" + p.ID
		row := page.Row{Text: townOf(p.Address), Link: page.Link{Text: townOf(p.Address), URL: at}, Small: []string{"Open it to see or change it"}}
		hidden := []page.Field{s.token(r)}
		if p.First {
			row.Mark = "first"
		} else {
			row.Forms = append(row.Forms, page.Form{Action: at + "/first", Hidden: hidden, Button: "Make first: " + townOf(p.Address)})
		}
		row.Forms = append(row.Forms, page.Form{Action: at + "/remove", Hidden: hidden, Button: "Remove " + townOf(p.Address)})
		book.Rows = append(book.Rows, row)
	}
	book.Links = []page.Link{{Text: "Add an address", URL: pathNewAddress}}
	d.Sections = []page.Section{book}
	s.show(w, r, http.StatusOK, d)
}

// townOf is as much of an address as its owner needs to tell it from others.
func townOf(a contact.Address) string {
	f := a.Reveal()
	country := f.Country
	if c, ok := contact.CountryOf(f.Country); ok {
		country = c.Name
	}
	if f.Locality == "" {
		return country
	}
	return f.Locality + ", " + country
}

// newAddress asks for an address.
func (s *Shop) newAddress(w http.ResponseWriter, r *http.Request) {
	s.showAddress(w, r, http.StatusOK, "", checkout.DetailsInput{}, nil)
}

// address shows one whole, in the form that changes it.
func (s *Shop) address(w http.ResponseWriter, r *http.Request) {
	p, err := s.cfg.Keeper.Place(r.Context(), s.who(r), r.PathValue("id"))
	if err != nil {
		s.turned(w, r, err)
		return
	}
	s.showAddress(w, r, http.StatusOK, p.ID, placeTyped(p), nil)
}

func placeTyped(p store.Place) checkout.DetailsInput {
	return checkout.DetailsInput{Name: p.Name.Reveal(), Phone: p.Phone.Reveal(), ShipTo: p.Address.Reveal()}
}

func (s *Shop) showAddress(w http.ResponseWriter, r *http.Request, status int, id string, in checkout.DetailsInput, problems []fault.Problem) {
	settings, err := s.db.Settings(r.Context())
	if err != nil {
		s.turned(w, r, err)
		return
	}
	if in.ShipTo == (contact.AddressFields{}) && problems == nil {
		in.ShipTo.Country = settings.Home
	}
	fields := page.Checkout{Typed: typedOf(in), Problems: problems, Countries: destinations(settings)}
	to := fields.ShipTo()
	d := s.accountDesk(w, r, page.PathAddresses, "An address")
	d.Problems = problems
	f := page.Form{Action: page.PathAddresses, Hidden: []page.Field{s.token(r)}, Inputs: []page.Input{fields.Name(), fields.Phone()}, Address: &to, Button: "Save this address"}
	if id != "" {
		f.Hidden = append(f.Hidden, page.Field{Name: page.FieldID, Value: id})
	}
	d.Sections = []page.Section{{Forms: []page.Form{f}}}
	d.Links = []page.Link{{Text: "Back to your addresses", URL: page.PathAddresses}}
	s.show(w, r, status, d)
}

// saveAddress adds an address, or changes the one whose id the form carries.
func (s *Shop) saveAddress(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.turned(w, r, err)
		return
	}
	var typed checkout.DetailsInput
	typeIn(&typed, form, true)
	p, id := store.Place{}, form.Get(page.FieldID)
	if id != "" {
		p, err = s.cfg.Keeper.Place(r.Context(), s.who(r), id)
	}
	if err == nil {
		p, err = placeOf(p, typed)
	}
	if err == nil {
		err = s.cfg.Keeper.SavePlace(r.Context(), s.who(r), p)
	}
	s.settled(w, r, err, page.PathAddresses, func(status int, problems []fault.Problem) { s.showAddress(w, r, status, id, typed, problems) })
}

// placeOf reads what was typed of an address; all that is wrong is said at once.
func placeOf(p store.Place, in checkout.DetailsInput) (store.Place, error) {
	var bad fault.Fields
	var err error
	p.Name, err = contact.ParseName(in.Name)
	bad.Take("", err)
	p.Address, err = contact.ParseAddress(in.ShipTo)
	bad.Take(page.FieldShipping, err)
	p.Phone = contact.Phone{}
	if in.Phone != "" {
		p.Phone, err = contact.ParsePhone(in.Phone, in.ShipTo.Country)
		bad.Take("", err)
	}
	return p, bad.Err()
}

// firstAddress makes an address the one that a checkout is offered first.
func (s *Shop) firstAddress(w http.ResponseWriter, r *http.Request) {
	p, err := s.cfg.Keeper.Place(r.Context(), s.who(r), r.PathValue("id"))
	if err == nil {
		p.First = true
		err = s.cfg.Keeper.SavePlace(r.Context(), s.who(r), p)
	}
	s.backTo(w, r, err, page.PathAddresses)
}

func (s *Shop) removeAddress(w http.ResponseWriter, r *http.Request) {
	s.backTo(w, r, s.cfg.Keeper.RemovePlace(r.Context(), s.who(r), r.PathValue("id")), page.PathAddresses)
}

// backTo answers for a button that has nothing to be typed again.
func (s *Shop) backTo(w http.ResponseWriter, r *http.Request, err error, to string) {
	if err != nil {
		s.turned(w, r, err)
		return
	}
	tell(w, news{word: newsDone})
	seeOther(w, to)
}

// chooseAddress offers the book at the checkout. It stands behind a fresh
// proof, so that what it fills in is shown to its owner alone.
func (s *Shop) chooseAddress(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Keeper.OpenPlaces(r.Context(), s.who(r))
	if err != nil {
		s.turned(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathAddresses, "Which address?")
	d.Says = []string{"It is filled into the checkout with your e-mail. You can still change it there."}
	book := page.Section{Empty: "There is no address in your book yet."}
	for _, p := range list {
		row := page.Row{Text: townOf(p.Address), Small: p.Address.Lines(), Forms: []page.Form{{Action: pathUseAddress,
			Hidden: []page.Field{s.token(r), {Name: page.FieldID, Value: p.ID}}, Button: "Use " + townOf(p.Address)}}}
		if p.First {
			row.Mark = "first"
		}
		book.Rows = append(book.Rows, row)
	}
	d.Sections, d.Links = []page.Section{book}, []page.Link{{Text: "Back to the checkout", URL: page.PathCheckout}}
	s.show(w, r, http.StatusOK, d)
}

// useAddress types an address of the book into the checkout.
func (s *Shop) useAddress(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	var p store.Place
	if err == nil {
		p, err = s.cfg.Keeper.Place(r.Context(), s.who(r), form.Get(page.FieldID))
	}
	if err != nil {
		s.turned(w, r, err)
		return
	}
	b, c, ok := s.openCart(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	a, err := s.cfg.Keeper.Account(ctx, s.who(r).Account)
	var typed checkout.DetailsInput
	if err == nil {
		typed, err = s.desk.Typed(ctx, b.id, b.token)
	}
	if err == nil {
		here := placeTyped(p)
		typed.Name, typed.Phone, typed.ShipTo = here.Name, here.Phone, here.ShipTo
		if typed.Email == "" {
			typed.Email = a.Email.Reveal()
		}
		if err = s.fitting(ctx, c, &typed); err == nil {
			err = s.desk.KeepDraft(ctx, b.id, b.token, typed)
		}
	}
	if err != nil {
		s.turned(w, r, err)
		return
	}
	seeOther(w, page.PathCheckout)
}

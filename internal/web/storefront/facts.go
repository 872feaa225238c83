package storefront

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// facts are the true sentences that stand where other shops show padlocks.
// Each is read from what the shop does, not from what it would like to say. A member
// is not told that none needs to be.
func (s *Shop) facts(ctx context.Context, member bool) ([]page.Fact, error) {
	terms, err := personal.TermsOf(personal.Fulfilment)
	if err != nil {
		return nil, err
	}
	how := page.Link{Text: "What we keep", URL: page.PathPrivacy}
	first := "No account needed"
	if member {
		first = "Kept no longer than it serves"
	}
	facts := []page.Fact{
		{Text: first, More: "We keep your name and address until " + terms.Keep.String() + ".", Link: how},
	}
	methods, err := s.desk.Methods(ctx)
	if err != nil {
		return nil, err
	}
	if f, ok := payFact(methods); ok {
		facts = append(facts, f)
	}
	return append(facts, page.Fact{Text: "Your details are sealed", More: "Each reason has a key of its own. On its day we destroy the key."}), nil
}

// payFact says on whose pages a card is typed in.
func payFact(methods []payment.Provider) (page.Fact, bool) {
	for _, m := range methods {
		if m.Origin() != "" {
			return page.Fact{Text: "You pay at " + place(m) + ", not here", More: "This shop never sees a card number."}, true
		}
	}
	if len(methods) == 0 {
		return page.Fact{}, false
	}
	return page.Fact{Text: "You type no card here", More: "This shop never sees a card number."}, true
}

// payNote says what choosing a way to pay leads to.
func payNote(p payment.Provider) string {
	if by, ok := p.(payment.ByHand); ok {
		return by.Terms().Note
	}
	return "The button takes you to " + place(p) + "."
}

// place is the host a provider takes payments on. The demo's bank has no name
// of its own on the network, so it is called what it is.
func place(p payment.Provider) string {
	u, err := url.Parse(p.Origin())
	if err != nil || u.Host == "" {
		return p.Title()
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsLoopback() {
		name, _, _ := strings.Cut(p.Title(), " (")
		return "the " + strings.ToLower(name)
	}
	return u.Host
}

// uses says beside each field of the checkout what becomes of it, in the words
// of the register of personal data. Where nothing is sent, nothing is for a
// courier.
func uses(unsent bool) (page.DataUse, error) {
	fulfil, err := personal.TermsOf(personal.Fulfilment)
	if err != nil {
		return page.DataUse{}, err
	}
	courier, err := personal.TermsOf(personal.CourierUse)
	if err != nil {
		return page.DataUse{}, err
	}
	books, err := personal.TermsOf(personal.Invoicing)
	if err != nil {
		return page.DataUse{}, err
	}
	gift, err := personal.TermsOf(personal.Gift)
	if err != nil {
		return page.DataUse{}, err
	}
	whole, short := fulfil.Keep.String(), courier.Keep.String()
	out := page.DataUse{
		Email:   "For your receipt and news of this order. Kept until " + whole + ".",
		Name:    "For the parcel and the invoice. Kept like the address.",
		Address: "For the courier. Kept until " + whole + "; on the invoice " + books.Keep.String() + ", as tax law asks.",
		Phone:   "For the courier alone, if they can't find you. Kept until " + short + ".",
		Note:    "For the courier alone. Kept until " + short + ".",

		VAT:       "For the invoice. Kept " + books.Keep.String() + ", as tax law asks.",
		OrderNote: "For us, to pack your order. Kept until " + whole + ".",
		Gift:      "For the parcel and its card alone, apart from your own details. Kept until " + gift.Keep.String() + ".",
	}
	if unsent {
		out.Name, out.Address = "For the invoice. Kept like the address.", "For the invoice. Kept "+books.Keep.String()+", as tax law asks."
	}
	return out, nil
}

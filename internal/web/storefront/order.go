package storefront

import (
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// fresh is how long an order counts as just made.
const fresh = time.Hour

// order shows how an order stands, to a browser that holds its cookie. The
// token of the mailed link becomes that cookie, so that it does not stay in
// the address, the history and the next screenshot. Unknown, another's and
// without a token are one answer.
func (s *Shop) order(w http.ResponseWriter, r *http.Request) {
	number, err := order.ParseNumber(r.PathValue("number"))
	if err != nil {
		s.noOrder(w, r)
		return
	}
	mailed := ""
	if r.URL.RawQuery != "" {
		mailed = r.URL.Query().Get(page.FieldOrderToken)
	}
	if mailed != "" {
		token, err := s.desk.OpenLink(r.Context(), number, mailed)
		if s.shut(w, r, err) {
			return
		}
		keepOrderToken(w, number, token)
		seeOther(w, page.PathOrders+string(number))
		return
	}
	token := s.orderKey(r, number)
	v, ok := s.opened(w, r, number, token)
	if !ok {
		return
	}
	s.showOrder(w, r, http.StatusOK, v, s.flash(w, r))
}

// opened looks an order up. False means that the answer is out.
func (s *Shop) opened(w http.ResponseWriter, r *http.Request, number order.Number, token string) (checkout.OrderView, bool) {
	if token == "" {
		s.noOrder(w, r)
		return checkout.OrderView{}, false
	}
	v, err := s.desk.Order(r.Context(), number, token)
	return v, !s.shut(w, r, err)
}

// shut answers why an order can't be opened, and reports whether that is so. A
// token that opens nothing counts as a guess.
func (s *Shop) shut(w http.ResponseWriter, r *http.Request, err error) bool {
	if fault.Is(err, fault.NotFound) {
		err = s.gate.Missed(r, err)
	}
	switch {
	case err == nil:
		return false
	case fault.Is(err, fault.NotFound):
		s.noOrder(w, r)
	default:
		s.gate.Refuse(w, r, err)
	}
	return true
}

func (s *Shop) noOrder(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusNotFound, page.OrderMissing{Layout: s.layout(r)})
}

func (s *Shop) showOrder(w http.ResponseWriter, r *http.Request, status int, v checkout.OrderView, flash page.Flash) {
	s.showOrderTo(w, r, status, v, flash, nil, nil)
}

// showOrderTo shows it; whole is whom it is for, to an owner who has just
// proved that it is them. problems are those of the offer of an account.
func (s *Shop) showOrderTo(w http.ResponseWriter, r *http.Request, status int, v checkout.OrderView, flash page.Flash, whole *order.Details, problems []fault.Problem) {
	ctx := r.Context()
	settings, err := s.db.Settings(ctx)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	now := s.db.Now()
	p := page.OrderStatus{Layout: s.layout(r), Order: v.Order, Payment: v.Payment.Status, Reserved: v.Payment.Reserved, Now: now,
		Fresh: now.Sub(v.Order.PlacedAt) < fresh}
	p.Flash = flash
	if !s.desk.ByHand(v.Order.PaymentMethod) {
		p.Descriptor = settings.Descriptor // of a transfer, the payer's own words are on it
	}
	p.Later = page.Later(s.desk.Later(v.Order))
	if t := v.Payment.Transfer; t != nil && (p.Held() || v.Order.OnAccount) {
		p.Transfer = transferOf(*t)
	}
	p.Accepted = acceptedLinks(v.Order.Accepted)
	p.Delivery = checkout.DeliveryWords(settings, v.Order.ShippingMethod, v.Order.Window)
	if p.Held() {
		p.Limit, p.MayKeep = s.desk.HoldLimit(v.Order), s.desk.MayKeep(v.Order)
		if err := s.offerPayment(w, r, &p); err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
	}
	st := s.who(r)
	if p.Mine, err = s.isMine(r, st, v.Order); err == nil {
		if whole != nil {
			p.People, p.Seen, p.Proved = *whole, true, true
		} else {
			p.People, p.Seen, err = s.people(r, v.Order)
		}
	}
	if err == nil {
		s.offerAccount(&p, st, problems)
	}
	if err == nil && p.Seen {
		p.Tracking, err = s.desk.Tracking(ctx, v.Order)
	}
	if err == nil {
		p.Invoice, p.Credit, err = s.desk.Papers(ctx, v.Order)
	}
	if err == nil {
		p.Back, err = s.desk.GivenBack(ctx, v.Order)
	}
	if err == nil {
		p.Digital, err = s.digital(ctx, v.Order)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if p.Next, err = s.next(v.Order.Status); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, status, p)
}

// transferOf is how to send money, as people copy it.
func transferOf(t checkout.Transfer) *page.Transfer {
	return &page.Transfer{Payee: t.Payee, IBAN: payment.Fours(t.IBAN), BIC: t.BIC, Reference: payment.Fours(t.Reference), Until: t.Until}
}

// offerPayment puts the form to pay on the page of an order that waits for it.
func (s *Shop) offerPayment(w http.ResponseWriter, r *http.Request, p *page.OrderStatus) error {
	providers, err := s.desk.Methods(r.Context())
	if err != nil {
		return err
	}
	for _, provider := range providers {
		if title, _ := typedHere(provider); title != "" {
			p.PayAgain.Others = append(p.PayAgain.Others, page.Payment{ID: page.Here(provider.Name()), Title: title})
		}
		if provider.Name() == p.Order.PaymentMethod {
			p.PayAgain.Title = "at " + place(provider)
			continue
		}
		if by, ok := provider.(payment.ByHand); ok && by.Terms().OnAccount {
			continue // that is chosen before the order
		}
		p.PayAgain.Others = append(p.PayAgain.Others, page.Payment{ID: provider.Name(), Title: provider.Title()})
	}
	if p.Order.OnAccount {
		p.PayAgain = page.PayAgain{}
		return nil
	}
	p.PayAgain.Pays = !s.desk.ByHand(p.Order.PaymentMethod)
	p.PayAgain.Action = page.PathOrders + string(p.Order.Number) + "/payments"
	return gate.FormTo(w, payment.Origins(providers)...)
}

// next says what will happen to an order and to what it holds.
func (s *Shop) next(status order.Status) ([]page.Fact, error) {
	switch status {
	case order.Paid, order.Packed, order.Shipped:
	default:
		return nil, nil
	}
	terms, err := personal.TermsOf(personal.Fulfilment)
	if err != nil {
		return nil, err
	}
	var facts []page.Fact
	if status == order.Paid && s.cfg.Letters {
		facts = append(facts, page.Fact{Text: "We write to you by e-mail", More: "The link in the letter opens this page again."})
	}
	return append(facts, page.Fact{Text: "We keep your name and address until " + terms.Keep.String(),
		More: "Then we destroy their key.", Link: page.Link{Text: "What we keep", URL: page.PathPrivacy}}), nil
}

// payAgain sends the shopper to the payment service once more.
func (s *Shop) payAgain(w http.ResponseWriter, r *http.Request) {
	number, err := order.ParseNumber(r.PathValue("number"))
	if err != nil {
		s.noOrder(w, r)
		return
	}
	token := s.orderKey(r, number)
	if _, ok := s.opened(w, r, number, token); !ok {
		return
	}
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Pay)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	here := page.PathOrders + string(number)
	pay, way := s.desk.PayWith, wayIn(form)
	if way.here {
		pay = s.desk.PayHere
	}
	v, err := pay(r.Context(), number, token, way.method)
	if s.friction(w, r, err, s.orderRoad(number, token)) {
		return
	}
	switch {
	case fault.Is(err, fault.Conflict):
		tell(w, news{word: newsPayOver})
		seeOther(w, here)
	case fault.Is(err, fault.Unavailable):
		tell(w, news{word: newsNoPay})
		seeOther(w, here)
	case err != nil:
		s.gate.Refuse(w, r, err)
	case v.Payment.RedirectURL == "":
		seeOther(w, here)
	default:
		seeOther(w, v.Payment.RedirectURL)
	}
}

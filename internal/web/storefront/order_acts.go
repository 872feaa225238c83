package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// held reads which order an act is about, from the address and the cookie that
// opens it. False means that the answer is out.
func (s *Shop) held(w http.ResponseWriter, r *http.Request, act abuse.Act) (number order.Number, token string, ok bool) {
	number, err := order.ParseNumber(r.PathValue("number"))
	if err != nil {
		s.noOrder(w, r)
		return "", "", false
	}
	token = s.orderKey(r, number)
	if _, ok := s.opened(w, r, number, token); !ok {
		return "", "", false
	}
	if err := s.gate.Begin(r, act); err != nil {
		s.gate.Refuse(w, r, err)
		return "", "", false
	}
	return number, token, true
}

// moreTime keeps the goods of an unpaid order for longer.
func (s *Shop) moreTime(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.Hold)
	if !ok {
		return
	}
	_, err := s.desk.MoreTime(r.Context(), number, token)
	word := newsMoreTime
	if fault.Is(err, fault.Conflict) {
		word, err = newsNoTime, nil
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	tell(w, news{word: word})
	seeOther(w, page.PathOrders+string(number))
}

// cancelOrder gives an unpaid order up.
func (s *Shop) cancelOrder(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	_, err := s.desk.Cancel(r.Context(), number, token)
	if fault.Is(err, fault.Conflict) {
		tell(w, news{word: newsTooLate})
		err = nil
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	seeOther(w, page.PathOrders+string(number))
}

// resend mails the confirmation again. It says the same whether it did.
func (s *Shop) resend(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	if err := s.desk.Resend(r.Context(), number, token); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	tell(w, news{word: newsResent})
	seeOther(w, page.PathOrders+string(number))
}

// orderAgain puts the goods of an order into the cart, or into a new one.
func (s *Shop) orderAgain(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	b, err := s.openBasket(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	done, err := s.desk.Reorder(r.Context(), number, token, b.id, b.token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	keepBasket(w, b)
	word := newsAgain
	switch {
	case done.Added == 0:
		word = newsNoneAgain
	case done.Missing > 0:
		word = newsSomeAgain
	}
	tell(w, news{word: word})
	seeOther(w, page.PathCart)
}

// openBasket is the shopper's cart, or a new one where there is none that can
// still be changed.
func (s *Shop) openBasket(r *http.Request) (basket, error) {
	ctx := r.Context()
	if b, has := cartOf(r); has {
		c, err := s.desk.Cart(ctx, b.id, b.token)
		if err == nil && c.State == cart.Open {
			return b, nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return basket{}, err
		}
	}
	if err := s.gate.Begin(r, abuse.NewCart); err != nil {
		return basket{}, err
	}
	c, token, err := s.desk.NewCart(ctx)
	if err != nil {
		return basket{}, err
	}
	b := basket{c.ID, token}
	s.mine(r, b)
	return b, nil
}

// invoice shows the invoice of an order.
func (s *Shop) invoice(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	v, err := s.desk.Invoice(r.Context(), number, token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	o, err := s.desk.Order(r.Context(), number, token)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	var p page.Invoice
	if t := o.Payment.Transfer; t != nil && v.Order.OnAccount {
		p.Transfer = transferOf(*t)
	}
	s.paper(w, r, v, p)
}

// creditNote shows a paper that takes an order's invoice back, or a part of it.
func (s *Shop) creditNote(w http.ResponseWriter, r *http.Request) {
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	v, err := s.desk.CreditNote(r.Context(), number, token, r.PathValue("paper"))
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.paper(w, r, v, page.Invoice{Credit: true, Part: v.Part(), Untaken: v.Untaken(), Of: v.Of})
}

func (s *Shop) paper(w http.ResponseWriter, r *http.Request, v checkout.InvoiceView, p page.Invoice) {
	settings, err := s.db.Settings(r.Context())
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	p.Layout, p.Name, p.Order, p.Sum = s.layout(r), v.Invoice.Name(), v.Order, v.Sum
	p.Day, p.Seller = v.Invoice.IssuedAt.In(settings.Zone).Format("2 January 2006"), seller(v.Invoice.Seller, settings.ShopName)
	if m, ok := settings.Shipping.Find(v.Order.ShippingMethod); ok {
		p.Delivery = m.Title
	}
	for _, t := range v.Taxes {
		p.Taxes = append(p.Taxes, page.InvoiceTax{Rate: page.Percent(int64(t.Rate)), Net: t.Net, Tax: t.Tax})
	}
	if p.Buyer, p.Seen, err = s.people(r, v.Order); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, p)
}

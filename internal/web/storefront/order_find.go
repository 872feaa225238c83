package storefront

import (
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	findCookie = "__Host-find"
	seenCookie = "__Host-seen-" // + number

	// findTime is how long every answer to a look-up takes, so that its length
	// does not tell whether something was found.
	findTime = 250 * time.Millisecond
)

// findOrder asks for a number and an e-mail.
func (s *Shop) findOrder(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, page.OrderFind{Layout: s.layout(r)})
}

// askCode mails a code when number and e-mail fit, and answers alike when not.
func (s *Shop) askCode(w http.ResponseWriter, r *http.Request) {
	steady := time.NewTimer(findTime)
	defer steady.Stop()
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.FindOrder)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	typed := page.FindTyped{Number: form.Get(page.FieldNumber), Email: form.Get(page.FieldEmail)}
	// Whoever has asked for this order's codes often enough gets no more of them,
	// and is not told.
	number, _ := order.ParseNumber(typed.Number)
	enough := s.gate.AllowFor(r, abuse.Codes, string(number)) != nil
	ticket, err := s.desk.AskCode(r.Context(), typed.Number, typed.Email, enough)
	select {
	case <-steady.C:
	case <-r.Context().Done():
	}
	switch {
	case fault.Is(err, fault.Invalid):
		s.show(w, r, gate.Status(fault.Invalid), page.OrderFind{Layout: s.layout(r), Typed: typed, Problems: fault.Of(err).Problems})
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		gate.SetCookie(w, findCookie, ticket, challenge.Life)
		seeOther(w, page.PathFindCode)
	}
}

// codeForm asks for the code that was mailed.
func (s *Shop) codeForm(w http.ResponseWriter, r *http.Request) {
	if !gate.HasCookie(r, findCookie) {
		seeOther(w, page.PathFind)
		return
	}
	s.show(w, r, http.StatusOK, s.codePage(r))
}

func (s *Shop) codePage(r *http.Request) page.OrderCode {
	return page.OrderCode{Layout: s.layout(r), Minutes: int(challenge.Life.Minutes())}
}

// answerCode tries a code. The right one opens the order, whole, in this browser.
func (s *Shop) answerCode(w http.ResponseWriter, r *http.Request) {
	var o order.Order
	seen := ""
	_, ok := s.mailed(w, r, findCookie, page.PathFind, abuse.LookUp, func(t, code string) (err error) {
		o, seen, err = s.desk.AnswerCode(r.Context(), t, code)
		return err
	}, func(problems []fault.Problem) page.Page {
		p := s.codePage(r)
		p.Problems = problems
		return p
	})
	if ok {
		gate.SetCookie(w, seenCookie+string(o.Number), seen, checkout.SeenFor)
		keepOrderToken(w, o.Number, s.desk.OrderToken(o.ID))
		seeOther(w, page.PathOrders+string(o.Number))
	}
}

// people opens who an order is for, where this browser has proved its mailbox.
func (s *Shop) people(r *http.Request, o order.Order) (order.Details, bool, error) {
	seen, has := gate.Cookie(r, seenCookie+string(o.Number))
	if !has {
		return order.Details{}, false, nil
	}
	return s.desk.People(r.Context(), o, seen)
}

// seller is who sells, as a paper shows it.
func seller(s store.Seller, shop string) page.InvoiceSeller {
	out := page.InvoiceSeller{Name: s.Name, VAT: s.VAT, Register: s.Register, Email: s.Email, Phone: s.Phone}
	if out.Name == "" {
		out.Name = shop
	}
	for line := range strings.Lines(s.Address) {
		if line = strings.TrimSpace(line); line != "" {
			out.Address = append(out.Address, line)
		}
	}
	return out
}

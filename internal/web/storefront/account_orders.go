package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	pathMyOrdersFind = page.PathAccount + "/find-orders" // GET; POST: mails a code; /code takes it
	wholeOrder       = "/whole"                          // after an order's path: with names and addresses
)

// myOrders lists what somebody ordered, and nothing about whom it went to.
func (s *Shop) myOrders(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Keeper.Orders(r.Context(), s.who(r).Account, mostOrders)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathMyOrders, "Your orders")
	now := s.db.Now()
	all := page.Section{Empty: "There are no orders in your account yet."}
	for _, o := range list {
		all.Rows = append(all.Rows, page.Row{Text: "Order " + string(o.Number), Link: page.Link{Text: string(o.Number), URL: page.PathMyOrders + "/" + string(o.Number)},
			Small: []string{s.when(r, o.PlacedAt) + ", " + o.Totals.Total.Format(), page.OrderStatus{Order: o, Now: now}.Told().Title}})
	}
	d.Sections = []page.Section{all, {Title: "Orders made without signing in", Says: []string{"We mail a code to the e-mail of your account. Type it, and the orders made with that e-mail come here."},
		Forms: []page.Form{{Action: pathMyOrdersFind, Hidden: []page.Field{s.token(r)}, Button: "Find my other orders", Quiet: true}}}}
	s.show(w, r, http.StatusOK, d)
}

// askClaim mails the code that finds orders of a guest.
func (s *Shop) askClaim(w http.ResponseWriter, r *http.Request) {
	err := s.gate.Begin(r, abuse.Letter)
	t := ""
	if err == nil {
		t, err = s.cfg.Keeper.AskClaim(r.Context(), s.who(r))
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	gate.SetCookie(w, claimCookie, t, challenge.Life)
	seeOther(w, pathMyOrdersFind)
}

func (s *Shop) claimDesk(r *http.Request, problems []fault.Problem) page.Desk {
	d := s.codeDesk(r, "Find your other orders", "A code is on its way to the e-mail of your account.", pathMyOrdersFind+"/code", page.PathMyOrders, []page.Field{s.token(r)}, problems)
	d.Tabs = tabs(page.PathMyOrders)
	return d
}

func (s *Shop) claimCode(w http.ResponseWriter, r *http.Request) {
	if _, has := ticket(r, claimCookie); !has {
		seeOther(w, page.PathMyOrders)
		return
	}
	s.show(w, r, http.StatusOK, s.claimDesk(r, nil))
}

// answerClaim takes the code.
func (s *Shop) answerClaim(w http.ResponseWriter, r *http.Request) {
	n := 0
	_, ok := s.mailed(w, r, claimCookie, page.PathMyOrders, abuse.LookUp, func(t, code string) (err error) {
		n, err = s.cfg.Keeper.AnswerClaim(r.Context(), s.who(r), t, code)
		return err
	}, func(problems []fault.Problem) page.Page { return s.claimDesk(r, problems) })
	if !ok {
		return
	}
	word := newsFoundNone
	if n > 0 {
		word = newsFound
	}
	tell(w, news{word: word})
	seeOther(w, page.PathMyOrders)
}

// myOrder shows an order of somebody's own. No cookie of a guest is left, so
// that signing out shuts it.
func (s *Shop) myOrder(w http.ResponseWriter, r *http.Request) { s.ownOrder(w, r, false) }

// myOrderWhole shows whom it is for, too.
func (s *Shop) myOrderWhole(w http.ResponseWriter, r *http.Request) { s.ownOrder(w, r, true) }

func (s *Shop) ownOrder(w http.ResponseWriter, r *http.Request, whole bool) {
	number, err := order.ParseNumber(r.PathValue("number"))
	if err != nil {
		s.noOrder(w, r)
		return
	}
	o, err := s.cfg.Keeper.Order(r.Context(), s.who(r).Account, number)
	if s.shut(w, r, err) {
		return
	}
	v, err := s.desk.Order(r.Context(), number, s.desk.OrderToken(o.ID))
	if s.shut(w, r, err) {
		return
	}
	var to *order.Details
	if whole {
		people, err := s.cfg.Keeper.OrderPeople(r.Context(), s.who(r), o)
		if err != nil {
			s.turned(w, r, err)
			return
		}
		to = &people
	}
	s.showOrderTo(w, r, http.StatusOK, v, s.flash(w, r), to, nil)
}

// orderKey is what opens an order: the cookie that this browser has for it,
// else that it is one of the orders of whoever is signed in.
func (s *Shop) orderKey(r *http.Request, n order.Number) string {
	if token, has := orderToken(r, n); has {
		return token
	}
	if st := s.who(r); st.Account != "" && st.Role == "" {
		if o, err := s.cfg.Keeper.Order(r.Context(), st.Account, n); err == nil {
			return s.desk.OrderToken(o.ID)
		}
	}
	return ""
}

// own makes an order that was placed while signed in the account's own, and
// reports whether it is: then no cookie of a guest is needed.
func (s *Shop) own(r *http.Request, o order.Order) bool {
	st := s.who(r)
	if st.Account == "" || st.Role != "" {
		return false
	}
	if err := s.cfg.Keeper.Own(r.Context(), st, o); err != nil {
		s.log.WarnContext(r.Context(), "an order was not put into its account", "error", err)
		return false
	}
	return true
}

package storefront

import (
	"net/http"
	"slices"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// doingWords say what an act did to the credit of an account.
var doingWords = map[credit.Doing]string{
	credit.Issue: "Given to you", credit.Hold: "Paid with it", credit.Release: "Back: the order was not paid", credit.GiveBack: "Back: a refund",
	credit.Expire: "Expired", credit.Cancel: "Cancelled",
}

// myCredit shows what an account has, and where each part of it came from and went.
func (s *Shop) myCredit(w http.ResponseWriter, r *http.Request) {
	c, err := s.desk.AccountCredit(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathMyCredit, "Your store credit")
	d.Says = []string{"You have " + c.Balance.Format() + " to spend."}
	if !c.CancelledAt.IsZero() {
		d.Says = []string{"Your store credit was cancelled. Write to us if you do not know why."}
	} else if !c.Balance.IsZero() {
		d.Links = []page.Link{{Text: "Pay the cart with it", URL: page.PathUseCredit}}
	}
	all := page.Section{Title: "What happened with it", Empty: "Nothing yet. Gift cards are not listed here: type their code into the cart."}
	for _, a := range c.Acts {
		amount := a.Amount.Format()
		if !a.Amount.Negative() {
			amount = "+" + amount
		}
		row := page.Row{Text: amount, Small: []string{doingWords[a.Doing] + ", " + s.when(r, a.At)}}
		if a.Number != "" {
			row.Small = append(row.Small, "Order "+a.Number)
		}
		all.Rows = append(all.Rows, row)
	}
	d.Sections = []page.Section{all}
	s.show(w, r, http.StatusOK, d)
}

// offerCredit asks before an account's credit pays the cart. It stands behind a
// fresh proof, as all that spends somebody's money.
func (s *Shop) offerCredit(w http.ResponseWriter, r *http.Request) {
	_, c, ok := s.openCart(w, r)
	if !ok {
		return
	}
	own, err := s.ownCredit(r, c)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if own.IsZero() {
		seeOther(w, page.PathCart)
		return
	}
	d := s.accountDesk(w, r, page.PathMyCredit, "Pay with your store credit")
	d.Says = []string{"You have " + own.Format() + ". It pays as much of this cart as it can; the rest you pay as usual."}
	d.Sections = []page.Section{{Forms: []page.Form{{Action: page.PathUseCredit, Hidden: []page.Field{s.token(r)}, Button: "Pay with it"}}}}
	d.Links = []page.Link{{Text: "Back to the cart", URL: page.PathCart}}
	s.show(w, r, http.StatusOK, d)
}

// useCredit pays the cart with the credit of the account.
func (s *Shop) useCredit(w http.ResponseWriter, r *http.Request) {
	b, _, ok := s.openCart(w, r)
	if !ok {
		return
	}
	_, err := s.desk.UseAccountCredit(r.Context(), b.id, b.token, s.who(r).Account)
	if err != nil && !fault.Is(err, fault.Conflict) {
		s.turned(w, r, err)
		return
	}
	keepBasket(w, b)
	seeOther(w, page.PathCart)
}

// ownCredit is what the account that is signed in could still pay a cart with.
func (s *Shop) ownCredit(r *http.Request, c cart.Cart) (money.Amount, error) {
	none := money.Zero(c.Totals.Total.Currency())
	account := abuse.Of(r.Context()).Customer()
	if account == "" || slices.ContainsFunc(c.Credits, func(p credit.Part) bool { return p.Kind == credit.Account }) {
		return none, nil
	}
	own, err := s.desk.AccountCredit(r.Context(), account)
	if err != nil || own.ID == "" {
		return none, err
	}
	return own.Spendable(s.db.Now()), nil
}

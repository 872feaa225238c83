package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// offerAccount puts an account on the page of an order that a guest has just
// made: one field, or a passkey. It is never needed, so it stands below all
// that matters, and the address of the order is not shown.
func (s *Shop) offerAccount(p *page.OrderStatus, st access.Standing, problems []fault.Problem) {
	made := (p.Order.Status != order.Pending || p.Order.OnAccount) && p.Order.Status != order.Cancelled
	if s.cfg.Keeper == nil || st.Account != "" || !p.Fresh || !made {
		return
	}
	to := page.PathOrders + string(p.Order.Number) + "/account"
	pass := page.PasswordInput("Choose a password", passwordHint, true, problems)
	pass.Meter = page.PathMeter
	p.Wrong = len(problems) > 0
	p.Offer = []page.Form{
		{Action: to, Inputs: []page.Input{pass}, Button: "Make an account", Quiet: true},
		{Action: to, Hidden: []page.Field{{Name: page.FieldMethod, Value: "passkey"}}, Button: "Go on with a passkey", Quiet: true},
	}
}

// accountFromOrder begins an account for the mailbox of an order. Its code goes
// there, so who only holds the order's link gets nothing by it.
func (s *Shop) accountFromOrder(w http.ResponseWriter, r *http.Request) {
	wait := paced(r)
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	number, token, ok := s.held(w, r, abuse.OwnOrder)
	if !ok {
		return
	}
	if err := s.gate.Begin(r, abuse.Register); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	typed, t := form.Get(page.FieldPassword), ""
	if typed == "" && form.Get(page.FieldMethod) != "passkey" {
		err = fault.Field(page.FieldPassword, "Please choose a password, or go on with a passkey below.")
	}
	if err == nil {
		to, lookErr := s.desk.Mailbox(r.Context(), number, token)
		if err = lookErr; err == nil {
			t, err = s.cfg.Keeper.Register(r.Context(), to.Reveal(), typed)
		}
	}
	wait()
	switch {
	case err == nil:
		gate.SetCookie(w, signupCookie, t, challenge.Life)
		seeOther(w, page.PathRegisterCode)
	case fault.Is(err, fault.Invalid):
		if v, ok := s.opened(w, r, number, token); ok {
			s.showOrderTo(w, r, gate.Status(fault.Invalid), v, page.Flash{}, nil, fault.Of(err).Problems)
		}
	default:
		s.gate.Refuse(w, r, err)
	}
}

// isMine reports whether an order belongs to whoever is signed in.
func (s *Shop) isMine(r *http.Request, st access.Standing, o order.Order) (bool, error) {
	if st.Account == "" || st.Role != "" {
		return false, nil
	}
	_, err := s.cfg.Keeper.Order(r.Context(), st.Account, o.Number)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

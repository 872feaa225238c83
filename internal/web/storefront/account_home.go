package storefront

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// accountDesk is an account's page with what is the same on all of them.
func (s *Shop) accountDesk(w http.ResponseWriter, r *http.Request, here, title string) page.Desk {
	d := page.Desk{Layout: s.layout(r), Title: title, Tabs: tabs(here), Wide: true}
	d.Flash = s.flash(w, r)
	return d
}

// when tells a time as a list shows it, in the shop's zone.
func (s *Shop) when(r *http.Request, t time.Time) string {
	return t.In(s.zone(r)).Format("2 January 2006, 15:04")
}

// covered is an e-mail of which its owner knows the rest.
func covered(email string) string {
	name, place, _ := strings.Cut(email, "@")
	dot := strings.LastIndexByte(place, '.')
	if dot < 1 {
		dot = len(place)
	}
	return firstOf(name) + "•••@" + firstOf(place) + "•••" + place[dot:]
}

func firstOf(text string) string {
	_, n := utf8.DecodeRuneInString(text)
	return text[:n]
}

// counted is a number and what is counted.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// accountHome shows what an account keeps and the one thing worth doing next.
func (s *Shop) accountHome(w http.ResponseWriter, r *http.Request) {
	s.showHome(w, r, http.StatusOK, "", nil)
}

func (s *Shop) showHome(w http.ResponseWriter, r *http.Request, status int, typed string, problems []fault.Problem) {
	ctx, st := r.Context(), s.who(r)
	a, err := s.cfg.Keeper.Account(ctx, st.Account)
	var f account.Factors
	if err == nil {
		f, err = s.cfg.Keeper.Factors(ctx, st.Account)
	}
	orders, places, sessions := 0, 0, 0
	if err == nil {
		orders, places, sessions, err = s.counts(r, st.Account)
	}
	var own checkout.CreditView
	if err == nil {
		own, err = s.desk.AccountCredit(ctx, st.Account)
	}
	var cards []page.Row
	if err == nil {
		cards, err = s.cardsRow(r)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathAccount, "Your account")
	d.Says, d.Problems = []string{"E-mail " + covered(a.Email.Reveal())}, problems
	if next := nextStep(f); next.Title != "" {
		d.Sections = append(d.Sections, next)
	}
	d.Sections = append(d.Sections,
		page.Section{Title: "What is kept here", Rows: slices.Concat([]page.Row{
			{Text: "Orders", Small: []string{counted(orders, "order", "orders")}, Link: page.Link{Text: "Orders", URL: page.PathMyOrders}},
			{Text: "Credit", Small: []string{own.Balance.Format() + " of store credit"}, Link: page.Link{Text: "Credit", URL: page.PathMyCredit}}}, cards, []page.Row{
			{Text: "Addresses", Small: []string{counted(places, "address", "addresses")}, Link: page.Link{Text: "Addresses", URL: page.PathAddresses}},
			{Text: "Security", Small: []string{"Signed in on " + counted(sessions, "browser", "browsers")}, Link: page.Link{Text: "Security", URL: page.PathSecurity}},
			{Text: "Messages", Small: []string{"What we wrote to you"}, Link: page.Link{Text: "Messages", URL: page.PathMessages}},
			{Text: "Activity", Small: []string{"What happened here in the last 90 days"}, Link: page.Link{Text: "Activity", URL: page.PathActivity}},
		})},
		s.namePart(r, st, a, typed, problems),
		page.Section{Forms: []page.Form{{Action: page.PathSignOut, Hidden: []page.Field{s.token(r)}, Button: "Sign out", Quiet: true}}})
	s.show(w, r, status, d)
}

// namePart asks what somebody wants to be called. A password alone shows the
// first letter of it; the rest is for whoever has just proved that it is them.
func (s *Shop) namePart(r *http.Request, st access.Standing, a store.Account, typed string, problems []fault.Problem) page.Section {
	out := page.Section{ID: "called", Title: "What should we call you?"}
	if !a.Name.IsZero() {
		out.Says = []string{"For now it is " + firstOf(a.Name.Reveal()) + "•••. An empty field takes it away."}
		if st.Fresh && problems == nil {
			typed = a.Name.Reveal()
		}
	}
	out.Forms = []page.Form{{Action: page.PathCallMe, Hidden: []page.Field{s.token(r)}, Button: "Keep this name", Quiet: true,
		Inputs: []page.Input{optional(page.TextInput(page.FieldName, "Name", typed, "Any name you like. It is sealed with the rest of your account.", "nickname", problems))}}}
	return out
}

// callMe keeps it.
func (s *Shop) callMe(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	typed := form.Get(page.FieldName)
	if err == nil {
		err = s.cfg.Keeper.CallMe(r.Context(), s.who(r), typed)
	}
	s.settled(w, r, err, page.PathAccount, func(status int, problems []fault.Problem) { s.showHome(w, r, status, typed, problems) })
}

// mostOrders bounds how many orders of an account are listed.
const mostOrders = 200

func (s *Shop) counts(r *http.Request, of string) (orders, places, sessions int, err error) {
	ctx := r.Context()
	o, err := s.cfg.Keeper.Orders(ctx, of, mostOrders)
	if err != nil {
		return 0, 0, 0, err
	}
	p, err := s.cfg.Keeper.Places(ctx, of)
	if err != nil {
		return 0, 0, 0, err
	}
	in, err := s.cfg.Keeper.Sessions(ctx, of)
	return len(o), len(p), len(in), err
}

// nextStep is the one thing that makes an account safer most.
func nextStep(f account.Factors) page.Section {
	passkey := false
	for _, has := range f.Second {
		passkey = passkey || has.Kind == store.PasskeyFactor
	}
	switch {
	case len(f.Second) > 0 && f.Codes == 0:
		return page.Section{Notice: true, Title: "Save recovery codes", Says: []string{"They let you in when your phone or key is lost."},
			Links: []page.Link{{Text: "Save recovery codes", URL: page.PathSecurity + "#codes"}}}
	case !passkey:
		return page.Section{Notice: true, Title: "Add a passkey", Says: []string{"Your phone or computer signs you in, and no password can be stolen."},
			Links: []page.Link{{Text: "Add a passkey", URL: page.PathSecurity + "#passkeys"}}}
	}
	return page.Section{}
}

// settled answers for something that was tried on a page of an account: it goes
// back to the page, or shows it again with what is wrong.
func (s *Shop) settled(w http.ResponseWriter, r *http.Request, err error, to string, again func(status int, problems []fault.Problem)) {
	switch {
	case err == nil:
		tell(w, news{word: newsDone})
		seeOther(w, to)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		f := fault.Of(err)
		problems := f.Problems
		if len(problems) == 0 {
			problems = []fault.Problem{{Detail: f.Text}}
		}
		again(gate.Status(f.Kind), problems)
	default:
		s.gate.Refuse(w, r, err)
	}
}

// turned says why something can't be done now, in the words of the use case.
func (s *Shop) turned(w http.ResponseWriter, r *http.Request, err error) {
	if !fault.Is(err, fault.Conflict) {
		s.gate.Refuse(w, r, err)
		return
	}
	s.show(w, r, gate.Status(fault.Conflict), page.Desk{Layout: s.layout(r), Title: "That has to wait", Says: []string{fault.Of(err).Text}, Tabs: tabs(""),
		Links: []page.Link{{Text: "Back to your account", URL: page.PathAccount}}})
}

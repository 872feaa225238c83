package admin

import (
	"context"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// home is the entrance, and the first page of whoever is signed in.
func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	st, err := c.gate.Standing(r)
	if err != nil {
		c.gate.Refuse(w, r, fault.Because(fault.Unavailable, "We can't look up your sign-in right now. Please try again in a moment.", err))
		return
	}
	if st.Role == "" || st.Level < access.TwoFactors {
		c.entrance(w, r, http.StatusOK, "")
		return
	}
	a, err := c.keeper.Account(r.Context(), st.Account)
	var f account.Factors
	if err == nil {
		f, err = c.keeper.Factors(r.Context(), st.Account)
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	p := page.Desk{Title: "Console", Tabs: tabs(st.Role, page.PathAdmin), Says: []string{"You are " + a.Email.Reveal() + ". You work here as " + string(st.Role) + "."}}
	if lack := lacking(f); len(lack) > 0 {
		s := warning("Before you lose a device", lack...)
		s.Links = []page.Link{{Text: "Your security", URL: page.PathAdminSecurity}}
		p.Sections = append(p.Sections, s)
	}
	p.Sections = append(p.Sections, page.Section{Title: "What is here", Says: []string{
		"This is Cartkeep " + c.cfg.Version + ". The console lets staff in and looks after who works here.",
		"Orders, goods and settings are worked on from the command line: cartkeep --help."},
		Forms: []page.Form{{Action: page.PathAdminSignOut, Hidden: []page.Field{c.token(r)}, Button: "Sign out", Quiet: true}}})
	c.show(w, r, http.StatusOK, p)
}

// lacking says what somebody should still do to get back in without help.
func lacking(f account.Factors) (out []string) {
	if len(f.Second) < 2 {
		out = append(out, "You have one passkey. Please add a second one from another device: without it, a lost device locks you out.")
	}
	if f.Codes == 0 {
		out = append(out, "You have no recovery codes. You need one, and another owner, to replace lost passkeys.")
	}
	return out
}

// entrance asks for a passkey, and has no other way in.
func (c *Console) entrance(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	p := page.Desk{Title: "Staff", Passkeys: true}
	if wrong != "" {
		p.Sections = append(p.Sections, warning("", wrong))
	}
	p.Sections = append(p.Sections, page.Section{Says: []string{"This is the entrance of the people who work here. It opens with your passkey."},
		Forms: []page.Form{{Action: page.PathAdminSignIn + "/finish", Passkey: &page.Ceremony{Kind: "sign-in", Begin: page.PathAdminSignIn + "/begin"}, Button: "Sign in with your passkey"}}})
	c.show(w, r, status, p)
}

func (c *Console) beginSignIn(w http.ResponseWriter, r *http.Request) {
	c.begin(w, r, func(ctx context.Context) (account.Ceremony, error) { return c.keeper.BeginPasskey(ctx, true) })
}

// notIn is said of every passkey that opens nothing, whatever the reason.
const notIn = "This passkey does not open the console. It may be unknown here, it did not check that it is you, or an owner has to confirm you first."

// signIn lets in whoever the passkey says it is.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := c.gate.Begin(r, abuse.Passkey); err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	ticket, response, ok := gate.Answered(w, r)
	if !ok {
		c.entrance(w, r, http.StatusUnprocessableEntity, tooLate)
		return
	}
	e, err := c.keeper.FinishPasskey(r.Context(), true, ticket, response, visitor(r))
	switch {
	case refused(err):
		c.entrance(w, r, http.StatusUnprocessableEntity, notIn)
	case err != nil:
		c.gate.Refuse(w, r, err)
	default:
		gate.Enter(w, gate.StaffCookie, e)
		seeOther(w, next(w, r))
	}
}

const tooLate = "That took too long. Please try your passkey again."

// refused reports whether an error says that a passkey was not taken.
func refused(err error) bool { return fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) }

// signOut ends the session.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if err := c.keeper.SignOut(r.Context(), visitor(r).Cookie); err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	gate.ClearCookie(w, gate.StaffCookie)
	w.Header().Set("Clear-Site-Data", `"cache"`) // the back button shows nothing of it either
	say(w, "out")
	seeOther(w, page.PathAdmin)
}

// prove asks for the passkey again, before something delicate.
func (c *Console) prove(w http.ResponseWriter, r *http.Request) { c.ask(w, r, http.StatusOK, "") }

func (c *Console) ask(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	p := page.Desk{Title: "Is it you?", Passkeys: true, Tabs: tabs(c.who(r).Role, "")}
	if wrong != "" {
		p.Sections = append(p.Sections, warning("", wrong))
	}
	p.Sections = append(p.Sections, page.Section{Says: []string{"This is delicate, so please show your passkey once more. For ten minutes you are not asked again."},
		Forms: []page.Form{{Action: page.PathAdminProve, Hidden: []page.Field{c.token(r)}, Passkey: &page.Ceremony{Kind: "step-up", Begin: page.PathAdminProve + "/begin"}, Button: "Use your passkey"}}})
	c.show(w, r, status, p)
}

func (c *Console) beginProve(w http.ResponseWriter, r *http.Request) {
	c.begin(w, r, func(ctx context.Context) (account.Ceremony, error) {
		return c.keeper.BeginProve(ctx, visitor(r).Cookie)
	})
}

func (c *Console) finishProve(w http.ResponseWriter, r *http.Request) {
	if err := c.gate.Begin(r, abuse.Passkey); err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	ticket, response, ok := gate.Answered(w, r)
	if !ok {
		c.ask(w, r, http.StatusUnprocessableEntity, tooLate)
		return
	}
	e, err := c.keeper.FinishProve(r.Context(), ticket, response, visitor(r), false)
	switch {
	case refused(err):
		c.ask(w, r, http.StatusUnprocessableEntity, "That passkey was not taken. Please try again.")
	case err != nil:
		c.gate.Refuse(w, r, err)
	default:
		gate.Enter(w, gate.StaffCookie, e)
		seeOther(w, next(w, r))
	}
}

// proveFirst stands in for the forms of a page until a proof is fresh, so that
// nothing is typed that would be lost on the way.
func proveFirst(what string) page.Section {
	return page.Section{Title: what, Says: []string{"Please show first that it is you. Then the forms are here for ten minutes."},
		Links: []page.Link{{Text: "Show your passkey", URL: page.PathAdminProve}}, Notice: true}
}

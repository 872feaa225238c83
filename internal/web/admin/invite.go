package admin

import (
	"context"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// invitation shows an invitation to whoever has its link. Opening the link uses
// nothing up and looks nothing up: it puts the token into a cookie and out of
// the address at once, whoever, or whatever scanner, opens it.
func (c *Console) invitation(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get(page.FieldToken); token != "" {
		if len(token) > 100 || !gate.TicketLike(token) {
			c.ended(w, r)
			return
		}
		gate.SetCookie(w, inviteCookie, token, account.InviteFor)
		seeOther(w, page.PathAdminInvite)
		return
	}
	c.showInvitation(w, r, http.StatusOK, "", "", nil)
}

func (c *Console) showInvitation(w http.ResponseWriter, r *http.Request, status int, name, wrong string, problems []fault.Problem) {
	ticket, _ := gate.Ticket(r, inviteCookie)
	i, err := c.keeper.Invited(r.Context(), ticket)
	if fault.Is(err, fault.NotFound) {
		c.ended(w, r)
		return
	}
	from := "Somebody at the shop's own machine"
	if err == nil && i.MadeBy != "" {
		var by store.Account
		by, err = c.keeper.Account(r.Context(), i.MadeBy)
		from = by.Email.Reveal()
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	p := page.Desk{Title: "You are invited", Passkeys: true, Problems: problems, Says: []string{from + " invites " + i.Email.Reveal() + " to work here as " + string(i.Role) + "."}}
	if wrong != "" {
		p.Sections = append(p.Sections, warning("", wrong))
	}
	form := page.Form{Action: page.PathAdminInvite, Passkey: &page.Ceremony{Kind: "register", Begin: page.PathAdminInvite + "/begin"}, Button: "Make a passkey",
		Inputs: []page.Input{nameInput("What do you call this device?", "For your own list, like “work laptop”.")}}
	says := []string{"Your passkey stays on your device. It asks for your finger, your face or your PIN."}
	if i.Account != "" {
		p.Title = "Replace your passkeys"
		p.Says = []string{from + " lets " + i.Email.Reveal() + " replace lost passkeys."}
		says = append(says, "Your old passkeys stop to work, and you are signed out everywhere else.")
		form.Inputs = append(form.Inputs, page.RecoveryInput(problems))
	} else {
		own := page.TextInput(page.FieldName, "Your name", name, "As your colleagues know you. Our letters to you begin with it.", "name", problems)
		own.Optional = true
		form.Inputs = append([]page.Input{own}, form.Inputs...)
	}
	if i.Account == "" && !i.Confirmed {
		says = append(says, "Afterwards an owner looks once more that it is you. Then you can sign in.")
	}
	p.Sections = append(p.Sections, page.Section{Says: says, Forms: []page.Form{form}})
	c.show(w, r, status, p)
}

// ended says the same of an invitation that was used, has ended or never was.
func (c *Console) ended(w http.ResponseWriter, r *http.Request) {
	gate.ClearCookie(w, inviteCookie)
	c.show(w, r, http.StatusNotFound, page.Desk{Title: "This invitation has ended", Says: []string{"It was used, was taken back, or is older than two days. Please ask for a new one."}})
}

func (c *Console) beginInvitation(w http.ResponseWriter, r *http.Request) {
	ticket, _ := gate.Ticket(r, inviteCookie)
	c.begin(w, r, func(ctx context.Context) (account.Ceremony, error) { return c.keeper.BeginInvite(ctx, ticket) })
}

// takeInvitation makes the account, or its new passkey. A recovery code is
// counted like every other thing that can be guessed.
func (c *Console) takeInvitation(w http.ResponseWriter, r *http.Request) {
	err := c.gate.Begin(r, abuse.Passkey)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	ticket, _ := gate.Ticket(r, inviteCookie)
	i, err := c.keeper.Invited(r.Context(), ticket)
	if fault.Is(err, fault.NotFound) {
		c.ended(w, r)
		return
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	form, err := gate.Form(r)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	ceremony, response, ok := gate.Answered(w, r)
	if !ok {
		c.showInvitation(w, r, http.StatusUnprocessableEntity, form.Get(page.FieldName), tooLate, nil)
		return
	}
	var e account.Entry
	take := func() (err error) {
		e, err = c.keeper.FinishInvite(r.Context(), account.Taking{Ticket: ticket, Ceremony: ceremony, Response: response, Label: form.Get(page.FieldLabel), Name: form.Get(page.FieldName), Code: form.Get(page.FieldCode)}, visitor(r))
		return err
	}
	if i.Account == "" {
		err = take()
	} else {
		err = c.gate.Prove(r, gate.Attempt{Act: abuse.SecondFactor, Who: i.Account, Factor: string(account.ByRecovery)}, take)
	}
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Conflict):
		c.ended(w, r)
	case fault.Is(err, fault.Invalid):
		f := fault.Of(err)
		wrong := f.Text
		if len(f.Problems) > 0 {
			wrong = ""
		}
		c.showInvitation(w, r, http.StatusUnprocessableEntity, form.Get(page.FieldName), wrong, f.Problems)
	case err != nil:
		c.gate.Refuse(w, r, err)
	case e.Cookie == "":
		gate.ClearCookie(w, inviteCookie)
		seeOther(w, page.PathAdminWaiting)
	default:
		gate.ClearCookie(w, inviteCookie)
		gate.Enter(w, gate.StaffCookie, e)
		seeOther(w, page.PathAdminSecurity) // the second passkey and the codes
	}
}

// waiting is for somebody whom no owner has confirmed yet.
func (c *Console) waiting(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, http.StatusOK, page.Desk{Title: "You wait for an owner", Says: []string{
		"Your passkey is made. An owner of the shop looks that it is you and confirms you.", "We have written to them. Then you can sign in."},
		Links: []page.Link{{Text: "To the entrance", URL: page.PathAdmin}}})
}

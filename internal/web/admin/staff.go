package admin

import (
	"context"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// stateWords say whether somebody may sign in.
var stateWords = map[store.AccountState]string{store.AccountOpen: "", store.AccountWaiting: "waits for you", store.AccountDisabled: "disabled"}

// staff lists who works here and who is invited.
func (c *Console) staff(w http.ResponseWriter, r *http.Request) {
	c.showStaff(w, r, http.StatusOK, account.Invitation{}, nil)
}

func (c *Console) showStaff(w http.ResponseWriter, r *http.Request, status int, typed account.Invitation, problems []fault.Problem) {
	all, err := c.keeper.Staff(r.Context())
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	st := c.who(r)
	p := page.Desk{Title: "Staff", Wide: true, Tabs: tabs(st.Role, page.PathAdminStaff), Problems: problems}
	people := page.Section{Title: "Who works here"}
	for _, a := range all.People {
		row := page.Row{Text: a.Email.Reveal(), Small: []string{string(a.Role)}, Mark: stateWords[a.State], Link: page.Link{URL: pathPerson + a.ID}}
		if !a.Name.IsZero() {
			row.Small = append([]string{a.Name.Reveal()}, row.Small...)
		}
		if a.ID == st.Account {
			row.Mark = "you"
		}
		if !a.SeenAt.IsZero() {
			row.Small = append(row.Small, "last signed in "+c.at(r, a.SeenAt))
		}
		people.Rows = append(people.Rows, row)
	}
	invited := page.Section{Title: "Invitations", Empty: "Nobody is invited."}
	for _, i := range all.Invites {
		row := page.Row{Text: i.Email.Reveal(), Small: []string{string(i.Role), "ends " + c.at(r, i.EndsAt)}}
		if i.Account != "" {
			row.Small[0] = "to replace lost passkeys"
		}
		if st.Fresh {
			row.Forms = []page.Form{{Action: pathInvitations + "/" + i.ID + "/withdraw", Hidden: []page.Field{c.token(r)}, Button: "Withdraw"}}
		}
		invited.Rows = append(invited.Rows, row)
	}
	p.Sections = append(p.Sections, people, invited)
	if st.Fresh {
		email := page.EmailInput(typed.Email, problems, "off")
		p.Sections = append(p.Sections, page.Section{Title: "Invite somebody", Says: []string{"You get a link that works once, for two days. Hand it over yourself: whoever has it can take the invitation."},
			Forms: []page.Form{{Action: pathInvitations, Hidden: []page.Field{c.token(r)}, Inputs: []page.Input{email}, Pick: rolePick(typed.Role), Button: "Invite"}}})
	} else {
		p.Sections = append(p.Sections, proveFirst("Invite and change"))
	}
	c.show(w, r, status, p)
}

// roleWords say what each role is for.
var roleWords = map[access.Role]string{
	access.Owner: "Owner: everything, and who works here", access.Manager: "Manager: goods, orders and settings", access.Fulfilment: "Fulfilment: packs and sends",
	access.Support: "Support: answers shoppers", access.Auditor: "Auditor: looks, changes nothing",
}

// rolePick is the choice of a role, the least one first: whoever does not look
// gives away little.
func rolePick(chosen access.Role) *page.Pick {
	p := &page.Pick{Name: page.FieldRole, Label: "Role"}
	all := access.Roles()
	for i := range all {
		role := all[len(all)-1-i]
		p.Options = append(p.Options, page.PickOption{Value: string(role), Text: roleWords[role], Chosen: role == chosen})
	}
	return p
}

// invite makes an invitation and shows its link, once.
func (c *Console) invite(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	c.invited(w, r, account.Invitation{Email: form.Get(page.FieldEmail), Role: access.Role(form.Get(page.FieldRole))})
}

func (c *Console) invited(w http.ResponseWriter, r *http.Request, i account.Invitation) {
	link, err := c.keeper.Invite(r.Context(), ledger.Staff(c.who(r).Account), i)
	switch {
	case fault.Is(err, fault.Invalid):
		c.showStaff(w, r, http.StatusUnprocessableEntity, i, fault.Of(err).Problems)
	case err != nil:
		c.gate.Refuse(w, r, err)
	default:
		c.show(w, r, http.StatusOK, page.Desk{Title: "The invitation", Wide: true, Tabs: tabs(c.who(r).Role, ""), Sections: []page.Section{{
			Says:  []string{"This link is shown once. Hand it to " + i.Email + " yourself, face to face or on the phone. It works once, for two days."},
			Codes: []string{link}, Links: []page.Link{{Text: "Back to the staff", URL: page.PathAdminStaff}}}}})
	}
}

// person shows one of the people who work here.
func (c *Console) person(w http.ResponseWriter, r *http.Request) {
	a, err := c.colleague(r)
	var f account.Factors
	if err == nil {
		f, err = c.keeper.Factors(r.Context(), a.ID)
	}
	var sessions []store.Session
	if err == nil {
		sessions, err = c.keeper.Sessions(r.Context(), a.ID)
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	st := c.who(r)
	p := page.Desk{Title: a.Email.Reveal(), Tabs: tabs(st.Role, page.PathAdminStaff)}
	facts := page.Section{Rows: []page.Row{
		{Text: "Role: " + string(a.Role), Mark: stateWords[a.State]},
		{Text: "Works here since " + c.at(r, a.MadeAt)},
		{Text: plural(len(f.Second), "passkey", "passkeys") + ", " + plural(int(f.Codes), "recovery code", "recovery codes")},
		{Text: "Signed in at " + plural(len(sessions), "place", "places")}}}
	p.Sections = append(p.Sections, facts)
	if !st.Fresh {
		p.Sections = append(p.Sections, proveFirst("Change something"))
		c.show(w, r, http.StatusOK, p)
		return
	}
	act := func(what, button string, says ...string) page.Form {
		return page.Form{Action: pathPerson + a.ID + "/" + what, Says: says, Hidden: []page.Field{c.token(r)}, Button: button, Quiet: true}
	}
	s := page.Section{Title: "Change something"}
	switch a.State {
	case store.AccountWaiting:
		f := act("confirm", "Let this person in", "Confirm only if you know that this person has made the passkey. Ask on the phone or face to face.")
		f.Quiet = false
		s.Forms = append(s.Forms, f, act("disable", "Keep this person out"))
	case store.AccountDisabled:
		s.Forms = append(s.Forms, act("enable", "Let this person in again"))
	default:
		role := act("role", "Change the role", "Where this person is signed in ends.")
		role.Pick = rolePick(a.Role)
		s.Forms = append(s.Forms, role, act("disable", "Disable", "Ends every sign-in at once. Nothing this person did is lost."),
			act("passkeys", "Replace lost passkeys", "You get a link to hand over. It works with one of this person’s recovery codes."))
	}
	p.Sections = append(p.Sections, s)
	c.show(w, r, http.StatusOK, p)
}

// colleague finds whom the address names. A shopper is nobody here.
func (c *Console) colleague(r *http.Request) (store.Account, error) {
	a, err := c.keeper.Account(r.Context(), r.PathValue("id"))
	if err == nil && !a.Staff() {
		err = store.ErrNoAccount
	}
	return a, err
}

func (c *Console) confirm(w http.ResponseWriter, r *http.Request) {
	c.change(w, r, "confirmed", c.keeper.ConfirmStaff)
}

func (c *Console) disable(w http.ResponseWriter, r *http.Request) {
	c.change(w, r, "disabled", c.keeper.DisableStaff)
}

func (c *Console) enable(w http.ResponseWriter, r *http.Request) {
	c.change(w, r, "enabled", c.keeper.EnableStaff)
}

func (c *Console) setRole(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	c.change(w, r, "role", func(ctx context.Context, by ledger.Actor, id string) error {
		return c.keeper.SetRole(ctx, by, id, access.Role(form.Get(page.FieldRole)))
	})
}

// change does something to somebody who works here and goes back to the list.
func (c *Console) change(w http.ResponseWriter, r *http.Request, word string, do func(context.Context, ledger.Actor, string) error) {
	if err := do(r.Context(), ledger.Staff(c.who(r).Account), r.PathValue("id")); err != nil {
		c.failed(w, r, err, page.PathAdminStaff)
		return
	}
	say(w, word)
	seeOther(w, page.PathAdminStaff)
}

// failed tells in its own words what can't be done.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, err error, back string) {
	if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
		c.gate.Refuse(w, r, err)
		return
	}
	f := fault.Of(err)
	says := f.Text
	if len(f.Problems) > 0 {
		says = f.Problems[0].Detail
	}
	c.show(w, r, gate.Status(f.Kind), page.Desk{Title: "That can’t be done", Says: []string{says}, Tabs: tabs(c.who(r).Role, ""), Links: []page.Link{{Text: "Back", URL: back}}})
}

// replacePasskeys invites somebody who has lost their passkeys.
func (c *Console) replacePasskeys(w http.ResponseWriter, r *http.Request) {
	a, err := c.colleague(r)
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	if a.ID == c.who(r).Account {
		c.failed(w, r, fault.New(fault.Conflict, "You are signed in, so you have a passkey. Add another one on the page “Your security”."), page.PathAdminSecurity)
		return
	}
	c.invited(w, r, account.Invitation{Email: a.Email.Reveal(), Role: a.Role, Account: a.ID})
}

func (c *Console) withdraw(w http.ResponseWriter, r *http.Request) {
	c.change(w, r, "withdrawn", c.keeper.WithdrawInvite)
}

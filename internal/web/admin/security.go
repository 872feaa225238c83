package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// security is how somebody who works here signs in, and where they are.
func (c *Console) security(w http.ResponseWriter, r *http.Request) {
	c.showSecurity(w, r, http.StatusOK, "", nil)
}

func (c *Console) showSecurity(w http.ResponseWriter, r *http.Request, status int, wrong string, problems []fault.Problem) {
	st := c.who(r)
	f, err := c.keeper.Factors(r.Context(), st.Account)
	var sessions []store.Session
	if err == nil {
		sessions, err = c.keeper.Sessions(r.Context(), st.Account)
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	p := page.Desk{Title: "Your security", Wide: true, Tabs: tabs(st.Role, page.PathAdminSecurity), Problems: problems, Passkeys: st.Fresh}
	if wrong != "" {
		p.Sections = append(p.Sections, warning("", wrong))
	}
	if lack := lacking(f); len(lack) > 0 {
		p.Sections = append(p.Sections, warning("Before you lose a device", lack...))
	}
	p.Sections = append(p.Sections, c.passkeys(r, f, st.Fresh))
	if st.Fresh {
		p.Sections = append(p.Sections, page.Section{Title: "Add a passkey", Says: []string{"Take another device than the one you have: a phone, a security key, a second computer."},
			Forms: []page.Form{{Action: pathPasskeys, Hidden: []page.Field{c.token(r)}, Inputs: []page.Input{nameInput("What do you call it?", "")},
				Passkey: &page.Ceremony{Kind: "register", Begin: pathPasskeys + "/begin"}, Button: "Add a passkey"}}})
	}
	codes := page.Section{Title: "Recovery codes", Says: []string{plural(int(f.Codes), "code is left.", "codes are left.") + " With a code and a link from another owner you replace lost passkeys. A code alone opens nothing."}}
	if st.Fresh {
		codes.Forms = []page.Form{{Action: pathCodes, Hidden: []page.Field{c.token(r)}, Button: "Make new codes", Quiet: true}}
	}
	p.Sections = append(p.Sections, codes)
	if !st.Fresh {
		p.Sections = append(p.Sections, proveFirst("Change your passkeys or codes"))
	}
	places := page.Section{Title: "Where you are signed in"}
	for _, s := range sessions {
		row := page.Row{Text: s.Agent, Small: []string{"since " + c.at(r, s.MadeAt), "last used " + c.at(r, s.SeenAt)}}
		if s.ID == st.Session {
			row.Mark = "here"
		} else {
			row.Forms = []page.Form{{Action: pathSessions + "/end", Hidden: []page.Field{c.token(r), {Name: page.FieldID, Value: s.Name}}, Button: "End"}}
		}
		places.Rows = append(places.Rows, row)
	}
	if len(sessions) > 1 {
		places.Forms = []page.Form{{Action: pathSessions + "/end-others", Hidden: []page.Field{c.token(r)}, Button: "End all but this one", Quiet: true}}
	}
	places.Says = []string{"Here you are signed out after 15 minutes without a click, and 12 hours after you signed in."}
	p.Sections = append(p.Sections, places)
	c.show(w, r, status, p)
}

// passkeys lists somebody's own.
func (c *Console) passkeys(r *http.Request, f account.Factors, fresh bool) page.Section {
	s := page.Section{Title: "Your passkeys"}
	for _, one := range f.Second {
		row := page.Row{Text: one.Label, Small: []string{"made " + c.at(r, one.MadeAt)}}
		if !one.UsedAt.IsZero() {
			row.Small = append(row.Small, "last used "+c.at(r, one.UsedAt))
		}
		if fresh {
			row.Forms = []page.Form{{Action: pathPasskeys + "/remove", Hidden: []page.Field{c.token(r), {Name: page.FieldID, Value: one.ID}}, Button: "Remove"}}
		}
		s.Rows = append(s.Rows, row)
		rename := nameInput("Another name for “"+one.Label+"”", "")
		rename.Own = "label-" + one.ID
		s.Forms = append(s.Forms, page.Form{Action: pathPasskeys + "/rename", Hidden: []page.Field{c.token(r), {Name: page.FieldID, Value: one.ID}}, Inputs: []page.Input{rename}, Button: "Rename", Quiet: true})
	}
	return s
}

func (c *Console) beginPasskey(w http.ResponseWriter, r *http.Request) {
	c.begin(w, r, func(ctx context.Context) (account.Ceremony, error) { return c.keeper.BeginEnrol(ctx, c.who(r)) })
}

func (c *Console) addPasskey(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = c.gate.Begin(r, abuse.Passkey)
	}
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	ticket, response, ok := gate.Answered(w, r)
	if !ok {
		c.showSecurity(w, r, http.StatusUnprocessableEntity, tooLate, nil)
		return
	}
	err = c.keeper.FinishEnrol(r.Context(), c.who(r), ticket, response, form.Get(page.FieldLabel), visitor(r))
	switch {
	case refused(err), fault.Is(err, fault.Conflict):
		c.showSecurity(w, r, http.StatusUnprocessableEntity, fault.Of(err).Text, nil)
	default:
		c.did(w, r, err, "added")
	}
}

// did goes back to the page after something was done.
func (c *Console) did(w http.ResponseWriter, r *http.Request, err error, word string) {
	if err != nil {
		c.failed(w, r, err, page.PathAdminSecurity)
		return
	}
	say(w, word)
	seeOther(w, page.PathAdminSecurity)
}

// with reads a form and does something with it.
func (c *Console) with(w http.ResponseWriter, r *http.Request, word string, do func(id, label string) error) {
	form, err := gate.Form(r)
	if err == nil {
		err = do(form.Get(page.FieldID), form.Get(page.FieldLabel))
	}
	c.did(w, r, err, word)
}

func (c *Console) renamePasskey(w http.ResponseWriter, r *http.Request) {
	c.with(w, r, "renamed", func(id, label string) error { return c.keeper.RenameFactor(r.Context(), c.who(r), id, label) })
}

func (c *Console) removePasskey(w http.ResponseWriter, r *http.Request) {
	c.with(w, r, "removed", func(id, _ string) error { return c.keeper.RemoveFactor(r.Context(), c.who(r), id, visitor(r)) })
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) {
	c.with(w, r, "ended", func(name, _ string) error { return c.keeper.EndSession(r.Context(), c.who(r), name) })
}

func (c *Console) endSessions(w http.ResponseWriter, r *http.Request) {
	c.did(w, r, c.keeper.EndSessions(r.Context(), c.who(r)), "alone")
}

// newCodes shows new recovery codes, once. The old ones work until one of the
// new ones was typed.
func (c *Console) newCodes(w http.ResponseWriter, r *http.Request) {
	shown, err := c.keeper.NewCodes(r.Context(), c.who(r))
	if err != nil {
		c.gate.Refuse(w, r, err)
		return
	}
	c.askCode(w, r, http.StatusOK, shown, nil)
}

func (c *Console) askCode(w http.ResponseWriter, r *http.Request, status int, shown []string, problems []fault.Problem) {
	p := page.Desk{Title: "Recovery codes", Wide: true, Tabs: tabs(c.who(r).Role, ""), Problems: problems}
	if len(shown) > 0 {
		p.Sections = append(p.Sections, page.Section{Says: []string{"These codes are shown once. Print them or write them down, and keep them where a thief of your devices does not find them."}, Codes: shown})
	}
	p.Sections = append(p.Sections, page.Section{Says: []string{"Type one of them, so that we know you have them. Then they take the place of the old ones. The one you type stays unused."},
		Forms: []page.Form{{Action: pathCodes + "/confirm", Hidden: []page.Field{c.token(r)}, Inputs: []page.Input{page.RecoveryInput(problems)}, Button: "I have saved them"}},
		Links: []page.Link{{Text: "Back", URL: page.PathAdminSecurity}}})
	c.show(w, r, status, p)
}

func (c *Console) confirmCodes(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = c.keeper.ConfirmCodes(r.Context(), c.who(r), form.Get(page.FieldCode), visitor(r))
	}
	if fault.Is(err, fault.Invalid) && len(fault.Of(err).Problems) > 0 {
		c.askCode(w, r, http.StatusUnprocessableEntity, nil, fault.Of(err).Problems)
		return
	}
	c.did(w, r, err, "codes")
}

// plural counts something.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// nameInput asks what a passkey is called.
func nameInput(label, hint string) page.Input {
	i := page.TextInput(page.FieldLabel, label, "", hint, "off", nil)
	i.Optional = true
	return i
}

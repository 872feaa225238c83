package storefront

import (
	"context"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// signInForm is the shopper's entrance: the passkey first, the password beside
// it.
func (s *Shop) signInForm(w http.ResponseWriter, r *http.Request) {
	if st := s.who(r); st.Account != "" && st.Role == "" {
		seeOther(w, page.PathAccount)
		return
	}
	s.showSignIn(w, r, http.StatusOK, "", nil)
}

func (s *Shop) showSignIn(w http.ResponseWriter, r *http.Request, status int, email string, problems []fault.Problem) {
	gate.Passkeys(w)
	p := page.Desk{Layout: s.layout(r), Title: "Sign in", Passkeys: true, Problems: problems}
	p.Flash = s.flash(w, r)
	typed := page.EmailInput(email, problems, "username webauthn")
	typed.Offer = true
	p.Sections = []page.Section{{Forms: []page.Form{
		{Action: page.PathSignInKey, Passkey: &page.Ceremony{Kind: "sign-in", Begin: page.PathSignInKey + "/begin"}, Button: "Sign in with a passkey", Quiet: true},
		{Action: page.PathSignIn, Inputs: []page.Input{typed, page.PasswordInput("Password", "", false, problems)}, Button: "Sign in"},
	}, Links: []page.Link{{Text: "Forgotten password?", URL: page.PathForgotten}, {Text: "Make an account", URL: page.PathRegister}, {Text: "Find an order without an account", URL: page.PathFind}}}}
	if status == http.StatusTooManyRequests || status == http.StatusForbidden {
		p.Sections[0].Links = append(p.Sections[0].Links, page.Link{Text: "Make this browser known", URL: page.PathKnow})
	}
	s.show(w, r, status, s.guarded(r, abuse.SignIn, p))
}

// signIn proves a password. Every answer takes the same time.
func (s *Shop) signIn(w http.ResponseWriter, r *http.Request) {
	wait := paced(r)
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	v, email := Visitor(r), form.Get(page.FieldEmail)
	var e account.Entry
	var known string
	if err = s.gate.Begin(r, abuse.SignIn); err == nil {
		known, err = s.cfg.Keeper.KnownDevice(r.Context(), email, v)
	}
	if err == nil {
		err = s.proving(r, form, gate.Attempt{Act: abuse.SignIn, Who: account.MailboxKey(email), Factor: "password", Device: known}, func() (err error) {
			e, err = s.cfg.Keeper.SignIn(r.Context(), email, form.Get(page.FieldPassword), v)
			return err
		})
	}
	wait()
	if status, problems, again := held(w, err, page.FieldPassword); again {
		s.showSignIn(w, r, status, email, problems)
		return
	}
	switch {
	case fault.Is(err, fault.Invalid):
		s.showSignIn(w, r, gate.Status(fault.Invalid), email, fault.Of(err).Problems)
	case err != nil:
		s.gate.Refuse(w, r, err)
	case e.Half:
		Enter(w, e)
		seeOther(w, page.PathSecond)
	default:
		s.welcome(w, r, e)
	}
}

// welcome lets somebody in: their cart comes along, and they go on where they
// wanted to go.
func (s *Shop) welcome(w http.ResponseWriter, r *http.Request, e account.Entry) {
	Enter(w, e)
	to := next(w, r, page.PathAccount)
	if choose, err := s.meetCart(w, r, e); err != nil {
		s.log.WarnContext(r.Context(), "an account's cart was not brought along", "error", err)
	} else if choose {
		to = page.PathAdopt
	}
	seeOther(w, to)
}

// beginPasskey gives the options of a sign-in by passkey.
func (s *Shop) beginPasskey(w http.ResponseWriter, r *http.Request) {
	s.begin(w, r, func(ctx context.Context) (account.Ceremony, error) { return s.cfg.Keeper.BeginPasskey(ctx, false) })
}

// begin answers the options of a ceremony and keeps its ticket in the browser.
func (s *Shop) begin(w http.ResponseWriter, r *http.Request, make func(context.Context) (account.Ceremony, error)) {
	err := s.gate.Begin(r, abuse.Passkey)
	var c account.Ceremony
	if err == nil {
		c, err = make(r.Context())
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	gate.WriteCeremony(w, c)
}

// finishPasskey signs in by passkey.
func (s *Shop) finishPasskey(w http.ResponseWriter, r *http.Request) {
	if err := s.gate.Begin(r, abuse.Passkey); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	t, response, ok := gate.Answered(w, r)
	if !ok {
		seeOther(w, page.PathSignIn)
		return
	}
	e, err := s.cfg.Keeper.FinishPasskey(r.Context(), false, t, response, Visitor(r))
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.NotFound):
		s.showSignIn(w, r, gate.Status(fault.Invalid), "", []fault.Problem{{Field: page.FieldEmail, Detail: fault.Of(err).Text}})
	case err != nil:
		s.gate.Refuse(w, r, err)
	case e.Half:
		Enter(w, e)
		seeOther(w, page.PathSecond)
	default:
		s.welcome(w, r, e)
	}
}

// signOut ends the session and makes the browser forget what it was shown.
func (s *Shop) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Keeper.SignOut(r.Context(), Visitor(r).Cookie); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	gate.ClearCookie(w, gate.SessionCookie)
	forgetAll(w, r)
	w.Header().Set("Clear-Site-Data", `"cache"`) // the back button shows nothing of it either
	tell(w, news{word: newsSignedOut})
	seeOther(w, page.PathSignIn)
}

package storefront

import (
	"net/http"
	"slices"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Paths below the page of security.
const (
	pathUnlock   = page.PathSecurity + "/open" // GET: proves again, and comes back
	pathPassword = page.PathSecurity + "/password"
	pathPasskeys = page.PathSecurity + "/passkeys" // POST credential, label; /begin gives its options
	pathFactor   = page.PathSecurity + "/factors"  // /ID: GET; POST label; /remove
	pathApp      = page.PathSecurity + "/app"      // POST begins; GET; /code
	pathPhone    = page.PathSecurity + "/phone"    // POST phone; GET; /code
	pathCodes    = page.PathSecurity + "/codes"    // POST makes them; /confirm
	pathPrefer   = page.PathSecurity + "/preferred"
	pathBrowsers = page.PathSecurity + "/browsers" // POST id: forgets it
	pathSessions = page.PathSecurity + "/sessions" // POST id: ends it; /others
	pathMove     = page.PathSecurity + "/email"    // POST email; GET; /code
)

// safety is everything the page of security shows.
type safety struct {
	st       access.Standing
	email    string
	liked    string
	f        account.Factors
	devices  []store.Device
	sessions []store.Session
}

func (s *Shop) safetyOf(r *http.Request) (out safety, err error) {
	ctx := r.Context()
	out.st = s.who(r)
	a, err := s.cfg.Keeper.Account(ctx, out.st.Account)
	if err == nil {
		out.email, out.liked = covered(a.Email.Reveal()), a.Preferred
		out.f, err = s.cfg.Keeper.Factors(ctx, out.st.Account)
	}
	if err == nil {
		out.devices, err = s.cfg.Keeper.Devices(ctx, out.st.Account)
	}
	if err == nil {
		out.sessions, err = s.cfg.Keeper.Sessions(ctx, out.st.Account)
	}
	return out, err
}

// security shows how somebody signs in and where. What can be changed is
// offered once they have shown again that it is them.
func (s *Shop) security(w http.ResponseWriter, r *http.Request) {
	s.showSecurity(w, r, http.StatusOK, nil)
}

func (s *Shop) showSecurity(w http.ResponseWriter, r *http.Request, status int, problems []fault.Problem) {
	is, err := s.safetyOf(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathSecurity, "Security")
	d.Problems = problems
	if is.st.Fresh {
		gate.Passkeys(w)
		d.Passkeys = true
	} else {
		d.Sections = append(d.Sections, page.Section{Notice: true, Says: []string{"To change something here, show again that it is you."},
			Links: []page.Link{{Text: "Show that it is me", URL: pathUnlock}}})
	}
	if len(is.f.Second) > 0 && !is.f.Strong {
		d.Sections = append(d.Sections, page.Section{Notice: true, Says: []string{"Your second step is not asked for yet. Save recovery codes first, so that a lost phone does not lock you out."},
			Links: []page.Link{{Text: "Save recovery codes", URL: "#codes"}}})
	}
	d.Sections = append(d.Sections, s.passwordPart(r, is, problems), s.passkeyPart(r, is), s.appPart(r, is))
	if s.cfg.Keeper.TextsOn() || has(is.f, store.SMSFactor) {
		d.Sections = append(d.Sections, s.phonePart(r, is, problems))
	}
	d.Sections = append(d.Sections, s.codesPart(r, is))
	if liked, ok := s.likedPart(r, is); ok {
		d.Sections = append(d.Sections, liked)
	}
	d.Sections = append(d.Sections, s.browserPart(r, is), s.sessionPart(r, is), s.emailPart(r, is, problems))
	s.show(w, r, status, d)
}

func has(f account.Factors, kind store.FactorKind) bool {
	return slices.ContainsFunc(f.Second, func(x store.Factor) bool { return x.Kind == kind })
}

// only keeps what changes something for whoever is fresh.
func (is safety) only(forms ...page.Form) []page.Form {
	if !is.st.Fresh {
		return nil
	}
	return forms
}

func (s *Shop) passwordPart(r *http.Request, is safety, problems []fault.Problem) page.Section {
	out := page.Section{ID: "password", Title: "Password", Says: []string{"You have no password. That is fine when you have passkeys."}}
	label, button := "Choose a password", "Set a password"
	if is.f.Password {
		out.Says, label, button = []string{"You have a password."}, "New password", "Change the password"
	}
	hint := passwordHint
	if is.st.Strong {
		hint = "At least 12 characters, since a second step is asked for too. Every character counts, and your password manager is welcome."
	}
	in := page.PasswordInput(label, hint, true, problems)
	in.Meter = page.PathMeter
	in.Own = "new-password"
	out.Forms = is.only(page.Form{Action: pathPassword, Hidden: []page.Field{s.token(r)}, Says: []string{"This signs out all other browsers."}, Inputs: []page.Input{in}, Button: button})
	return out
}

// factorRow is one way to sign in.
func (s *Shop) factorRow(r *http.Request, is safety, f store.Factor, text string) page.Row {
	row := page.Row{Text: text, Small: []string{"Added on " + s.when(r, f.MadeAt), "Never used yet"}}
	if !f.UsedAt.IsZero() {
		row.Small[1] = "Last used on " + s.when(r, f.UsedAt)
	}
	if is.st.Fresh {
		row.Link = page.Link{Text: text, URL: pathFactor + "/" + f.ID}
		row.Forms = []page.Form{{Action: pathFactor + "/" + f.ID + "/remove", Hidden: []page.Field{s.token(r)}, Button: "Remove " + text}}
	}
	return row
}

func (s *Shop) passkeyPart(r *http.Request, is safety) page.Section {
	out := page.Section{ID: "passkeys", Title: "Passkeys", Empty: "You have no passkey yet.",
		Says: []string{"The safest way. Your phone, computer or key signs you in, and nothing can be guessed or tricked out of you."}}
	for _, f := range is.f.Second {
		if f.Kind == store.PasskeyFactor {
			out.Rows = append(out.Rows, s.factorRow(r, is, f, f.Label))
		}
	}
	out.Forms = is.only(page.Form{Action: pathPasskeys, Hidden: []page.Field{s.token(r)}, Says: []string{"This needs JavaScript and a device that can keep passkeys."},
		Inputs:  []page.Input{optional(page.TextInput(page.FieldLabel, "What do you call this device?", "", "Like “my phone”.", "off", nil))},
		Passkey: &page.Ceremony{Kind: "register", Begin: pathPasskeys + "/begin"}, Button: "Add a passkey"})
	return out
}

func optional(i page.Input) page.Input { i.Optional = true; return i }

func (s *Shop) appPart(r *http.Request, is safety) page.Section {
	out := page.Section{ID: "app", Title: "Authenticator app", Says: []string{"An app on your phone shows a new code every half minute. It works without a network."}}
	button := "Set up an app"
	for _, f := range is.f.Second {
		if f.Kind == store.TOTPFactor {
			out.Rows, button = append(out.Rows, s.factorRow(r, is, f, "Authenticator app")), "Set up another app instead"
		}
	}
	out.Forms = is.only(page.Form{Action: pathApp, Hidden: []page.Field{s.token(r)}, Button: button, Quiet: true})
	return out
}

func (s *Shop) phonePart(r *http.Request, is safety, problems []fault.Problem) page.Section {
	out := page.Section{ID: "text", Title: "Text to your phone", Says: []string{
		"The weakest of the three. Whoever takes over your number, or tricks you on a false page, gets the code.",
		"A passkey or an app is safer, and both stand above. A text is still better than no second step."}}
	for _, f := range is.f.Second {
		if f.Kind == store.SMSFactor {
			out.Rows = append(out.Rows, s.factorRow(r, is, f, "Number "+tail(f.Secret)))
		}
	}
	if s.cfg.Keeper.TextsOn() {
		button := "Send me a code"
		if len(out.Rows) > 0 {
			button = "Change the number"
		}
		out.Forms = is.only(page.Form{Action: pathPhone, Hidden: []page.Field{s.token(r)}, Button: button, Quiet: true,
			Inputs: []page.Input{{Name: page.FieldPhone, Label: "Mobile number", Kind: "tel", Complete: "tel", Mode: "tel", Wrong: wrongIn(problems, page.FieldPhone), Hint: "It is used for codes alone, never for calls or news."}}})
	}
	return out
}

// tail is as much of a number as its owner needs to know it by.
func tail(number []byte) string { return "•••• " + string(number[max(0, len(number)-2):]) }

func wrongIn(problems []fault.Problem, field string) string {
	for _, p := range problems {
		if p.Field == field {
			return p.Detail
		}
	}
	return ""
}

func (s *Shop) codesPart(r *http.Request, is safety) page.Section {
	out := page.Section{ID: "codes", Title: "Recovery codes", Says: []string{"Each lets you in once when your second step is lost. Print them, or keep them where you keep passwords."}}
	switch {
	case len(is.f.Second) == 0:
		out.Says = append(out.Says, "First add a passkey, an app or a number above.")
		return out
	case is.f.Codes > 0:
		out.Says = append(out.Says, "You have "+counted(int(is.f.Codes), "code", "codes")+" left.")
	default:
		out.Says = append(out.Says, "You have none.")
	}
	out.Forms = is.only(page.Form{Action: pathCodes, Hidden: []page.Field{s.token(r)}, Button: "Make recovery codes", Quiet: is.f.Codes > 0})
	return out
}

// kindWords name the kinds of second factors.
var kindWords = map[store.FactorKind]string{store.PasskeyFactor: "Passkey", store.TOTPFactor: "Authenticator app", store.SMSFactor: "Text to your phone"}

// likedPart asks which of several is to come first.
func (s *Shop) likedPart(r *http.Request, is safety) (page.Section, bool) {
	pick := page.Pick{Name: page.FieldMethod, Label: "Ask me first for"}
	for _, kind := range []store.FactorKind{store.PasskeyFactor, store.TOTPFactor, store.SMSFactor} {
		if has(is.f, kind) {
			pick.Options = append(pick.Options, page.PickOption{Value: string(kind), Text: kindWords[kind], Chosen: string(kind) == is.liked})
		}
	}
	if len(pick.Options) < 2 || !is.st.Fresh {
		return page.Section{}, false
	}
	return page.Section{ID: "preferred", Title: "What comes first", Forms: []page.Form{{Action: pathPrefer, Hidden: []page.Field{s.token(r)}, Pick: &pick, Button: "Keep this choice", Quiet: true}}}, true
}

func (s *Shop) browserPart(r *http.Request, is safety) page.Section {
	out := page.Section{ID: "browsers", Title: "Browsers we know", Empty: "We know no browser of yours.", Says: []string{"We write to you when one signs in that does not stand here."}}
	now := s.db.Now()
	for _, d := range is.devices {
		row := page.Row{Text: agentWord(d.Agent), Small: []string{"Last seen on " + s.when(r, d.SeenAt)},
			Forms: []page.Form{{Action: pathBrowsers, Hidden: []page.Field{s.token(r), {Name: page.FieldID, Value: d.ID}}, Button: "Forget " + agentWord(d.Agent)}}}
		if d.TrustedUntil.After(now) {
			row.Small = append(row.Small, "Not asked for the second step until "+s.when(r, d.TrustedUntil))
		}
		if d.ID == is.st.Device {
			row.Mark = "this browser"
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func agentWord(agent string) string {
	if agent == "" {
		return "A browser"
	}
	return agent
}

func (s *Shop) sessionPart(r *http.Request, is safety) page.Section {
	out := page.Section{ID: "sessions", Title: "Where you are signed in"}
	for _, in := range is.sessions {
		row := page.Row{Text: agentWord(in.Agent), Small: []string{"Since " + s.when(r, in.MadeAt), "Last used on " + s.when(r, in.SeenAt)}}
		if in.Level == access.Guest {
			row.Small = append(row.Small, "Waits for the second step")
		}
		if in.ID == is.st.Session {
			row.Mark = "this browser"
		} else {
			row.Forms = []page.Form{{Action: pathSessions, Hidden: []page.Field{s.token(r), {Name: page.FieldID, Value: in.Name}}, Button: "Sign out " + agentWord(in.Agent)}}
		}
		out.Rows = append(out.Rows, row)
	}
	if len(is.sessions) > 1 {
		out.Forms = []page.Form{{Action: pathSessions + "/others", Hidden: []page.Field{s.token(r)}, Button: "Sign out everywhere else", Quiet: true}}
	}
	return out
}

func (s *Shop) emailPart(r *http.Request, is safety, problems []fault.Problem) page.Section {
	in := page.EmailInput("", problems, "email")
	in.Label = "New e-mail"
	return page.Section{ID: "mail", Title: "E-mail", Says: []string{"Your account uses " + is.email + "."},
		Forms: is.only(page.Form{Action: pathMove, Hidden: []page.Field{s.token(r)}, Says: []string{"We mail a code to the new one. The old one is told, and can take it back for seven days."},
			Inputs: []page.Input{in}, Button: "Change the e-mail", Quiet: true})}
}

// unlock is where a fresh proof leads back to.
func (s *Shop) unlock(w http.ResponseWriter, r *http.Request) { seeOther(w, page.PathSecurity) }

// securityAgain shows the page with what was wrong.
func (s *Shop) securityAgain(w http.ResponseWriter, r *http.Request) func(int, []fault.Problem) {
	return func(status int, problems []fault.Problem) { s.showSecurity(w, r, status, problems) }
}

// forgetBrowser ends what a browser is known by and spared.
func (s *Shop) forgetBrowser(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.ForgetDevice(r.Context(), s.who(r), form.Get(page.FieldID))
	}
	s.backTo(w, r, err, page.PathSecurity)
}

// endSession signs one browser out, endSessions all but this one.
func (s *Shop) endSession(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.EndSession(r.Context(), s.who(r), form.Get(page.FieldID))
	}
	s.backTo(w, r, err, page.PathSecurity)
}

func (s *Shop) endSessions(w http.ResponseWriter, r *http.Request) {
	s.backTo(w, r, s.cfg.Keeper.EndSessions(r.Context(), s.who(r)), page.PathSecurity)
}

package storefront

import (
	"context"
	"net/http"
	"slices"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// changePassword sets a password, or the first one.
func (s *Shop) changePassword(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.NewPassword)
	}
	if err == nil {
		err = s.cfg.Keeper.ChangePassword(r.Context(), s.who(r), form.Get(page.FieldPassword), Visitor(r))
	}
	s.settled(w, r, err, page.PathSecurity, s.securityAgain(w, r))
}

// beginEnrol and finishEnrol add a passkey.
func (s *Shop) beginEnrol(w http.ResponseWriter, r *http.Request) {
	s.begin(w, r, func(ctx context.Context) (account.Ceremony, error) { return s.cfg.Keeper.BeginEnrol(ctx, s.who(r)) })
}

func (s *Shop) finishEnrol(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	t, response, ok := gate.Answered(w, r)
	switch {
	case err != nil:
	case !ok:
		err = fault.New(fault.Conflict, "That took too long. Please try the passkey again.")
	default:
		err = s.cfg.Keeper.FinishEnrol(r.Context(), s.who(r), t, response, form.Get(page.FieldLabel), Visitor(r))
	}
	s.settled(w, r, err, page.PathSecurity, s.securityAgain(w, r))
}

// factor shows one way to sign in: a passkey can be called something else.
func (s *Shop) factor(w http.ResponseWriter, r *http.Request) {
	f, ok := s.ownFactor(w, r)
	if !ok {
		return
	}
	title, hidden := kindWords[f.Kind], []page.Field{s.token(r)}
	at := pathFactor + "/" + f.ID
	d := s.accountDesk(w, r, page.PathSecurity, title)
	if f.Kind == store.PasskeyFactor {
		d.Sections = append(d.Sections, page.Section{Forms: []page.Form{{Action: at, Hidden: hidden, Inputs: []page.Input{page.TextInput(page.FieldLabel, "What do you call this device?", f.Label, "", "off", nil)}, Button: "Keep this name"}}})
	}
	d.Sections = append(d.Sections, page.Section{Forms: []page.Form{{Action: at + "/remove", Hidden: hidden, Says: []string{"Without it you can’t sign in this way any more. This signs out all other browsers."}, Button: "Remove it", Quiet: true}}})
	d.Links = []page.Link{{Text: "Back to Security", URL: page.PathSecurity}}
	s.show(w, r, http.StatusOK, d)
}

// ownFactor is the factor that an address names. Another's is not there.
func (s *Shop) ownFactor(w http.ResponseWriter, r *http.Request) (store.Factor, bool) {
	f, err := s.cfg.Keeper.Factors(r.Context(), s.who(r).Account)
	if err == nil {
		if i := slices.IndexFunc(f.Second, func(x store.Factor) bool { return x.ID == r.PathValue("id") }); i >= 0 {
			return f.Second[i], true
		}
		err = store.ErrNoFactor
	}
	s.gate.Refuse(w, r, err)
	return store.Factor{}, false
}

func (s *Shop) renameFactor(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if f, ok := s.ownFactor(w, r); ok {
		s.backTo(w, r, s.cfg.Keeper.RenameFactor(r.Context(), s.who(r), f.ID, form.Get(page.FieldLabel)), page.PathSecurity)
	}
}

func (s *Shop) removeFactor(w http.ResponseWriter, r *http.Request) {
	err := s.cfg.Keeper.RemoveFactor(r.Context(), s.who(r), r.PathValue("id"), Visitor(r))
	s.settled(w, r, err, page.PathSecurity, s.securityAgain(w, r))
}

// beginApp makes the key of an authenticator app.
func (s *Shop) beginApp(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Keeper.BeginTOTP(r.Context(), s.who(r)); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	seeOther(w, pathApp)
}

func (s *Shop) app(w http.ResponseWriter, r *http.Request) { s.showApp(w, r, http.StatusOK, nil) }

func (s *Shop) showApp(w http.ResponseWriter, r *http.Request, status int, problems []fault.Problem) {
	e, err := s.cfg.Keeper.TOTP(r.Context(), s.who(r))
	if fault.Is(err, fault.NotFound) {
		seeOther(w, page.PathSecurity)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathSecurity, "Set up an authenticator app")
	d.Problems = problems
	d.Sections = []page.Section{
		{Title: "1. Show the app this code", Says: []string{"Open the app, add an account, and point the camera here."}, Picture: e.Code},
		{Title: "Or type this key", Says: []string{e.Key}},
		{Title: "2. Type what the app shows", Forms: []page.Form{{Action: pathApp + "/code", Hidden: []page.Field{s.token(r)}, Inputs: []page.Input{page.CodeInput("Code of the app", "Six digits.", problems)}, Button: "Go on"}}},
	}
	d.Links = []page.Link{{Text: "Not now", URL: page.PathSecurity}}
	s.show(w, r, status, d)
}

func (s *Shop) confirmApp(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.ConfirmTOTP(r.Context(), s.who(r), form.Get(page.FieldCode), Visitor(r))
	}
	s.settled(w, r, err, page.PathSecurity, func(status int, problems []fault.Problem) { s.showApp(w, r, status, problems) })
}

// beginPhone sends a code to a number that is to get codes.
func (s *Shop) beginPhone(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	settings, lookErr := s.db.Settings(r.Context())
	if err == nil {
		err = lookErr
	}
	if err == nil {
		err = s.cfg.Keeper.BeginPhone(r.Context(), s.who(r), Visitor(r).Cookie, form.Get(page.FieldPhone), settings.Home)
	}
	if err == nil {
		tell(w, news{word: newsTexted})
		seeOther(w, pathPhone)
		return
	}
	s.settled(w, r, err, pathPhone, s.securityAgain(w, r))
}

func (s *Shop) phone(w http.ResponseWriter, r *http.Request) { s.showPhone(w, r, http.StatusOK, nil) }

func (s *Shop) showPhone(w http.ResponseWriter, r *http.Request, status int, problems []fault.Problem) {
	f, err := s.cfg.Keeper.Factors(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	i := slices.IndexFunc(f.Untried, func(x store.Factor) bool { return x.Kind == store.SMSFactor })
	if i < 0 {
		seeOther(w, page.PathSecurity)
		return
	}
	d := s.accountDesk(w, r, page.PathSecurity, "Is this your number?")
	d.Says = []string{"A text with a code is on its way to " + tail(f.Untried[i].Secret) + "."}
	d.Problems = problems
	d.Sections = []page.Section{{Forms: []page.Form{{Action: pathPhone + "/code", Hidden: []page.Field{s.token(r)}, Inputs: []page.Input{page.CodeInput("Code of our text", "Six digits. It works for five minutes, in this browser alone.", problems)}, Button: "Go on"}}}}
	d.Links = []page.Link{{Text: "Not now", URL: page.PathSecurity}}
	s.show(w, r, status, d)
}

func (s *Shop) confirmPhone(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.ConfirmPhone(r.Context(), s.who(r), Visitor(r).Cookie, form.Get(page.FieldCode), Visitor(r))
	}
	s.settled(w, r, err, page.PathSecurity, func(status int, problems []fault.Problem) { s.showPhone(w, r, status, problems) })
}

// makeCodes makes recovery codes and shows them this once.
func (s *Shop) makeCodes(w http.ResponseWriter, r *http.Request) {
	codes, err := s.cfg.Keeper.NewCodes(r.Context(), s.who(r))
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.showCodes(w, r, http.StatusOK, codes, nil)
}

func (s *Shop) showCodes(w http.ResponseWriter, r *http.Request, status int, codes []string, problems []fault.Problem) {
	d := s.accountDesk(w, r, page.PathSecurity, "Your recovery codes")
	d.Problems = problems
	hidden := []page.Field{s.token(r)}
	if codes != nil {
		d.Says = []string{"Save them now: they are shown this once. Older codes work until you type one of these."}
		d.Sections = append(d.Sections, page.Section{Codes: codes})
	}
	d.Sections = append(d.Sections, page.Section{Title: "Show that they are saved", Forms: []page.Form{{Action: pathCodes + "/confirm", Hidden: hidden, Says: []string{"Type one of them. It stays unused."}, Inputs: []page.Input{page.RecoveryInput(problems)}, Button: "Go on"}}})
	if codes == nil {
		d.Sections = append(d.Sections, page.Section{Forms: []page.Form{{Action: pathCodes, Hidden: hidden, Button: "Make new codes", Quiet: true}}})
	}
	d.Links = []page.Link{{Text: "Not now", URL: page.PathSecurity}}
	s.show(w, r, status, d)
}

func (s *Shop) confirmCodes(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.ConfirmCodes(r.Context(), s.who(r), form.Get(page.FieldCode), Visitor(r))
	}
	s.settled(w, r, err, page.PathSecurity, func(status int, problems []fault.Problem) { s.showCodes(w, r, status, nil, problems) })
}

// prefer keeps which second factor comes first.
func (s *Shop) prefer(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.cfg.Keeper.Prefer(r.Context(), s.who(r), account.Method(form.Get(page.FieldMethod)))
	}
	s.backTo(w, r, err, page.PathSecurity)
}

// askMove mails a code to the e-mail an account is to have.
func (s *Shop) askMove(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	t := ""
	if err == nil {
		t, err = s.cfg.Keeper.AskMove(r.Context(), s.who(r), form.Get(page.FieldEmail))
	}
	if err == nil {
		gate.SetCookie(w, moveCookie, t, challenge.Life)
		seeOther(w, pathMove)
		return
	}
	s.settled(w, r, err, pathMove, s.securityAgain(w, r))
}

func (s *Shop) moveDesk(r *http.Request, problems []fault.Problem) page.Desk {
	d := s.codeDesk(r, "Type the code", "If this e-mail can be that of your account, a code is on its way to it.", pathMove+"/code", page.PathSecurity, []page.Field{s.token(r)}, problems)
	d.Tabs = tabs(page.PathSecurity)
	return d
}

func (s *Shop) moveCode(w http.ResponseWriter, r *http.Request) {
	if _, waits := ticket(r, moveCookie); !waits {
		seeOther(w, page.PathSecurity)
		return
	}
	s.show(w, r, http.StatusOK, s.moveDesk(r, nil))
}

func (s *Shop) answerMove(w http.ResponseWriter, r *http.Request) {
	_, ok := s.mailed(w, r, moveCookie, page.PathSecurity, abuse.LookUp, func(t, code string) error {
		return s.cfg.Keeper.AnswerMove(r.Context(), s.who(r), t, code, Visitor(r))
	}, func(problems []fault.Problem) page.Page { return s.moveDesk(r, problems) })
	if ok {
		tell(w, news{word: newsMoved})
		seeOther(w, page.PathSecurity)
	}
}

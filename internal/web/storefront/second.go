package storefront

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// stage is where a proof within a session is asked for: the second factor at
// sign-in, or again before something delicate.
type stage struct {
	path  string // of its page; passkey and text stand below it
	title string
	says  string
	half  bool
	road  abuse.Act
}

var (
	secondStage = stage{page.PathSecond, "One more step", "The first step was right. Now show in a second way that it is you.", true, abuse.SecondFactor}
	proveStage  = stage{page.PathProve, "Is it you?", "This is delicate, so please show once more that it is you. For ten minutes you are not asked again.", false, abuse.StepUp}
)

// second asks for the second factor.
func (s *Shop) second(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, secondStage, http.StatusOK, "", nil)
}

// prove asks for a proof again.
func (s *Shop) prove(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, proveStage, http.StatusOK, "", nil)
}

// csrf is the token of the session, or half session, of a stage.
func (s *Shop) csrf(r *http.Request, st stage) page.Field {
	if st.half {
		return s.halfToken(r)
	}
	return s.token(r)
}

// ask shows the ways to prove it, the best one open and the others behind links.
func (s *Shop) ask(w http.ResponseWriter, r *http.Request, st stage, status int, wrong account.Method, problems []fault.Problem) {
	v := Visitor(r)
	p, err := s.cfg.Keeper.Proving(r.Context(), v)
	if err == nil && p.Half != st.half {
		err = fault.Missing("")
	}
	var ways []account.Method
	if err == nil {
		ways, err = s.cfg.Keeper.Methods(r.Context(), v.Cookie)
	}
	if fault.Is(err, fault.NotFound) {
		seeOther(w, page.PathSignIn)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	gate.Passkeys(w)
	d := page.Desk{Layout: s.layout(r), Title: st.title, Says: []string{st.says}, Problems: problems, Passkeys: slices.Contains(ways, account.ByPasskey)}
	d.Flash = s.flash(w, r)
	chosen := account.Method(r.URL.Query().Get("by"))
	if wrong != "" {
		chosen = wrong
	}
	if !slices.Contains(ways, chosen) && len(ways) > 0 {
		chosen = ways[0]
	}
	var links []page.Link
	for _, m := range ways {
		if m == chosen {
			d.Sections = append(d.Sections, page.Section{Forms: s.proofForms(r, st, m, problems)})
		} else if link := wayWords[m]; link != "" {
			links = append(links, page.Link{Text: link, URL: st.path + "?by=" + string(m)})
		}
	}
	if chosen == account.ByPasskey {
		d.Says = append(d.Says, "A passkey needs JavaScript. If nothing happens, take another way.")
	}
	if len(ways) == 0 {
		d.Sections = append(d.Sections, page.Section{Says: []string{"There is no way set up to prove it. Please set a password by mail first."}, Links: []page.Link{{Text: "Set a password by mail", URL: page.PathForgotten}}})
	}
	if st.half {
		links = append(links, page.Link{Text: "I have none of these any more", URL: page.PathLost})
	}
	d.Links = links
	s.show(w, r, status, d)
}

// wayWords name the other ways.
var wayWords = map[account.Method]string{
	account.ByPasskey: "Use a passkey", account.ByTOTP: "Use your authenticator app", account.BySMS: "Get a text", account.ByRecovery: "Use a recovery code", account.ByPassword: "Use your password",
}

// proofForms are the forms of one way.
func (s *Shop) proofForms(r *http.Request, st stage, m account.Method, problems []fault.Problem) []page.Form {
	csrf := s.csrf(r, st)
	f := page.Form{Action: st.path, Hidden: []page.Field{csrf, {Name: page.FieldMethod, Value: string(m)}}, Button: "Go on"}
	if st.half {
		f.Checks = []page.Check{{Name: page.FieldTrust, Text: "Don’t ask on this device for 30 days", Hint: "Only where nobody else uses it. You can take it back on the page “Security”. Delicate things are asked every time."}}
	}
	switch m {
	case account.ByPasskey:
		f.Action, f.Passkey, f.Button = st.path+"/passkey", &page.Ceremony{Kind: "step-up", Begin: st.path + "/passkey/begin"}, "Use your passkey"
	case account.ByTOTP:
		f.Inputs = []page.Input{page.CodeInput("Code of your authenticator app", "Six digits. A new one comes every half minute.", problems)}
	case account.BySMS:
		f.Inputs = []page.Input{page.CodeInput("Code of our text", "Six digits. It works for five minutes, in this browser alone.", problems)}
		return []page.Form{{Action: st.path + "/text", Hidden: []page.Field{csrf}, Says: []string{"A text can be read by whoever takes over your number. An authenticator app or a passkey is safer. If no text comes within a minute, take another way."}, Button: "Send me a text", Quiet: true}, f}
	case account.ByRecovery:
		f.Says, f.Inputs = []string{"Each of these codes works once. We write to you when one is used."}, []page.Input{page.RecoveryInput(problems)}
	case account.ByPassword:
		f.Inputs = []page.Input{page.PasswordInput("Password", "", false, problems)}
	}
	return []page.Form{f}
}

// answerSecond takes the second factor.
func (s *Shop) answerSecond(w http.ResponseWriter, r *http.Request) { s.answer(w, r, secondStage) }

// answerProve takes a proof again.
func (s *Shop) answerProve(w http.ResponseWriter, r *http.Request) { s.answer(w, r, proveStage) }

// ours reads a form and holds it to the token of its session. Half a session
// is not in the table of routes, so its forms are held here.
func (s *Shop) ours(r *http.Request, st stage) (form url.Values, err error) {
	form, err = gate.Form(r)
	if err == nil && st.half && !gate.Same(form.Get(page.FieldCSRF), s.halfToken(r).Value) {
		err = gate.ErrForm
	}
	return form, err
}

func (s *Shop) answer(w http.ResponseWriter, r *http.Request, st stage) {
	form, err := s.ours(r, st)
	v := Visitor(r)
	var p account.Proving
	if err == nil {
		p, err = s.cfg.Keeper.Proving(r.Context(), v)
	}
	if err == nil && p.Half != st.half {
		err = fault.Missing("")
	}
	m := account.Method(form.Get(page.FieldMethod))
	if err == nil && wayWords[m] == "" {
		err = fault.Field(page.FieldMethod, "Please choose one of the ways on this page.")
	}
	var e account.Entry
	if err == nil {
		typed := form.Get(page.FieldCode)
		if m == account.ByPassword {
			typed = form.Get(page.FieldPassword)
		}
		err = s.proving(r, form, gate.Attempt{Act: st.road, Who: p.Account, Factor: string(m), Device: p.Device}, func() (err error) {
			e, err = s.cfg.Keeper.Prove(r.Context(), v, account.Proof{Method: m, Typed: typed, Trust: form.Get(page.FieldTrust) == "yes"})
			return err
		})
	}
	s.proved(w, r, st, m, e, err)
}

// proved goes on after a proof.
func (s *Shop) proved(w http.ResponseWriter, r *http.Request, st stage, m account.Method, e account.Entry, err error) {
	field := page.FieldCode
	if m == account.ByPassword {
		field = page.FieldPassword
	}
	if status, problems, late := held(w, err, field); late {
		s.ask(w, r, st, status, m, problems) // with the other ways
		return
	}
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathSignIn)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		f := fault.Of(err)
		problems := f.Problems
		if len(problems) == 0 {
			problems = []fault.Problem{{Field: page.FieldCode, Detail: f.Text}}
		}
		s.ask(w, r, st, gate.Status(f.Kind), m, problems)
	case err != nil:
		s.gate.Refuse(w, r, err)
	case st.half:
		s.welcome(w, r, e)
	default:
		Enter(w, e)
		seeOther(w, next(w, r, page.PathSecurity))
	}
}

// textSecond and textProve send a code to the phone.
func (s *Shop) textSecond(w http.ResponseWriter, r *http.Request) { s.text2(w, r, secondStage) }
func (s *Shop) textProve(w http.ResponseWriter, r *http.Request)  { s.text2(w, r, proveStage) }

func (s *Shop) text2(w http.ResponseWriter, r *http.Request, st stage) {
	_, err := s.ours(r, st)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	if err == nil {
		err = s.cfg.Keeper.SendText(r.Context(), Visitor(r).Cookie)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathSignIn)
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		tell(w, news{word: newsTexted})
		seeOther(w, st.path+"?by="+string(account.BySMS))
	}
}

// The ceremonies of a stage.
func (s *Shop) beginSecond(w http.ResponseWriter, r *http.Request) { s.beginStage(w, r, secondStage) }
func (s *Shop) beginProve(w http.ResponseWriter, r *http.Request)  { s.beginStage(w, r, proveStage) }

func (s *Shop) beginStage(w http.ResponseWriter, r *http.Request, st stage) {
	if _, err := s.ours(r, st); err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.begin(w, r, func(ctx context.Context) (account.Ceremony, error) {
		return s.cfg.Keeper.BeginProve(ctx, Visitor(r).Cookie)
	})
}

func (s *Shop) finishSecond(w http.ResponseWriter, r *http.Request) { s.finishStage(w, r, secondStage) }
func (s *Shop) finishProve(w http.ResponseWriter, r *http.Request)  { s.finishStage(w, r, proveStage) }

func (s *Shop) finishStage(w http.ResponseWriter, r *http.Request, st stage) {
	form, err := s.ours(r, st)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	t, response, ok := gate.Answered(w, r)
	if !ok {
		err = errors.Join(err, fault.New(fault.Invalid, "That took too long. Please try the passkey again."))
		s.proved(w, r, st, account.ByPasskey, account.Entry{}, err)
		return
	}
	e, err := s.cfg.Keeper.FinishProve(r.Context(), t, response, Visitor(r), form.Get(page.FieldTrust) == "yes")
	s.proved(w, r, st, account.ByPasskey, e, err)
}

// lost explains what follows when no second factor is left.
func (s *Shop) lost(w http.ResponseWriter, r *http.Request) { s.showLost(w, r, http.StatusOK, nil) }

func (s *Shop) showLost(w http.ResponseWriter, r *http.Request, status int, problems []fault.Problem) {
	l, err := s.cfg.Keeper.Lost(r.Context(), Visitor(r).Cookie)
	if fault.Is(err, fault.NotFound) {
		seeOther(w, page.PathSignIn)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := page.Desk{Layout: s.layout(r), Title: "Your second step is lost", Problems: problems, Says: []string{
		"Your password was right. As a second proof we mail you a code. Then we wait for 72 hours and tell every address and number of your account, so that the real owner can stop a thief.",
		"After that, sign in again and type one more code. Your old second step and your recovery codes end then."}}
	d.Flash = s.flash(w, r)
	if l.Begun {
		d.Says = []string{"You have begun already. The wait ends on " + l.Due.In(s.zone(r)).Format("2 January 2006 at 15:04") + ". After that, come back here and type one more code from your mailbox."}
	}
	d.Sections = []page.Section{
		{Forms: []page.Form{{Action: page.PathLost, Hidden: []page.Field{s.halfToken(r)}, Button: "Mail me a code", Quiet: true}}},
		{Forms: []page.Form{{Action: page.PathLostCode, Hidden: []page.Field{s.halfToken(r)}, Inputs: []page.Input{page.CodeInput("Code of our mail", "Eight digits.", problems)}, Button: "Go on"}}},
	}
	d.Links = []page.Link{{Text: "Back", URL: page.PathSecond}}
	s.show(w, r, status, d)
}

// askLost mails the code.
func (s *Shop) askLost(w http.ResponseWriter, r *http.Request) {
	_, err := s.ours(r, secondStage)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	if err == nil {
		err = s.cfg.Keeper.AskLost(r.Context(), Visitor(r).Cookie)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathSignIn)
	case fault.Is(err, fault.Conflict):
		s.showLost(w, r, gate.Status(fault.Conflict), []fault.Problem{{Field: page.FieldCode, Detail: fault.Of(err).Text}})
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		tell(w, news{word: newsMailed})
		seeOther(w, page.PathLost)
	}
}

// answerLost takes it: the wait begins, or has ended.
func (s *Shop) answerLost(w http.ResponseWriter, r *http.Request) {
	form, err := s.ours(r, secondStage)
	v := Visitor(r)
	var p account.Proving
	if err == nil {
		p, err = s.cfg.Keeper.Proving(r.Context(), v)
	}
	var e account.Entry
	if err == nil {
		err = s.proving(r, form, gate.Attempt{Act: abuse.SecondFactor, Who: p.Account, Factor: "mail", Device: p.Device}, func() (err error) {
			e, err = s.cfg.Keeper.AnswerLost(r.Context(), form.Get(page.FieldCode), v)
			return err
		})
	}
	switch {
	case fault.Is(err, fault.NotFound):
		seeOther(w, page.PathSignIn)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		problems := fault.Of(err).Problems
		if len(problems) == 0 {
			problems = []fault.Problem{{Field: page.FieldCode, Detail: fault.Of(err).Text}}
		}
		s.showLost(w, r, gate.Status(fault.Of(err).Kind), problems)
	case err != nil:
		s.gate.Refuse(w, r, err)
	case e.Cookie == "":
		tell(w, news{word: newsWaiting})
		seeOther(w, page.PathLost)
	default:
		Enter(w, e)
		seeOther(w, page.PathSecurity)
	}
}

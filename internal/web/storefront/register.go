package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const passwordHint = "At least 15 characters: a few words in a row are easy to keep in mind. Every character counts, and your password manager is welcome."

// register begins an account.
func (s *Shop) register(w http.ResponseWriter, r *http.Request) {
	s.showRegister(w, r, http.StatusOK, "", nil)
}

func (s *Shop) showRegister(w http.ResponseWriter, r *http.Request, status int, email string, problems []fault.Problem) {
	d := page.Desk{Layout: s.layout(r), Title: "Make an account", Problems: problems, Says: []string{
		"You can buy without one. An account keeps your addresses and orders together, sealed under a key of their own."}}
	pass := page.PasswordInput("Choose a password", passwordHint, true, problems)
	pass.Meter = page.PathMeter
	d.Sections = []page.Section{
		{Forms: []page.Form{{Action: page.PathRegister, Inputs: []page.Input{page.EmailInput(email, problems, "username"), pass}, Button: "Make an account"}}},
		{Title: "Without a password", Says: []string{"Prove your e-mail first, then make a passkey. Nothing is left that could be guessed or stolen."},
			Forms: []page.Form{{Action: page.PathRegister, Hidden: []page.Field{{Name: page.FieldMethod, Value: "passkey"}}, Inputs: []page.Input{again(page.EmailInput(email, nil, "email"), "passkey-email")}, Button: "Go on with a passkey", Quiet: true}}},
	}
	d.Links = []page.Link{{Text: "I have an account", URL: page.PathSignIn}}
	s.show(w, r, status, s.guarded(r, abuse.Register, d))
}

// again gives a second field of the same name an id of its own.
func again(i page.Input, id string) page.Input { i.Own = id; return i }

// askRegister mails a code to the mailbox of a new account, or says by mail
// that there is one.
func (s *Shop) askRegister(w http.ResponseWriter, r *http.Request) {
	wait := paced(r)
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Register)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	email, typed := form.Get(page.FieldEmail), form.Get(page.FieldPassword)
	if status, problems, again := held(w, s.worked(r, form, abuse.Register), page.FieldEmail); again {
		s.showRegister(w, r, status, email, problems)
		return
	}
	bare := form.Get(page.FieldMethod) == "passkey"
	var t string
	if typed == "" && !bare {
		err = fault.Field(page.FieldPassword, "Please choose a password, or go on with a passkey below.")
	} else {
		t, err = s.cfg.Keeper.Register(r.Context(), email, typed)
	}
	wait()
	switch {
	case fault.Is(err, fault.Invalid):
		s.showRegister(w, r, gate.Status(fault.Invalid), email, fault.Of(err).Problems)
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		gate.SetCookie(w, signupCookie, t, challenge.Life)
		seeOther(w, page.PathRegisterCode)
	}
}

// codeDesk is the page that asks for a mailed code.
func (s *Shop) codeDesk(r *http.Request, title, says, action, start string, hidden []page.Field, problems []fault.Problem) page.Desk {
	return page.Desk{Layout: s.layout(r), Title: title, Says: []string{says, "It can take a minute. Look among unwanted mail too."}, Problems: problems,
		Sections: []page.Section{{Forms: []page.Form{{Action: action, Hidden: hidden, Inputs: []page.Input{page.CodeInput("Code of our mail", "Eight digits. You may leave out the gap.", problems)}, Button: "Go on"}}}},
		Links:    []page.Link{{Text: "Start again", URL: start}}}
}

const mailedWords = "If this e-mail can have an account, a code is on its way to it. Should there be one already, our mail says so."

func (s *Shop) registerCode(w http.ResponseWriter, r *http.Request) {
	if _, has := ticket(r, signupCookie); !has {
		seeOther(w, page.PathRegister)
		return
	}
	s.show(w, r, http.StatusOK, s.guarded(r, abuse.Register, s.codeDesk(r, "Type the code", mailedWords, page.PathRegisterCode, page.PathRegister, nil, nil)))
}

// finishRegister makes the account.
func (s *Shop) finishRegister(w http.ResponseWriter, r *http.Request) {
	var e account.Entry
	t, ok := s.mailed(w, r, signupCookie, page.PathRegister, abuse.Register, func(t, code string) (err error) {
		e, err = s.cfg.Keeper.FinishRegister(r.Context(), t, code, Visitor(r))
		return err
	}, func(problems []fault.Problem) page.Page {
		return s.guarded(r, abuse.Register, s.codeDesk(r, "Type the code", mailedWords, page.PathRegisterCode, page.PathRegister, nil, problems))
	})
	if !ok || t == "" {
		return
	}
	Enter(w, e)
	if _, err := s.meetCart(w, r, e); err != nil {
		s.log.WarnContext(r.Context(), "a cart was not kept with its account", "error", err)
	}
	tell(w, news{word: newsAccount})
	seeOther(w, page.PathSecurity)
}

// mailed takes a mailed code: it reads the form, counts the try, carries fn out
// and shows the page again when the code was wrong. ok is false when an answer
// was given.
func (s *Shop) mailed(w http.ResponseWriter, r *http.Request, cookie, start string, road abuse.Act, fn func(t, code string) error, again func([]fault.Problem) page.Page) (t string, ok bool) {
	form, err := gate.Form(r)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return "", false
	}
	t, has := ticket(r, cookie)
	if !has {
		seeOther(w, start)
		return "", false
	}
	err = s.proving(r, form, gate.Attempt{Act: road, Who: t[:min(36, len(t))], Factor: "mail"}, func() error { return fn(t, form.Get(page.FieldCode)) })
	if status, problems, late := held(w, err, page.FieldCode); late {
		s.show(w, r, status, again(problems))
		return "", false
	}
	switch {
	case err == nil:
		gate.ClearCookie(w, cookie)
		return t, true
	case fault.Is(err, fault.Invalid):
		s.show(w, r, gate.Status(fault.Invalid), again(fault.Of(err).Problems))
	case fault.Is(err, fault.NotFound):
		gate.ClearCookie(w, cookie)
		tell(w, news{word: newsNewCode})
		seeOther(w, start)
	default:
		s.gate.Refuse(w, r, err)
	}
	return "", false
}

// meter says what is to be said of a password that is being typed. It is asked
// by the page's script; at the end the form says the same.
func (s *Shop) meter(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Weigh)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	w.Header()["Content-Type"] = one(typeText)
	w.Write([]byte(s.cfg.Keeper.Advice(r.Context(), form.Get(page.FieldPassword), form.Get(page.FieldEmail))))
}

// forgotten begins a new password.
func (s *Shop) forgotten(w http.ResponseWriter, r *http.Request) {
	s.showAskMail(w, r, http.StatusOK, forgot, "", nil)
}

// askMail is a page that mails a code to whoever names a mailbox.
type askMail struct{ path, title, says, button string }

var (
	forgot = askMail{page.PathForgotten, "Forgotten password?", "Give the e-mail of your account. We mail you a code, and then you choose a new password. Your second step is asked as ever.", "Mail me a code"}
	know   = askMail{page.PathKnow, "Make this browser known", "Strangers try many passwords for this account, so browsers we don’t know have to wait. A code from your mailbox makes this one known, and then only your own tries count.", "Mail me a code"}
)

func (s *Shop) showAskMail(w http.ResponseWriter, r *http.Request, status int, a askMail, email string, problems []fault.Problem) {
	d := page.Desk{Layout: s.layout(r), Title: a.title, Says: []string{a.says}, Problems: problems,
		Sections: []page.Section{{Forms: []page.Form{{Action: a.path, Inputs: []page.Input{page.EmailInput(email, problems, "username")}, Button: a.button}}}},
		Links:    []page.Link{{Text: "Sign in", URL: page.PathSignIn}}}
	d.Flash = s.flash(w, r)
	s.show(w, r, status, s.guarded(r, abuse.Reset, d))
}

func (s *Shop) mailCode(w http.ResponseWriter, r *http.Request, a askMail, cookie, to string, ask func(email string) (string, error)) {
	wait := paced(r)
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Reset)
	}
	if err == nil {
		err = s.worked(r, form, abuse.Reset)
	}
	var t string
	if err == nil {
		t, err = ask(form.Get(page.FieldEmail))
	}
	wait()
	if status, problems, again := held(w, err, page.FieldEmail); again {
		s.showAskMail(w, r, status, a, form.Get(page.FieldEmail), problems)
		return
	}
	switch {
	case fault.Is(err, fault.Invalid):
		s.showAskMail(w, r, gate.Status(fault.Invalid), a, form.Get(page.FieldEmail), fault.Of(err).Problems)
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		gate.SetCookie(w, cookie, t, challenge.Life)
		seeOther(w, to)
	}
}

func (s *Shop) askForgotten(w http.ResponseWriter, r *http.Request) {
	s.mailCode(w, r, forgot, resetCookie, page.PathForgotCode, func(email string) (string, error) { return s.cfg.Keeper.AskReset(r.Context(), email, Visitor(r)) })
}

const onItsWay = "If there is an account with this e-mail, a code is on its way to it."

func (s *Shop) forgotCode(w http.ResponseWriter, r *http.Request) {
	if _, has := ticket(r, resetCookie); !has {
		seeOther(w, page.PathForgotten)
		return
	}
	s.show(w, r, http.StatusOK, s.guarded(r, abuse.Reset, s.codeDesk(r, "Type the code", onItsWay, page.PathForgotCode, page.PathForgotten, nil, nil)))
}

func (s *Shop) answerForgot(w http.ResponseWriter, r *http.Request) {
	pass := ""
	_, ok := s.mailed(w, r, resetCookie, page.PathForgotten, abuse.Reset, func(t, code string) (err error) {
		pass, err = s.cfg.Keeper.AnswerReset(r.Context(), t, code)
		return err
	}, func(problems []fault.Problem) page.Page {
		return s.guarded(r, abuse.Reset, s.codeDesk(r, "Type the code", onItsWay, page.PathForgotCode, page.PathForgotten, nil, problems))
	})
	if ok {
		gate.SetCookie(w, passCookie, pass, challenge.Life)
		seeOther(w, page.PathForgotNew)
	}
}

// forgotNew asks for the new password.
func (s *Shop) forgotNew(w http.ResponseWriter, r *http.Request) {
	s.showForgotNew(w, r, http.StatusOK, nil)
}

func (s *Shop) showForgotNew(w http.ResponseWriter, r *http.Request, status int, problems []fault.Problem) {
	if _, has := ticket(r, passCookie); !has {
		seeOther(w, page.PathForgotten)
		return
	}
	pass := page.PasswordInput("New password", passwordHint, true, problems)
	pass.Meter = page.PathMeter
	s.show(w, r, status, page.Desk{Layout: s.layout(r), Title: "Choose a new password", Problems: problems, Says: []string{"Everybody who is signed in to your account is signed out."},
		Sections: []page.Section{{Forms: []page.Form{{Action: page.PathForgotNew, Inputs: []page.Input{pass}, Button: "Set the new password"}}}}})
}

func (s *Shop) setForgotten(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	pass, has := ticket(r, passCookie)
	if err == nil && !has {
		seeOther(w, page.PathForgotten)
		return
	}
	if err == nil {
		err = s.gate.Begin(r, abuse.NewPassword)
	}
	if err == nil {
		err = s.cfg.Keeper.SetPassword(r.Context(), pass, form.Get(page.FieldPassword), Visitor(r))
	}
	switch {
	case fault.Is(err, fault.Invalid):
		s.showForgotNew(w, r, gate.Status(fault.Invalid), fault.Of(err).Problems)
	case fault.Is(err, fault.NotFound):
		gate.ClearCookie(w, passCookie)
		tell(w, news{word: newsNewCode})
		seeOther(w, page.PathForgotten)
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		gate.ClearCookie(w, passCookie)
		tell(w, news{word: newsPassword})
		seeOther(w, page.PathSignIn)
	}
}

// know makes this browser known to an account that strangers try to get into.
func (s *Shop) knowForm(w http.ResponseWriter, r *http.Request) {
	s.showAskMail(w, r, http.StatusOK, know, "", nil)
}

func (s *Shop) askKnow(w http.ResponseWriter, r *http.Request) {
	s.mailCode(w, r, know, knowCookie, page.PathKnowCode, func(email string) (string, error) { return s.cfg.Keeper.AskDevice(r.Context(), email) })
}

func (s *Shop) knowCode(w http.ResponseWriter, r *http.Request) {
	if _, has := ticket(r, knowCookie); !has {
		seeOther(w, page.PathKnow)
		return
	}
	s.show(w, r, http.StatusOK, s.codeDesk(r, "Type the code", onItsWay, page.PathKnowCode, page.PathKnow, nil, nil))
}

func (s *Shop) answerKnow(w http.ResponseWriter, r *http.Request) {
	device := ""
	_, ok := s.mailed(w, r, knowCookie, page.PathKnow, abuse.LookUp, func(t, code string) (err error) {
		device, err = s.cfg.Keeper.AnswerDevice(r.Context(), t, code, Visitor(r))
		return err
	}, func(problems []fault.Problem) page.Page {
		return s.codeDesk(r, "Type the code", onItsWay, page.PathKnowCode, page.PathKnow, nil, problems)
	})
	if ok {
		gate.SetCookie(w, gate.DeviceCookie, device, keepDevice)
		tell(w, news{word: newsKnown})
		seeOther(w, page.PathSignIn)
	}
}

package storefront

import (
	"encoding/json"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// messages is the message centre: what the shop wrote, so that a forged letter
// can be told from a true one.
func (s *Shop) messages(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Keeper.Messages(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathMessages, "What we wrote to you")
	d.Says = []string{"A letter about your account that does not stand here did not come from us."}
	all := page.Section{Empty: "We have not written to you about your account."}
	for _, l := range list {
		how := "by e-mail"
		switch {
		case l.Channel == string(message.SMS):
			how = "by text to your phone"
		case l.ToChange != "":
			how = "by e-mail, to the address before"
		}
		if l.SentAt.IsZero() {
			how += ", not sent yet"
		}
		row := page.Row{Text: message.Subject(message.NoticeKind(l.Kind)), Small: []string{s.when(r, l.At) + ", " + how}}
		if l.Agent != "" {
			row.Small = append(row.Small, "It came from "+l.Agent)
		}
		all.Rows = append(all.Rows, row)
	}
	d.Sections = []page.Section{all}
	s.show(w, r, http.StatusOK, d)
}

// actWords say what happened in plain words.
var actWords = map[string]string{
	"account.made": "Your account was made", "account.named": "What we call you was changed", "address.saved": "An address was saved", "address.removed": "An address was removed",
	"cards.kept": "A payment service began to keep a card for you", "cards.used": "A kept card was chosen to pay an order", "cards.forget": "A payment service was to forget what it keeps for you",
	"cards.forgotten": "A payment service has forgotten it", "cards.unforgotten": "Nobody could tell a payment service any more what to forget",
	"change.undone": "A change was taken back", "device.forgotten": "A browser was forgotten", "device.known": "A browser became known",
	"email.changed": "Your account got another e-mail", "factor.added": "A way to sign in was added", "factor.removed": "A way to sign in was removed",
	"passkey.copied": "A passkey was refused, because it seemed to be a copy", "password.changed": "Your password was changed",
	"recovery.begun": "Somebody began to replace your second step", "recovery.done": "Your second step was replaced",
	"recovery.made": "New recovery codes were saved", "recovery.used": "A recovery code was used", "reset.begun": "Somebody asked for a new password",
	"signin.done": "Signed in", "signin.ended": "Signed out", "stepup.done": "You showed again that it was you",
	"subject.linked": "An order came to your account", "text.withheld": "A text was not sent, because there were too many",
}

// howWords say by what.
var howWords = map[string]string{
	"password": "with the password", "passkey": "with a passkey", "totp": "with the authenticator app", "sms": "with a text", "recovery": "with a recovery code",
	"all": "everywhere else", "one": "on another browser", "mailbox": "found by its e-mail", "signed-in": "ordered while signed in",
	"email": "the e-mail", "factor": "a way to sign in", "lost": "the lost second step",
}

// activity tells what happened in an account.
func (s *Shop) activity(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Keeper.Acts(r.Context(), s.who(r).Account)
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	d := s.accountDesk(w, r, page.PathActivity, "What happened in your account")
	d.Says = []string{"The last 90 days, the newest first. If something was not you, set a new password and end all other sign-ins."}
	all := page.Section{Empty: "Nothing has happened yet."}
	for _, a := range list {
		text, known := actWords[a.Action]
		if !known {
			text = "Something in your account was changed"
		}
		var detail struct {
			How string `json:"how"`
		}
		if json.Unmarshal([]byte(a.Detail), &detail) == nil && howWords[detail.How] != "" {
			text += ", " + howWords[detail.How]
		}
		all.Rows = append(all.Rows, page.Row{Text: text, Small: []string{s.when(r, a.At)}})
	}
	all.Links = []page.Link{{Text: "Go to Security", URL: page.PathSecurity}}
	d.Sections = []page.Section{all}
	s.show(w, r, http.StatusOK, d)
}

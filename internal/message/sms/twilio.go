package sms

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/cartkeep/cartkeep/internal/message"
)

// TwilioConfig is an account of Twilio.
type TwilioConfig struct {
	Account string // AC…
	Key     string // SK…, an API key, which can be withdrawn by itself; "" uses the account
	Secret  string // the secret of the key, or else the account's auth token
	From    string // a number in E.164, a name, or a messaging service MG…

	origin string // another one in tests
	trust  *tls.Config
	open   func(netip.Addr) bool
}

// Twilio sends by Twilio's Messages API. The API knows no key for repeats: when
// it is slow to answer, a repeated text may arrive twice.
type Twilio struct {
	cfg    TwilioConfig
	client *http.Client
}

var (
	twilioAccount = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	twilioKey     = regexp.MustCompile(`^SK[0-9a-f]{32}$`)
	twilioService = regexp.MustCompile(`^MG[0-9a-f]{32}$`)
	twilioFrom    = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{2,11})$`)
	twilioMessage = regexp.MustCompile(`^(SM|MM)[0-9a-f]{32}$`)
)

// NewTwilio checks a configuration.
func NewTwilio(c TwilioConfig) (*Twilio, error) {
	var bad []error
	if !twilioAccount.MatchString(c.Account) {
		bad = append(bad, errors.New("the account of Twilio begins with AC and has 34 characters"))
	}
	if c.Key != "" && !twilioKey.MatchString(c.Key) {
		bad = append(bad, errors.New("an API key of Twilio begins with SK and has 34 characters"))
	}
	if c.Secret == "" || strings.ContainsAny(c.Secret, " \r\n\t") {
		bad = append(bad, errors.New("Twilio needs the secret of the key, or the account's token"))
	}
	if !twilioService.MatchString(c.From) && !twilioFrom.MatchString(c.From) {
		bad = append(bad, errors.New("texts come from a number like +49…, a name of 11 letters, or a messaging service MG…"))
	}
	if c.origin == "" {
		c.origin, c.open = "https://api.twilio.com", isPublic
	}
	return &Twilio{cfg: c, client: newClient(c.trust, c.open)}, errors.Join(bad...)
}

// String names the sender.
func (t *Twilio) String() string { return "twilio" }

// Send implements message.Sender.
func (t *Twilio) Send(ctx context.Context, m message.Message) error {
	if err := fit("twilio", m); err != nil {
		return err
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if twilioService.MatchString(t.cfg.From) {
		form.Set("MessagingServiceSid", t.cfg.From)
	} else {
		form.Set("From", t.cfg.From)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.cfg.origin+"/2010-04-01/Accounts/"+t.cfg.Account+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		return &message.Failure{Sender: "twilio", Why: message.Unfit}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	user := t.cfg.Account
	if t.cfg.Key != "" {
		user = t.cfg.Key
	}
	r.SetBasicAuth(user, t.cfg.Secret)
	status, body, err := call(t.client, "twilio", r)
	if err != nil {
		return err
	}
	return twilioAnswer(status, body)
}

// twilioAnswer reads what the API says: 201 and a message's id, or an error
// with a number of its own.
func twilioAnswer(status int, body []byte) error {
	var a struct {
		SID    string `json:"sid"`
		Status string `json:"status"`
		Error  *int   `json:"error_code"`
		Code   int    `json:"code"`
	}
	readable := json.Unmarshal(body, &a) == nil
	if status == http.StatusCreated {
		if !readable || !twilioMessage.MatchString(a.SID) {
			return &message.Failure{Sender: "twilio", Why: message.Odd, Code: status}
		}
		switch a.Status {
		case "accepted", "scheduled", "queued", "sending", "sent", "delivered":
			if a.Error == nil {
				return nil
			}
		case "failed", "undelivered":
		default:
			return &message.Failure{Sender: "twilio", Why: message.Odd, Code: status}
		}
		if a.Error != nil {
			a.Code = *a.Error
		}
		return &message.Failure{Sender: "twilio", Why: twilioWhy(a.Code), Code: a.Code}
	}
	if readable && status == http.StatusBadRequest && a.Code > 0 {
		return &message.Failure{Sender: "twilio", Why: twilioWhy(a.Code), Code: a.Code}
	}
	return graded("twilio", status)
}

// twilioWhy grades Twilio's own numbers (its "Error and Warning Dictionary").
// What is not known to be about the number is taken to be about the account.
func twilioWhy(code int) message.Why {
	switch code {
	case 21211, 21214, 21217, 21265, // no number, or one that cannot be reached
		21610,        // whoever has it asked not to be written to
		21614,        // no mobile number
		21617, 21619, // too long, or without a text
		30003, 30004, 30005, 30006: // handset, blocked, unknown, landline
		return message.Refused
	case 20429, 14107, 30001, 30022, 30008:
		return message.Busy
	}
	return message.NotLetIn
}

package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/message/sms"
	"github.com/cartkeep/cartkeep/internal/message/smtp"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Mailing are the settings of whoever carries letters and texts.
type Mailing struct {
	SMTP               string `help:"The mail server that takes the shop's letters: smtps://HOST:465 is encrypted from the first byte, smtp://HOST:587 by STARTTLS. There is no way without encryption." name:"smtp" placeholder:"URL" group:"Letters and texts"`
	SMTPUser           string `help:"The shop's name there." name:"smtp-user" placeholder:"NAME" group:"Letters and texts"`
	SMTPPassword       string `help:"Its password." name:"smtp-password" secret:"yes" placeholder:"TEXT" group:"Letters and texts"`
	SMTPSecond         string `help:"A second mail server, for when the first fails." name:"smtp-second" placeholder:"URL" group:"Letters and texts"`
	SMTPSecondUser     string `help:"The shop's name at the second." name:"smtp-second-user" placeholder:"NAME" group:"Letters and texts"`
	SMTPSecondPassword string `help:"Its password there." name:"smtp-second-password" secret:"yes" placeholder:"TEXT" group:"Letters and texts"`
	MailFrom           string `help:"The address that letters come from. Needed with smtp." placeholder:"MAIL" group:"Letters and texts"`
	DKIMDomain         string `help:"Signs letters for this domain, when the mail server does not: that of mail-from, or one above it." name:"dkim-domain" placeholder:"NAME" group:"Letters and texts"`
	DKIMSelector       string `help:"The public key stands in DNS as SELECTOR._domainkey.DOMAIN." name:"dkim-selector" placeholder:"NAME" group:"Letters and texts"`
	DKIMKey            string `help:"The file with the private key, PEM: RSA of 2048 bits or more, or Ed25519." name:"dkim-key" type:"path" placeholder:"FILE" group:"Letters and texts"`
	SMS                string `help:"Who sends texts: twilio, or the https:// address of a service that takes signed calls." name:"sms" placeholder:"WHO" group:"Letters and texts"`
	SMSSecret          string `help:"What calls to that service are signed with: whsec_ and 24 to 64 bytes in base64." name:"sms-secret" secret:"yes" placeholder:"TEXT" group:"Letters and texts"`
	SMSSecond          string `help:"Who sends texts when the first fails." name:"sms-second" placeholder:"WHO" group:"Letters and texts"`
	SMSSecondSecret    string `help:"What calls to the second are signed with." name:"sms-second-secret" secret:"yes" placeholder:"TEXT" group:"Letters and texts"`
	SMSPrivate         bool   `help:"The service that takes signed calls may be on a private address of your own network." name:"sms-private" group:"Letters and texts"`
	SMSCountries       string `help:"Countries whose mobile numbers get texts, ISO 3166-1. Default: the shop's own, and those that a zone of delivery names." name:"sms-countries" placeholder:"CODE,…" group:"Letters and texts"`
	TwilioAccount      string `help:"The account at Twilio, AC…" placeholder:"ID" group:"Letters and texts"`
	TwilioKey          string `help:"An API key of it, SK…; without one the account's token is used." placeholder:"ID" group:"Letters and texts"`
	TwilioSecret       string `help:"The secret of the key, or the account's token." secret:"yes" placeholder:"TEXT" group:"Letters and texts"`
	TwilioFrom         string `help:"What texts come from: a number, a name of at most 11 letters, or a messaging service MG…" placeholder:"NUMBER" group:"Letters and texts"`

	roots *x509.CertPool // whom the mail server's certificate comes from, in tests
}

// carrier is one sender, with the channel it serves.
type carrier struct {
	channel message.Channel
	name    string
	sender  message.Sender
}

// carriers makes the senders that are set up, in the order they are tried, and
// says everything that is wrong with their settings. Nothing is connected.
func (m *Mailing) carriers(shopName, domain string) (out []carrier, err error) {
	bad := &problems{}
	signing := m.dkim(bad)
	for _, s := range []struct{ setting, url, user, password string }{{"smtp", m.SMTP, m.SMTPUser, m.SMTPPassword}, {"smtp-second", m.SMTPSecond, m.SMTPSecondUser, m.SMTPSecondPassword}} {
		if s.url == "" {
			bad.when(s.user != "" || s.password != "", s.setting, "a user or password is given, and no server")
			continue
		}
		host, port, implicit, err := mailServer(s.url)
		if err != nil {
			bad.add(s.setting, err)
			continue
		}
		sender, err := smtp.New(smtp.Config{Host: host, Port: port, Implicit: implicit, User: s.user, Password: s.password, From: m.MailFrom, Name: shopName, Domain: domain, DKIM: signing, Roots: m.roots})
		bad.add(s.setting, err)
		out = append(out, carrier{message.Email, sender.String(), sender})
	}
	bad.when(m.SMTP == "" && (m.SMTPSecond != "" || m.MailFrom != "" || signing != nil), "smtp", "mail is set up, and no first server named")
	bad.when(m.SMTP != "" && m.MailFrom == "", "mail-from", "give the address that letters come from")
	for _, s := range []struct{ setting, who, secret string }{{"sms", m.SMS, m.SMSSecret}, {"sms-second", m.SMSSecond, m.SMSSecondSecret}} {
		switch {
		case s.who == "":
			bad.when(s.secret != "", s.setting, "a secret is given, and nobody to call")
		case s.who == "twilio":
			sender, err := sms.NewTwilio(sms.TwilioConfig{Account: m.TwilioAccount, Key: m.TwilioKey, Secret: m.TwilioSecret, From: m.TwilioFrom})
			bad.add(s.setting, err)
			out = append(out, carrier{message.SMS, sender.String(), sender})
		default:
			sender, err := sms.NewWebhook(sms.WebhookConfig{URL: s.who, Secret: s.secret, Private: m.SMSPrivate})
			bad.add(s.setting, err)
			out = append(out, carrier{message.SMS, sender.String(), sender})
		}
	}
	bad.when(m.SMS == "" && m.SMSSecond != "", "sms", "a second sender of texts is named, and no first")
	bad.when(m.SMS != "" && m.SMS == m.SMSSecond, "sms-second", "it is the same as the first")
	bad.when(m.SMTP != "" && m.SMTP == m.SMTPSecond, "smtp-second", "it is the same as the first")
	for _, c := range m.named() {
		if _, ok := contact.CountryOf(c); !ok {
			bad.add("sms-countries", fmt.Errorf("%q is no ISO 3166-1 code", c))
		}
	}
	return out, errors.Join(bad.list...)
}

// problems gathers what is wrong, each with its setting.
type problems struct{ list []error }

func (p *problems) add(setting string, err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			p.add(setting, one)
		}
		return
	}
	if err != nil {
		p.list = append(p.list, fmt.Errorf("%s: %w", setting, err))
	}
}

func (p *problems) when(wrong bool, setting, text string) {
	if wrong {
		p.add(setting, errors.New(text))
	}
}

// dkim reads the key for signing; nil without one.
func (m *Mailing) dkim(bad *problems) *smtp.DKIM {
	if m.DKIMDomain == "" && m.DKIMSelector == "" && m.DKIMKey == "" {
		return nil
	}
	if m.DKIMDomain == "" || m.DKIMSelector == "" || m.DKIMKey == "" {
		bad.add("dkim-domain", errors.New("signing needs dkim-domain, dkim-selector and dkim-key together"))
		return nil
	}
	key, err := smtp.ReadKey(m.DKIMKey)
	if err != nil {
		bad.add("dkim-key", err)
		return nil
	}
	return &smtp.DKIM{Domain: m.DKIMDomain, Selector: m.DKIMSelector, Key: key}
}

// mailServer reads smtp://HOST:PORT or smtps://HOST:PORT. A user in it is
// refused, and not repeated: a password would be beside it.
func mailServer(text string) (host string, port int, implicit bool, err error) {
	wrong := errors.New("name the mail server as smtps://HOST:465 or smtp://HOST:587, and its user and password apart")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" {
		return "", 0, false, wrong
	}
	implicit = u.Scheme == "smtps"
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), map[bool]string{true: "465", false: "587"}[implicit])
	}
	if port, err = strconv.Atoi(u.Port()); err != nil {
		return "", 0, false, wrong
	}
	return u.Hostname(), port, implicit, nil
}

// countries lists where texts may go: where the setting says, else to the shop's
// own country and those that a zone of delivery names.
func (m *Mailing) countries(shop store.Settings) []string {
	if list := m.named(); len(list) > 0 {
		return list
	}
	list := []string{shop.Home}
	for _, z := range shop.Shipping.Zones {
		list = append(list, z.Countries...)
	}
	return list
}

// named is the setting as a list.
func (m *Mailing) named() []string {
	return strings.FieldsFunc(strings.ToUpper(m.SMSCountries), func(c rune) bool { return c == ',' || c == ' ' })
}

// channels puts the senders of each channel in their order.
func channels(list []carrier, countries []string, counted func(carrier) message.Sender) message.Channels {
	out := message.Channels{}
	for _, c := range []message.Channel{message.Email, message.SMS} {
		var of []message.Sender
		for _, one := range list {
			if one.channel != c {
				continue
			}
			if c == message.SMS {
				one.sender = sms.Only(one.sender, countries)
			}
			of = append(of, counted(one))
		}
		if len(of) > 0 {
			out[c] = message.InOrder(of...)
		}
	}
	return out
}

type outboxTestCmd struct {
	To string `help:"Where the test goes: an e-mail address or a number like +49…; - reads it from standard input, which no list of processes shows." required:"" placeholder:"WHERE"`
}

// Run sends a test through each sender of the channel that the address belongs
// to and says which of them took it. It needs no shop.
func (c outboxTestCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.To == "-" {
		b, err := io.ReadAll(io.LimitReader(p.In, 1024))
		if err != nil {
			return err
		}
		c.To = strings.TrimSpace(string(b))
	}
	m, err := testMessage(c.To)
	if err != nil {
		return misused("outbox test: give an e-mail address, or a number that begins with a plus")
	}
	domain := "localhost"
	if len(set.Domain) > 0 {
		domain = set.Domain[0]
	}
	list, err := set.carriers("Cartkeep", domain)
	if err != nil {
		return misuseError{err}
	}
	list = slices.DeleteFunc(list, func(one carrier) bool { return one.channel != m.Channel })
	if len(list) == 0 {
		return misused("outbox test: nothing is set up that sends this way; see --smtp and --sms")
	}
	failed := false
	for i, one := range list {
		m.ID = fmt.Sprintf("%s-%d", store.NewID(), i+1)
		if err := one.sender.Send(ctx, m); err != nil {
			failed = true
			fmt.Fprintf(p.Out, "%s: %s\n", one.name, plainly(err))
			continue
		}
		fmt.Fprintf(p.Out, "%s: took it\n", one.name)
	}
	if failed {
		return statusError(1)
	}
	return nil
}

// plainly tells the operator what to look at.
func plainly(err error) string {
	f, ok := errors.AsType[*message.Failure](err)
	if !ok {
		return "it failed"
	}
	text := map[message.Why]string{
		message.Unreachable: "nobody answers there, or the connection breaks: check name and port",
		message.Slow:        "no answer in time: check name and port, and what stands between",
		message.Unsafe:      "no encryption, or the certificate of somebody else: nothing was said",
		message.NotLetIn:    "it refuses the shop: check user, password and the address or number it sends from",
		message.Busy:        "it asks to come back later",
		message.Odd:         "its answer is not the documented one",
		message.Refused:     "it refuses to send to this address",
		message.Unfit:       "this could not be sent as it is",
	}[f.Why]
	if f.Code != 0 {
		text += fmt.Sprintf(" (%d)", f.Code)
	}
	return text
}

// testMessage says nothing but that it is a test.
func testMessage(to string) (message.Message, error) {
	const text = "This is a test of the shop's settings. If you did not expect it, you can ignore it.\n"
	if strings.HasPrefix(to, "+") {
		p, err := contact.ParsePhone(to, "")
		return message.Message{Channel: message.SMS, To: p.Reveal(), Text: strings.TrimSpace(text)}, err
	}
	e, err := contact.ParseEmail(to)
	return message.Message{Channel: message.Email, To: e.Reveal(), Subject: "A test of the shop's letters", Text: text}, err
}

// wireSenders makes what carries the letters and texts of this shop. The demo
// has its outbox for both.
func (s *server) wireSenders(shop store.Settings) (message.Channels, error) {
	if s.demo {
		return nil, nil
	}
	list, err := s.settings.carriers(shop.ShopName, s.settings.Domain[0])
	if err != nil {
		return nil, err
	}
	s.parties = parties(list)
	return channels(list, s.settings.countries(shop), s.figures.counting), nil
}

// parties names those who carry letters and texts by their hosts, without ports
// and what is secret of an address.
func parties(list []carrier) personal.Parties {
	to := map[message.Channel]personal.Recipient{message.Email: personal.MailProvider, message.SMS: personal.SMSProvider}
	out := personal.Parties{}
	for _, c := range list {
		kind, host, has := strings.Cut(c.name, " ")
		if bare, _, err := net.SplitHostPort(host); err == nil {
			host = bare
		}
		if !has {
			host = strings.ToUpper(kind[:1]) + kind[1:]
		}
		if who := to[c.channel]; !slices.Contains(out[who], host) {
			out[who] = append(out[who], host)
		}
	}
	return out
}

// counting counts what comes of each message. Its labels are kinds alone.
func (f *figures) counting(c carrier) message.Sender {
	kind, _, _ := strings.Cut(c.name, " ")
	return senderFunc(func(ctx context.Context, l message.Message) error {
		err := c.sender.Send(ctx, l)
		result := "sent"
		if err != nil {
			result = "failed"
			if failure, ok := errors.AsType[*message.Failure](err); ok {
				result = failure.Kind()
			}
		}
		f.message(c.channel, kind, result, err == nil || message.Lasting(err))
		return err
	})
}

type senderFunc func(context.Context, message.Message) error

// Send implements message.Sender.
func (f senderFunc) Send(ctx context.Context, m message.Message) error { return f(ctx, m) }

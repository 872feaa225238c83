// Package smtp hands mail to a mail server.
//
// The connection is encrypted and the server's certificate checked before
// anything is said: by STARTTLS, which must be offered, or from the first byte.
// There is no setting for less. Each letter has a connection of its own, which
// costs some tenths of a second that nobody waits for, and leaves nothing half
// said when a server closes.
//
// SMTP can't tell a repeated letter from a new one. When a server takes a letter
// and the connection breaks before it says so, the letter is sent again; it then
// has the same Message-ID, by which mail programs show it once.
package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"
	"golang.org/x/net/idna"

	"github.com/cartkeep/cartkeep/internal/message"
)

// Config is where and how mail is handed over.
type Config struct {
	Host string // as in the server's certificate
	Port int
	// Implicit is TLS from the first byte (usually port 465); else STARTTLS.
	Implicit bool
	// User and Password are given after encryption has begun; both "" for a
	// server that knows us otherwise.
	User, Password string
	// From is the address letters come from; Name is shown before it.
	From, Name string
	// Domain is the shop's: it greets the server with it and ends Message-IDs with it.
	Domain string
	// DKIM signs letters, when the mail server does not.
	DKIM *DKIM
	// Timeout bounds one letter; 0 is message.Each.
	Timeout time.Duration
	// Roots are whom a certificate must come from; nil is the system's.
	Roots *x509.CertPool

	now func() time.Time
}

// Sender sends mail. It may be used by many at once.
type Sender struct {
	cfg  Config
	from *mail.Address
}

// New checks a configuration. Nothing is connected yet.
func New(c Config) (*Sender, error) {
	var bad []error
	if c.Host == "" || strings.ContainsFunc(c.Host, unfit) || c.Port < 1 || c.Port > 65535 {
		bad = append(bad, errors.New("name the mail server and its port, HOST:PORT"))
	}
	if (c.User == "") != (c.Password == "") {
		bad = append(bad, errors.New("a user of the mail server needs a password, and a password a user"))
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil || from.Address != c.From || !hasDomain(c.From) {
		bad = append(bad, errors.New("the address that letters come from is none"))
		from = &mail.Address{}
	}
	if strings.ContainsFunc(c.Name, unicode.IsControl) || c.Domain == "" || strings.ContainsFunc(c.Domain, unfit) {
		bad = append(bad, errors.New("the shop's name or domain cannot stand in a letter"))
	}
	from.Name = c.Name
	if d := c.DKIM; d != nil {
		bad = append(bad, d.check(c.From))
	}
	if c.Timeout == 0 {
		c.Timeout = message.Each
	}
	if c.now == nil {
		c.now = time.Now
	}
	return &Sender{cfg: c, from: from}, errors.Join(bad...)
}

// String names the sender.
func (s *Sender) String() string {
	return "smtp " + net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
}

// Send implements message.Sender.
func (s *Sender) Send(ctx context.Context, m message.Message) error {
	to, letter, err := s.letter(m)
	if err != nil {
		return failure(message.Unfit, 0)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, dialled, err := s.client(ctx, isASCII(to))
	if err != nil {
		return failure(message.Unfit, 0)
	}
	defer dialled.close()
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return dialFailure(ctx, err)
	}
	if err := conn.Mail("<" + s.cfg.From + ">"); err != nil {
		return sendFailure(ctx, err, message.NotLetIn)
	}
	if err := conn.Rcpt("<" + to + ">"); err != nil {
		return sendFailure(ctx, err, message.Refused)
	}
	if err := data(conn, letter); err != nil {
		return sendFailure(ctx, err, message.Refused)
	}
	dialled.leave()
	_ = conn.Quit() // a farewell; the letter is theirs
	return nil
}

// data hands the letter itself over. It is theirs once they say so.
func data(conn *gosmtp.Client, letter []byte) error {
	w, err := conn.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	return w.Close()
}

// letter puts a message into the form of RFC 5322: the plain text, then HTML.
func (s *Sender) letter(m message.Message) (to string, letter []byte, err error) {
	address, ok := mailbox(m.To)
	if !ok || m.Channel != message.Email || !plainID(m.ID) || m.Subject == "" || strings.ContainsFunc(m.Subject, unicode.IsControl) || m.Text == "" ||
		!utf8.ValidString(m.Subject) {
		return "", nil, errors.New("smtp: this is no letter")
	}
	l := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	l.FromMailAddress(s.from)
	l.ToMailAddress(address)
	l.Subject(m.Subject)
	l.SetDateWithValue(s.cfg.now())
	l.SetMessageIDWithValue(m.ID + "@" + s.cfg.Domain)
	l.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence answers it
	l.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		l.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	var plain bytes.Buffer
	if _, err := l.WriteTo(&plain); err != nil {
		return "", nil, err
	}
	letter, err = s.cfg.DKIM.sign(plain.Bytes())
	return address.Address, letter, err
}

// connection is the one of a letter.
type connection struct {
	net.Conn
	stop func() bool
}

func (c *connection) close() {
	if c.Conn != nil {
		c.stop()
		c.Conn.Close()
	}
}

// leave bounds the farewell.
func (c *connection) leave() { _ = c.SetDeadline(time.Now().Add(time.Second)) }

// client makes what speaks SMTP for one letter.
func (s *Sender) client(whole context.Context, ascii bool) (*gomail.Client, *connection, error) {
	c := s.cfg
	secure := &tls.Config{ServerName: c.Host, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	kept := &connection{}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := (&net.Dialer{Timeout: c.Timeout / 2}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		// The library sets deadlines of its own; a closed connection ends them all.
		kept.Conn, kept.stop = raw, context.AfterFunc(whole, func() { raw.Close() })
		if !c.Implicit {
			return raw, nil
		}
		safe := tls.Client(raw, secure)
		return safe, safe.HandshakeContext(ctx)
	}
	options := []gomail.Option{gomail.WithPort(c.Port), gomail.WithHELO(c.Domain), gomail.WithTimeout(c.Timeout), gomail.WithTLSConfig(secure),
		gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithDialContextFunc(dial)}
	if c.Implicit {
		options = append(options, gomail.WithSSL())
	}
	if ascii {
		options = append(options, gomail.WithoutSMTPUTF8()) // asked for, the next server would have to know it too
	}
	if c.User != "" {
		options = append(options, gomail.WithUsername(c.User), gomail.WithPassword(c.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(c.Host, options...)
	return client, kept, err
}

func failure(why message.Why, code int) error {
	return &message.Failure{Sender: "smtp", Why: why, Code: code}
}

// dialFailure grades what went wrong before the letter was begun. None of it is
// the letter's fault.
func dialFailure(ctx context.Context, err error) error {
	var answer *textproto.Error
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case slow(ctx, err):
		return failure(message.Slow, 0)
	case errors.As(err, &cert), errors.As(err, &record), strings.HasPrefix(err.Error(), "STARTTLS mode"):
		return failure(message.Unsafe, 0)
	case errors.As(err, &answer) && answer.Code >= 400 && answer.Code < 500:
		return failure(message.Busy, answer.Code)
	case errors.As(err, &answer) && answer.Code >= 500 && answer.Code < 600:
		return failure(message.NotLetIn, answer.Code)
	case errors.As(err, &answer):
		return failure(message.Odd, answer.Code)
	case strings.Contains(err.Error(), "AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return failure(message.NotLetIn, 0)
	}
	return failure(message.Unreachable, 0)
}

// sendFailure grades the answer to a letter. refused is what a lasting refusal
// means at this step: a server that refuses whom a letter is for, or what it
// says, will do so again; one that refuses whom it is from, or that hands
// nothing on for us (RFC 3463, X.7), has something against the shop.
func sendFailure(ctx context.Context, err error, refused message.Why) error {
	var answer *textproto.Error
	switch {
	case slow(ctx, err):
		return failure(message.Slow, 0)
	case !errors.As(err, &answer):
		return failure(message.Unreachable, 0)
	case answer.Code >= 500 && answer.Code < 600 && strings.HasPrefix(answer.Msg, "5.7."):
		return failure(message.NotLetIn, answer.Code)
	case answer.Code >= 500 && answer.Code < 600:
		return failure(refused, answer.Code)
	case answer.Code >= 400 && answer.Code < 500:
		return failure(message.Busy, answer.Code)
	}
	return failure(message.Odd, answer.Code)
}

func slow(ctx context.Context, err error) bool {
	var net net.Error
	return ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &net) && net.Timeout()
}

// mailbox reads an address that is nothing but one, with its domain as mail
// servers know it.
func mailbox(s string) (*mail.Address, bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || strings.ContainsFunc(s, unfit) || strings.ContainsAny(s, "<>,;:\"()[]\\") || !utf8.ValidString(s) {
		return nil, false
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || !hostName(domain) {
		return nil, false
	}
	return &mail.Address{Address: s[:at] + "@" + domain}, true
}

func hasDomain(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && hostName(address[at+1:])
}

func hostName(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
	})
}

// plainID is an id that may stand in a Message-ID as it is.
func plainID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf })
}

func unfit(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == utf8.RuneError }

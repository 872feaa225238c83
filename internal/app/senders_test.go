package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// post is a mail server that keeps letters, or refuses everybody's.
type post struct {
	mu      sync.Mutex
	to, got []string
	refuse  error
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }

func (p *post) Mail(string, *smtp.MailOptions) error { return nil }
func (p *post) Reset()                               {}
func (p *post) Logout() error                        { return nil }

func (p *post) Rcpt(to string, _ *smtp.RcptOptions) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = append(p.to, to)
	return p.refuse
}

func (p *post) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, string(b))
	return err
}

// postOffice starts one and returns the settings that lead to it.
func postOffice(t *testing.T, p *post) Mailing {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil) // for its certificate
	certs.StartTLS()
	pair, root := certs.TLS.Certificates[0], certs.Certificate()
	certs.Close()
	s := smtp.NewServer(p)
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return Mailing{SMTP: "smtp://127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port), MailFrom: "orders@shop.test", roots: pool}
}

// TestLettersOfOrdersLeaveTheHouse buys something in a shop that is served, with
// a first mail server that is away.
func TestLettersOfOrdersLeaveTheHouse(t *testing.T) {
	shop := shoptest.Open(t, "sqlite")
	office := &post{}
	mailing := postOffice(t, office)
	mailing.SMTP, mailing.SMTPSecond = "smtps://127.0.0.1:1", mailing.SMTP
	s := &server{origin: "https://shop.test", settings: &Settings{Domain: []string{"shop.test"}, Mailing: mailing}, vault: &vault{db: shop.DB}, figures: newFigures(shop.DB)}
	if s.mails() || s.deliverer() != nil {
		t.Error("letters are promised, and nothing is set up")
	}
	facts, err := shop.DB.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.senders, err = s.wireSenders(facts); err != nil {
		t.Fatal(err)
	}
	if !s.mails() {
		t.Error("letters leave, and pages don't say so")
	}
	if _, texts := s.parties[personal.SMSProvider]; texts || !slices.Equal(s.parties[personal.MailProvider], []string{"127.0.0.1"}) {
		t.Errorf("the privacy page names %v", s.parties)
	}
	two := parties([]carrier{{message.SMS, "twilio", nil}, {message.SMS, "webhook sms.example:8443", nil}})
	if !slices.Equal(two[personal.SMSProvider], []string{"Twilio", "sms.example"}) {
		t.Errorf("two senders of texts are named %v", two)
	}
	shop.Desk, err = checkout.New(checkout.Config{Store: shop.DB, Providers: []payment.Provider{shop.Bank}, Origin: s.origin, Writer: s.writer, Deliver: s.deliverer()})
	if err != nil {
		t.Fatal(err)
	}
	bowl := shop.Product(t, "bowl", 2400, shoptest.Counted(5))
	placed, err := shop.Place(shop.Ready(t, bowl.ID, 1), "key-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.Approve(placed); err != nil {
		t.Fatal(err)
	}
	shop.RunAll(t)
	if len(office.got) != 1 || len(office.to) != 1 || office.to[0] != "ada@example.com" {
		t.Fatalf("got %d letters to %v, want the confirmation", len(office.got), office.to)
	}
	head, body, _ := strings.Cut(office.got[0], "\r\n\r\n")
	if !strings.Contains(head, "From: \"Test Shop\" <orders@shop.test>") || !strings.Contains(head, "@shop.test>\r\n") || !strings.Contains(body, "Hello Ada Lovelace") {
		t.Errorf("got %s\n\n%s", head, body)
	}
	w := httptest.NewRecorder()
	s.figures.routes().ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/metrics", nil))
	for _, line := range []string{`final="true",result="sent",sender="smtp"} 1`, `final="false",result="unreachable",sender="smtp"} 1`} {
		if !strings.Contains(w.Body.String(), `cartkeep_messages_total{channel="email",`+line+"\n") {
			t.Errorf("want %s among the figures", line)
		}
	}
	// So do those about accounts. A text has no sender here, and waits.
	to, _ := contact.ParseEmail("ada@example.com")
	writer, err := s.writer()
	if err != nil {
		t.Fatal(err)
	}
	code, err := writer.Notice("n1", message.Notice{Kind: message.SignupCode, To: to, Code: "27182818", Minutes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.accountDeliverer()(t.Context(), "owner", "about", code); err != nil || len(office.got) != 2 || !strings.Contains(office.got[1], "2718 2818") {
		t.Errorf("got %v and %d letters, want the code", err, len(office.got))
	}
	if limits := s.textLimits(facts); !limits.Off {
		t.Error("codes by text are offered, and nobody would send them")
	}
	err = s.deliverer()(t.Context(), "", "", message.Message{ID: "m", Channel: message.SMS, To: "+4915112345678", Text: "x"})
	if f, ok := errors.AsType[*message.Failure](err); !ok || f.Why != message.NoSender || f.Lasting() {
		t.Errorf("got %v", err)
	}
}

// TestTheTestSaysWhoTookIt runs the command against a server that takes, one
// that refuses and one that is not there.
func TestTheTestSaysWhoTookIt(t *testing.T) {
	run := func(set *Settings, to, in string) (string, error) {
		var out bytes.Buffer
		err := outboxTestCmd{To: to}.Run(t.Context(), &Process{In: strings.NewReader(in), Out: &out, Err: &out}, set)
		return out.String(), err
	}
	office := &post{}
	set := &Settings{Mailing: postOffice(t, office)}
	out, err := run(set, "-", "ada@example.com\n")
	if err != nil || !strings.HasSuffix(out, ": took it\n") || len(office.got) != 1 {
		t.Errorf("got %q, %v and %d letters", out, err, len(office.got))
	}
	set.SMTPSecond = "smtps://127.0.0.1:1"
	office.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "ada@example.com?"}
	out, err = run(set, "ada@example.com", "")
	var status statusError
	if !errors.As(err, &status) || status != 1 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "it refuses to send to this address (550)") || !strings.Contains(out, "nobody answers there") {
		t.Errorf("got %q and %v", out, err)
	}
	for _, bad := range []string{"", "nobody", "+4930", "+4915112345678", "https://shop.example"} {
		out, err := run(set, bad, "")
		var misuse misuseError
		if !errors.As(err, &misuse) || strings.Contains(out+err.Error(), "ada@") {
			t.Errorf("to %q: got %q and %v, want it called a misuse", bad, out, err)
		}
	}
}

// TestSettingsOfSendersAreCheckedTogether, and no secret is in what is said.
func TestSettingsOfSendersAreCheckedTogether(t *testing.T) {
	account := "AC" + strings.Repeat("0b", 16)
	for _, row := range []struct {
		m    Mailing
		says []string
	}{
		{Mailing{}, nil},
		{Mailing{SMTP: "smtps://mail.example", MailFrom: "a@shop.example"}, nil},
		{Mailing{SMTP: "smtp://mail.example:587/", SMTPUser: "u", SMTPPassword: "marker", MailFrom: "a@shop.example", SMS: "twilio", TwilioAccount: account, TwilioSecret: "marker", TwilioFrom: "Kestrel", SMSCountries: "de, AT"}, nil},
		{Mailing{SMTP: "smtp://u:marker@mail.example", SMS: "http://gateway.example/marker", SMSSecret: "marker", SMSCountries: "XX"}, []string{"smtp: ", "mail-from: ", "sms: the address", "sms: the secret", "sms-countries: "}},
		{Mailing{SMTP: "mail.example:25"}, []string{"smtp: name the mail server"}},
		{Mailing{SMTP: "smtp://mail.example", SMTPUser: "marker", MailFrom: "marker"}, []string{"smtp: a user", "smtp: the address"}},
		{Mailing{SMTPPassword: "marker"}, []string{"smtp: "}},
		{Mailing{MailFrom: "a@shop.example"}, []string{"smtp: "}},
		{Mailing{SMTP: "smtp://mail.example", SMTPSecond: "smtp://mail.example", MailFrom: "a@shop.example"}, []string{"smtp-second: it is the same"}},
		{Mailing{SMTP: "smtp://mail.example", MailFrom: "a@shop.example", DKIMDomain: "shop.example"}, []string{"dkim-domain: "}},
		{Mailing{SMTP: "smtp://mail.example", MailFrom: "a@shop.example", DKIMDomain: "shop.example", DKIMSelector: "s", DKIMKey: "/nowhere/marker"}, []string{"dkim-key: "}},
		{Mailing{SMS: "twilio"}, []string{"sms: the account of Twilio", "sms: Twilio needs", "sms: texts come from"}},
		{Mailing{SMSSecond: "twilio", TwilioAccount: account, TwilioSecret: "x", TwilioFrom: "Kestrel"}, []string{"sms: a second"}},
		{Mailing{SMSSecret: "marker"}, []string{"sms: a secret"}},
	} {
		_, err := row.m.carriers("Kestrel", "shop.example")
		if (err != nil) != (row.says != nil) {
			t.Errorf("%q: got %v", row.says, err)
			continue
		}
		for _, say := range row.says {
			if !strings.Contains("\n"+err.Error(), "\n"+say) {
				t.Errorf("got %v, want %q", err, say)
			}
		}
		if err != nil && strings.Contains(err.Error(), "marker") {
			t.Errorf("a value is repeated: %v", err)
		}
	}
	shop := store.Settings{Home: "DE", Shipping: shipping.Plan{Zones: []shipping.Zone{shipping.ZoneOf("AT"), shipping.ZoneOf(shipping.Anywhere)}}}
	if got := fmt.Sprint((&Mailing{}).countries(shop), (&Mailing{SMSCountries: "ch, li"}).countries(shop)); got != "[DE AT *] [CH LI]" {
		t.Errorf("got %s", got)
	}
}

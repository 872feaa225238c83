package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"

	"github.com/cartkeep/cartkeep/internal/message"
)

// letter has markers that no error may show.
var letter = message.Message{ID: "0198-abc_DEF", Channel: message.Email, To: "ada.marker@lovelace.example", Subject: "Your order, Ünïcode",
	Text: "Hello Ada,\nthe marker text.\n.\nA line that begins with a dot: done.\n", HTML: "<p>the marker text</p>"}

const password = "marker-password"

// hidden fails when an error shows whom or what a letter is for, or the password.
func hidden(t *testing.T, err error) {
	t.Helper()
	if err != nil && (strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "marker") || strings.Contains(err.Error(), "lovelace")) {
		t.Errorf("an error shows too much: %v", err)
	}
}

// wants fails unless an error has this kind.
func wants(t *testing.T, err error, why message.Why, lasting bool) {
	t.Helper()
	hidden(t, err)
	f, ok := errors.AsType[*message.Failure](err)
	if !ok || f.Why != why || f.Lasting() != lasting {
		t.Errorf("got %v, want %q, lasting %v", err, why, lasting)
	}
}

// authority makes certificates for a name.
func authority(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// peer is a mail server that keeps what it gets.
type peer struct {
	mu      sync.Mutex
	got     []string // whole letters
	to      []string
	auth    int
	rcpt    error
	from    error
	data    error
	port    int
	roots   *x509.CertPool
	current *server.Server
}

func (p *peer) NewSession(c *server.Conn) (server.Session, error) {
	_, safe := c.TLSConnectionState()
	return &visit{peer: p, safe: safe}, nil
}

type visit struct {
	*peer
	safe bool
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.auth++
		if !v.safe || user != "shop" || pass != password {
			return &server.SMTPError{Code: 535, EnhancedCode: server.EnhancedCode{5, 7, 8}, Message: "no, " + pass}
		}
		return nil
	}), nil
}

func (v *visit) Mail(string, *server.MailOptions) error {
	if !v.safe {
		return errors.New("in the clear")
	}
	return v.from
}

func (v *visit) Rcpt(to string, _ *server.RcptOptions) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.to = append(v.to, to)
	return v.rcpt
}

func (v *visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.data == nil {
		v.got = append(v.got, string(b))
	}
	return v.data
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// start starts a mail server on this machine.
func start(t *testing.T, p *peer, implicit, offersTLS bool) {
	t.Helper()
	cert, roots := authority(t, "localhost")
	p.roots = roots
	s := server.NewServer(p)
	p.current = s
	s.Domain = "mail.example"
	s.AllowInsecureAuth = true // it would let us do what we must not
	s.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.port = l.Addr().(*net.TCPAddr).Port
	secure := &tls.Config{Certificates: []tls.Certificate{cert}}
	if implicit {
		l = tls.NewListener(l, secure)
	} else if offersTLS {
		s.TLSConfig = secure
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (p *peer) config() Config {
	return Config{Host: "localhost", Port: p.port, User: "shop", Password: password, From: "orders@shop.example", Name: "Kestrel & Daughters", Domain: "shop.example", Roots: p.roots, Timeout: 5 * time.Second}
}

func sender(t *testing.T, c Config) *Sender {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestALetterArrivesAsItWasWritten sends over both kinds of encryption.
func TestALetterArrivesAsItWasWritten(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		p := &peer{}
		start(t, p, implicit, true)
		c := p.config()
		c.Implicit = implicit
		c.now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
		if err := sender(t, c).Send(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
		if len(p.got) != 1 || p.auth != 1 || len(p.to) != 1 || p.to[0] != letter.To {
			t.Fatalf("got %d letters to %v after %d sign-ins, want one each", len(p.got), p.to, p.auth)
		}
		head, body, _ := strings.Cut(p.got[0], "\r\n\r\n")
		for _, want := range []string{
			"Message-ID: <0198-abc_DEF@shop.example>\r\n", "Auto-Submitted: auto-generated\r\n", "Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n",
			`From: "Kestrel & Daughters" <orders@shop.example>` + "\r\n", "To: <ada.marker@lovelace.example>\r\n", "Subject: =?UTF-8?q?Your_order,_=C3=9Cn=C3=AFcode?=\r\n",
		} {
			if !strings.Contains(head+"\r\n", want) {
				t.Errorf("implicit %v: want %q in the head:\n%s", implicit, want, head)
			}
		}
		plain, html := strings.Index(body, "text/plain"), strings.Index(body, "text/html")
		if plain < 0 || html < plain || !strings.Contains(body, "\r\n.\r\nA line that begins") {
			t.Errorf("implicit %v: want the text, whole, and then HTML:\n%s", implicit, body)
		}
		for _, bad := range []string{"User-Agent", "X-Mailer", "Return-Receipt", "Disposition-Notification", "localdomain"} {
			if strings.Contains(p.got[0], bad) {
				t.Errorf("the letter has %s", bad)
			}
		}
	}
}

// TestNothingIsSaidInTheClear meets servers without encryption and with the
// certificate of somebody else. None of them hears a password or an address.
func TestNothingIsSaidInTheClear(t *testing.T) {
	bare := &peer{}
	start(t, bare, false, false)
	wants(t, sender(t, bare.config()).Send(t.Context(), letter), message.Unsafe, false)

	for _, implicit := range []bool{false, true} {
		p := &peer{}
		start(t, p, implicit, true)
		c := p.config()
		c.Implicit = implicit
		_, c.Roots = authority(t, "localhost") // another authority
		wants(t, sender(t, c).Send(t.Context(), letter), message.Unsafe, false)
		c = p.config()
		c.Implicit, c.Host = implicit, "127.0.0.1" // the certificate has another name
		wants(t, sender(t, c).Send(t.Context(), letter), message.Unsafe, false)
		if p.auth != 0 || len(p.to) != 0 || len(p.got) != 0 {
			t.Errorf("implicit %v: the server heard something: %d sign-ins, %v", implicit, p.auth, p.to)
		}
	}
	if bare.auth != 0 || len(bare.to) != 0 {
		t.Errorf("in the clear the server heard %d sign-ins, %v", bare.auth, bare.to)
	}

	// TLS from the first byte, to a server that speaks in the clear.
	c := bare.config()
	c.Implicit = true
	wants(t, sender(t, c).Send(t.Context(), letter), message.Unsafe, false)
}

// TestAnAnswerIsGraded: what is the letter's fault ends the matter, what is ours or theirs does not.
func TestAnAnswerIsGraded(t *testing.T) {
	say := func(code, a, b, c int) error {
		return &server.SMTPError{Code: code, EnhancedCode: server.EnhancedCode{a, b, c}, Message: "about ada.marker@lovelace.example"}
	}
	for name, row := range map[string]struct {
		peer    *peer
		why     message.Why
		lasting bool
	}{
		"no such mailbox":   {&peer{rcpt: say(550, 5, 1, 1)}, message.Refused, true},
		"mailbox is busy":   {&peer{rcpt: say(450, 4, 2, 1)}, message.Busy, false},
		"no relaying":       {&peer{rcpt: say(550, 5, 7, 1)}, message.NotLetIn, false},
		"our address":       {&peer{from: say(553, 5, 1, 8)}, message.NotLetIn, false},
		"come back":         {&peer{from: say(421, 4, 3, 2)}, message.Busy, false},
		"the letter":        {&peer{data: say(554, 5, 6, 0)}, message.Refused, true},
		"disk full":         {&peer{data: say(452, 4, 3, 1)}, message.Busy, false},
		"letter as rubbish": {&peer{data: say(550, 5, 7, 1)}, message.NotLetIn, false},
	} {
		p := row.peer
		start(t, p, false, true)
		err := sender(t, p.config()).Send(t.Context(), letter)
		if t.Run(name, func(t *testing.T) { wants(t, err, row.why, row.lasting) }); len(p.got) != 0 {
			t.Errorf("%s: a refused letter was kept", name)
		}
	}
	p := &peer{}
	start(t, p, false, true)
	c := p.config()
	c.Password = "marker-wrong"
	wants(t, sender(t, c).Send(t.Context(), letter), message.NotLetIn, false)
	if len(p.to) != 0 {
		t.Error("a server that does not know us heard an address")
	}
	p.current.Close()
	wants(t, sender(t, p.config()).Send(t.Context(), letter), message.Unreachable, false)
}

// script is a server that says one thing after the other, by TLS, and then
// hangs or closes.
func script(t *testing.T, hang bool, lines ...string) Config {
	t.Helper()
	cert, roots := authority(t, "localhost")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 1<<16)
		for i, line := range lines {
			if i > 0 {
				if _, err := conn.Read(buffer); err != nil {
					return
				}
			}
			fmt.Fprint(conn, line+"\r\n")
		}
		if hang {
			_, _ = io.Copy(io.Discard, conn)
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	return Config{Host: "localhost", Port: l.Addr().(*net.TCPAddr).Port, Implicit: true, From: "orders@shop.example", Name: "Kestrel", Domain: "shop.example", Roots: roots, Timeout: 300 * time.Millisecond}
}

// TestAServerThatHangsHoldsNobodyUp also closes in the middle, and lies.
func TestAServerThatHangsHoldsNobodyUp(t *testing.T) {
	talk := []string{"220 hello", "250 mail.example", "250 ok", "250 ok", "354 go on"}
	for n := range len(talk) + 1 {
		for _, hang := range []bool{true, false} {
			began := time.Now()
			err := sender(t, script(t, hang, talk[:n]...)).Send(t.Context(), letter)
			want := message.Unreachable
			if hang {
				want = message.Slow
			}
			wants(t, err, want, false)
			if time.Since(began) > 3*time.Second {
				t.Errorf("after %d lines: it took %s", n, time.Since(began))
			}
		}
	}
	for _, odd := range [][]string{
		{"HTTP/1.1 400 Bad Request"}, {"220 " + strings.Repeat("x", 1<<16)}, {"999 hello"}, {"554 go away ada.marker@lovelace.example"},
		{"220 hello", "250 mail.example", "250 ok", "250 ok", "354 go on", "200 perhaps"},
		{"220 hello", "250 mail.example", "250 ok", "250 ok", "250 sent already"},
		{"220 hello", "250 mail.example", "250 ok", "250 ok", "354 go on", ""},
	} {
		err := sender(t, script(t, false, odd...)).Send(t.Context(), letter)
		if err == nil || message.Lasting(err) {
			t.Errorf("%q: got %v, want a failure that is tried again", odd[len(odd)-1][:min(40, len(odd[len(odd)-1]))], err)
		}
		hidden(t, err)
	}
	// A letter that they took is sent, whatever happens to the farewell.
	took := append(talk, "250 taken")
	for _, hang := range []bool{true, false} {
		if err := sender(t, script(t, hang, took...)).Send(t.Context(), letter); err != nil {
			t.Errorf("hang %v: got %v, want the letter sent", hang, err)
		}
	}
	// Closing the shop ends what is under way.
	c := script(t, true, talk[0])
	c.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := sender(t, c).Send(ctx, letter); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("got %v after %s, want it ended", err, time.Since(began))
	}
}

// TestAHeadHasOnlyOurLines plays somebody who gets a line break into a field.
func TestAHeadHasOnlyOurLines(t *testing.T) {
	p := &peer{}
	start(t, p, false, true)
	s := sender(t, p.config())
	for _, bad := range []func(*message.Message){
		func(m *message.Message) { m.To += "\r\nRCPT TO:<all@evil.example>" },
		func(m *message.Message) { m.To = "<a@b.example>, c@d.example" },
		func(m *message.Message) { m.To = "Ada <ada@lovelace.example>" },
		func(m *message.Message) { m.To = "ada@lovelace.example> SIZE=1" },
		func(m *message.Message) { m.To = "ada@[127.0.0.1]" },
		func(m *message.Message) { m.To = "@lovelace.example" },
		func(m *message.Message) { m.To = "" },
		func(m *message.Message) { m.Subject += "\r\nBcc: all@evil.example" },
		func(m *message.Message) { m.Subject += "\nX: y" },
		func(m *message.Message) { m.Subject = "\xff\xfe" },
		func(m *message.Message) { m.ID += ">\r\nBcc: all@evil.example" },
		func(m *message.Message) { m.ID = "" },
		func(m *message.Message) { m.Channel = message.SMS },
		func(m *message.Message) { m.Text = "" },
	} {
		m := letter
		bad(&m)
		wants(t, s.Send(t.Context(), m), message.Unfit, true)
	}
	if len(p.to) != 0 || len(p.got) != 0 {
		t.Errorf("a broken letter reached the server: %v", p.to)
	}
	m := letter
	m.To = "ada@lövelace.example"
	m.Subject = strings.Repeat("long words ", 40) + "end"
	m.Text = "Hello,\r\n\r\nBcc: all@evil.example\r\n" + strings.Repeat("x", 3000)
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(p.got[0], "\r\n\r\n")
	if p.to[0] != "ada@xn--lvelace-90a.example" || strings.Contains(head, "evil") {
		t.Errorf("got to %q and head %s", p.to[0], head)
	}
	for _, line := range strings.Split(p.got[0], "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d characters, RFC 5322 allows 998", len(line))
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	p := &peer{port: 25}
	for name, change := range map[string]func(*Config){
		"no host": func(c *Config) { c.Host = "" }, "port": func(c *Config) { c.Port = 70000 }, "no password": func(c *Config) { c.Password = "" },
		"no user": func(c *Config) { c.User = "" }, "from": func(c *Config) { c.From = "Shop <a@b.example>" }, "from 2": func(c *Config) { c.From = "a@b.example\r\nBcc: c" },
		"from 3": func(c *Config) { c.From = "nobody" }, "name": func(c *Config) { c.Name = "A\r\nBcc: x" }, "domain": func(c *Config) { c.Domain = "a b" },
		"dkim": func(c *Config) { c.DKIM = &DKIM{} },
	} {
		c := p.config()
		change(&c)
		_, err := New(c)
		if err == nil {
			t.Errorf("%s: want an error", name)
		}
		hidden(t, err)
	}
	if got := sender(t, p.config()).String(); got != "smtp localhost:"+strconv.Itoa(25) {
		t.Errorf("got %q", got)
	}
}

// FuzzALetterHasOnlyOurFields: whatever stands in a message, its head has the
// fields that we write, once each, and it is for one mailbox.
func FuzzALetterHasOnlyOurFields(f *testing.F) {
	f.Add("m1", "ada@lovelace.example", "Your order", "Hello", "<p>Hello</p>")
	f.Add("m1", "ada@lovelace.example>", "x\r\nBcc: y@evil.example", ".\r\n", "")
	f.Add("m1", "a@xn--lvelace-90a.example", strings.Repeat("ü ", 200), "\r\n.\r\nMAIL FROM", "\x00")
	s, err := New(Config{Host: "localhost", Port: 25, From: "orders@shop.example", Name: "Kestrel", Domain: "shop.example"})
	if err != nil {
		f.Fatal(err)
	}
	ours := map[string]bool{"From": true, "To": true, "Subject": true, "Date": true, "Message-ID": true, "Auto-Submitted": true, "MIME-Version": true, "Content-Type": true, "Content-Transfer-Encoding": true}
	f.Fuzz(func(t *testing.T, id, to, subject, text, html string) {
		address, letter, err := s.letter(message.Message{ID: id, Channel: message.Email, To: to, Subject: subject, Text: text, HTML: html})
		if err != nil {
			return
		}
		if strings.ContainsAny(address, "<> \r\n,;") || strings.Count(address, "@") < 1 {
			t.Errorf("it goes to %q", address)
		}
		head, _, whole := strings.Cut(string(letter), "\r\n\r\n")
		if !whole {
			t.Fatal("the head has no end")
		}
		seen := map[string]bool{}
		for _, line := range strings.Split(head, "\r\n") {
			name, _, ok := strings.Cut(line, ":")
			switch {
			case strings.ContainsAny(line, "\r\n"):
				t.Errorf("a bare line break in %q", line)
			case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			case !ok || !ours[name] || seen[name]:
				t.Errorf("the line %q is not ours", line)
			}
			seen[name] = true
		}
	})
}

package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
)

// The marks that no error may show.
const (
	markNumber = "+4915112345678"
	markSecret = "marker-secret"
)

var (
	markText = message.Message{ID: "m-1", Channel: message.SMS, To: markNumber, Text: "Kestrel: Your code is 271828.\n\n@shop.example #271828"}
	sid      = "SM" + strings.Repeat("0a", 16)
	account  = "AC" + strings.Repeat("0b", 16)
	whsec    = "whsec_" + base64.StdEncoding.EncodeToString([]byte("marker-secret-of-32-bytes-length"))
)

func hidden(t *testing.T, err error) {
	t.Helper()
	for _, mark := range []string{markNumber, "15112345678", "271828", "marker", whsec, "127.0.0.1", "Kestrel"} {
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), mark) {
			t.Errorf("an error shows %q: %v", mark, err)
		}
	}
}

func wants(t *testing.T, name string, err error, why message.Why) {
	t.Helper()
	hidden(t, err)
	if f, ok := errors.AsType[*message.Failure](err); !ok || f.Why != why {
		t.Errorf("%s: got %v, want %q", name, err, why)
	}
}

// service is somebody's gateway, on this machine.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, body string)
	calls  []*http.Request
	bodies []string
}

func start(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls, s.bodies = append(s.calls, r), append(s.bodies, string(body))
		answer := s.answer
		s.mu.Unlock()
		answer(w, r, string(body))
	}))
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *service) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{RootCAs: pool}
}

func (s *service) last() (*http.Request, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[len(s.calls)-1], s.bodies[len(s.bodies)-1]
}

func says(status int, body string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(status); io.WriteString(w, body) }
}

// here lets a test call this machine.
func here(netip.Addr) bool { return true }

func twilio(t *testing.T, s *service, from string) *Twilio {
	t.Helper()
	w, err := NewTwilio(TwilioConfig{Account: account, Secret: markSecret, From: from, origin: s.URL, trust: s.trust(), open: here})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func webhook(t *testing.T, s *service) *Webhook {
	t.Helper()
	h, err := NewWebhook(WebhookConfig{URL: s.URL + "/send", Secret: whsec, Private: true, trust: s.trust()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTwilioIsAskedAsItsManualSays(t *testing.T) {
	s := start(t)
	s.answer = says(201, `{"sid":"`+sid+`","status":"queued","error_code":null}`)
	if err := twilio(t, s, "+15005550006").Send(t.Context(), markText); err != nil {
		t.Fatal(err)
	}
	r, body := s.last()
	user, pass, _ := r.BasicAuth()
	if r.Method != "POST" || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" || user != account || pass != markSecret ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		t.Errorf("got %s %s as %s", r.Method, r.URL, user)
	}
	if want := "Body=Kestrel%3A+Your+code+is+271828.%0A%0A%40shop.example+%23271828&From=%2B15005550006&To=%2B4915112345678"; body != want {
		t.Errorf("got %s, want %s", body, want)
	}
	service := "MG" + strings.Repeat("0c", 16)
	if err := twilio(t, s, service).Send(t.Context(), markText); err != nil {
		t.Fatal(err)
	}
	if _, body := s.last(); !strings.Contains(body, "MessagingServiceSid="+service) || strings.Contains(body, "From=") {
		t.Errorf("got %s", body)
	}
}

// TestTwilioIsBelievedOnlyWhenItSaysSo has a gateway that is down, lies or refuses.
func TestTwilioIsBelievedOnlyWhenItSaysSo(t *testing.T) {
	s := start(t)
	w := twilio(t, s, "+15005550006")
	for _, row := range []struct {
		status int
		body   string
		why    message.Why
	}{
		{200, `{"sid":"` + sid + `","status":"queued"}`, message.Odd}, {201, ``, message.Odd}, {201, `{}`, message.Odd}, {201, `{"sid":"SM1","status":"queued"}`, message.Odd},
		{201, `{"sid":"` + sid + `"}`, message.Odd}, {201, `{"sid":"` + sid + `","status":"fine"}`, message.Odd}, {201, `{"sid":["` + sid + `"]}`, message.Odd}, {201, `null`, message.Odd},
		{201, `{"sid":"` + sid + `","status":"failed","error_code":30003}`, message.Refused}, {201, `{"sid":"` + sid + `","status":"queued","error_code":30022}`, message.Busy},
		{204, ``, message.Odd}, {302, ``, message.Odd}, {400, `{"code":21211,"message":"` + markNumber + `"}`, message.Refused}, {400, `{"code":21610}`, message.Refused},
		{400, `{"code":21614}`, message.Refused}, {400, `{"code":21408}`, message.NotLetIn}, {400, `{"code":21606}`, message.NotLetIn}, {400, `{"code":99999}`, message.NotLetIn},
		{400, `no JSON`, message.Odd}, {401, `{"code":20003}`, message.NotLetIn}, {403, ``, message.NotLetIn}, {404, `{"code":20404}`, message.NotLetIn}, {429, `{"code":20429}`, message.Busy},
		{500, ``, message.Busy}, {503, markNumber, message.Busy}, {201, strings.Repeat("x", 1<<20), message.Odd}, {500, strings.Repeat("x", 1<<20), message.Odd},
	} {
		s.answer = says(row.status, row.body)
		wants(t, fmt.Sprint(row.status, " ", row.body[:min(len(row.body), 60)]), w.Send(t.Context(), markText), row.why)
	}
}

// TestAServiceThatFails is the same for both: down, slow, cut, redirecting, of
// somebody else's certificate.
func TestAServiceThatFails(t *testing.T) {
	s := start(t)
	gone := make(chan struct{})
	defer close(gone)
	other := start(t)
	other.answer = says(201, `{"sid":"`+sid+`","status":"queued","id":"m-1"}`)
	tw, wh := twilio(t, s, "+15005550006"), webhook(t, s)
	for name, sender := range map[string]message.Sender{"twilio": tw, "webhook": wh} {
		s.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
		wants(t, name+" redirects", sender.Send(t.Context(), markText), message.Odd)
		s.answer = func(_ http.ResponseWriter, r *http.Request, _ string) {
			select {
			case <-r.Context().Done():
			case <-gone:
			}
		}
		began := time.Now()
		tw.client.Timeout, wh.client.Timeout = 150*time.Millisecond, 150*time.Millisecond
		wants(t, name+" hangs", sender.Send(t.Context(), markText), message.Slow)
		tw.client.Timeout, wh.client.Timeout = message.Each, message.Each
		if time.Since(began) > 3*time.Second {
			t.Errorf("%s holds us up for %s", name, time.Since(began))
		}
		s.answer = func(w http.ResponseWriter, _ *http.Request, _ string) { panic(http.ErrAbortHandler) }
		wants(t, name+" closes", sender.Send(t.Context(), markText), message.Unreachable)
		s.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			io.WriteString(w, `{"sid":"`+sid+`"`)
		}
		wants(t, name+" cuts", sender.Send(t.Context(), markText), message.Unreachable)
	}
	if len(other.calls) != 0 {
		t.Error("a redirect was followed")
	}
	stranger, err := NewWebhook(WebhookConfig{URL: s.URL, Secret: whsec, Private: true})
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.calls)
	wants(t, "another authority", stranger.Send(t.Context(), markText), message.Unsafe)
	if len(s.calls) != before {
		t.Error("something was said to a stranger")
	}
	s.Close()
	wants(t, "twilio is down", tw.Send(t.Context(), markText), message.Unreachable)
	wants(t, "webhook is down", wh.Send(t.Context(), markText), message.Unreachable)
}

// TestACallCanBeCheckedByTheOtherSide verifies it as a gateway would, from the
// words of the specification alone.
func TestACallCanBeCheckedByTheOtherSide(t *testing.T) {
	s := start(t)
	s.answer = func(w http.ResponseWriter, r *http.Request, body string) {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(whsec, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
		at, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
			w.WriteHeader(401)
			return
		}
		var call struct {
			Type string
			Data struct{ ID, To, Text string }
		}
		if err := json.Unmarshal([]byte(body), &call); err != nil || call.Type != "sms.send" || call.Data.To != markNumber || call.Data.Text != markText.Text {
			t.Errorf("got %s", body)
		}
		fmt.Fprintf(w, `{"id":%q}`, call.Data.ID)
	}
	if err := webhook(t, s).Send(t.Context(), markText); err != nil {
		t.Fatal(err)
	}
	first, _ := s.last()
	if err := webhook(t, s).Send(t.Context(), markText); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.last(); again.Header.Get("webhook-id") != first.Header.Get("webhook-id") || first.Header.Get("webhook-id") != "m-1" {
		t.Error("a repeat has another id")
	}
	// The vector of the specification's own reference implementations.
	known, err := NewWebhook(WebhookConfig{URL: "https://gateway.example/", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	if err != nil {
		t.Fatal(err)
	}
	if got := known.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("got %s", got)
	}
}

func TestAWebhookIsBelievedOnlyWithTheId(t *testing.T) {
	s := start(t)
	h := webhook(t, s)
	for _, ok := range []int{200, 201, 202} {
		s.answer = says(ok, `{"id":"m-1","more":true}`)
		if err := h.Send(t.Context(), markText); err != nil {
			t.Errorf("%d: %v", ok, err)
		}
	}
	for _, row := range []struct {
		status int
		body   string
		why    message.Why
	}{
		{200, ``, message.Odd}, {200, `ok`, message.Odd}, {200, `{"id":"m-2"}`, message.Odd}, {200, `{"id":1}`, message.Odd}, {200, `[]`, message.Odd}, {200, `{"id":null}`, message.Odd},
		{204, ``, message.Odd}, {203, `{"id":"m-1"}`, message.Odd}, {301, `{"id":"m-1"}`, message.Odd}, {400, `{"id":"m-1"}`, message.Odd}, {401, ``, message.NotLetIn},
		{404, ``, message.NotLetIn}, {422, markNumber, message.Refused}, {429, ``, message.Busy}, {500, `{"id":"m-1"}`, message.Busy}, {200, strings.Repeat(" ", 1<<20) + `{"id":"m-1"}`, message.Odd},
	} {
		s.answer = says(row.status, row.body)
		wants(t, fmt.Sprint(row.status, " ", row.body[:min(len(row.body), 40)]), h.Send(t.Context(), markText), row.why)
	}
}

// TestAWebhookStaysOutOfTheHouse: without the setting that names it, nothing on
// this machine or beside it is called, by name or by number.
func TestAWebhookStaysOutOfTheHouse(t *testing.T) {
	s := start(t)
	s.answer = says(200, `{"id":"m-1"}`)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"} {
		h, err := NewWebhook(WebhookConfig{URL: "https://" + host + ":" + port + "/", Secret: whsec, trust: s.trust()})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Send(t.Context(), markText); err == nil {
			t.Errorf("%s was called", host)
		} else {
			hidden(t, err)
		}
	}
	if len(s.calls) != 0 {
		t.Errorf("%d calls arrived", len(s.calls))
	}
	for address, want := range map[string]bool{
		"10.0.0.1": false, "192.168.1.1": false, "172.16.0.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false,
		"::1": false, "fe80::1": false, "fd00::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "ff02::1": false,
		"9.9.9.9": true, "2620:fe::fe": true,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
	for _, c := range []WebhookConfig{
		{URL: "http://gateway.example/", Secret: whsec}, {URL: "https://", Secret: whsec}, {URL: "https://u:marker@gateway.example/", Secret: whsec}, {URL: "file:///etc/passwd", Secret: whsec},
		{URL: "https://gateway.example/", Secret: "marker"}, {URL: "https://gateway.example/", Secret: "whsec_bWFya2Vy"}, {},
	} {
		if _, err := NewWebhook(c); err == nil {
			t.Errorf("%s: want an error", c.URL)
		} else {
			hidden(t, err)
		}
	}
	for _, c := range []TwilioConfig{{}, {Account: account, From: "+49151"}, {Account: "AC..", Secret: "marker", From: "Kestrel"}, {Account: account, Key: "marker", Secret: "s", From: "+4915112345678"}, {Account: account, Secret: "s", From: "Kestrel & Daughters"}} {
		if _, err := NewTwilio(c); err == nil {
			t.Errorf("%+v: want an error", c.From)
		}
	}
}

func TestTextsGoOnlyWhereTheShopSays(t *testing.T) {
	s := start(t)
	s.answer = says(200, `{"id":"m-1"}`)
	only := Only(webhook(t, s), []string{"DE", "AT"})
	if err := only.Send(t.Context(), markText); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"+33612345678", "+499001234567", "+493012345678", "+18765550123", "+881612345678", "marker", "", "+49 151 12345678x"} {
		m := markText
		m.To = to
		err := only.Send(t.Context(), m)
		wants(t, to, err, message.NoCountry)
		if !message.Lasting(err) {
			t.Errorf("%s is tried again", to)
		}
	}
	if len(s.calls) != 1 {
		t.Errorf("%d texts left, want one", len(s.calls))
	}
	p, _ := contact.ParsePhone(markNumber, "")
	if Allowed(p, nil) || Allowed(contact.Phone{}, []string{""}) || !Allowed(p, []string{"AT", "DE"}) {
		t.Error("the list is not kept to")
	}
	for _, bad := range []func(*message.Message){
		func(m *message.Message) { m.To = "+49 151 12345678" }, func(m *message.Message) { m.Channel = message.Email }, func(m *message.Message) { m.Text = "" },
		func(m *message.Message) { m.Text = strings.Repeat("x", 1000) }, func(m *message.Message) { m.ID = "" },
	} {
		m := markText
		bad(&m)
		wants(t, "unfit", webhook(t, s).Send(t.Context(), m), message.Unfit)
	}
}

// FuzzAnswers: whatever a service says, it is a success only in the documented
// form, and nothing it said is in the error.
func FuzzAnswers(f *testing.F) {
	f.Add(201, `{"sid":"`+sid+`","status":"queued"}`)
	f.Add(200, `{"id":"m-1"}`)
	f.Add(400, `{"code":21211}`)
	f.Add(201, `{"sid":null,"error_code":1e99}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if twilioAnswer(status, []byte(body)) == nil && (status != 201 || !json.Valid([]byte(body)) || !strings.Contains(strings.ToLower(body), "sid")) {
			t.Errorf("%d %q is a success", status, body)
		}
		err := webhookAnswer("m-1", status, []byte(body))
		if err == nil && (status < 200 || status > 202) {
			t.Errorf("%d %q is a success", status, body)
		}
		if _, ok := errors.AsType[*message.Failure](err); err != nil && !ok {
			t.Errorf("got %v", err)
		}
	})
}

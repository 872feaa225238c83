// Package sms hands texts to services that send them to phones: Twilio, or any
// service that takes a signed call (a webhook).
//
// A service is believed only when it gives the answer it documents, with the id
// that must be in it. Whatever else it says is a failure, and of its words only
// a number is kept. No redirect is followed: a text goes where the merchant said
// and nowhere else.
package sms

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
)

const (
	maxAnswer = 16 << 10 // what a service may answer
	maxText   = 160 * 4  // some texts' worth; ours have one
)

// newClient makes what calls a service. open says which addresses may be
// called, after every question to DNS: a name can answer differently each time.
func newClient(trust *tls.Config, open func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Timeout: message.Each / 2, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !open(at.Addr().Unmap()) {
			return errClosed
		}
		return nil
	}}
	if trust == nil {
		trust = &tls.Config{}
	}
	trust.MinVersion = tls.VersionTLS12
	return &http.Client{Timeout: message.Each,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: trust, TLSHandshakeTimeout: message.Each / 2,
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: message.Each, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true}}
}

var errClosed = errors.New("sms: this address is not called")

// isPublic leaves out what reaches this machine, its neighbours or nobody.
func isPublic(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	blocks := []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"}
	if a.Is6() {
		if !netip.MustParsePrefix("2000::/3").Contains(a) {
			return false
		}
		blocks = []string{"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"}
	}
	for _, block := range blocks {
		if netip.MustParsePrefix(block).Contains(a) {
			return false
		}
	}
	return true
}

// call sends a request and reads a bounded answer.
func call(client *http.Client, sender string, r *http.Request) (status int, body []byte, err error) {
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, &message.Failure{Sender: sender, Why: why(r.Context(), err)}
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, &message.Failure{Sender: sender, Why: why(r.Context(), err)}
	case len(body) > maxAnswer:
		return 0, nil, &message.Failure{Sender: sender, Why: message.Odd, Code: answer.StatusCode}
	}
	return answer.StatusCode, body, nil
}

// why names what went wrong before there was an answer. The error itself names
// the address that was called, so it ends here.
func why(ctx context.Context, err error) message.Why {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var slow net.Error
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return message.Slow
	case errors.As(err, &cert), errors.As(err, &record), errors.Is(err, errClosed), errors.Is(err, http.ErrSchemeMismatch):
		return message.Unsafe
	}
	return message.Unreachable
}

// graded names a refusal by its status, for what says nothing more.
func graded(sender string, status int) error {
	f := &message.Failure{Sender: sender, Code: status}
	switch {
	case status == http.StatusTooManyRequests, status >= 500, status == http.StatusRequestTimeout:
		f.Why = message.Busy
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusPaymentRequired, status == http.StatusNotFound:
		f.Why = message.NotLetIn
	default:
		f.Why = message.Odd
	}
	return f
}

// fit refuses what is no text to a phone.
func fit(sender string, m message.Message) error {
	p, err := contact.ParsePhone(m.To, "")
	if m.Channel != message.SMS || m.ID == "" || len(m.ID) > 64 || m.Text == "" || len(m.Text) > maxText || err != nil || p.Reveal() != m.To {
		return &message.Failure{Sender: sender, Why: message.Unfit}
	}
	return nil
}

// Allowed says whether a text may go to a number: one of a country of the list,
// and none that costs whoever calls it, as far as contact can tell.
func Allowed(p contact.Phone, countries []string) bool {
	country := p.Country()
	for _, c := range countries {
		if c == country && country != "" {
			return p.TakesTexts()
		}
	}
	return false
}

// Only lets texts through to the countries of a list.
func Only(next message.Sender, countries []string) message.Sender { return only{next, countries} }

type only struct {
	next      message.Sender
	countries []string
}

// Send implements message.Sender.
func (o only) Send(ctx context.Context, m message.Message) error {
	p, err := contact.ParsePhone(m.To, "")
	if err != nil || !Allowed(p, o.countries) {
		return &message.Failure{Sender: "sms", Why: message.NoCountry}
	}
	return o.next.Send(ctx, m)
}

package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// How Stripe is asked, and what its refusals mean.

// backend is the library's way to the API: silent, without measurements of its
// own, and never led elsewhere. It tries once more after a failure on the way,
// under the same idempotency key.
func backend(c Config) stripe.Backend {
	own := *c.Client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Transport = plain{own.Transport}
	return stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{HTTPClient: &own, URL: &c.API,
		EnableTelemetry: new(false), MaxNetworkRetries: new(int64(1)), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}})
}

// plain takes what the library tells of the machine out of each request.
type plain struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Del("X-Stripe-Client-User-Agent")
	r.Header.Set("User-Agent", "Cartkeep")
	if p.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return p.next.RoundTrip(r)
}

// errTheirs is a failure of Stripe's own, errMissing a refusal because nothing is there,
// errUnread an answer that is none of Stripe's.
var (
	errTheirs  = errors.New("a failure at Stripe")
	errUnread  = errors.New("the answer can't be read")
	errMissing = fmt.Errorf("nothing is there: %w", payment.ErrRefused)
)

// call asks Stripe. A refusal for good is payment.ErrRefused. What Stripe says
// in words, and every address, stays out of the error.
func (p *Provider) call(method, path string, params stripe.ParamsContainer, out stripe.LastResponseSetter) error {
	err := p.api.Call(method, path, p.c.Key, params, out)
	if said, ok := errors.AsType[*stripe.Error](err); ok {
		switch said.HTTPStatusCode {
		case http.StatusNotFound:
			if said.Code == stripe.ErrorCodeResourceMissing {
				return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), errMissing)
			}
			fallthrough
		case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusUnprocessableEntity:
			return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), payment.ErrRefused)
		}
		if said.HTTPStatusCode >= http.StatusInternalServerError {
			return fmt.Errorf("answer %d %s: %w", said.HTTPStatusCode, word(string(said.Code)), errTheirs)
		}
		return fmt.Errorf("answer %d %s", said.HTTPStatusCode, word(string(said.Code)))
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return payment.Unquoted(u)
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errUnread // the library quotes what it can't read, and payers may stand there
}

// word lets a code of Stripe's into an error when it is one.
func word(code string) string {
	if strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || len(code) > 60 {
		return ""
	}
	return code
}

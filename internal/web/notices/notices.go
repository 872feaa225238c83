// Package notices answers payment services that call back.
//
// It knows where each may call, how much it may say, and what it is answered, so that
// it calls again or stops. It does not know what a call-back means: the provider
// verifies and reads it, the till settles it.
//
//	204    taken, or of no interest
//	400    not signed, too old, of another shop; coming again changes nothing
//	409    it does not fit its order
//	413    longer than any of them
//	429    too many at once, or this payment was asked about a moment ago: come again
//	503    the database, or the provider that had to be asked, is away: come again
package notices

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Till does what a call-back asks for.
type Till interface {
	// Settle carries out a genuine notice of a provider; again, it changes nothing.
	Settle(ctx context.Context, provider string, n payment.Notice) error
	// Ping asks a provider about a session of its that was named by anybody.
	Ping(ctx context.Context, provider, ref string) error
}

// Routes are the places where the providers call.
func Routes(g *gate.Gate, till Till, providers []payment.Provider) []gate.Route {
	var out []gate.Route
	for _, p := range providers {
		if _, byHand := p.(payment.ByHand); byHand {
			continue // nobody calls back
		}
		take := func(r *http.Request, body []byte) error { return settle(r, till, p, body) }
		if pinged, ok := p.(payment.Pinged); ok {
			take = func(r *http.Request, body []byte) error { return ping(r, till, pinged, body) }
		}
		out = append(out, gate.Route{Method: http.MethodPost, Path: checkout.NoticePath(p.Name()), Need: gate.Anybody, Token: "provider's signature", Handle: answer(g, take)})
	}
	return out
}

func answer(g *gate.Gate, take func(r *http.Request, body []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.Body(r, payment.MaxNotice)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			err = gate.ReadError(err)
		} else {
			err = take(r, body)
		}
		if err != nil {
			g.Refuse(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// settle takes a call-back that says what happened.
func settle(r *http.Request, till Till, p payment.Provider, body []byte) error {
	n, err := p.Notice(r, body)
	switch {
	case errors.Is(err, payment.ErrIgnored):
		return nil
	case errors.Is(err, payment.ErrSignature) || errors.Is(err, payment.ErrNotice):
		return fault.Because(fault.Malformed, "This notice is not signed, too old, or not of this shop.", err)
	case err != nil: // the provider had to be asked about it
		return fault.Because(fault.Unavailable, "Please send this again.", err)
	}
	return till.Settle(r.Context(), p.Name(), n)
}

// ping takes a call-back that only names a session.
func ping(r *http.Request, till Till, p payment.Pinged, body []byte) error {
	ref, err := p.Named(r, body)
	if err != nil {
		return fault.Because(fault.Malformed, "This names no payment.", err)
	}
	return till.Ping(r.Context(), p.Name(), ref)
}

package app

import (
	"io"
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// machines is what is answered to machines at fixed places: health, browsers' reports,
// and what stands under /.well-known/.
func (s *server) machines(shop store.Settings) []gate.Route {
	get := func(path string, h http.HandlerFunc) gate.Route {
		return gate.Route{Method: http.MethodGet, Path: path, Need: gate.Anybody, Handle: h}
	}
	out := []gate.Route{
		get("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alive\n") }),
		get("/readyz", s.ready),
		get("/.well-known/cartkeep/checkpoint", s.checkpoint),
		get("/.well-known/cartkeep/ledger-key", s.ledgerKey),
	}
	out = append(out,
		// Where password managers send people (W3C: A Well-Known URL for Changing Passwords, Passkey Endpoints).
		get("/.well-known/change-password", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", page.PathSecurity+"#password")
			w.WriteHeader(http.StatusFound)
		}),
		get("/.well-known/passkey-endpoints", func(w http.ResponseWriter, r *http.Request) {
			body, err := s.passkeys.Endpoints(page.PathSecurity, page.PathSecurity)
			if err != nil {
				s.gate.Refuse(w, r, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			gate.Cache(w, "public, max-age=300")
			w.Write(body) // a reader that went away is no error of ours
		}))
	if contact := shop.Contact; contact != "" {
		if !hasScheme(contact) {
			contact = "mailto:" + contact
		}
		out = append(out, get("/.well-known/security.txt", func(w http.ResponseWriter, _ *http.Request) {
			// RFC 9116: made at request time, so that Expires is always near.
			plainText(w, "Contact: "+contact+"\nExpires: "+time.Now().UTC().AddDate(0, 3, 0).Format(time.RFC3339)+"\nCanonical: "+s.origin+"/.well-known/security.txt\nPreferred-Languages: en\n")
		}))
	}
	out = append(out, gate.Route{Method: http.MethodPost, Path: gate.PathReports, Need: gate.Anybody, Does: []abuse.Act{abuse.Report}, Handle: s.reports})
	return out
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.vault.db.Healthy(r.Context()); err != nil {
		s.gate.Refuse(w, r, fault.Because(fault.Unavailable, "The shop can't serve right now.", err))
		return
	}
	io.WriteString(w, "ready\n")
}

func (s *server) checkpoint(w http.ResponseWriter, r *http.Request) {
	var note string
	err := s.vault.db.View(r.Context(), func(v *store.View) (err error) {
		note, _, err = v.PublicCheckpoint()
		return err
	})
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	plainText(w, note)
}

func (s *server) ledgerKey(w http.ResponseWriter, r *http.Request) {
	signer, err := s.vault.db.Signer()
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	plainText(w, signer.VerifierKey()+"\n")
}

// plainText answers a text that caches may keep for a moment.
func plainText(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	gate.Cache(w, "public, max-age=300")
	io.WriteString(w, body)
}

package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

const maxBody = 16 << 10 // of a form or an API call

// routes is all that the bank's origin answers.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	// for the shopper
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /style.css", s.style)
	mux.HandleFunc("GET /pay/{ref}", s.payPage)
	mux.HandleFunc("POST /pay/{ref}", s.payForm)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.pages.write(w, http.StatusNotFound, absentPage)
	})
	// for the shop
	mux.HandleFunc("POST /v1/sessions", s.shopOnly(s.apiOpen))
	mux.HandleFunc("GET /v1/sessions/{ref}", s.shopOnly(s.apiFind))
	mux.HandleFunc("POST /v1/refunds", s.shopOnly(s.apiRefund))
	mux.HandleFunc("POST /v1/captures", s.shopOnly(s.apiCapture))
	mux.HandleFunc("POST /v1/releases", s.shopOnly(s.apiRelease))
	mux.HandleFunc("POST /v1/customers", s.shopOnly(s.apiCustomer))
	mux.HandleFunc("GET /v1/customers/{customer}/cards", s.shopOnly(s.apiCards))
	mux.HandleFunc("DELETE /v1/customers/{customer}", s.shopOnly(s.apiForget))
	mux.HandleFunc("DELETE /v1/customers/{customer}/cards/{card}", s.shopOnly(s.apiForget))

	policy := s.policy()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// policy lets a form end at the shop, because browsers check where a form's
// answer redirects. It knows no scripts, pictures or frames.
func (s *Service) policy() string {
	form := "form-action 'self'"
	for _, o := range s.shops {
		if !strings.Contains(o, "[") { // the policy's grammar has no IPv6 addresses
			form += " " + o
		}
	}
	return "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'; " + form
}

func (s *Service) home(w http.ResponseWriter, r *http.Request) {
	s.pages.write(w, http.StatusOK, homePage)
}

func (s *Service) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(s.pages.css)
}

func (s *Service) payPage(w http.ResponseWriter, r *http.Request) {
	one, err := s.find(r.PathValue("ref"))
	if err != nil {
		s.pages.write(w, http.StatusNotFound, absentPage)
		return
	}
	s.showSession(w, one)
}

// showSession shows what can still be done with a session.
func (s *Service) showSession(w http.ResponseWriter, one *session) {
	s.mu.Lock()
	said := map[payment.Outcome]bool{}
	for _, e := range one.events {
		said[e.outcome] = true
	}
	over, paid := !s.now().Before(one.ExpiresAt), one.paid(s.now()) && !one.taken().IsZero()
	cards := s.cardsOf(one)
	s.mu.Unlock()
	switch {
	case said[payment.Approved]:
		decided := said[payment.DisputeWon] || said[payment.DisputeLost]
		shown := approvedPage{Action: "/pay/" + one.ref, Link: one.ReturnURL, CanDispute: paid && !said[payment.Disputed], CanDecide: said[payment.Disputed] && !decided}
		switch {
		case said[payment.DisputeWon]:
			shown.Answer = "The cardholder asked for the money back, and the bank decided for the shop."
		case said[payment.DisputeLost]:
			shown.Answer = "The cardholder asked for the money back, and the bank took it from the shop."
		case said[payment.Disputed]:
			shown.Answer = "The cardholder asked for the money back. The bank has not decided yet."
		}
		s.pages.write(w, http.StatusOK, shown)
	case over:
		s.pages.write(w, http.StatusGone, notePage{
			Title: "Too late", Link: one.CancelURL, LinkText: "Back to the shop",
			Text: "The time for this payment is over. Nothing was charged. The shop can start a new payment.",
		})
	default:
		s.pages.write(w, http.StatusOK, payPage{
			Action: "/pay/" + one.ref, Number: one.Number, Amount: one.Amount.Format(), Until: one.ExpiresAt, Cards: cards, Keep: one.Keep,
		})
	}
}

// payForm carries out what the person playing the bank has chosen. The shop
// has answered the call-back (or had its time to) before the redirect back.
func (s *Service) payForm(w http.ResponseWriter, r *http.Request) {
	one, err := s.find(r.PathValue("ref"))
	if err != nil {
		s.pages.write(w, http.StatusNotFound, absentPage)
		return
	}
	var outcome payment.Outcome
	late, card := false, r.PostFormValue("card")
	answer := r.PostFormValue("outcome")
	if with, is := strings.CutPrefix(answer, "approved-"); is && s.offers(one, with) {
		answer, card = "approved", with
	}
	switch answer {
	case "approved":
		outcome = payment.Approved
	case "approved_late":
		outcome, late = payment.Approved, true
	case "declined":
		outcome = payment.Declined
	case "challenge":
		s.pages.write(w, http.StatusOK, challengePage{
			Action: "/pay/" + one.ref, Number: one.Number, Amount: one.Amount.Format(),
		})
		return
	case string(payment.Disputed), string(payment.DisputeWon), string(payment.DisputeLost):
		s.disputeForm(w, r, one, payment.Outcome(r.PostFormValue("outcome")))
		return
	case "abandoned":
		redirect(w, one.CancelURL)
		return
	default:
		s.pages.write(w, http.StatusBadRequest, notePage{
			Title: "Nothing was chosen", Link: "/pay/" + one.ref, LinkText: "Back to the choices",
			Text: "Please use one of the buttons.",
		})
		return
	}
	e, err := s.decide(one, outcome, card, late)
	switch {
	case errors.Is(err, errOver):
		s.showSession(w, one)
		return
	case err != nil:
		s.notKept(w, one, err)
		return
	}
	if !e.due.After(s.now()) {
		s.await(r, e)
	}
	redirect(w, one.ReturnURL)
}

// disputeForm carries out what the cardholder's bank does with an approved payment.
func (s *Service) disputeForm(w http.ResponseWriter, r *http.Request, one *session, outcome payment.Outcome) {
	e, err := s.dispute(one, outcome)
	if err != nil && !errors.Is(err, errAsked) {
		s.notKept(w, one, err)
		return
	}
	if err == nil {
		s.await(r, e)
	}
	s.showSession(w, one)
}

func (s *Service) notKept(w http.ResponseWriter, one *session, err error) {
	s.log.Error("sandbox decision not kept", "session", short(one.ref), "error", err)
	s.pages.write(w, http.StatusServiceUnavailable, notePage{
		Title: "Not now", Link: "/pay/" + one.ref, LinkText: "Try again",
		Text: "The make-believe bank could not write this down. Nothing was decided.",
	})
}

// await returns when the call-back was answered, or patience has run out.
func (s *Service) await(r *http.Request, e *event) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-e.done:
	case <-t.C:
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// redirect leads back to the shop. The address passed ofShop when the session
// was opened, so this is no open redirect.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// shopOnly lets the shop's half in and nobody else.
func (s *Service) shopOnly(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
			apiError(w, http.StatusUnauthorized, "unauthorized")
			return
		}
		h(w, r)
	}
}

func (s *Service) apiOpen(w http.ResponseWriter, r *http.Request) {
	var o openBody
	if !readJSON(w, r, &o) {
		return
	}
	one, err := s.open(o)
	if err != nil {
		s.apiFail(w, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, s.sessionBody(one))
}

func (s *Service) apiFind(w http.ResponseWriter, r *http.Request) {
	one, err := s.find(r.PathValue("ref"))
	if err != nil {
		s.apiFail(w, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	body := s.sessionBody(one)
	for _, e := range one.events {
		if e.due.After(s.now()) || !e.outcome.Ends() {
			continue // a late approval has not happened yet, a dispute changes no decision
		}
		if body.Notice, err = encodeNotice(one.standing(e, s.now())); err != nil {
			s.apiFail(w, err)
			return
		}
	}
	if a, ok := one.authorization(s.now()); ok {
		body.Authorization = new(authorizationBody(a))
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Service) sessionBody(one *session) sessionBody {
	return sessionBody{Ref: one.ref, URL: s.origin + "/pay/" + url.PathEscape(one.ref), ExpiresAt: one.ExpiresAt}
}

func (s *Service) apiRefund(w http.ResponseWriter, r *http.Request) {
	var q refundBody
	if !readJSON(w, r, &q) {
		return
	}
	s.answer(w, s.refund(q))
}

// answer says that a deed was done, or why not.
func (s *Service) answer(w http.ResponseWriter, err error) {
	if err != nil {
		s.apiFail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Service) apiFail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errAbsent):
		apiError(w, http.StatusNotFound, "not-found")
	case errors.Is(err, errOther):
		apiError(w, http.StatusConflict, "idempotency-mismatch")
	case errors.Is(err, errAsked):
		apiError(w, http.StatusUnprocessableEntity, "invalid")
	default:
		s.log.Error("sandbox call failed", "error", err)
		apiError(w, http.StatusServiceUnavailable, "unavailable")
	}
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = decodeStrict(raw, into)
	}
	if err != nil {
		apiError(w, http.StatusBadRequest, "malformed")
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func apiError(w http.ResponseWriter, status int, word string) {
	writeJSON(w, status, map[string]string{"error": word})
}

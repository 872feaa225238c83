package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

const internalText = "Something went wrong on our side. Nothing was changed that you did not see changed."

// Status is the one table from what went wrong to how HTTP calls it. Pages and
// API share it.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Malformed, fault.IdempotencyKeyMissing:
		return http.StatusBadRequest
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Method:
		return http.StatusMethodNotAllowed
	case fault.OutOfStock, fault.Changed, fault.CartClosed, fault.InProgress, fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.MediaType:
		return http.StatusUnsupportedMediaType
	case fault.Invalid, fault.IdempotencyMismatch:
		return http.StatusUnprocessableEntity
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Title names a kind in a few words, the same for every occurrence.
func Title(kind fault.Kind) string {
	switch kind {
	case fault.Malformed:
		return "The request can't be read"
	case fault.Invalid:
		return "A value is not acceptable"
	case fault.NotFound:
		return "Not found"
	case fault.OutOfStock:
		return "Not enough in stock"
	case fault.Changed, fault.Conflict:
		return "Something changed meanwhile"
	case fault.CartClosed:
		return "The cart has become an order"
	case fault.InProgress:
		return "The same request is being carried out"
	case fault.IdempotencyMismatch:
		return "The Idempotency-Key belongs to another request"
	case fault.IdempotencyKeyMissing:
		return "An Idempotency-Key is needed"
	case fault.Method:
		return "Method not allowed"
	case fault.TooLarge:
		return "The request is too large"
	case fault.MediaType:
		return "Media type not supported"
	case fault.Forbidden:
		return http.StatusText(http.StatusForbidden) // as RFC 9457 asks of about:blank
	case fault.RateLimited:
		return "Too many requests"
	case fault.Unavailable:
		return "Not available at the moment"
	}
	return "Something went wrong"
}

// ProblemType is the public name of a kind. Callers rely on a fixed list, which
// is shorter than ours: an act that the state does not allow any more reads as
// changed, and a cross-origin refusal says no more than its status.
func ProblemType(kind fault.Kind) string {
	switch kind {
	case fault.Conflict:
		kind = fault.Changed
	case fault.Forbidden:
		return "about:blank"
	}
	return "/problems/" + string(kind)
}

// ProblemDetails is an RFC 9457 problem as the API writes it.
type ProblemDetails struct {
	Type      string         `json:"type" doc:"/problems/ and the word of the kind, a relative reference; about:blank where the status says it all"`
	Title     string         `json:"title" doc:"The kind in a few words"`
	Status    int            `json:"status" doc:"The HTTP status"`
	Detail    string         `json:"detail,omitempty" doc:"What happened and how to mend it"`
	Errors    []FieldProblem `json:"errors,omitempty" nullable:"false" doc:"The fields concerned, where the kind is invalid"`
	Work      *ProblemWork   `json:"work,omitempty" doc:"What lets the same request through: the solved sum in the header Work, or ticket in the header Work-Ticket after wait seconds; only where many payments fail"`
	PayCode   bool           `json:"pay_code,omitempty" doc:"True where a guest gets through with a code that is mailed to the e-mail of the order: see askPayCode and askOrderPayCode; only where many payments fail"`
	Reference string         `json:"reference,omitempty" doc:"The name of this request, to be told to the shop; only where something failed on its side"`
}

// ProblemWork is a short sum in the format of ALTCHA, version 1, and a ticket for
// whoever waits instead.
type ProblemWork struct {
	Algorithm string `json:"algorithm" doc:"SHA-256"`
	Challenge string `json:"challenge" doc:"The hash, in hexadecimal, of salt and the number that is looked for"`
	Salt      string `json:"salt" doc:"Comes before the number, in decimal digits"`
	Signature string `json:"signature" doc:"Goes back unchanged"`
	Max       int    `json:"max" doc:"The number is no larger"`
	Ticket    string `json:"ticket" doc:"Good after wait seconds, once, from the same network"`
	Wait      int    `json:"wait" doc:"Seconds"`
}

// FieldProblem is one thing wrong with one member of the body.
type FieldProblem struct {
	Pointer string `json:"pointer" doc:"JSON Pointer (RFC 6901) to the member"`
	Detail  string `json:"detail" doc:"What is wrong with it"`
}

// public returns the error a stranger may read: an internal one loses its text.
func public(err error) *fault.Error {
	e := fault.Of(err)
	if e == nil || e.Kind == fault.Internal || Status(e.Kind) == http.StatusInternalServerError {
		return fault.New(fault.Internal, internalText)
	}
	return e
}

// Refuse answers with an error: problem details under /api/, else a page. What
// is internal is logged with the reference and told to nobody.
func (g *Gate) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := public(err)
	if status := Status(e.Kind); status == http.StatusInternalServerError || status == http.StatusServiceUnavailable {
		level := slog.LevelError
		if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
			level = slog.LevelInfo // the caller left; nobody needs to get up
		}
		g.cfg.Log.LogAttrs(r.Context(), level, "request failed",
			slog.String("reference", Reference(r)), slog.String("kind", string(e.Kind)), slog.Any("error", err))
	}
	var refused *abuse.Refused
	if errors.As(err, &refused) && strings.HasPrefix(r.URL.Path, "/api/") {
		prepareFault(w, e)
		p := problemOf(Reference(r), e)
		p.PayCode = refused.ByMail
		if refused.Friction == abuse.Work {
			work := g.NewWork(r, refused.Act)
			p.Work = &ProblemWork{work.Algorithm, work.Challenge, work.Salt, work.Signature, work.Max, work.Ticket, int(work.Wait.Seconds())}
		}
		writeProblem(w, p)
		return
	}
	g.answerFault(w, r, e)
}

func (g *Gate) answerFault(w http.ResponseWriter, r *http.Request, e *fault.Error) {
	prepareFault(w, e)
	if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
		writeProblem(w, problemOf(Reference(r), e))
		return
	}
	g.cfg.Page(w, r, Status(e.Kind), e, Reference(r))
}

// prepareFault sets what every refusal carries and takes back what a handler
// may have said before it failed.
func prepareFault(w http.ResponseWriter, e *fault.Error) {
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "Etag", "Last-Modified", "Location"} {
		h.Del(name)
	}
	h.Set("Cache-Control", CacheNever)
	retry := e.RetryAfter
	switch {
	case retry <= 0 && e.Kind == fault.RateLimited:
		retry = time.Second
	case retry <= 0 && e.Kind == fault.Unavailable:
		retry = 5 * time.Second
	}
	if retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(retry.Seconds())), 10))
	}
}

// Later prepares a refusal for a page of the caller's own, as Refuse does, and
// returns its status.
func Later(w http.ResponseWriter, e *fault.Error) int {
	prepareFault(w, e)
	return Status(e.Kind)
}

func problemOf(reference string, e *fault.Error) ProblemDetails {
	p := ProblemDetails{
		Type:   ProblemType(e.Kind),
		Title:  Title(e.Kind),
		Status: Status(e.Kind),
		Detail: e.Text,
	}
	// A refusal reads the same each time, so that nothing can be told from
	// comparing two of them. Its reference is in the header.
	if p.Status >= 500 {
		p.Reference = reference
	}
	for _, f := range e.Problems {
		p.Errors = append(p.Errors, FieldProblem{Pointer: Pointer(f.Field), Detail: f.Detail})
	}
	return p
}

func writeProblem(w http.ResponseWriter, p ProblemDetails) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // escapes <, > and &: harmless even where a browser guesses
	if enc.Encode(p) != nil {
		b.Reset()
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(p.Status)
	w.Write(b.Bytes())
}

// Pointer turns a field path of package fault into a JSON Pointer: "" names
// the whole document.
func Pointer(field string) string {
	if field == "" {
		return ""
	}
	return "/" + strings.ReplaceAll(field, "~", "~0")
}

// MethodNotAllowed answers every request with 405 and the methods that are.
func (g *Gate) MethodNotAllowed(allow ...string) http.Handler {
	list := strings.Join(allow, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", list)
		g.Refuse(w, r, fault.New(fault.Method, "This address answers to "+list+"."))
	})
}

// NotFound answers every request with 404.
func (g *Gate) NotFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Refuse(w, r, fault.Missing("There is nothing at this address."))
	})
}

func plainPage(w http.ResponseWriter, _ *http.Request, status int, refusal *fault.Error, reference string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	text := refusal.Text
	if reference != "" {
		text += "\nReference: " + reference
	}
	w.Write([]byte(text + "\n"))
}

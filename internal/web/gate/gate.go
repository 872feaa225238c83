// Package gate is what every request passes on its way in and every answer on
// its way out.
//
// It knows headers, sizes, times, rates, references and how a fault becomes a
// status. It does not know pages, the API's operations or any rule of the shop:
// a page for a person is drawn by the function in Config.Page.
//
//	request ─▶ reference ─▶ headers ─▶ rate ─▶ clean path ─▶ cross-origin ─▶ body bound ─▶ handler
//	                │                                                                       │
//	                └── one log line, no values ◀──────── panic becomes an answer ◀─────────┘
//
// Start reading at Gate.Wrap. Status (faults.go) is the one table from kinds to
// statuses, Prove (prove.go) is the one way on which somebody proves something.
// What is limited and how stands in package abuse; the buckets of a process are
// kept here (rates.go).
package gate

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// DefaultBody is how many bytes a request may have when nothing else is said.
const DefaultBody = 64 << 10

// Config says how a gate behaves. The zero value is safe: no HSTS, nobody
// trusted, nobody exempt.
type Config struct {
	// Log takes one line a request: at level Debug, or Error when it failed on
	// our side. Default: none.
	Log *slog.Logger
	// HSTS sends Strict-Transport-Security. Leave it off on a loopback name:
	// browsers apply it to every port of that name.
	HSTS bool
	// TrustedProxies are the peers whose X-Forwarded-For is believed. Danger:
	// a peer listed here can name any client it likes.
	TrustedProxies []netip.Prefix
	// Exempt clients are free from request rates, not from failure counters.
	// They are matched after TrustedProxies.
	Exempt []netip.Prefix
	// MaxBody bounds the bytes of a request body. Default: DefaultBody.
	MaxBody int64
	// MaxBuckets bounds the memory of the rate limits. Default: 65,536 buckets,
	// at most some 12 MB.
	MaxBuckets int
	// Page draws a refusal for a person; headers are already set. Default: one
	// plain line of text. Paths under /api/ never use it.
	Page func(w http.ResponseWriter, r *http.Request, status int, refusal *fault.Error, reference string)
	// Who tells on which rung a request stands. It is asked only for routes
	// that need more than Guest, or by whoever wants to know. Default: everybody
	// is a guest.
	Who func(r *http.Request) (access.Standing, error)
	// Door answers somebody who has to sign in first, or to prove again that it
	// is them. Default: a refusal. Paths under /api/ never use it.
	Door func(w http.ResponseWriter, r *http.Request, need access.Need, verdict access.Verdict)
	// Counters keep failed proofs. Without them nothing can be proved.
	Counters Counters
	// Alarm is told what staff should know, once for each change of state. It
	// must not take long.
	Alarm func(abuse.Alarm)
	// Guests says which pages of other origins may do what. Default: none may
	// do anything.
	Guests Guests
	// Now tells the time. Default: time.Now.
	Now func() time.Time
}

// Gate guards one server. It is safe for concurrent use.
type Gate struct {
	cfg     Config
	origin  *http.CrossOriginProtection
	rates   *rates
	works   *works
	watch   watch
	figures figures
	fixed   []header
}

// New makes a gate.
func New(cfg Config) *Gate {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = DefaultBody
	}
	if cfg.MaxBuckets <= 0 {
		cfg.MaxBuckets = 1 << 16
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Page == nil {
		cfg.Page = plainPage
	}
	return &Gate{
		cfg:     cfg,
		origin:  http.NewCrossOriginProtection(),
		rates:   newRates(cfg.MaxBuckets, cfg.Now),
		works:   newWorks(),
		figures: figures{now: cfg.Now},
		fixed:   fixedHeaders(cfg.HSTS),
	}
}

// visit is what the gate remembers of one request while it is answered.
type visit struct {
	reference string
	client    netip.Addr
	exempt    bool
	whole     body // the body before the default bound, for Gate.Body
	answer    *answer
	route     *Route     // once it is found
	form      url.Values // once it is read
	standing  access.Standing
	known     bool // standing was looked up
}

type visitKey struct{}

func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	return v
}

// Reference returns the random name of the request, which its answer carries
// in the header Cartkeep-Reference and its log line repeats. It is "" outside
// of Wrap.
func Reference(r *http.Request) string {
	if v := visitOf(r); v != nil {
		return v.reference
	}
	return ""
}

// answerBy is when a request is given up. It is sooner than the server's
// WriteTimeout, after which an answer would reach nobody.
const answerBy = 25 * time.Second

// Wrap puts next behind the gate. next should be a mux, so that the log line
// can name the route instead of the path.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := g.cfg.Now()
		v := &visit{reference: newReference()}
		v.client = clientOf(r, g.cfg.TrustedProxies)
		v.exempt = contains(g.cfg.Exempt, v.client)
		v.answer = &answer{ResponseWriter: w}
		caller := &abuse.Caller{Source: neighbours(v.client).String(), Noted: g.figures.note}
		ctx, cancel := context.WithTimeout(context.WithValue(abuse.With(r.Context(), caller), visitKey{}, v), answerBy)
		defer cancel()
		r = r.WithContext(ctx)
		g.introduce(caller, r)

		h := w.Header()
		for _, f := range g.fixed {
			h[f.name] = f.value
		}
		h[ReferenceHeader] = []string{v.reference}

		defer g.finish(v, r, start)
		if err := g.Allow(r, abuse.General); err != nil {
			g.Refuse(v.answer, r, err)
			return
		}
		if !clean(r.URL.Path) {
			// A mux would answer with a redirect that repeats the whole address,
			// a mailed order's token included.
			g.NotFound().ServeHTTP(v.answer, r)
			return
		}
		guest, preflight := g.welcome(w, r)
		if preflight {
			v.answer.WriteHeader(http.StatusNoContent)
			return
		}
		if guest == Stranger && g.origin.Check(r) != nil {
			g.Refuse(v.answer, r, CrossSite)
			return
		}
		v.whole = r.Body
		g.bound(v.answer, r, g.cfg.MaxBody)
		next.ServeHTTP(v.answer, r)
	})
}

// clean reports whether a path is written in the one way a mux takes it, with
// or without a slash at its end. The "*" of OPTIONS is no path.
func clean(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	c := path.Clean(p)
	return p == c || (c != "/" && p == c+"/")
}

// finish turns a panic into an answer and writes the log line.
func (g *Gate) finish(v *visit, r *http.Request, start time.Time) {
	caught := recover()
	broken := false
	if caught != nil && caught != http.ErrAbortHandler {
		what, where := fault.Caught(caught)
		g.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
			slog.String("reference", v.reference), slog.String("panic", what), slog.String("at", where))
		if v.answer.status == 0 {
			g.answerFault(v.answer, r, fault.New(fault.Internal, internalText))
		} else {
			broken = true // half an answer is out: only cutting the connection is honest
		}
	}
	level := slog.LevelDebug // who asked for what is nobody's business by default
	status := v.answer.status
	if status == 0 {
		status = http.StatusOK
	}
	if status >= 500 {
		level = slog.LevelError
	}
	g.cfg.Log.LogAttrs(r.Context(), level, "request",
		slog.String("method", methodWord(r.Method)),
		slog.String("route", r.Pattern),
		slog.Int("status", status),
		slog.Int64("bytes", v.answer.bytes),
		slog.Duration("took", g.cfg.Now().Sub(start)),
		slog.String("reference", v.reference))
	if broken || caught == http.ErrAbortHandler {
		panic(http.ErrAbortHandler)
	}
}

// methodWord keeps a made-up method, which is a caller's text, out of the log.
func methodWord(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

package gate

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// Route is one line of the surface of the shop: what is answered, to whom, and
// how often.
type Route struct {
	Method string // "GET" answers HEAD too
	Path   string // a pattern of net/http's mux
	Need   access.Need
	Act    access.Act  // the delicate act it carries out; "" for none
	Does   []abuse.Act // what it does that is worth abusing; each brings its rule
	Token  string      // what opens it besides a session: "cart cookie", "Order-Token"; "" for nothing
	Cards  bool        // its handler takes card numbers out of its form by itself, and keeps the rest
	Handle http.HandlerFunc
}

// Anybody is what most routes of a shop need.
var Anybody = access.Need{Level: access.Guest}

// Row is a route as documents and the audit read it.
type Row struct {
	Surface string
	Route
}

// Table is every route of one server and the only way to one: nothing answers
// that does not say whom it answers. It is an http.Handler, to be put behind
// Gate.Wrap.
type Table struct {
	gate    *Gate
	mux     *http.ServeMux
	rows    []Row
	methods map[string][]string
	sealed  bool
}

// Table makes an empty table.
func (g *Gate) Table() *Table {
	return &Table{gate: g, mux: http.NewServeMux(), methods: map[string][]string{}}
}

// Add adds the routes of a surface. A route that declares no level, or carries
// out a delicate act without a fresh proof, is refused, and so is the start.
func (t *Table) Add(surface string, routes ...Route) error {
	for _, r := range routes {
		err := errors.Join(r.Need.Check(), r.Act.Check(r.Need))
		if r.Handle == nil || r.Method == "" || t.sealed {
			err = errors.Join(err, errors.New("gate: a route has a method and a handler, and comes before the table is sealed"))
		}
		if slices.Contains(t.methods[r.Path], r.Method) {
			err = errors.Join(err, errors.New("gate: the route is there twice"))
		}
		if err != nil {
			return fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
		t.rows = append(t.rows, Row{surface, r})
		route := r
		t.methods[r.Path] = append(t.methods[r.Path], r.Method)
		if r.Method == http.MethodGet {
			t.methods[r.Path] = append(t.methods[r.Path], http.MethodHead)
		}
		t.mux.Handle(r.Method+" "+r.Path, t.gate.guard(&route))
	}
	return nil
}

// Nothing says that there is nothing at these patterns, nor below them.
func (t *Table) Nothing(patterns ...string) {
	for _, p := range patterns {
		t.mux.Handle(p, t.gate.NotFound())
	}
}

// Seal ends the table: every address answers the methods it has not with 405.
func (t *Table) Seal() {
	for path, methods := range t.methods {
		slices.Sort(methods)
		t.mux.Handle(path, t.gate.MethodNotAllowed(methods...))
	}
	t.sealed = true
}

// Shape tells which route a path belongs to, as a pattern that names nobody, or
// "elsewhere".
func (t *Table) Shape(path string) string {
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil || !strings.HasPrefix(path, "/") {
		return "elsewhere"
	}
	r.URL.Path = path
	if _, pattern := t.mux.Handler(r); pattern != "" {
		if _, shape, ok := strings.Cut(pattern, " "); ok {
			return strings.TrimSuffix(shape, "{$}")
		}
	}
	return "elsewhere"
}

// Rows lists every route.
func (t *Table) Rows() []Row { return slices.Clone(t.rows) }

// ServeHTTP implements http.Handler.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.mux.ServeHTTP(w, r) }

// FieldCSRF is the form field that carries a session's token.
const FieldCSRF = "csrf"

// ErrForm tells somebody whose page is older than their session.
var ErrForm = fault.New(fault.Forbidden, "This page is older than your sign-in, so we did not take what it sent. Please load it again and repeat your last step.")

// guard holds a route to its need.
func (g *Gate) guard(route *Route) http.Handler {
	open := route.Need.Level == access.Guest
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r)
		if v == nil {
			g.Refuse(w, r, errors.New("gate: a table stands outside of the gate"))
			return
		}
		v.route = route
		if open {
			route.Handle(w, r)
			return
		}
		st, err := g.Standing(r)
		if err != nil {
			g.Refuse(w, r, fault.Because(fault.Unavailable, "We can't look up your sign-in right now. Please try again in a moment.", err))
			return
		}
		if verdict := route.Need.Enough(st); verdict != access.Enough {
			g.door(w, r, route.Need, verdict)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := g.ours(r, st.CSRF); err != nil {
				g.Refuse(w, r, err)
				return
			}
		}
		route.Handle(w, r)
	})
}

// ours refuses a form that does not carry the token of its session.
func (g *Gate) ours(r *http.Request, want string) error {
	form, err := Form(r)
	if err != nil {
		return err
	}
	if !Same(form.Get(FieldCSRF), want) {
		return ErrForm
	}
	return nil
}

// Same compares the token of a form with that of its session. None is never
// the same.
func Same(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// door answers whoever does not stand high enough.
func (g *Gate) door(w http.ResponseWriter, r *http.Request, need access.Need, verdict access.Verdict) {
	switch {
	case verdict == access.NotYour:
		g.Refuse(w, r, fault.New(fault.Forbidden, "Your sign-in does not open this page."))
	case g.cfg.Door == nil || strings.HasPrefix(r.URL.Path, "/api/"):
		g.Refuse(w, r, fault.New(fault.Forbidden, "Please sign in first."))
	default:
		g.cfg.Door(w, r, need, verdict)
	}
}

// Standing tells who asks. It is looked up once for a request, and only when
// somebody wants to know.
func (g *Gate) Standing(r *http.Request) (access.Standing, error) {
	v := visitOf(r)
	if v == nil || g.cfg.Who == nil {
		return access.Standing{}, nil
	}
	if !v.known {
		st, err := g.cfg.Who(r)
		if err != nil {
			return access.Standing{}, err
		}
		v.standing, v.known = st, true
	}
	return v.standing, nil
}

// declared reports whether the route of a request may fill a bucket.
func (v *visit) declared(b abuse.Bucket) bool {
	return v.route == nil || b == abuse.General || b == abuse.Misses || slices.ContainsFunc(v.route.Does, func(a abuse.Act) bool { return a.Fills(b) })
}

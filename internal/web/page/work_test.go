package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/tries"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func TestTheWorkScriptIsSmallAndParsesNoMarkup(t *testing.T) {
	set := shop(t, nil)
	f := set.assets.byPath[set.AssetPath("work.js")]
	if f == nil {
		t.Fatal("work.js is no asset")
	}
	if got := f.Size(); got > 2048 {
		t.Errorf("got %d bytes compressed, want at most 2048", got)
	}
	if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|DOMParser`).Find(f.body); found != nil {
		t.Errorf("the script holds %s", found)
	}
}

func TestNothingIsAskedForInQuietTimes(t *testing.T) {
	var b bytes.Buffer
	if err := shop(t, nil).templates.ExecuteTemplate(&b, "work", Work{}); err != nil || strings.TrimSpace(b.String()) != "" {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// forgetful counts tries in memory.
type forgetful struct {
	mu   sync.Mutex
	rows map[string]tries.Tally
}

func (c *forgetful) Tally(_ context.Context, who, factor, device string, fn func(time.Time, *tries.Tally)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.rows[who+factor+device]
	fn(time.Now(), &t)
	c.rows[who+factor+device] = t
	return nil
}

// entrance is a sign-in behind a gate, with the part that forms share. Its
// clock can be moved.
type entrance struct {
	set   *Set
	gate  *gate.Gate
	mu    sync.Mutex
	late  time.Duration
	tried []string // which names came as far as the password
}

func (e *entrance) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Add(e.late)
}

func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", strict)
	if strings.HasPrefix(r.URL.Path, PathAssets) {
		e.set.Assets(http.NotFoundHandler()).ServeHTTP(w, r)
		return
	}
	name, say := "", ""
	if r.Method == "POST" {
		name = r.PostFormValue("name")
		err := e.gate.Prove(r, gate.Attempt{Act: abuse.SignIn, Who: name, Factor: "password", Work: r.PostFormValue(gate.FieldWork), Ticket: r.PostFormValue(gate.FieldTicket)}, func() error {
			e.mu.Lock()
			e.tried = append(e.tried, name)
			e.mu.Unlock()
			if r.PostFormValue("password") != "right" {
				return fault.Field("password", "No.")
			}
			return nil
		})
		switch {
		case err == nil:
			fmt.Fprint(w, `<!doctype html><html lang="en"><title>In</title><p id="in">Hello</p>`)
			return
		case errors.Is(err, gate.ErrWork):
			say = "once more"
		default:
			say = "no"
		}
	}
	work, _ := e.gate.Work(r, abuse.SignIn)
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Sign in</title><p id="said">%s</p><form method="post" action="/sign-in"><input name="name" id="name" value="%s"><input name="password" id="password" type="password">`, say, html.EscapeString(name))
	e.set.templates.ExecuteTemplate(w, "work", Work(work))
	fmt.Fprint(w, `<button id="go">Sign in</button></form>`)
}

// besieged opens an entrance that many networks are trying.
func besieged(t *testing.T) (*entrance, *browser.Browser, string) {
	t.Helper()
	e := &entrance{set: shop(t, nil)}
	e.gate = gate.New(gate.Config{Now: e.now, Counters: &forgetful{rows: map[string]tries.Tally{}}})
	h := e.gate.Wrap(e)
	for i := range 60 {
		r := httptest.NewRequest("POST", "/sign-in", strings.NewReader(fmt.Sprintf("name=bot%d&password=x", i)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = fmt.Sprintf("10.0.%d.1:1", i)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if !e.gate.UnderAttack() {
		t.Fatal("this is no attack")
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return e, browser.Start(t, server.Certificate()), server.URL
}

func TestABrowserDoesTheSumWhileSomebodyTypes(t *testing.T) {
	e, b, url := besieged(t)
	p := b.Page(t, browser.View{})
	p.Open(url + "/sign-in")
	p.Fill("#name", "ada")
	p.Fill("#password", "right")
	p.Submit("#go") // before the sum is done: it goes off by itself
	if !p.Has("#in") || !slices.Contains(e.tried, "ada") {
		t.Errorf("she is not in: %s", p.HTML())
	}
	if got := p.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}
	var took []time.Duration
	for range 3 {
		p.Open(url + "/sign-in")
		ms := browser.Await[float64](p, `(async () => { const begin = performance.getEntriesByType("navigation")[0].domInteractive;
			while (!document.querySelector("input[name=work]").value) await new Promise((r) => setTimeout(r, 5));
			return performance.now() - begin })()`)
		took = append(took, time.Duration(ms*float64(time.Millisecond)))
	}
	slices.Sort(took)
	t.Logf("the sum took %v; the median is %s", took, took[len(took)/2])
	if took[len(took)/2] > 10*time.Second {
		t.Error("nobody waits that long")
	}
}

// TestSomebodyWithoutScriptsWaits: the form comes back with the name and without
// the password; after a minute it is taken.
func TestSomebodyWithoutScriptsWaits(t *testing.T) {
	e, b, url := besieged(t)
	p := b.Page(t, browser.View{NoScript: true})
	p.Open(url + "/sign-in")
	p.Fill("#name", "ada")
	p.Fill("#password", "right")
	p.Submit("#go")
	if got := p.Text("#said"); got != "once more" || slices.Contains(e.tried, "ada") {
		t.Fatalf("at once: %q", got)
	}
	if name, password := p.Value("#name"), p.Value("#password"); name != "ada" || password != "" {
		t.Errorf("the form has %q and %q", name, password)
	}
	if got := p.Text("[data-work-said]"); !strings.Contains(got, "60 seconds") {
		t.Errorf("it says %q", got)
	}
	e.mu.Lock()
	e.late = gate.TicketWait
	e.mu.Unlock()
	p.Fill("#password", "right")
	p.Submit("#go")
	if !p.Has("#in") {
		t.Errorf("she is not in: %s", p.HTML())
	}
}

// Package admin is where the staff console will stand.
//
// Until staff can sign in it says so and does nothing else: there is no
// console behind the page that a right guess could open.
package admin

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Config is what the closed console needs.
type Config struct {
	Gate  *gate.Gate // needed
	Pages *page.Set  // needed
	// Layout fills the frame around the page. Default: an empty one.
	Layout func(*http.Request) page.Layout
}

// Console answers /admin and everything below it.
type Console struct{ cfg Config }

// New makes a console.
func New(c Config) (*Console, error) {
	if c.Gate == nil || c.Pages == nil {
		return nil, errors.New("admin: gate and pages are needed")
	}
	if c.Layout == nil {
		c.Layout = func(*http.Request) page.Layout { return page.Layout{} }
	}
	return &Console{cfg: c}, nil
}

// Register adds the console's routes to the table of a server.
func (c *Console) Register(t *gate.Table) error {
	t.Nothing("/admin/")
	return t.Add("admin",
		gate.Route{Method: "GET", Path: "/admin", Need: gate.Anybody, Handle: c.closed},
		gate.Route{Method: "GET", Path: "/admin/{$}", Need: gate.Anybody, Handle: c.closed})
}

// closed tells the truth: nothing is here yet.
func (c *Console) closed(w http.ResponseWriter, r *http.Request) {
	body, err := c.cfg.Pages.Bytes(page.Admin{Layout: c.cfg.Layout(r)})
	if err != nil {
		c.cfg.Gate.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // a reader that went away is no error of ours
}

package storefront

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// guarded puts what a road asks of strangers under attack into every form of a
// desk.
func (s *Shop) guarded(r *http.Request, road abuse.Act, d page.Desk) page.Desk {
	work, on := s.gate.Work(r, road)
	if !on {
		return d
	}
	for i := range d.Sections {
		for j := range d.Sections[i].Forms {
			if f := &d.Sections[i].Forms[j]; f.Passkey == nil {
				f.Work = page.Work(work)
			}
		}
	}
	return d
}

// worked holds up strangers under attack who want a code mailed.
func (s *Shop) worked(r *http.Request, form url.Values, road abuse.Act) error {
	return s.gate.Worked(r, gate.Attempt{Act: road, Work: form.Get(gate.FieldWork), Ticket: form.Get(gate.FieldTicket)})
}

// held tells that a form is drawn again, with what was typed in it and the
// reason at a field, because it came too soon or too often.
func held(w http.ResponseWriter, err error, field string) (status int, problems []fault.Problem, ok bool) {
	if !fault.Is(err, fault.RateLimited) && !errors.Is(err, gate.ErrRebind) {
		return 0, nil, false
	}
	e := fault.Of(err)
	return gate.Later(w, e), []fault.Problem{{Field: field, Detail: e.Text}}, true
}

// friction draws what stands before an act whose form was sent, with all that
// the form carried, so that one more button carries it out. False leaves the
// refusal to the caller.
func (s *Shop) friction(w http.ResponseWriter, r *http.Request, err error, back page.Link, button string) bool {
	var refused *abuse.Refused
	if !errors.As(err, &refused) {
		return false
	}
	e := fault.Of(err)
	section := page.Section{Says: []string{e.Text}, Links: []page.Link{back}}
	switch refused.Friction {
	case abuse.Work:
		form, formErr := gate.Form(r)
		providers, methodsErr := s.desk.Methods(r.Context())
		if formErr != nil || methodsErr != nil {
			return false
		}
		if gate.FormTo(w, payment.Origins(providers)...) != nil {
			return false
		}
		f := page.Form{Action: r.URL.Path, Button: button, Work: page.Work(s.gate.NewWork(r, refused.Act))}
		for name, values := range form {
			if name != gate.FieldWork && name != gate.FieldTicket && len(values) == 1 {
				f.Hidden = append(f.Hidden, page.Field{Name: name, Value: values[0]})
			}
		}
		slices.SortFunc(f.Hidden, func(a, b page.Field) int { return strings.Compare(a.Name, b.Name) })
		section.Forms = []page.Form{f}
	default:
		section.Says = append(section.Says, "You can try again "+inWords(e.RetryAfter)+".")
		if s.cfg.Keeper != nil && refused.Friction != abuse.Wait {
			section.Links = append([]page.Link{{Text: "Sign in", URL: page.PathSignIn}, {Text: "Make an account", URL: page.PathRegister}}, section.Links...)
		}
	}
	s.show(w, r, gate.Later(w, e), page.Desk{Layout: s.layout(r), Title: "Before you pay", Sections: []page.Section{section}})
	return true
}

// inWords tells when something can be tried again.
func inWords(wait time.Duration) string {
	if n := int(math.Ceil(wait.Minutes())); n > 1 {
		return "in " + strconv.Itoa(n) + " minutes"
	}
	return "in a minute"
}

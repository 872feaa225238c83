package storefront

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
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

// inWords tells when something can be tried again.
func inWords(wait time.Duration) string {
	n, unit := int(math.Ceil(wait.Minutes())), "minute"
	switch {
	case wait > 48*time.Hour: // goods that wait for a transfer
		n, unit = int(math.Ceil(wait.Hours()/24)), "day"
	case wait > 2*time.Hour:
		n, unit = int(math.Ceil(wait.Hours())), "hour"
	}
	if n > 1 {
		return "in " + strconv.Itoa(n) + " " + unit + "s"
	}
	return "in a " + unit
}

package storefront

import (
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	undoCookie = "__Host-undo"
	keepUndo   = 15 * time.Minute
	maxUndo    = 200
)

// undoWords say what a link takes back.
var undoWords = map[string]string{
	"email":  "Your account gets its old e-mail back.",
	"factor": "The way to sign in that was added is removed.",
	"lost":   "The wait to replace your second step is stopped, and the password that somebody knew ends.",
}

// undo shows what a mailed link takes back. A scanner that opens the link
// changes nothing: only the button does. Its token goes into a cookie at once,
// so that it does not stay in the address and the history.
func (s *Shop) undo(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get(page.FieldToken); token != "" {
		if len(token) <= maxUndo && wordy(strings.ReplaceAll(token, ".", "")) {
			gate.SetCookie(w, undoCookie, token, keepUndo)
		}
		seeOther(w, page.PathUndo)
		return
	}
	token, _ := ticket(r, undoCookie)
	u, err := s.cfg.Keeper.Undoing(r.Context(), token)
	if s.notUndone(w, r, err) {
		return
	}
	d := page.Desk{Layout: s.layout(r), Title: "Take it back?", Says: []string{undoWords[u.Kind], "Everybody is signed out, and you choose a new password by mail."},
		Sections: []page.Section{{Forms: []page.Form{{Action: page.PathUndo, Button: "Take it back"}}}}}
	s.show(w, r, http.StatusOK, d)
}

// takeBack does it.
func (s *Shop) takeBack(w http.ResponseWriter, r *http.Request) {
	token, _ := ticket(r, undoCookie)
	err := s.gate.Begin(r, abuse.Letter)
	if err == nil {
		err = s.cfg.Keeper.Undo(r.Context(), token, Visitor(r))
	}
	if s.notUndone(w, r, err) {
		return
	}
	gate.ClearCookie(w, undoCookie)
	gate.ClearCookie(w, gate.SessionCookie)
	tell(w, news{word: newsUndone})
	seeOther(w, page.PathForgotten)
}

// notUndone answers for a link that undoes nothing. One that is no link of ours
// counts as a guess.
func (s *Shop) notUndone(w http.ResponseWriter, r *http.Request, err error) bool {
	if err == nil {
		return false
	}
	if fault.Is(err, fault.NotFound) {
		text := fault.Of(err).Text
		if err = s.gate.Missed(r, err); fault.Is(err, fault.NotFound) {
			s.show(w, r, http.StatusNotFound, page.Desk{Layout: s.layout(r), Title: "There is nothing to take back", Says: []string{text},
				Links: []page.Link{{Text: "Forgotten password?", URL: page.PathForgotten}}})
			return true
		}
	}
	s.gate.Refuse(w, r, err)
	return true
}

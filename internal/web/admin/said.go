package admin

import (
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// words say what was done just now. The cookie carries the key alone.
var words = map[string]string{
	"confirmed": "This person can sign in now.",
	"disabled":  "This person is signed out everywhere and can’t come back.",
	"enabled":   "This person can sign in again.",
	"role":      "The role is changed. Where this person was signed in has ended.",
	"withdrawn": "The invitation has ended.",
	"added":     "The passkey is added. Your other sign-ins have ended.",
	"renamed":   "The passkey has its new name.",
	"removed":   "The passkey is removed. Your other sign-ins have ended.",
	"codes":     "The new recovery codes work from now on.",
	"ended":     "That sign-in has ended.",
	"alone":     "Every other sign-in of yours has ended.",
	"measure":   "That is in force now, for everybody who comes.",
	"out":       "You are signed out.",
}

// say remembers what was done for the next page.
func say(w http.ResponseWriter, word string) {
	gate.SetCookie(w, saidCookie, word, time.Minute)
}

// said tells it, once.
func said(w http.ResponseWriter, r *http.Request) string {
	word, ok := gate.Cookie(r, saidCookie)
	if !ok {
		return ""
	}
	if r.Method != http.MethodHead {
		gate.ClearCookie(w, saidCookie)
	}
	return words[word]
}

package gate

import (
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
)

// StaffCookie is where staff are signed in. It is not the shoppers': a browser
// may be both, and neither entrance ever sees what the other gave.
const StaffCookie = "__Host-cs"

const (
	ceremonyCookie = "__Host-ceremony" // what a passkey answers to

	keepCeremony = 10 * time.Minute
	keepDevice   = 365 * 24 * time.Hour
)

// Visitor is who asks, as the browser shows itself. session names the cookie of
// the entrance.
func Visitor(r *http.Request, session string) account.Visitor {
	v := account.Visitor{Agent: agentOf(r.UserAgent())}
	v.Cookie, _ = Cookie(r, session)
	v.Device, _ = Cookie(r, DeviceCookie)
	if len(v.Cookie) > 200 || len(v.Device) != 43 || !wordy(v.Device) {
		v.Device = ""
	}
	return v
}

// Enter gives the browser what a proof has opened at an entrance.
func Enter(w http.ResponseWriter, session string, e account.Entry) {
	SetCookie(w, session, e.Cookie, e.Keep)
	if e.Device != "" {
		SetCookie(w, DeviceCookie, e.Device, keepDevice)
	}
}

// WriteCeremony answers the options of a ceremony, and keeps its ticket in the
// browser.
func WriteCeremony(w http.ResponseWriter, c account.Ceremony) {
	SetCookie(w, ceremonyCookie, c.Ticket, keepCeremony)
	w.Header().Set("Content-Type", "application/json")
	w.Write(c.Options) // a reader that went away is no error of ours
}

// Answered reads what a passkey has answered, and the ticket of its ceremony.
func Answered(w http.ResponseWriter, r *http.Request) (ticket string, response []byte, ok bool) {
	form, err := Form(r)
	t, has := Ticket(r, ceremonyCookie)
	ClearCookie(w, ceremonyCookie)
	if err != nil || !has {
		return "", nil, false
	}
	return t, []byte(form.Get("credential")), true
}

// Ticket reads a cookie of the form "ID.TOKEN".
func Ticket(r *http.Request, cookie string) (string, bool) {
	t, has := Cookie(r, cookie)
	return t, has && TicketLike(t)
}

// TicketLike reports whether text can be a ticket: "ID.TOKEN", perhaps with one
// more part.
func TicketLike(t string) bool {
	return len(t) < 200 && strings.Count(t, ".") <= 2 && wordy(strings.ReplaceAll(t, ".", ""))
}

// wordy reports whether text holds nothing but letters, digits, - and _.
func wordy(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// agentOf says in our own words what a browser calls itself. Nothing of what it
// sent is kept.
func agentOf(sent string) string {
	pick := func(words [][2]string) string {
		for _, w := range words {
			if strings.Contains(sent, w[0]) {
				return w[1]
			}
		}
		return ""
	}
	browser := pick([][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}})
	system := pick([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	}
	return "a browser that does not say its name"
}

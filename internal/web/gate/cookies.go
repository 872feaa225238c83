package gate

import (
	"net/http"
	"time"
)

// CartCookie holds a guest's cart token for the pages. The prefix makes
// browsers refuse it from another host, a sub-path or plain HTTP.
const CartCookie = "__Host-cart"

// SessionCookie is where somebody is signed in, DeviceCookie what makes a
// browser known to the accounts that have proved themselves in it.
const (
	SessionCookie = "__Host-ck"
	DeviceCookie  = "__Host-ckd"
)

// SetCookie hands a secret to the browser: this host only, HTTPS only, out of
// reach of scripts, not sent along by posts from other sites. keep is zero for
// a cookie that ends with the browser.
func SetCookie(w http.ResponseWriter, name, value string, keep time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(keep / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// ClearCookie makes the browser forget.
func ClearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Cookie returns the value of a cookie. One that is there twice counts as
// absent: somebody else put one of the two there.
func Cookie(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}

// HasCookie reports whether the request carries the cookie at all.
func HasCookie(r *http.Request, name string) bool {
	return r.Header["Cookie"] != nil && len(r.CookiesNamed(name)) > 0
}

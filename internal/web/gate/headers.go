package gate

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// ReferenceHeader carries the random name of a request.
const ReferenceHeader = "Cartkeep-Reference"

// What an answer may say about being kept by browsers and caches.
const (
	CacheNever   = "no-store"                            // the default: pages, API, errors
	CacheBriefly = "public, max-age=30"                  // the catalogue in the API
	CacheCheck   = "no-cache"                            // kept, but asked about each time (ETag)
	CacheForever = "public, max-age=31536000, immutable" // assets with a hash in their address
)

const (
	policyBefore = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
		"connect-src 'self'; form-action 'self'"
	policyAfter = "; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

// header has its value as a slice, so that setting it costs no allocation. The
// slices are shared and are replaced, never changed.
type header struct {
	name  string
	value []string
}

// fixedHeaders lists what every answer carries, errors and 404s included.
func fixedHeaders(hsts bool) []header {
	fixed := []header{
		{"Content-Security-Policy", one(policyBefore + policyAfter)},
		{"X-Content-Type-Options", one("nosniff")},
		{"X-Frame-Options", one("DENY")},
		// Not no-referrer: browsers without Sec-Fetch-Site, such as Safari before
		// 16.4, would then send our own forms with the origin null, as a
		// stranger's are. Other origins learn nothing either way.
		{"Referrer-Policy", one("same-origin")},
		{"Cross-Origin-Opener-Policy", one("same-origin")},
		{"Cross-Origin-Resource-Policy", one("same-origin")},
		{"Cross-Origin-Embedder-Policy", one("require-corp")},
		{"Permissions-Policy", one(closedFeatures())},
		{"Cache-Control", one(CacheNever)},
	}
	if hsts {
		fixed = append(fixed, header{"Strict-Transport-Security", one("max-age=63072000; includeSubDomains")})
	}
	return fixed
}

// one returns a slice without spare room: an append to it makes a copy.
func one(value string) []string { return []string{value}[:1:1] }

// closedFeatures names the browser features that no page of a shop needs.
func closedFeatures() string {
	// Only names that browsers know: an unknown one fills their consoles.
	features := []string{
		"accelerometer", "autoplay", "camera", "cross-origin-isolated", "display-capture", "encrypted-media",
		"fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection",
		"keyboard-map", "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment",
		"picture-in-picture", "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial",
		"storage-access", "sync-xhr", "usb", "window-management", "xr-spatial-tracking",
	}
	return strings.Join(features, "=(), ") + "=()"
}

// Harden sets what every answer of a gate carries, for one that no gate stands
// before. policy is its Content-Security-Policy.
func Harden(w http.ResponseWriter, policy string) {
	h := w.Header()
	for _, f := range fixedHeaders(false) {
		h[f.name] = f.value
	}
	h.Set("Content-Security-Policy", policy)
}

// Cache replaces no-store for this answer. Never use it on what belongs to one person.
func Cache(w http.ResponseWriter, value string) { w.Header().Set("Cache-Control", value) }

// FormTo lets the forms of this one answer end at other origins as well:
// browsers check form-action on the redirect that follows a post, too. An
// origin is a scheme and a host, such as https://pay.example; anything else is
// an error and changes nothing.
func FormTo(w http.ResponseWriter, origins ...string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.String() != "https://"+u.Host ||
			strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
			return fault.New(fault.Internal, "The payment origin is not an https origin.")
		}
	}
	w.Header().Set("Content-Security-Policy", strings.Join(append([]string{policyBefore}, origins...), " ")+policyAfter)
	return nil
}

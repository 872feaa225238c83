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

// PathReports is where browsers tell what they blocked on a page.
const PathReports = "/reports"

const (
	policyBefore = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
		"connect-src 'self'; form-action 'self'"
	// report-uri and not report-to: every browser knows it, and it tells at once.
	policyAfter  = policyFrames + "; trusted-types 'none'; report-uri " + PathReports
	policyFrames = "; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)

// header has its value as a slice, so that setting it costs no allocation. The
// slices are shared and are replaced, never changed.
type header struct {
	name  string
	value []string
}

// fixedHeaders lists what every answer carries, errors and 404s included.
func fixedHeaders(hsts bool) []header {
	fixed := append(hardHeaders(),
		header{"Content-Security-Policy", one(policyBefore + policyAfter)},
		// A script without a hash runs nowhere here, even one that was slipped into a
		// page on its way and comes from our own address (W3C Subresource Integrity,
		// 3.4). It must be asked for by CORS too, with the attribute crossorigin, even
		// where it is ours. Not style: Chromium 156 does not know it, and complains on each page.
		header{"Integrity-Policy", one("blocked-destinations=(script), endpoints=(page)")},
		header{"Reporting-Endpoints", one(`page="` + PathReports + `"`)},
	)
	if hsts {
		fixed = append(fixed, header{"Strict-Transport-Security", one("max-age=63072000; includeSubDomains")})
	}
	return fixed
}

// hardHeaders are those of them that do not depend on the page.
func hardHeaders() []header {
	return []header{
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

// Headers tells what a page whose forms may end at these origins too is sent with,
// by names in small letters.
func Headers(hsts bool, origins ...string) (map[string]string, error) {
	policy, err := policyFor(origins)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range fixedHeaders(hsts) {
		out[strings.ToLower(f.name)] = f.value[0]
	}
	out["content-security-policy"] = policy
	return out, nil
}

// Harden sets what every answer of a gate carries, but for what belongs to its
// pages alone, for one that no gate stands before. policy is its
// Content-Security-Policy.
func Harden(w http.ResponseWriter, policy string) {
	h := w.Header()
	for _, f := range hardHeaders() {
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
	policy, err := policyFor(origins)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policy)
	return nil
}

// policyFor is the one place where something from outside enters a policy. What is
// no plain https origin can't: no keyword, no wildcard, no second directive.
func policyFor(origins []string) (string, error) {
	if err := plainOrigins(origins); err != nil {
		return "", err
	}
	return strings.Join(append([]string{policyBefore}, origins...), " ") + policyAfter, nil
}

func plainOrigins(origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.String() != "https://"+u.Host ||
			strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
			return fault.New(fault.Internal, "The payment origin is not an https origin.")
		}
	}
	return nil
}

package storefront

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// besieged is an entrance that many networks try. ada has an account, and
// device is what her own browser shows.
func besieged(t *testing.T) (s *stall, device string) {
	t.Helper()
	s = &stall{Shop: shoptest.Open(t, "sqlite"), logs: new(logbook)}
	pages, err := page.New(page.Config{ShopName: "Hazelmott", BaseURL: "https://shop.test"})
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(gate.Config{Log: slog.New(slog.NewTextHandler(s.logs, nil)), Page: ErrorPage(pages, s.DB, nil), Counters: s.DB,
		Who: func(r *http.Request) (access.Standing, error) { return s.Keeper.Who(r.Context(), Visitor(r).Cookie) }})
	mux := g.Table()
	front, err := New(Config{Gate: g, Pages: pages, Desk: s.Desk, Store: s.DB, Keeper: s.Keeper, Origin: shoptest.Origin})
	if err != nil {
		t.Fatal(err)
	}
	if err := front.Register(mux); err != nil {
		t.Fatal(err)
	}
	mux.Seal()
	s.server = httptest.NewTLSServer(g.Wrap(mux))
	t.Cleanup(s.server.Close)

	ticket, err := s.Keeper.Register(t.Context(), "ada@example.com", adasPassword)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Keeper.FinishRegister(t.Context(), ticket, s.Code(t, "ada@example.com"), account.Visitor{Agent: "Firefox on Linux"})
	if err != nil {
		t.Fatal(err)
	}
	wrong := g.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.Prove(r, gate.Attempt{Act: abuse.SignIn, Who: r.RemoteAddr, Factor: "password"}, func() error { return fault.Field(page.FieldPassword, "No.") })
	}))
	for i := range 60 {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.1:1", i)
		wrong.ServeHTTP(httptest.NewRecorder(), r)
	}
	return s, e.Device
}

const adasPassword = "kestrel over quiet harbour"

// summed reads the sum of the first form that has one, and solves it.
func summed(t *testing.T, body string) string {
	t.Helper()
	data := map[string]string{}
	for _, m := range regexp.MustCompile(`data-(challenge|salt|signature)="([^"]*)"`).FindAllStringSubmatch(body, 3) {
		data[m[1]] = html.UnescapeString(m[2])
	}
	for n := range 200_000 {
		if sum := sha256.Sum256(fmt.Append(nil, data["salt"], n)); hex.EncodeToString(sum[:]) == data["challenge"] {
			return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"algorithm":"SHA-256","challenge":%q,"number":%d,"salt":%q,"signature":%q}`, data["challenge"], n, data["salt"], data["signature"]))
		}
	}
	t.Fatalf("no sum in the page: %v", data)
	return ""
}

func TestUnderAttackTheEntranceAsksStrangersForWorkAndLetsKnownBrowsersIn(t *testing.T) {
	s, device := besieged(t)
	typed := url.Values{page.FieldEmail: {"ada@example.com"}, page.FieldPassword: {adasPassword}}

	stranger := s.shopper(t)
	got := stranger.post(page.PathSignIn, typed)
	if got.status != 429 || got.header.Get("Retry-After") != "60" || stranger.cookies()[gate.SessionCookie] != "" {
		t.Errorf("without work: %d, again after %q", got.status, got.header.Get("Retry-After"))
	}
	if !strings.Contains(got.body, `value="ada@example.com"`) || strings.Contains(got.body, adasPassword) || !strings.Contains(got.body, page.PathKnow) {
		t.Error("what was typed is lost, or a secret is not, or the way to be known is not shown")
	}
	typed.Set(gate.FieldWork, summed(t, got.body))
	stranger.post(page.PathSignIn, typed)
	if stranger.cookies()[gate.SessionCookie] == "" {
		t.Error("work does not open the entrance")
	}
	again := s.shopper(t)
	if got := again.post(page.PathSignIn, typed); got.status != 429 || again.cookies()[gate.SessionCookie] != "" {
		t.Errorf("the same work again: %d", got.status)
	}

	ada := s.shopper(t)
	at, _ := url.Parse(s.server.URL)
	ada.jar.SetCookies(at, []*http.Cookie{{Name: gate.DeviceCookie, Value: device, Path: "/", Secure: true}})
	typed.Del(gate.FieldWork)
	ada.post(page.PathSignIn, typed)
	if ada.cookies()[gate.SessionCookie] == "" {
		t.Error("her own browser is asked for work")
	}
}

func TestUnderAttackNobodyHasCodesMailedWithoutWork(t *testing.T) {
	s, _ := besieged(t)
	s.Run(t)
	before := len(s.Letters.All())
	for _, path := range []string{page.PathRegister, page.PathForgotten, page.PathKnow} {
		stranger := s.shopper(t)
		typed := url.Values{page.FieldEmail: {"ada@example.com"}, page.FieldPassword: {"a word nobody has thought of"}}
		got := stranger.post(path, typed)
		s.Run(t)
		if got.status != 429 || !strings.Contains(got.body, `value="ada@example.com"`) || strings.Contains(got.body, "nobody has thought") {
			t.Errorf("%s: got %d, or what was typed is lost", path, got.status)
		}
		if n := len(s.Letters.All()); n != before {
			t.Errorf("%s: %d letters went out", path, n-before)
		}
		typed.Set(gate.FieldWork, summed(t, got.body))
		if got := stranger.post(path, typed); got.status != 200 || !strings.HasSuffix(got.path, "/code") {
			t.Errorf("%s with work: %d at %s", path, got.status, got.path)
		}
		s.Run(t)
		before = len(s.Letters.All())
	}
}

func TestTooManyWrongPasswordsKeepTheFormAndSayWhen(t *testing.T) {
	s, device := besieged(t)
	ada := s.shopper(t)
	at, _ := url.Parse(s.server.URL)
	ada.jar.SetCookies(at, []*http.Cookie{{Name: gate.DeviceCookie, Value: device, Path: "/", Secure: true}})
	typed := url.Values{page.FieldEmail: {"ada@example.com"}, page.FieldPassword: {"not the one she has"}}
	for range 5 {
		ada.post(page.PathSignIn, typed).is(422)
	}
	got := ada.post(page.PathSignIn, typed).is(429, "Please wait a little and try again", "Make this browser known")
	if got.header.Get("Retry-After") == "" || !strings.Contains(got.body, `value="ada@example.com"`) || strings.Contains(got.body, "not the one") {
		t.Error("she does not learn when, or what she typed is lost")
	}
	s.Clock.Move(30 * time.Second)
	typed.Set(page.FieldPassword, adasPassword)
	ada.post(page.PathSignIn, typed)
	if ada.cookies()[gate.SessionCookie] == "" {
		t.Fatal("after the wait the right one does not open")
	}

	// Within the session the same holds, with a count of its own.
	proof := url.Values{page.FieldMethod: {"password"}, page.FieldPassword: {"not the one she has"}}
	_, token, _ := strings.Cut(ada.cookies()[gate.SessionCookie], ".")
	proof.Set(page.FieldCSRF, s.DB.CSRF(token))
	for range 5 {
		ada.post(page.PathProve, proof).is(422)
	}
	ada.post(page.PathProve, proof).is(429, "Is it you?", "Please wait a little and try again")
	ada.get(page.PathProve).is(200)
}

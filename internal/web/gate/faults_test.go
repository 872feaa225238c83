package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestPanicsBecomeCleanAnswers(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, path := range []string{"/things/ada@example.org?q=ada@example.org", "/api/things/ada@example.org"} {
		log.Reset()
		got := visitGate(cfg, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", CacheForever)
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Location", "/elsewhere")
			panic(errors.New("could not store ada@example.org"))
		}, httptest.NewRequest("GET", path, nil))
		if got.Code != 500 || got.Header().Get("Cache-Control") != "no-store" || got.Header().Get("Location") != "" {
			t.Errorf("got %d %v", got.Code, got.Header())
		}
		reference := got.Header().Get(ReferenceHeader)
		if !strings.Contains(got.Body.String(), reference) || !strings.Contains(log.String(), reference) {
			t.Errorf("got %s, want the reference in answer and log", got.Body)
		}
		if !strings.Contains(log.String(), "faults_test.go") || !strings.Contains(log.String(), "/things/{id}") {
			t.Errorf("got log %s, want place and route", log.String())
		}
		for _, text := range []string{"ada@", "example.org", "goroutine", "q="} {
			if strings.Contains(got.Body.String(), text) || strings.Contains(log.String(), text) {
				t.Errorf("got %q in %s or %s", text, got.Body, log.String())
			}
		}
	}
}

func TestAPanicAfterHalfAnAnswerCutsTheConnection(t *testing.T) {
	server := httptest.NewServer(New(Config{}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic("no")
	})))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("got a whole answer, want the connection cut: half a page must not look whole")
	}
}

func TestStatusTable(t *testing.T) {
	for kind, status := range map[fault.Kind]int{
		fault.Malformed: 400, fault.IdempotencyKeyMissing: 400, fault.Forbidden: 403, fault.NotFound: 404, fault.Method: 405,
		fault.OutOfStock: 409, fault.Changed: 409, fault.CartClosed: 409, fault.InProgress: 409, fault.Conflict: 409,
		fault.TooLarge: 413, fault.MediaType: 415, fault.Invalid: 422, fault.IdempotencyMismatch: 422,
		fault.RateLimited: 429, fault.Internal: 500, fault.Unavailable: 503, "no such kind": 500,
	} {
		if Status(kind) != status {
			t.Errorf("%s: got %d, want %d", kind, Status(kind), status)
		}
		if Title(kind) == Title("no such kind") && status != 500 {
			t.Errorf("%s: got no title", kind)
		}
		g := New(Config{})
		w := httptest.NewRecorder()
		g.Refuse(w, httptest.NewRequest("GET", "/api/x", nil), fault.New(kind, "Some text."))
		retry := w.Header().Get("Retry-After")
		if w.Code != status || (retry != "") != (status == 429 || status == 503) {
			t.Errorf("%s: got %d, Retry-After %q", kind, w.Code, retry)
		}
		if status == 500 && strings.Contains(w.Body.String(), "Some text") {
			t.Errorf("%s: got an internal text outside", kind)
		}
	}
}

// TestPublicTypesAreTheFixedOnes holds the types against the list that callers
// were promised.
func TestPublicTypesAreTheFixedOnes(t *testing.T) {
	for _, c := range []struct {
		kind         fault.Kind
		status       int
		typ, heading string
	}{
		{fault.Conflict, 409, "/problems/changed", "Something changed meanwhile"},
		{fault.Changed, 409, "/problems/changed", "Something changed meanwhile"},
		{fault.Forbidden, 403, "about:blank", "Forbidden"},
		{fault.NotFound, 404, "/problems/not-found", "Not found"},
	} {
		w := httptest.NewRecorder()
		New(Config{}).Refuse(w, httptest.NewRequest("POST", "/api/x", nil), fault.New(c.kind, "No."))
		var p ProblemDetails
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || p.Status != c.status || p.Type != c.typ || p.Title != c.heading {
			t.Errorf("%s: got %d %+v, want %d %s %q", c.kind, w.Code, p, c.status, c.typ, c.heading)
		}
	}
}

func TestRefusalsOfPagesAreDrawnByThePage(t *testing.T) {
	cfg := Config{Page: func(w http.ResponseWriter, _ *http.Request, status int, e *fault.Error, reference string) {
		w.WriteHeader(status)
		io.WriteString(w, "<p>"+e.Text+" "+reference)
	}}
	got := visitGate(cfg, fine, httptest.NewRequest("GET", "/nothing", nil))
	if got.Code != 404 || got.Body.String() != "<p>There is nothing at this address. "+got.Header().Get(ReferenceHeader) {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

func TestProblemsPointAtFields(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{}).Refuse(w, httptest.NewRequest("GET", "/api/x", nil),
		fault.Because(fault.NotFound, "No.", errors.New("row 17 of carts")))
	if strings.Contains(w.Body.String(), "17") {
		t.Errorf("got the cause outside: %s", w.Body)
	}
	for field, want := range map[string]string{"": "", "quantity": "/quantity", "a/b~c": "/a/b~0c"} {
		if Pointer(field) != want {
			t.Errorf("%q: got %q, want %q", field, Pointer(field), want)
		}
	}
}

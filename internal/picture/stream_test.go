package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestAFileIsStreamedUnderTheSameGuard(t *testing.T) {
	closed, asked := trap(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plan.pdf":
			io.WriteString(w, "%PDF a plan")
		case "/gone.pdf":
			http.NotFound(w, r)
		case "/closed.pdf":
			http.Redirect(w, r, closed.URL, http.StatusFound)
		case "/login.pdf":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<h1>Please sign in</h1>")
		case "/nothing.pdf":
			w.Header().Set("Content-Length", "0")
		case "/says-large.pdf":
			w.Header().Set("Content-Length", fmt.Sprint(4<<20))
		case "/large.pdf":
			for range 64 {
				w.Write(make([]byte, 64<<10))
				w.(http.Flusher).Flush()
			}
		case "/cut.pdf":
			w.Header().Set("Content-Length", "1000")
			w.Write(make([]byte, 500))
		case "/slow.pdf":
			w.Write(make([]byte, 500))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	f := openTo(s, nil)
	defer f.Close()
	const limit = 1 << 20
	for path, want := range map[string]string{
		"/plan.pdf": "", "/gone.pdf": "status 404", "/closed.pdf": "not that of a public web server", "/login.pdf": "a page instead", "/nothing.pdf": "is empty",
		"/says-large.pdf": "larger than 1 MB", "/large.pdf": "larger than 1 MB", "/cut.pdf": "broke off", "/slow.pdf": "stood still",
	} {
		var got bytes.Buffer
		err := f.stream(t.Context(), s.URL+path, limit, 200*time.Millisecond, func(in io.Reader) error { _, err := io.Copy(&got, in); return err })
		switch {
		case want == "" && (err != nil || got.String() != "%PDF a plan"):
			t.Errorf("%s: %q, %v", path, got.String(), err)
		case want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Text, want)):
			t.Errorf("%s: %v, want a word of %q", path, err, want)
		case got.Len() > limit+64<<10:
			t.Errorf("%s: %d bytes came through", path, got.Len())
		}
	}
	if asked.Load() > 0 {
		t.Error("a redirect reached a closed server")
	}
	if err := NewFetcher().Stream(t.Context(), s.URL+"/plan.pdf", limit, func(io.Reader) error { t.Error("it was read"); return nil }); !fault.Is(err, fault.Invalid) {
		t.Errorf("this machine: %v, want it closed", err)
	}

	// What the reader says is not the host's doing; and its own slowness neither.
	full := errors.New("no room")
	if err := f.stream(t.Context(), s.URL+"/plan.pdf", limit, time.Second, func(io.Reader) error { return full }); err != full {
		t.Errorf("got %v, want what the reader said", err)
	}
	err := f.stream(t.Context(), s.URL+"/plan.pdf", limit, 100*time.Millisecond, func(in io.Reader) error {
		if _, err := io.ReadFull(in, make([]byte, 4)); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		_, err := io.ReadAll(in)
		return err
	})
	if err != nil {
		t.Errorf("a slow reader: %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := f.Stream(gone, s.URL+"/plan.pdf", limit, func(io.Reader) error { return nil }); err == nil || fault.Is(err, fault.Invalid) {
		t.Errorf("%v, want to be told that it was ended", err)
	}
}

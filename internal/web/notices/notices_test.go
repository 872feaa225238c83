package notices_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAProviderIsToldWhetherToComeAgain: what it is answered decides whether it calls
// back once more, so what was not taken must never look as if it were.
func TestAProviderIsToldWhetherToComeAgain(t *testing.T) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := shoptest.Open(t, engine)
			shop, sent := waiting(t, s, 2)
			call := func(i int, change func(*http.Request, []byte) []byte) int {
				r := httptest.NewRequest("POST", sent.sent[i].URL.String(), nil)
				r.Header = sent.sent[i].Header.Clone()
				body := change(r, bytes.Clone(sent.body[i]))
				r.Body = io.NopCloser(bytes.NewReader(body))
				w := httptest.NewRecorder()
				shop.ServeHTTP(w, r)
				return w.Code
			}
			as := func(_ *http.Request, body []byte) []byte { return body }
			paid := func() int64 {
				return shoptest.One[int64](t, s.Raw(t), `SELECT COUNT(*) FROM orders WHERE status = 'paid'`)
			}
			for name, c := range map[string]struct {
				change func(*http.Request, []byte) []byte
				want   int
			}{
				"another byte":  {func(_ *http.Request, body []byte) []byte { body[len(body)/2] ^= 1; return body }, http.StatusBadRequest},
				"no signature":  {func(r *http.Request, body []byte) []byte { clear(r.Header); return body }, http.StatusBadRequest},
				"nothing":       {func(*http.Request, []byte) []byte { return nil }, http.StatusBadRequest},
				"far too long":  {func(*http.Request, []byte) []byte { return make([]byte, 2<<20) }, http.StatusRequestEntityTooLarge},
				"another place": {func(r *http.Request, body []byte) []byte { r.URL.Path += "s"; return body }, http.StatusNotFound},
			} {
				if got := call(0, c.change); got != c.want || paid() != 0 {
					t.Errorf("%s: got %d and %d paid, want %d and none", name, got, paid(), c.want)
				}
			}
			for range 2 {
				if got := call(0, as); got != http.StatusNoContent || paid() != 1 {
					t.Errorf("the genuine one: got %d and %d paid, want 204 and one", got, paid())
				}
			}
			if err := s.DB.Close(); err != nil {
				t.Fatal(err)
			}
			if got := call(1, as); got < 500 {
				t.Errorf("got %d while the database is away, want that it comes again", got)
			}
		})
	}
}

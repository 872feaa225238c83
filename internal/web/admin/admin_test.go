package admin

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

func TestConsoleIsClosedAndSaysSo(t *testing.T) {
	pages, err := page.New(page.Config{ShopName: "Hazelmott"})
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(gate.Config{})
	c, err := New(Config{Gate: g, Pages: pages})
	if err != nil {
		t.Fatal(err)
	}
	mux := g.Table()
	if err := c.Register(mux); err != nil {
		t.Fatal(err)
	}
	mux.Seal()
	shop := g.Wrap(mux)
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/admin", 200}, {"HEAD", "/admin", 200}, {"GET", "/admin/", 200},
		{"POST", "/admin", 405}, {"GET", "/admin/orders", 404}, {"POST", "/admin/sign-in", 404}, {"GET", "/admin/../admin", 404},
	} {
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest(row.method, row.path, nil))
		if w.Code != row.want {
			t.Errorf("%s %s: got %d, want %d", row.method, row.path, w.Code, row.want)
		}
		if row.want == 200 && row.method == "GET" && !strings.Contains(w.Body.String(), "The staff console is closed") {
			t.Errorf("%s: does not say that it is closed", row.path)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: got %q, want no-store", row.path, got)
		}
		if len(w.Result().Cookies()) != 0 {
			t.Errorf("%s sets a cookie", row.path)
		}
	}
}

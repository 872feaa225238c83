package embed

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func TestTheScriptIsSmallAndStaysItself(t *testing.T) {
	g := gate.New(gate.Config{})
	e, err := New(g)
	if err != nil {
		t.Fatal(err)
	}
	if n := e.script.Size(); n > 8<<10 {
		t.Errorf("the script is %d bytes compressed, want at most 8 KiB", n)
	}
	mux := g.Table()
	if err := e.Register(mux); err != nil {
		t.Fatal(err)
	}
	mux.Seal()
	shop := g.Wrap(mux)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	snippet, err := Snippet("https://shop.example/", `a"b`, `<Bowl> & "more"`)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(snippet, "<Bowl>") || !strings.Contains(snippet, `product="a&#34;b"`) {
		t.Errorf("a title became markup:\n%s", snippet)
	}
	src := regexp.MustCompile(`src="https://shop.example(/embed/[^"]+)"\s+integrity="([^"]+)"`).FindStringSubmatch(snippet)
	if src == nil {
		t.Fatalf("no script in\n%s", snippet)
	}
	named := get(src[1])
	sum := sha512.Sum384(named.Body.Bytes())
	if want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); named.Code != 200 || src[2] != want {
		t.Errorf("got %d and integrity %s, want %s", named.Code, src[2], want)
	}
	if got := named.Header().Get("Cache-Control"); got != gate.CacheForever {
		t.Errorf("got %q, want a name that never changes its content", got)
	}
	if plain := get("/embed/cartkeep.js"); plain.Code != 200 || plain.Header().Get("Cache-Control") == gate.CacheForever {
		t.Errorf("the plain name: got %d, %q", plain.Code, plain.Header().Get("Cache-Control"))
	}
	for _, path := range []string{"/embed", "/embed/", "/embed/cartkeep.0000000000000000.js", "/embed/../embed/cartkeep.js"} {
		if got := get(path); got.Code != 404 {
			t.Errorf("%s: got %d, want 404", path, got.Code)
		}
	}
}

// A strict policy of the page that it is in must not break it, and nothing
// that a product is called may become markup.
func TestTheScriptMakesNoMarkupOfText(t *testing.T) {
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ".style", "setTimeout('", "document.cookie", "XMLHttpRequest", "postMessage"} {
		if strings.Contains(string(script), word) {
			t.Errorf("the script uses %s", word)
		}
	}
}

func TestAStarStandsForOnePart(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		fits          bool
	}{
		{"/a/*", "/a/b", true}, {"/a/*", "/a/", false}, {"/a/*", "/a", false}, {"/a/*", "/a/b/c", false}, {"/a/*/c", "/a/b/c", true},
		{"/a/*/c", "/a//c", false}, {"/a", "/a", true}, {"/a", "/a/", false}, {"/a", "/A", false}, {"/api/v1/carts/*", "/api/v1/carts/x/orders", false},
	} {
		if got := fits(c.pattern, c.path); got != c.fits {
			t.Errorf("%s, %s: got %v", c.pattern, c.path, got)
		}
	}
}

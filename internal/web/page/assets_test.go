package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func get(h http.Handler, method, path, encoding string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsAreKeptForGoodAndVerified(t *testing.T) {
	set := shop(t, nil)
	friendly := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	served := set.Assets(friendly)
	page := render(t, set, samples(t)["home"])
	for _, name := range []string{"style.css", "theme.css", "shop.js", "favicon.svg"} {
		path := set.AssetPath(name)
		if !regexp.MustCompile(`^/assets/\w+\.[0-9a-f]{16}\.\w+$`).MatchString(path) || !strings.Contains(page, `"`+path+`"`) {
			t.Errorf("%s is at %q and the page does not load it", name, path)
		}
		plain := get(served, "GET", path, "br, gzip;q=0")
		whole, err := io.ReadAll(plain.Body)
		must(t, whole, err)
		if plain.StatusCode != 200 || plain.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: got %d %v", name, plain.StatusCode, plain.Header)
		}
		small := get(served, "GET", path, "br, gzip;q=0.5")
		z, err := gzip.NewReader(small.Body)
		again, err := io.ReadAll(must(t, z, err))
		if !bytes.Equal(must(t, again, err), whole) {
			t.Errorf("%s is another thing compressed", name)
		}
		if head := get(served, "HEAD", path, "gzip"); head.ContentLength != 0 && head.Body == nil {
			t.Errorf("%s: HEAD has a body", name)
		}
		sum := sha512.Sum384(whole)
		want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
		if got := set.site.Assets[name].Integrity; got != want {
			t.Errorf("%s: integrity %s, want %s", name, got, want)
		}
	}
	for _, bad := range []string{"/assets/style.css", "/assets/", "/assets/../page.go", "/assets/style.0000000000000000.css"} {
		if got := get(served, "GET", bad, ""); got.StatusCode != http.StatusTeapot {
			t.Errorf("%s: got %d, want the answer of the shop", bad, got.StatusCode)
		}
	}
	other := shop(t, func(c *Config) { c.Accent = "#7a3b2e" })
	if other.AssetPath("theme.css") == set.AssetPath("theme.css") || other.AssetPath("style.css") != set.AssetPath("style.css") {
		t.Error("the accent must change the theme's path, and only that one")
	}
}

func TestAPageIsLight(t *testing.T) {
	set := shop(t, nil)
	shared := 0
	for _, name := range []string{"style.css", "theme.css", "shop.js"} {
		shared += len(set.assets.byPath[set.AssetPath(name)].small)
	}
	for name, p := range samples(t) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if err := set.Render(z, p); err != nil {
			t.Fatal(err)
		}
		z.Close()
		total := b.Len() + shared
		if total > 20<<10 {
			t.Errorf("%s weighs %d bytes compressed, want at most 20 KiB", name, total)
		}
		t.Logf("%6d bytes: %s (%d of them shared)", total, name, shared)
	}
}

func ratio(t testing.TB, a, b string) float64 {
	t.Helper()
	x, err := parseColour(a)
	must(t, x, err)
	y, err := parseColour(b)
	return contrast(x, must(t, y, err))
}

func TestAnyAccentCanBeRead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		given := colour{rapid.Uint8().Draw(r, "red"), rapid.Uint8().Draw(r, "green"), rapid.Uint8().Draw(r, "blue")}
		a, err := ParseAccent(given.String())
		if err != nil {
			r.Fatal(err)
		}
		for _, pair := range [][2]string{
			{a.Light, paperLight}, {a.Light, leafLight}, {a.Light, onLight},
			{a.Dark, paperDark}, {a.Dark, leafDark}, {a.Dark, onDark},
		} {
			if got := ratio(t, pair[0], pair[1]); got < readable {
				r.Errorf("%s made %+v: %v has %.2f", given, a, pair, got)
			}
		}
		if again, _ := ParseAccent(a.Light); again.Adjusted {
			r.Errorf("%s is adjusted twice", given)
		}
	})
	if a, _ := ParseAccent(""); a.Light != defaultAccent || a.Adjusted {
		t.Errorf("the default is adjusted: %+v", a)
	}
	if a, _ := ParseAccent("#ffd700"); !a.Adjusted {
		t.Error("gold on paper can be read by nobody, and was left as it is")
	}
}

// The colours of the style sheet against each other, in both lights.
func TestTokensHaveContrast(t *testing.T) {
	css := sources(t)["assets/style.css"]
	token := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--(\w+): light-dark\((#\w+), (#\w+)\)`).FindAllStringSubmatch(css, -1) {
		token[m[1]] = [2]string{m[2], m[3]}
	}
	for i, ground := range [][2]string{{paperLight, leafLight}, {paperDark, leafDark}} {
		if token["paper"][i] != ground[0] || token["leaf"][i] != ground[1] {
			t.Errorf("accent.go and style.css disagree on the paper")
		}
		for _, g := range ground {
			for name, want := range map[string]float64{"ink": 7, "soft": readable, "bad": readable, "edge": 3} {
				if got := ratio(t, token[name][i], g); got < want {
					t.Errorf("%s %s on %s: %.2f, want %.1f", name, token[name][i], g, got, want)
				}
			}
		}
	}
}

func FuzzAccent(f *testing.F) {
	for _, s := range []string{"", "#1f5d4a", "#FFFFFF", "#12", "red;}", "#-12345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAccent(s)
		if err == nil && !regexp.MustCompile(`^#[0-9a-f]{6}#[0-9a-f]{6}$`).MatchString(a.Light+a.Dark) {
			t.Errorf("%q became %+v", s, a)
		}
	})
}

func FuzzTakesGzip(f *testing.F) {
	for _, s := range []string{"", "gzip", "br;q=1.0, GZIP;q=0.8", "gzip;q=0", "gzip;q=x", "identity"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if takesGzip(s) && !strings.Contains(strings.ToLower(s), "gzip") {
			t.Errorf("%q never named gzip", s)
		}
	})
}

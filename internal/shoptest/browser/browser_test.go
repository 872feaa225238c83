package browser_test

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// counter is a small page with a form; a script changes its heading.
func counter(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path == "/thanks" {
		http.SetCookie(w, &http.Cookie{Name: "__Host-said", Value: "yes", Path: "/", Secure: true, HttpOnly: true})
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "<h1>Thanks</h1><p id=said>%s in %s</p>", r.PostFormValue("name"), r.PostFormValue("country"))
		return
	}
	fmt.Fprint(w, `<!doctype html><meta name=viewport content="width=device-width">
<style>body{background:white} @media (prefers-color-scheme:dark){body{background:black}}</style>
<h1>Without</h1><img src="https://elsewhere.example/x.png" alt="">
<form method=post action=/thanks><input name=name value=old><select name=country><option>DE<option>FR</select><button>Say</button></form>
<div style="height:3000px"></div>
<script>document.querySelector('h1').textContent = 'With'</script>`)
}

func pictureHeight(t *testing.T, file string) int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.DecodeConfig(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture.Height
}

func TestAShopperCanBuyWithAndWithoutScripts(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(counter))
	t.Cleanup(server.Close)
	shots := t.TempDir()
	t.Setenv(browser.ShotsEnv, shots)
	b := browser.Start(t, server.Certificate())
	for _, view := range []browser.View{{}, {NoScript: true, Dark: true, Width: browser.Narrow}} {
		p := b.Page(t, view)
		if got := p.Open(server.URL + "/"); got != 200 {
			t.Fatalf("status: got %d, want 200", got)
		}
		want := "With"
		if view.NoScript {
			want = "Without"
		}
		if got := p.Text("h1"); got != want {
			t.Errorf("heading: got %q, want %q", got, want)
		}
		if got := browser.Eval[int64](p, "innerWidth"); got != max(view.Width, 0) && view.Width != 0 {
			t.Errorf("width: got %d, want %d", got, view.Width)
		}
		if got := browser.Eval[bool](p, "matchMedia('(prefers-color-scheme: dark)').matches"); got != view.Dark {
			t.Errorf("dark: got %v, want %v", got, view.Dark)
		}
		name := fmt.Sprintf("page-%d", view.Width)
		p.Shot(name)
		if got := pictureHeight(t, filepath.Join(shots, name+".png")); got < 3000 {
			t.Errorf("height of the picture: got %d, want the whole page", got)
		}
		p.Fill("input[name=name]", "Somebody else")
		p.Fill("input[name=name]", "Zoë")
		p.Choose("select", "FR")
		if got := p.Submit("button"); got != http.StatusAccepted {
			t.Errorf("status: got %d, want 202", got)
		}
		if got := p.Text("#said"); got != "Zoë in FR" {
			t.Errorf("said: got %q", got)
		}
		if !strings.HasSuffix(p.URL(), "/thanks") || p.Has("form") || !p.Has("#said") {
			t.Errorf("the page is not the one after the form: %s", p.URL())
		}
		if c := p.Cookies(); len(c) != 1 || c[0].Name != "__Host-said" {
			t.Errorf("cookies: got %d, want the one of this profile", len(c))
		}
		if !slices.Contains(p.Requests(), "https://elsewhere.example/x.png") || len(p.Complaints()) == 0 {
			t.Errorf("the request to another host was not noticed: %v %v", p.Requests(), p.Complaints())
		}
	}
}

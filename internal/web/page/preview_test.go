package page

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var preview = flag.String("preview", "", "write every sample page and its assets into this folder, to be looked at in a browser")

// TestPreview writes the pages for a person's eyes. Serve the folder with any
// file server: paths are those of the shop, plus ".html".
func TestPreview(t *testing.T) {
	if *preview == "" {
		t.Skip("only with -preview DIR")
	}
	write := func(name string, body []byte) {
		name = filepath.Join(*preview, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set := shop(t, nil)
	for path, f := range set.assets.byPath {
		write(path, f.body)
	}
	drawn, err := filepath.Glob("../../demo/pictures/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range drawn {
		body, err := os.ReadFile(name)
		write("pictures/"+filepath.Base(name), must(t, body, err))
	}
	for name, p := range samples(t) {
		body, err := set.Bytes(p)
		write(name+".html", must(t, body, err))
	}
	rtl := shop(t, func(c *Config) { c.Lang, c.Dir = "ar", "rtl" })
	for _, name := range []string{"checkout-wrong", "cart", "order-paid"} {
		body, err := rtl.Bytes(samples(t)[name])
		write("rtl-"+name+".html", must(t, body, err))
	}
}

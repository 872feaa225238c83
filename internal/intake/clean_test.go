package intake_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/intake"
)

func describe(t *testing.T, html string) string {
	t.Helper()
	s, report := take(t, full+record(map[string]string{"Handle": "bowl", "Title": "Bowl", "Variant Price": "1", "Body (HTML)": html}))
	wantBad(t, report.Bad)
	return s.products["bowl"].Description
}

func TestDescriptionsKeepTheirShape(t *testing.T) {
	for _, html := range []string{
		"<p>One<br>two</p>",
		"<h2>Care</h2><ul><li><strong>Wash</strong> by <em>hand</em></li></ul>",
		"<table><thead><tr><th scope=\"col\">Size</th></tr></thead><tbody><tr><td colspan=\"2\">S</td></tr></tbody></table>",
	} {
		if got := describe(t, html); got != html {
			t.Errorf("got %s, want %s", got, html)
		}
	}
	got := describe(t, `<a href="https://kiln.example/care">care</a> <a href="mailto:kiln@example.org">ask</a>`)
	if strings.Count(got, `rel="nofollow"`) != 2 || !strings.Contains(got, `href="https://kiln.example/care"`) || !strings.Contains(got, "mailto:") {
		t.Errorf("links: got %s", got)
	}
}

// harmful is what must not be in any description.
var harmful = []string{"<script", "<style", "<img", "<svg", "<iframe", "<form", "<input", "<math", "<object", "<base", "<meta", "<link", "javascript:", "data:", "http:", " on", "style=", "class=", "id="}

func TestDescriptionsLoseWhatRuns(t *testing.T) {
	for _, html := range []string{
		`<script>alert(1)</script>`,
		`<p onclick="alert(1)">Text</p>`,
		`<img src=x onerror=alert(1)>`,
		`<svg><script>alert(1)</script></svg>`,
		`<a href="javascript:alert(1)">x</a>`,
		`<a href="JaVaScRiPt&#58;alert(1)">x</a>`,
		`<a href="data:text/html,x">x</a>`,
		`<a href="//evil.example">x</a><a href="http://evil.example">x</a>`,
		`<style>*{display:none}</style><p style="position:fixed">x</p>`,
		`<iframe src="https://evil.example"></iframe>`,
		`<form action="https://evil.example"><input name=card></form>`,
		`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
		`<p id="checkout" class="btn">x</p>`,
		`<base href="https://evil.example"><meta http-equiv=refresh content=0>`,
	} {
		got := describe(t, html)
		for _, h := range harmful {
			if strings.Contains(strings.ToLower(got), h) {
				t.Errorf("%s: got %s, which holds %q", html, got, h)
			}
		}
	}
}

// TestMarkupElsewhereIsText puts a script in every field; none may become
// anything but the words of that field.
func TestMarkupElsewhereIsText(t *testing.T) {
	const script = `<script>alert("x")</script>`
	s, _ := take(t, full+record(map[string]string{"Handle": "bowl", "Title": script, "Body (HTML)": script, "Vendor": script, "Type": script, "Tags": script,
		"Option1 Name": script, "Option1 Value": script, "Variant SKU": script, "Variant Price": "1", "Variant Barcode": script,
		"Image Src": "https://pictures.example/1.jpg", "Image Alt Text": script, "SEO Title": script}))
	bowl, there := s.products["bowl"]
	if !there || bowl.Title != script || bowl.Variants[0].Values[0] != script || bowl.Pictures[0].Alt != script {
		t.Errorf("got %+v, want the words as they are", bowl)
	}
	if bowl.Description != "" {
		t.Errorf("description: got %q, want nothing", bowl.Description)
	}
}

// FuzzRead feeds any bytes. Reading must come to an end, and what comes out
// must keep the catalogue's bounds.
func FuzzRead(f *testing.F) {
	f.Add([]byte(head + "bowl,Bowl,1\nbowl,,2\n"))
	f.Add([]byte(full + record(map[string]string{"Handle": "bowl", "Title": "Bowl", "Variant Price": "1", "Body (HTML)": "<p onclick=x>y", "Image Src": "https://a.example/b"})))
	f.Add([]byte(head + "\"bowl,\n\"\"\"x\",,\n"))
	f.Add([]byte(head + "bowl,\"B\"\"o\r\nwl\",1\n\xff,\x00,\n"))
	eur := currency(f, "EUR")
	f.Fuzz(func(t *testing.T, file []byte) {
		r := intake.Read(strings.NewReader(string(file)), eur)
		handles := make(map[string]bool)
		lines := strings.Count(string(file), "\n") + 1
		for range 10*lines + 10 {
			d, err := r.Next()
			var bad *intake.RowError
			switch {
			case errors.As(err, &bad):
				if bad.Line < 1 || bad.Line > lines || bad.Reason == "" {
					t.Fatalf("a bad row without a place: %+v", bad)
				}
				continue
			case errors.Is(err, io.EOF), err != nil:
				return
			}
			p := d.Product
			if handles[p.Handle] {
				t.Fatalf("handle twice")
			}
			handles[p.Handle] = true
			if h, err := catalog.ParseHandle(p.Handle); err != nil || h != p.Handle {
				t.Fatalf("handle %q: %v", p.Handle, err)
			}
			if n := utf8.RuneCountInString(p.Title); n == 0 || n > catalog.MaxTitle || len(p.Options) > catalog.MaxOptions || len(p.Variants) == 0 || len(p.Variants) > catalog.MaxVariants || len(p.Pictures) > catalog.MaxPictures {
				t.Fatalf("out of bounds: %+v", p)
			}
			for _, v := range p.Variants {
				if v.Price.Minor() < 0 || v.Grams < 0 || len(v.Values) != len(p.Options) || v.Stock.OnHand < 0 && !v.Stock.Backorder {
					t.Fatalf("variant: %+v", v)
				}
			}
			if strings.Contains(strings.ToLower(p.Description), "<script") {
				t.Fatalf("a script came through")
			}
		}
		t.Fatal("reading does not end")
	})
}

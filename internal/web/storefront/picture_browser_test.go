package storefront

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/picture"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestABrowserTakesThePictureThatFits: no wider than it is shown, and nothing
// on the page moves when it arrives.
func TestABrowserTakesThePictureThatFits(t *testing.T) {
	s := open(t)
	s.Product(t, "mug", 1950, shoptest.Counted(5))
	hash := hang(t, s, "mug", 2000, 1500)
	chromium := browser.Start(t, s.server.Certificate())
	for _, c := range []struct {
		width int64
		path  string
		want  int
	}{
		{browser.Narrow, "/products/mug", 360}, {browser.Wide, "/products/mug", 720},
		{browser.Narrow, "/search?q=mug", 360}, {browser.Wide, "/search?q=mug", 360},
	} {
		tab := chromium.Page(t, browser.View{Width: c.width})
		if got := tab.Open(s.server.URL + c.path); got != 200 {
			t.Fatalf("%s: status %d", c.path, got)
		}
		want := fmt.Sprintf("%s/pictures/%s-%d.jpg", s.server.URL, hash, c.want)
		browser.Eval[string](tab, watchMoves)
		got := browser.Eval[string](tab, `(() => { const i = document.querySelector(".plate img"); return i.complete && i.naturalWidth ? i.currentSrc : "" })()`)
		if got != want {
			t.Errorf("%s at %d: got %s, want %s", c.path, c.width, got, want)
		}
		fetched := 0
		for _, r := range tab.Requests() {
			if strings.Contains(r, "/pictures/") {
				fetched++
			}
		}
		if fetched != 1 {
			t.Errorf("%s at %d: %d pictures fetched, want one", c.path, c.width, fetched)
		}
		if moved := moves(tab); moved != 0 {
			t.Errorf("%s at %d: the page moved by %v", c.path, c.width, moved)
		}
		browser.Eval[string](tab, `document.body.prepend(Object.assign(document.createElement("h1"), { textContent: "late" })), ""`)
		if moves(tab) == 0 {
			t.Errorf("%s at %d: what moves is not noticed", c.path, c.width)
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("%s at %d: %v", c.path, c.width, got)
		}
	}
}

// watchMoves adds up how far things have moved on a page since it was opened.
const watchMoves = `window.moved = 0,
	new PerformanceObserver(list => { for (const e of list.getEntries()) window.moved += e.value }).observe({ type: "layout-shift", buffered: true }), ""`

func moves(tab *browser.Page) float64 {
	time.Sleep(200 * time.Millisecond) // the browser tells a moment later
	return browser.Eval[float64](tab, "window.moved")
}

// hang gives a product a picture of a size, as an import would, and returns
// its name.
func hang(t *testing.T, s *stall, handle string, w, h int) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.SetRGBA(i%w, i/w, color.RGBA{uint8(i % w * 255 / w), 90, uint8(i / w * 255 / h), 255})
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, nil); err != nil {
		t.Fatal(err)
	}
	set, err := picture.NewPress().Print(t.Context(), file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	d := store.Drawn{Hash: set.Hash, Type: set.Type}
	for _, r := range set.Renditions {
		d.Bodies = append(d.Bodies, store.Body{Width: r.Width, Height: r.Height, Bytes: r.Body})
	}
	err = s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error {
		p, err := t.ProductByHandle(handle)
		if err != nil {
			return err
		}
		p.Pictures = []catalog.Picture{{Source: "https://elsewhere.example/" + handle + ".jpg", Alt: "What it looks like"}}
		if err := t.SaveProduct(p); err != nil {
			return err
		}
		return t.KeepPicture(p.Pictures[0].Source, d)
	})
	if err != nil {
		t.Fatal(err)
	}
	return set.Hash
}

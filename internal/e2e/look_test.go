package e2e

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestPagesFitTheWayTheyAreLookedAt buys once and looks at the pages with the
// system's own colours, without motion, at 400 % of zoom and on paper.
func TestPagesFitTheWayTheyAreLookedAt(t *testing.T) {
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	v := &visitor{t: t, shop: s, Page: b.Page(t, browser.View{})}
	check := func(what string) {
		t.Helper()
		// Forced colours take backgrounds away: what can be pressed needs a
		// border, and a focus ring an outline.
		v.Look(browser.View{ForcedColors: true})
		if !browser.Eval[bool](v.Page, `matchMedia("(forced-colors: active)").matches`) {
			t.Fatal("the browser forces no colours: the test does not test")
		}
		if bare := browser.Eval[[]string](v.Page, `[...document.querySelectorAll("button, a.btn, input:not([type=hidden]):not([type=radio]):not([type=checkbox]), select, textarea")]
			.filter(e => e.getClientRects().length && !e.closest("details:not([open])"))
			.filter(e => { const c = getComputedStyle(e); return ["Top", "Right", "Bottom", "Left"].every(s => parseFloat(c["border" + s + "Width"]) === 0) && c.textDecorationLine === "none" })
			.map(e => e.outerHTML.slice(0, 120))`); len(bare) > 0 {
			t.Errorf("%s with forced colours: nothing shows where to press: %q", what, bare)
		}
		v.Shot("forced-colors-" + what)

		// No motion for who wants none.
		v.Look(browser.View{Still: true})
		if !browser.Eval[bool](v.Page, `matchMedia("(prefers-reduced-motion: reduce)").matches`) {
			t.Fatal("the browser wants motion: the test does not test")
		}
		if moving := browser.Eval[[]string](v.Page, `[...document.querySelectorAll("*")].filter(e => { const c = getComputedStyle(e);
			return c.transitionDuration.split(",").some(d => parseFloat(d) > 0.001) && c.transitionProperty !== "none" || c.animationName !== "none" && parseFloat(c.animationDuration) > 0.001 })
			.map(e => e.outerHTML.slice(0, 120))`); len(moving) > 0 {
			t.Errorf("%s without motion: still moving: %q", what, moving[:1])
		}

		// 400 % of zoom in a window of 1280 pixels leaves 320: nothing sticks out,
		// nothing is cut off.
		v.Look(browser.View{Width: 320})
		if over := browser.Eval[int64](v.Page, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			t.Errorf("%s at 400 %%: %d pixels stick out at the side", what, over)
		}
		if cut := browser.Eval[[]string](v.Page, `[...document.querySelectorAll("h1, h2, p, td, dd, label, button, .btn")]
			.filter(e => e.getClientRects().length && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1)
			.map(e => e.outerHTML.slice(0, 120))`); len(cut) > 0 {
			t.Errorf("%s at 400 %%: text is cut off: %q", what, cut)
		}
		// A finger hits what it aims at: 24 pixels each way, or a link in a sentence.
		if small := browser.Eval[[]string](v.Page, `[...document.querySelectorAll("button, a.btn, select, input:not([type=hidden])")]
			.filter(e => e.getClientRects().length && !e.closest("details:not([open])"))
			.map(e => [e, (e.closest("label") && ["radio", "checkbox"].includes(e.type) ? e.closest("label") : e).getBoundingClientRect()])
			.filter(([e, r]) => (r.width < 24 || r.height < 24) && r.width > 1)
			.map(([e, r]) => r.width + "×" + r.height + " " + e.outerHTML.slice(0, 100))`); len(small) > 0 {
			t.Errorf("%s: too small to hit: %q", what, small)
		}
		v.Look(browser.View{})
	}
	for _, page := range [][2]string{{"home", "/"}, {"product", "/products/whistling-kettle"}, {"search", "/search?q=kettle"}} {
		v.status(v.Open(s.origin+page[1]), 200)
		check(page[0])
	}
	v.Open(s.origin + "/products/nesting-bowls")
	v.Submit(".add .btn")
	check("cart")
	v.Open(s.origin + "/checkout")
	check("checkout")
	v.fillsIn()
	v.Submit("#details .go .btn")
	check("review")
	v.Submit("#pay .btn")
	v.Submit("button[value=approved]")
	v.expect(v.Text("h1"), "paid")
	check("order")

	printed := v.Printed()
	if !bytes.HasPrefix(printed, []byte("%PDF-")) || len(printed) < 5000 {
		t.Errorf("the order on paper: got %d bytes beginning with %.8q, want a PDF", len(printed), printed)
	}
	if pages := bytes.Count(printed, []byte("/Type /Page\n")); pages > 2 {
		t.Errorf("the order on paper: got %d pages, want one or two", pages)
	}
	t.Logf("the order on paper: %d bytes", len(printed))
}

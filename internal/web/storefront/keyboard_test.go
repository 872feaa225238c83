package storefront

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// keyboard is somebody without a mouse, who hears the page instead of seeing it.
type keyboard struct {
	t   *testing.T
	tab *browser.Page
	say strings.Builder // what a screen reader has to read, page by page
}

func (k *keyboard) press(keys string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.tab.Context(), 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		k.t.Fatalf("press %q: %v", keys, err)
	}
}

// enter presses the Enter key as a keyboard does: what the press has led to
// does not get it a second time.
func (k *keyboard) enter() {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.tab.Context(), 20*time.Second)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			p := input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
			if kind == input.DispatchKeyEventTypeKeyDown {
				p.Text = "\r"
			}
			if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, p); err != nil {
				return err
			}
		}
		return nil
	}))
	if err != nil {
		k.t.Fatalf("press Enter: %v", err)
	}
}

// to presses Tab until the focus is on an element, and sees that it shows.
func (k *keyboard) to(selector string) {
	k.t.Helper()
	for range 60 {
		k.press("\t")
		if browser.Eval[bool](k.tab, fmt.Sprintf(`document.activeElement?.matches(%q) === true`, selector)) {
			seen := browser.Eval[bool](k.tab, `(() => { const e = document.activeElement, s = getComputedStyle(e.matches("input[type=radio]") ? e.closest("label") : e), r = e.getBoundingClientRect();
				const at = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
				return (s.outlineStyle !== "none" || e.matches("input[type=radio]")) && r.height > 0 && at !== null && (e.contains(at) || at.contains(e)) })()`)
			if !seen {
				k.t.Errorf("the focus on %s can't be seen", selector)
			}
			return
		}
	}
	k.t.Fatalf("Tab never reaches %s on %s", selector, k.tab.URL())
}

// arrives waits until a page with this heading is there, and reads it aloud.
func (k *keyboard) arrives(heading string) {
	k.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		// The page may go while it is asked.
		at, err := chromedp.Run(k.tab.Context(), chromedp.Evaluate[string](`document.readyState === "complete" ? document.querySelector("h1")?.textContent || "" : ""`))
		if err == nil && at == heading {
			break
		}
		if time.Now().After(end) {
			k.t.Fatalf("got %q, %v, want to be at %q", at, err, heading)
		}
	}
	fmt.Fprintf(&k.say, "\n== %s\n", heading)
	ctx, cancel := context.WithTimeout(k.tab.Context(), 20*time.Second)
	defer cancel()
	var tree accessibility.GetFullAXTreeResult
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) (err error) {
		tree, err = cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		return err
	}))
	if err != nil {
		k.t.Fatal(err)
	}
	nodes := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range tree.Nodes {
		nodes[n.NodeID] = n
	}
	k.read(nodes, tree.Nodes[0], heading, "")
}

// read reads a node and what is in it, in the order of the page. Text that is
// the name of what holds it was read with it.
func (k *keyboard) read(nodes map[accessibility.NodeID]*accessibility.Node, n *accessibility.Node, page, told string) {
	role, name, value := word(n.Role), word(n.Name), word(n.Value)
	switch role {
	case "textbox", "button", "link", "combobox", "radio", "spinbutton", "searchbox", "image":
		if !n.Ignored && name == "" {
			k.t.Errorf("%s: a %s has no name to read out", page, role)
		}
	}
	if role == "InlineTextBox" || role == "option" {
		return // an option is read once it is chosen
	}
	if !n.Ignored && role != "generic" && role != "none" && role != "LabelText" && (role != "StaticText" || !strings.Contains(told, strings.TrimSpace(name))) {
		line := strings.TrimSpace(role + " " + name)
		if value != "" {
			line += " = " + value
		}
		if d := word(n.Description); d != "" {
			line += " (" + d + ")"
		}
		fmt.Fprintln(&k.say, strings.ReplaceAll(line, "\n", " / "))
		told = name
	}
	for _, id := range n.ChildIDs {
		// The words of a label are read with its field.
		if child := nodes[id]; child != nil && !(role == "LabelText" && word(child.Role) == "StaticText") {
			k.read(nodes, child, page, told)
		}
	}
}

// word is a value of the tree as text.
func word(v *accessibility.Value) string {
	var out any
	if v == nil || json.Unmarshal([]byte(v.Value), &out) != nil {
		return ""
	}
	return fmt.Sprint(out)
}

// TestAPurchaseByKeyboardAlone buys without a mouse. What a screen reader gets
// to read on the way is kept beside the test for a person to read through.
func TestAPurchaseByKeyboardAlone(t *testing.T) {
	s := hazelmott(t)
	k := &keyboard{t: t, tab: browser.Start(t, s.server.Certificate()).Page(t, browser.View{})}
	k.tab.Open(s.server.URL + "/products/whistling-kettle")
	k.press("\t")
	if got := browser.Eval[string](k.tab, "document.activeElement.textContent"); got != "Skip to content" {
		t.Errorf("the first stop is %q, want the way to the content", got)
	}
	k.enter()
	k.arrives(k.tab.Text("h1"))
	k.to("form[action='/cart/lines'] .btn")
	k.enter()
	k.arrives("Cart")
	k.to(".slip a[href='/checkout']")
	k.enter()
	k.arrives("Checkout")
	k.to("#email")
	k.press("ada at lovelace")
	k.enter() // in a field it sends the form
	k.tab.Wait("#wrong")
	k.arrives("Checkout")
	if got := browser.Eval[string](k.tab, "document.activeElement.id"); got != "wrong" {
		t.Errorf("the focus is on %q, want the summary of mistakes", got)
	}
	k.to("#wrong a[href='#email']")
	k.enter()
	k.tab.Wait("#email:focus") // the link leads into the field itself
	browser.Eval[bool](k.tab, "document.activeElement.select() === undefined")
	k.press("ada@lovelace.example")
	for _, f := range []struct{ id, typed string }{
		{"#name", "Ada Lovelace"}, {"#shipping_address-street_address", "12 Analytical Way"},
		{"#shipping_address-postal_code", "10115"}, {"#shipping_address-address_locality", "Berlin"},
	} {
		k.to(f.id)
		k.press(f.typed)
	}
	k.to("#details .btn")
	k.enter()
	k.arrives("Check and pay")
	k.to("#pay .btn")
	k.enter()
	k.arrives("This is the bank")

	file := filepath.Join("testdata", "purchase-read-aloud.txt")
	got := regexp.MustCompile(`(?m)^StaticText \d+ [A-Z][a-z]+ \d{4}$`).ReplaceAllString(k.say.String(), "StaticText 26 December 2026")
	if os.Getenv("CARTKEEP_UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if agreed, err := os.ReadFile(file); err != nil || got != string(agreed) {
		t.Errorf("what is read aloud changed (%v): run with CARTKEEP_UPDATE=1, and read the difference as somebody would who hears it\n%s", err, got)
	}
	for _, want := range []string{
		"textbox E-mail required", "combobox Country required", "button Order and pay", "heading Check and pay",
		"radio Card", "link Skip to content", "alert",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nobody reads out %q:\n%s", want, got)
		}
	}
}

// TestPressingTwiceOrdersOnce posts the same page many times at once, as an
// impatient finger and a slow network do.
func TestPressingTwiceOrdersOnce(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	b := s.shopper(t)
	form := pay(s.toReview(t, b, mug))
	var group sync.WaitGroup
	answers := make([]seen, 8)
	for i := range answers {
		group.Go(func() { answers[i] = b.post("/checkout/review", form) })
	}
	group.Wait()
	went := 0
	for _, a := range answers {
		if a.status == 303 && strings.HasPrefix(a.header.Get("Location"), "https://bank.test/pay/") {
			went++
		} else if a.status >= 500 {
			t.Errorf("got status %d", a.status)
		}
	}
	if went == 0 {
		t.Error("nobody was sent on to pay")
	}
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM orders`); n != 1 {
		t.Errorf("got %d orders, want one", n)
	}
	if held := s.Stock(t, mug.ID).Held; held != 1 {
		t.Errorf("got %d held, want one", held)
	}
	// A reload of the review leads to the order, and so does the old button.
	if got := b.get("/checkout/review"); !strings.HasPrefix(got.path, "/orders/") {
		t.Errorf("got %s, want the order", got.path)
	}
	// Two windows, each with a page of its own: still one order.
	c := s.shopper(t)
	first := pay(s.toReview(t, c, mug))
	second := pay(c.get("/checkout/review"))
	for _, f := range []url.Values{first, second} {
		group.Go(func() { c.post("/checkout/review", f) })
	}
	group.Wait()
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM orders`); n != 2 {
		t.Errorf("got %d orders of two shoppers, want two", n)
	}
}

func TestSavingTheFormTwiceAtOnceIsFine(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() { b.post("/checkout", ada()).is(200, "Check and pay") })
	}
	group.Wait()
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE purpose = 'cart'`); n != 1 {
		t.Errorf("got %d dossiers of one cart, want one", n)
	}
}

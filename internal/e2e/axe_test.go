package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// axeFolder holds package.json and the lock file that pin axe-core. It is a
// tool of the tests and no part of the program.
const axeFolder = "../../tools/axe"

// axe returns the script that looks for barriers, fetched on first use.
func axe(t testing.TB) string {
	t.Helper()
	file := filepath.Join(axeFolder, "node_modules/axe-core/axe.min.js")
	script, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		if _, none := exec.LookPath("npm"); none != nil {
			const absent = "axe-core is not there, and npm, which would fetch it, is not installed"
			if os.Getenv(browser.RequireEnv) != "" {
				t.Fatal(absent)
			}
			t.Skip(absent)
		}
		fetch := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		fetch.Dir = axeFolder
		if out, err := fetch.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
		script, err = os.ReadFile(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// The views a page is checked in; all six when the long tests were asked for.
func axeViews() []browser.View {
	// Still, because a colour on its way from light to dark is none of them.
	if !soak() {
		return []browser.View{{Width: 320, Still: true}, {Width: browser.Wide, Dark: true, Still: true}}
	}
	var all []browser.View
	for _, width := range []int64{320, browser.Narrow, browser.Wide} {
		all = append(all, browser.View{Width: width, Still: true}, browser.View{Width: width, Dark: true, Still: true})
	}
	return all
}

// inspector looks at every page it is led to.
type inspector struct {
	*visitor
	script string
	scope  string          // what axe looks at; "" is the page
	seen   map[string]bool // paths
	pages  int
	views  []browser.View // nil for those of axeViews
	plain  bool           // its sentences are counted too
}

// look runs axe on the page that is open, in every view.
func (i *inspector) look(what string) {
	i.t.Helper()
	i.pages++
	i.seen[i.path()] = true
	browser.Eval[bool](i.Page, i.script+"\n;true")
	if i.plain {
		i.short(what)
	}
	views := i.views
	if views == nil {
		views = axeViews()
	}
	for _, view := range views {
		i.Look(view)
		where := fmt.Sprintf("%s at %d px, dark %v", what, view.Width, view.Dark)
		if over := browser.Eval[int64](i.Page, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			i.t.Errorf("%s: %d pixels stick out at the side", where, over)
		}
		var found []struct {
			ID    string
			Help  string
			Nodes []struct {
				HTML    string
				Summary string
			}
		}
		answer := browser.Await[string](i.Page, `axe.run(`+cmp.Or(i.scope, "document")+`, {
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
			resultTypes: ["violations"],
		}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help,
			nodes: v.nodes.slice(0, 3).map(n => ({html: n.html, summary: n.failureSummary}))}))))`)
		if err := json.Unmarshal([]byte(answer), &found); err != nil {
			i.t.Fatal(err)
		}
		for _, f := range found {
			for _, n := range f.Nodes {
				i.t.Errorf("%s: %s: %s\n\t%s\n\t%s", where, f.ID, f.Help, n.HTML, strings.ReplaceAll(n.Summary, "\n", "; "))
			}
		}
		i.Shot("axe-" + strings.ReplaceAll(what, " ", "-") + "-" + name(view))
	}
}

// short wants sentences that everybody reads to their end: 25 words.
func (i *inspector) short(what string) {
	i.t.Helper()
	texts := browser.Eval[[]string](i.Page, `[...document.querySelectorAll("main :is(p, label, li > div > small, h1, h2, h3, button)")].map(e => e.textContent)`)
	for _, text := range texts {
		for sentence := range strings.SplitSeq(text, ". ") {
			if n := len(strings.Fields(sentence)); n > 25 {
				i.t.Errorf("%s: a sentence of %d words: %q", what, n, sentence)
			}
		}
	}
}

// path is where the open page is, without what follows a question mark.
func (i *inspector) path() string {
	path, _, _ := strings.Cut(strings.TrimPrefix(i.URL(), i.shop.origin), "?")
	return path
}

// visit opens a page and looks at it.
func (i *inspector) visit(what, path string, status int) {
	i.t.Helper()
	i.status(i.Open(i.shop.origin+path), status)
	i.look(what)
}

// links lists the pages of the shop that the open page leads to.
func (i *inspector) links() []string {
	list := browser.Eval[[]string](i.Page, "[...new Set([...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href').split(/[?#]/)[0]))]")
	return slices.DeleteFunc(list, func(l string) bool {
		return !strings.HasPrefix(l, "/") || strings.HasPrefix(l, "/products/") || strings.HasPrefix(l, "/collections/") || strings.HasPrefix(l, "/pictures/") ||
			strings.HasPrefix(l, "/assets/") || strings.HasPrefix(l, "/files/")
	})
}

// TestNoPageHasABarrierThatAxeFinds walks to every kind of page in every state
// and wants none of axe's findings, and nothing that sticks out at 320 pixels,
// which is what 400 % of zoom leaves of 1280.
func TestNoPageHasABarrierThatAxeFinds(t *testing.T) {
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	i := &inspector{visitor: &visitor{t: t, shop: s, Page: b.Page(t, browser.View{Still: true})}, script: axe(t), seen: map[string]bool{}}

	// The shop's own words, so that their pages are there.
	words := filepath.Join(t.TempDir(), "words.toml")
	if err := os.WriteFile(words, []byte(shopWords), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "settings", "import", words)
	eventually(t, 5*time.Second, "the shop's own words are in the footer", func() bool { return strings.Contains(s.ask("GET", "/", "").body, "/terms") })

	i.visit("home", "/", 200)
	follow := i.links()
	i.visit("collection", "/collections/kitchen", 200)
	i.visit("search", "/search?q=kettle", 200)
	i.visit("search without result", "/search?q=zeppelin", 200)
	i.visit("product with choices", "/products/whistling-kettle", 200)
	i.visit("product", "/products/nesting-bowls", 200)
	i.visit("cart empty", "/cart", 200)
	i.visit("not found", "/nothing/here", 404)
	i.visit("order unknown", "/orders/AAAAA-AAAAA", 404)

	// The cart: full, and with a price that moved.
	i.Open(s.origin + "/products/nesting-bowls")
	i.Submit(".add .btn")
	i.Open(s.origin + "/cart")
	i.look("cart")
	follow = append(follow, i.links()...)

	importPrice(t, s, "39.00")
	i.Open(s.origin + "/products/moving-price")
	i.Submit(".add .btn")
	importPrice(t, s, "41.00")
	i.Open(s.origin + "/cart")
	i.expect(i.Text("main"), "41.00")
	i.look("cart with a price that moved")
	i.Click("form[action='/cart/accept'] button") // in place, where scripts run
	eventually(t, 10*time.Second, "the new price is accepted", func() bool { return !i.Has("form[action='/cart/accept']") })

	// The till: empty, with everything wrong, right.
	i.visit("checkout", "/checkout", 200)
	follow = append(follow, i.links()...)
	i.Fill("#email", "ada.example.com")
	i.status(i.Submit("#details .go .btn"), 422)
	i.look("checkout with mistakes")
	i.fillsIn()
	i.status(i.Submit("#details .go .btn"), 200)
	i.expect(i.URL(), "/checkout/review")
	i.look("review")

	// The order: unpaid, declined, paid.
	i.status(i.Submit("#pay .btn"), 200)
	i.look("bank")
	i.status(i.Submit("button[value=abandoned]"), 200)
	i.look("order pending")
	i.status(i.Submit("#pay .btn"), 200)
	i.status(i.Submit("button[value=declined]"), 200)
	i.look("order declined")
	i.status(i.Submit("#pay .btn"), 200)
	i.status(i.Submit("button[value=approved]"), 200)
	i.expect(i.Text("h1"), "paid")
	i.look("order paid")
	follow = append(follow, i.links()...)

	// Another one, whose hold ends.
	i.Open(s.origin + "/products/nesting-bowls")
	i.Submit(".add .btn")
	i.Open(s.origin + "/checkout")
	i.fillsIn()
	i.Submit("#details .go .btn")
	i.Submit("#pay .btn")
	i.status(i.Submit("button[value=abandoned]"), 200)
	number := strings.TrimPrefix(i.path(), "/orders/")
	db := s.raw(t)
	shoptest.Do(t, db, `UPDATE orders SET hold_until = 1 WHERE number = $1`, number)
	shoptest.Do(t, db, `UPDATE holds SET expires_at = 1`)
	db.Close()
	eventually(t, 10*time.Second, "the hold has ended", func() bool {
		i.Open(s.origin + "/orders/" + number)
		return strings.Contains(strings.ToLower(i.Text("main")), "cancelled")
	})
	i.look("order cancelled")

	i.status(i.Open(s.outbox), 200)
	i.look("outbox")
	i.visit("admin", "/admin", 200)
	for _, path := range follow {
		if !i.seen[path] {
			i.visit("page "+strings.Trim(path, "/"), path, 200)
		}
	}
	for _, path := range []string{"/terms", "/privacy", "/admin", "/cart", "/checkout/review"} {
		if !i.seen[path] {
			t.Errorf("%s was not looked at", path)
		}
	}
	t.Logf("%d pages in %d views", i.pages, len(axeViews()))
}

// shopWords are what a shop says for itself.
const shopWords = `
[texts]
imprint = "Hazelmott, 1 Pan Lane, Berlin"
terms = """
# What holds

You order, we send.

- one
- two
"""
returns = "Within 30 days."
shipping = "By post."
`

// importPrice sets what the moving thing costs.
func importPrice(t *testing.T, s *shop, price string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "moving.csv")
	if err := os.WriteFile(file, []byte("Handle,Title,Variant SKU,Variant Price\nmoving-price,A thing whose price moves,MOVING,"+price+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "import", "products", file)
}

// fillsIn types what the till asks for.
func (v *visitor) fillsIn() {
	v.t.Helper()
	v.Choose("#shipping_address-address_country", "DE")
	for field, text := range map[string]string{
		"#email": "ada@example.com", "#name": "Ada Lovelace", "#shipping_address-street_address": "12 Analytical Way",
		"#shipping_address-postal_code": "10115", "#shipping_address-address_locality": "Berlin",
	} {
		v.Fill(field, text)
	}
}

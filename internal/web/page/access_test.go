package page

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func parse(t testing.TB, page string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(page))
	return must(t, n, err)
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func inside(n *html.Node, ok func(*html.Node) bool) bool {
	for p := n; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && ok(p) {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// Every page in every state: one main heading, no id twice, every control
// named, every reference leading somewhere, every picture described or hidden.
func TestPagesCanBeUsedByEverybody(t *testing.T) {
	set := shop(t, nil)
	for name, p := range samples(t) {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, render(t, set, p))
			ids, labels, level := map[string]bool{}, map[string]bool{}, 0
			for n := range doc.Descendants() {
				if id := attr(n, "id"); id != "" {
					if ids[id] {
						t.Errorf("id %s stands twice", id)
					}
					ids[id] = true
				}
				if n.Data == "label" && has(n, "for") {
					labels[attr(n, "for")] = true
				}
			}
			h1 := 0
			for n := range doc.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				for _, key := range []string{"aria-describedby", "aria-labelledby", "for"} {
					for id := range strings.FieldsSeq(attr(n, key)) {
						if !ids[id] {
							t.Errorf("%s of %s leads to %q, which is not there", key, n.Data, id)
						}
					}
				}
				switch n.Data {
				case "h1", "h2", "h3":
					now := int(n.Data[1] - '0')
					if now == 1 {
						h1++
					}
					if now > level+1 {
						t.Errorf("heading %q jumps from %d to %d", text(n), level, now)
					}
					level = now
				case "img":
					if !has(n, "alt") || !has(n, "width") || !has(n, "height") {
						t.Error("a picture without alt, width or height")
					}
				case "input", "select", "textarea":
					wrapped := inside(n, func(p *html.Node) bool { return p.Data == "label" })
					if attr(n, "type") != "hidden" && !labels[attr(n, "id")] && !wrapped {
						t.Errorf("field %s has no label", attr(n, "name"))
					}
					if has(n, "placeholder") {
						t.Errorf("field %s speaks through a placeholder", attr(n, "name"))
					}
				case "a", "button":
					if text(n) == "" && attr(n, "aria-hidden") != "true" && !slices.ContainsFunc(slices.Collect(n.Descendants()), func(d *html.Node) bool { return attr(d, "alt") != "" }) {
						t.Errorf("%s %s has no name", n.Data, attr(n, "href"))
					}
					if to, ok := strings.CutPrefix(attr(n, "href"), "#"); ok && !ids[to] {
						t.Errorf("link to #%s, which is not there", to)
					}
				case "form":
					if m := attr(n, "method"); m != "post" && attr(n, "role") != "search" {
						t.Errorf("form %s uses %q", attr(n, "action"), m)
					}
				}
			}
			if h1 != 1 {
				t.Errorf("got %d main headings, want 1", h1)
			}
		})
	}
}

// asked are the fields a shopper sees without unfolding anything.
func asked(t testing.TB, page string) (names []string, tokens []string) {
	doc := parse(t, page)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || !slices.Contains([]string{"input", "select", "textarea"}, n.Data) || attr(n, "type") == "hidden" {
			continue
		}
		if !inside(n, func(p *html.Node) bool { return attr(p, "id") == "details" }) ||
			inside(n, func(p *html.Node) bool { return has(p, "hidden") || p.Data == "details" && !has(p, "open") }) ||
			slices.Contains(names, attr(n, "name")) {
			continue
		}
		names = append(names, attr(n, "name"))
		tokens = append(tokens, attr(n, "autocomplete"))
	}
	return names, tokens
}

func TestCheckoutAsksAtMostEightThings(t *testing.T) {
	set := shop(t, nil)
	got, tokens := asked(t, render(t, set, samples(t)["checkout"]))
	want := []string{
		"email", "name", "shipping_address.address_country", "shipping_address.street_address",
		"shipping_address.postal_code", "shipping_address.address_locality", "phone",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wantTokens := []string{
		"email", "shipping name", "shipping country", "shipping street-address",
		"shipping postal-code", "shipping address-level2", "shipping tel",
	}
	if !slices.Equal(tokens, wantTokens) {
		t.Errorf("got tokens %v", tokens)
	}
	c := samples(t)["checkout"].(Checkout)
	c.Typed.ShipTo.Country = "US"
	if got, _ := asked(t, render(t, set, c)); len(got) != 8 || !slices.Contains(got, "shipping_address.address_region") {
		t.Errorf("in the United States we ask %v", got)
	}
}

func TestNothingTypedIsLost(t *testing.T) {
	c := samples(t)["checkout-wrong"].(Checkout)
	c.Typed.Phone, c.Typed.BillTo.Street = "+1 212 555 0100", "1 Other Road\nBack yard"
	got := render(t, shop(t, nil), c)
	for _, want := range []string{
		`value="ada@"`, `value="Ada Lovelace"`, "12 Analytical Way</textarea>", `value="New York"`, `value="1234"`,
		`value="&#43;1 212 555 0100"`, "1 Other Road\nBack yard</textarea>", "Ring twice.</textarea>", `value="US" selected`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lost: %s", want)
		}
	}
	for _, want := range []string{
		`href="#shipping_address-postal_code"`, `aria-invalid="true" aria-describedby="shipping_address-postal_code-wrong shipping_address-postal_code-hint"`,
		`autocomplete="shipping postal-code"`, "novalidate",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the mistake is not tied to its field: %s", want)
		}
	}
}

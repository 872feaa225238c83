package page

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// elements lists the elements of a page that fit.
func elements(doc *html.Node, ok func(*html.Node) bool) (out []*html.Node) {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && ok(n) {
			out = append(out, n)
		}
	}
	return out
}

func named(name, key, value string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name && (key == "" || attr(n, key) == value) }
}

// Help ends the footer of every page, and what stands before it is the same.
func TestHelpIsInTheSamePlaceOnEveryPage(t *testing.T) {
	set, first := shop(t, nil), ""
	for name, p := range samples(t) {
		if p.layout().Console {
			continue // a place of its own, where no shopper comes
		}
		var foot []string
		for _, n := range elements(parse(t, render(t, set, p)), named("footer", "", "")) {
			for _, a := range elements(n, named("a", "", "")) {
				foot = append(foot, text(a)+" "+attr(a, "href"))
			}
		}
		if all := strings.Join(foot, ", "); first == "" {
			first = all
		} else if all != first {
			t.Errorf("%s: got %s, elsewhere %s", name, all, first)
		}
		if len(foot) == 0 || !strings.HasPrefix(foot[len(foot)-1], "Ask us ") {
			t.Errorf("%s: got %q, want help at the end", name, foot)
		}
	}
}

// Every field says above itself what it is for and whether it is needed, in
// words; the keyboard of a telephone fits it.
func TestFieldsSayWhatTheyNeedAndBringTheirKeyboard(t *testing.T) {
	set := shop(t, nil)
	for _, name := range []string{"checkout", "checkout-wrong", "checkout-gift", "order-find", "order-code", "product-gone"} {
		doc := parse(t, render(t, set, samples(t)[name]))
		for _, field := range elements(doc, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "class"), "field") && has(n, "id") }) {
			var label string
			for _, n := range elements(field, func(n *html.Node) bool {
				return slices.Contains([]string{"label", "input", "select", "textarea"}, n.Data)
			}) {
				if n.Data == "label" {
					label = text(n)
					continue
				}
				if label == "" {
					t.Errorf("%s: %s stands before its label", name, attr(n, "name"))
				}
				must := attr(n, "aria-required") == "true"
				if must != strings.HasSuffix(label, " required") || must == strings.HasSuffix(label, " optional") {
					t.Errorf("%s: %q does not say whether it is needed (%v)", name, label, must)
				}
				if strings.Contains(attr(n, "autocomplete"), "email") && (attr(n, "type") != "email" || attr(n, "inputmode") != "email" || attr(n, "autocapitalize") != "none" || attr(n, "spellcheck") != "false") {
					t.Errorf("%s: a mail address is typed with the wrong keyboard", name)
				}
				if strings.HasSuffix(attr(n, "autocomplete"), "tel") && (attr(n, "type") != "tel" || attr(n, "inputmode") != "tel") {
					t.Errorf("%s: a telephone number is typed with the wrong keyboard", name)
				}
				if attr(n, "autocomplete") == "one-time-code" && attr(n, "inputmode") != "numeric" {
					t.Errorf("%s: a code is typed with the wrong keyboard", name)
				}
				if strings.HasSuffix(attr(n, "autocomplete"), "postal-code") && attr(n, "autocapitalize") != "characters" {
					t.Errorf("%s: a postcode is typed with the wrong keyboard", name)
				}
			}
		}
	}
	for _, name := range []string{"product", "cart"} {
		for _, n := range elements(parse(t, render(t, set, samples(t)[name])), named("input", "type", "number")) {
			if attr(n, "inputmode") != "numeric" {
				t.Errorf("%s: a quantity is typed with the wrong keyboard", name)
			}
		}
	}
}

// Beside each field about a person stands what becomes of it, and its control
// points there; a telephone number is nobody's duty.
func TestWhatAFieldIsForStandsBesideIt(t *testing.T) {
	c := samples(t)["checkout"].(Checkout)
	c.Uses = DataUse{Email: "use of mail", Name: "use of name", Phone: "use of phone", Address: "use of address", Note: "use of note", OrderNote: "use of order note", Gift: "use of gift", VAT: "use of vat"}
	doc := parse(t, render(t, shop(t, nil), c))
	for field, use := range map[string]string{"email": "use of mail", "name": "use of name", "phone": "use of phone", "shipping_address-street_address": "use of address",
		"note": "use of note", "order_note": "use of order note", "gift_name": "use of gift", "vat_number": "use of vat"} {
		control := elements(doc, func(n *html.Node) bool { return attr(n, "id") == field })
		told := elements(doc, named("p", "id", field+"-use"))
		if len(control) != 1 || len(told) != 1 || text(told[0]) != use || !strings.Contains(attr(control[0], "aria-describedby"), field+"-use") {
			t.Errorf("%s: nothing says what it is for", field)
		}
		if field == "phone" && has(control[0], "aria-required") {
			t.Error("a telephone number is asked for as a duty")
		}
	}
}

// The last button, and no other of the till, says that it costs money and how
// much; the services to pay with stand apart in plain words, without a seal.
func TestTheLastButtonSaysWhatItCosts(t *testing.T) {
	set := shop(t, nil)
	for name, want := range map[string]string{"review": "Order and pay €136.90", "review-declined": "Order and pay €136.90", "order-pending": "Pay €136.90", "checkout": "", "checkout-3": "", "cart": "", "review-working": ""} {
		doc := parse(t, render(t, set, samples(t)[name]))
		got := ""
		for _, b := range elements(doc, named("button", "", "")) {
			if strings.Contains(text(b), "pay") || strings.Contains(text(b), "Pay") {
				got = text(b)
			}
		}
		if got != want {
			t.Errorf("%s: got the button %q, want %q", name, got, want)
		}
	}
	review := parse(t, render(t, set, samples(t)["review"]))
	ways := elements(review, named("fieldset", "class", "picks"))
	if len(ways) != 1 || !strings.HasPrefix(text(ways[0]), "How do you want to pay?") || !strings.Contains(text(ways[0]), "You type it on the payment page, not here.") {
		t.Error("the ways to pay do not stand apart")
	}
	main := elements(review, named("main", "", ""))[0]
	if len(elements(main, func(n *html.Node) bool { return n.Data == "img" || n.Data == "svg" })) > 0 {
		t.Error("a picture stands beside the payment")
	}
	for _, seal := range []string{"100 %", "guarantee", "secure", "SSL", "trusted", "certified"} {
		if strings.Contains(strings.ToLower(text(main)), strings.ToLower(seal)) {
			t.Errorf("the review boasts of %q", seal)
		}
	}
}

// Every part of the review can be changed: its link leads to a control of the
// checkout, in a part that is open.
func TestEveryPartOfTheReviewLeadsToWhereItIsChanged(t *testing.T) {
	set := shop(t, nil)
	c := samples(t)["checkout-gift"].(Checkout)
	c.Problems, c.Typed.Note, c.Typed.VAT = nil, "Ring twice.", "DE123456788"
	c.Typed.BillTo.Country = "DE"
	till := parse(t, render(t, set, c))
	review := parse(t, render(t, set, samples(t)["review"]))
	led := 0
	for _, a := range elements(review, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), PathCheckout+"#") }) {
		led++
		to := strings.TrimPrefix(attr(a, "href"), PathCheckout+"#")
		there := elements(till, func(n *html.Node) bool { return attr(n, "id") == to })
		if len(there) != 1 || inside(there[0], func(p *html.Node) bool { return p.Data == "details" && !has(p, "open") }) {
			t.Errorf("%q leads to %q, which nobody sees", text(a), to)
		}
		if text(a) == "Change" {
			t.Error("a link does not say what it changes")
		}
	}
	if led < 5 || len(elements(review, named("a", "href", PathCart))) == 0 {
		t.Errorf("got %d ways back, and the cart", led)
	}
}

// How long a cart is kept stands beside it with the button that ends it; how
// long goods are held, beside the button that pays for them.
func TestTimesAreToldWhereTheyMatter(t *testing.T) {
	set := shop(t, nil)
	kept := elements(parse(t, render(t, set, samples(t)["cart"])), named("div", "class", "kept"))
	if len(kept) != 1 || !strings.HasPrefix(text(kept[0]), "Kept 30 days on this device, until 31 May 2026. Then we forget it.") ||
		len(elements(kept[0], named("form", "action", PathCartClear))) != 1 {
		t.Error("the cart does not say how long it is kept, or can't be cleared there")
	}
	held := text(elements(parse(t, render(t, set, samples(t)["order-pending"])), named("main", "", ""))[0])
	if !strings.Contains(held, "The goods are kept for you until 12:15 UTC, 14 minutes from now. If that passes, nothing is charged.") {
		t.Error("a hold does not say when it ends")
	}
	for _, name := range []string{"order-paid", "order-cancelled"} {
		if strings.Contains(render(t, set, samples(t)[name]), "The goods are kept for you") {
			t.Errorf("%s speaks of a hold", name)
		}
	}
}

// The order page has its number, what was bought, what comes next and how the
// payment will be called.
func TestAPaidOrderSaysWhatComesNext(t *testing.T) {
	got := text(elements(parse(t, render(t, shop(t, nil), samples(t)["order-paid"])), named("main", "", ""))[0])
	for _, want := range []string{"K7Q2M-9F3XA", "Slow teapot, Moss", "€136.90", "What happens next", "The parcel leaves on Monday 4 May.", "On your statement: HAZELMOTT K7Q2M"} {
		if !strings.Contains(got, want) {
			t.Errorf("the order page does not say %q", want)
		}
	}
}

// What decides about buying is on the first screen of a desk, and its form is
// one column at any width.
func TestWhatDecidesIsSeenWithoutScrolling(t *testing.T) {
	_, b, url := open(t)
	p := b.Page(t, browser.View{})
	p.Open(url + "/product")
	below := browser.Eval[[]string](p, `["h1", "#price", ".cost small", ".cost small a", "#stock", ".add .btn"].filter(s => {
		const e = document.querySelector(s); return !e || e.getBoundingClientRect().bottom > 800 })`)
	if len(below) > 0 {
		t.Errorf("not on the first screen: %q", below)
	}
	if got := p.Text(".cost small"); got != "incl. VAT · delivery from €4.90 · Returns" {
		t.Errorf("beside the price stands %q", got)
	}
	for _, name := range []string{"checkout", "checkout-wrong", "checkout-gift"} {
		p.Open(url + "/" + name)
		edges := browser.Eval[[]string](p, `[...document.querySelectorAll("#details .field")].filter(f => f.checkVisibility())
			.filter((f, i, all) => i > 0 && f.getBoundingClientRect().top < all[i - 1].getBoundingClientRect().bottom).map(f => f.id)`)
		if len(edges) > 0 {
			t.Errorf("%s: %q stand beside another field", name, edges)
		}
	}
}

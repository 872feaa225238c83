package storefront

import (
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Numbers of cards as people type them. All are published for tests.
var cards = []string{"4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"}

var (
	formTag                                     = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	inputTag                                    = regexp.MustCompile(`<input([^>]*)>`)
	areaTag                                     = regexp.MustCompile(`<textarea([^>]*)>`)
	attribute                                   = func(name string) *regexp.Regexp { return regexp.MustCompile(`\b` + name + `="([^"]*)"`) }
	actionOf, methodOf, nameOf, typeOf, valueOf = attribute("action"), attribute("method"), attribute("name"), attribute("type"), attribute("value")
)

func attr(re *regexp.Regexp, tag string) string {
	if m := re.FindStringSubmatch(tag); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// typable is a form of a page and the fields of it that one types text into.
type typable struct {
	action string
	post   bool
	filled url.Values
	fields []string
}

func typables(body string) (out []typable) {
	for _, m := range formTag.FindAllStringSubmatch(body, -1) {
		f := typable{action: attr(actionOf, m[1]), post: strings.EqualFold(attr(methodOf, m[1]), "post"), filled: url.Values{}}
		for _, in := range inputTag.FindAllStringSubmatch(m[2], -1) {
			name := attr(nameOf, in[1])
			switch attr(typeOf, in[1]) {
			case "", "text", "email", "tel", "search", "password", "url":
				f.fields = append(f.fields, name)
			}
			if name != "" {
				f.filled.Set(name, attr(valueOf, in[1]))
			}
		}
		for _, in := range areaTag.FindAllStringSubmatch(m[2], -1) {
			f.fields = append(f.fields, attr(nameOf, in[1]))
			f.filled.Set(attr(nameOf, in[1]), "")
		}
		out = append(out, f)
	}
	return out
}

// TestACardTypedIntoAnyFieldIsKeptNowhere walks every page of the routes list, as
// a guest with a cart and as a customer with an order, and types cards into every
// text field there is. Afterwards no file of the shop and no line of its log holds
// one of them, nor anything else that could be a card, sealed rows, drafts and keys of
// limits included.
func TestACardTypedIntoAnyFieldIsKeptNowhere(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, shop *shoptest.Shop) { typeCards(t, openOn(t, shop, nil)) })
}

func typeCards(t *testing.T, s *stall) {
	before, _ := shoptest.CardNumbers(t, s.Files(t)) // what an engine brings along itself
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	s.Product(t, "gone", 1950, shoptest.Counted(0))
	guest := s.shopper(t)
	guest.post("/cart/lines", put(mug, "1"))
	customer := s.member(t, "ada@lovelace.example")
	s.toReview(t, customer, mug)
	customer.post("/checkout/review", pay(customer.get("/checkout/review")))
	number := shoptest.One[string](t, s.Raw(t), `SELECT number FROM orders`)
	customer.post("/cart/lines", put(mug, "1"))

	var pages []string
	for _, r := range s.table.Rows() {
		if r.Method != "GET" || r.Need.Level > access.TwoFactors {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{number}", number, "/products/{handle}", "/products/mug").Replace(r.Path)
		if !strings.Contains(path, "{") {
			pages = append(pages, path)
		}
	}
	pages = append(pages, "/products/gone", "/checkout?step=1", "/checkout?step=2", "/checkout?step=3")
	var forms []typable
	typed, refused, masked, seenFields := 0, 0, 0, map[string]bool{}
	for _, b := range []*shopper{guest, customer} {
		for _, path := range pages {
			for _, f := range typables(b.get(path).body) {
				if f.post {
					forms = append(forms, f)
				}
				for _, field := range f.fields {
					if seenFields[f.action+" "+field] && b == customer {
						continue
					}
					seenFields[f.action+" "+field] = true
					for _, card := range cards {
						with := url.Values{}
						for k, v := range f.filled {
							with[k] = v
						}
						with.Set(field, card)
						typed++
						if !f.post {
							b.get(f.action + "?" + with.Encode())
							continue
						}
						got := b.post(f.action, with)
						switch told := html.UnescapeString(got.body); {
						case got.status == 422 && strings.Contains(told, "number of a payment card"):
							refused++
						case got.status == 422 && strings.Contains(told, "looked like a card number"):
							masked++
						case got.status == 429: // counted before it was read
						default:
							t.Errorf("%s, field %s: got %d and no word about the card", f.action, field, got.status)
						}
						for _, c := range cards {
							if strings.Contains(got.body, c) {
								t.Errorf("%s, field %s: the page repeats the card", f.action, field)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d pages, %d fields, %d cards typed: %d refused, %d taken out of the checkout", len(pages), len(seenFields), typed, refused, masked)
	if len(seenFields) < 30 || refused < 60 || masked < 40 {
		t.Errorf("the walk found too little: %d fields, %d refused, %d taken out", len(seenFields), refused, masked)
	}
	digits := []string{"4242424242424242", "4242 4242 4242 4242", "5555555555554444", "5555-5555-5555-4444", "378282246310005"}
	if found, read := shoptest.Search(t, s.Files(t), digits...); len(found) > 0 || read == 0 {
		t.Errorf("after reading %d bytes, files hold %v", read, found)
	}
	keepsNoCard(t, s, before)
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM cart_details WHERE draft IS NOT NULL`); n == 0 {
		t.Error("no draft is kept: there is nothing to look into")
	}
	for _, b := range []*shopper{guest, customer} { // what a checkout keeps is sealed, so it is opened
		for name, value := range b.cookies() {
			if id, token, ok := strings.Cut(value, "."); ok && name == gate.CartCookie {
				in, err := s.Desk.Typed(t.Context(), cart.ID(id), token)
				if err != nil {
					t.Fatal(err)
				}
				if kept := fmt.Sprintf("%+v", in); slices.ContainsFunc(digits, func(d string) bool { return strings.Contains(kept, d) }) {
					t.Error("a draft holds a card")
				}
			}
		}
	}
	if err := s.DB.Close(); err != nil { // a shop in distress says most
		t.Fatal(err)
	}
	for _, f := range forms {
		for _, field := range f.fields {
			with := maps.Clone(f.filled)
			with.Set(field, cards[0])
			customer.post(f.action, with)
		}
	}
	log := s.logs.String()
	if all := shoptest.CardNumbersIn([]byte(strings.NewReplacer("+", " ", "%20", " ").Replace(log))); len(all) > 0 || !strings.Contains(log, "level=ERROR") {
		t.Errorf("the log, %d bytes, holds %q", len(log), all)
	}
	for _, d := range digits {
		if strings.Contains(log, d) || strings.Contains(log, url.QueryEscape(d)) {
			t.Errorf("the log holds %q", d)
		}
	}
}

// keepsNoCard looks for numbers that nobody here thought of, whatever their spelling, and
// then for one that was put there, so that it is known to look.
func keepsNoCard(t *testing.T, s *stall, before map[string]string) {
	t.Helper()
	const planted = "4000 0025 0000 3155"
	found, read := shoptest.CardNumbers(t, s.Files(t))
	for number, file := range found {
		if _, had := before[number]; !had {
			t.Errorf("%s holds %s, which could be a card", file, number)
		}
	}
	if n := shoptest.Do(t, s.Raw(t), `UPDATE products SET title = $1 WHERE handle = 'gone'`, planted); n != 1 {
		t.Fatalf("%d products of that name", n)
	}
	again, _ := shoptest.CardNumbers(t, s.Files(t))
	if _, is := again[strings.ReplaceAll(planted, " ", "")]; !is {
		t.Error("a card in the database's files was not found: the scan is blind")
	}
	t.Logf("%d bytes of the database's files read, with %d numbers that were there before", read, len(before))
}

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestBadInputIsRefusedAndNeverRepeated(t *testing.T) {
	s := demo(t, "")
	v := s.products()[0].Variants[0].ID
	c := s.cart(v, 1)
	mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
	const marker = "Zyxomma"
	details := func(member, value string) string {
		var doc map[string]any
		if err := json.Unmarshal([]byte(ada().json()), &doc); err != nil {
			t.Fatal(err)
		}
		at := doc
		if inner, ok := strings.CutPrefix(member, "shipping_address/"); ok {
			at, member = doc["shipping_address"].(map[string]any), inner
		}
		at[member] = value
		b, _ := json.Marshal(doc)
		return string(b)
	}
	quantity := func(q string) string { return fmt.Sprintf(`{"variant_id":%q,"quantity":%s}`, v, q) }
	rows := []struct {
		name, method, path, body string
		status                   int
		word                     string
	}{
		{"-1", "POST", "/lines", quantity("-1"), 422, "invalid"},
		{"0", "POST", "/lines", quantity("0"), 422, "invalid"},
		{"1.5", "POST", "/lines", quantity("1.5"), 422, "invalid"},
		{"1000", "POST", "/lines", quantity("1000"), 422, "invalid"},
		{"2^63", "POST", "/lines", quantity("9223372036854775808"), 422, "invalid"},
		{"2^64+1", "POST", "/lines", quantity("18446744073709551617"), 422, "invalid"},
		{"as text", "POST", "/lines", quantity(`"1"`), 422, "invalid"},
		{"999 and one more", "POST", "/lines", quantity("999"), 422, "invalid"},
		{"unknown member", "POST", "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1,"price":%q}`, v, marker), 422, "invalid"},
		{"doubled member", "POST", "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1,"quantity":2}`, v), 400, "malformed"},
		{"letter case", "POST", "/lines", fmt.Sprintf(`{"Variant_ID":%q,"quantity":1}`, v), 400, "malformed"},
		{"trailing bytes", "POST", "/lines", quantity("1") + marker, 400, "malformed"},
		{"not JSON", "POST", "/lines", marker, 400, "malformed"},
		{"NUL", "PUT", "/checkout", details("name", marker+"\x00"), 400, "malformed"},
		{"invalid UTF-8", "PUT", "/checkout", strings.Replace(ada().json(), "Ada Lovelace", marker+"\xff\xfe", 1), 400, "malformed"},
		{"bidi override", "PUT", "/checkout", details("name", marker+"\u202egnp.exe"), 422, "invalid"},
		{"control character", "PUT", "/checkout", details("name", marker+"\u0007"), 422, "invalid"},
		{"line break in a mail address", "PUT", "/checkout", details("email", marker+"@example.com\r\nBcc: all@example.com"), 422, "invalid"},
		{"name of 10,000 characters", "PUT", "/checkout", details("name", strings.Repeat("Ä", 10_000)), 422, "invalid"},
		{"street of 10,000 characters", "PUT", "/checkout", details("shipping_address/street_address", strings.Repeat("x", 10_000)), 422, "invalid"},
		{"address in a name", "PUT", "/checkout", details("name", marker+" https://evil.example"), 422, "invalid"},
		{"postcode", "PUT", "/checkout", details("shipping_address/postal_code", marker), 422, "invalid"},
		{"country", "PUT", "/checkout", details("shipping_address/address_country", "XX"), 422, "invalid"},
		{"10 MB", "PUT", "/checkout", details("name", strings.Repeat("a", 10<<20)), 413, "too-large"},
	}
	for _, row := range rows {
		if row.name == "999 and one more" {
			row.body = quantity("999") // the cart has one already
		}
		a, err := s.try(row.method, path+row.path, row.body, mine)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			problem(t, a, row.status, row.word)
			for _, sent := range []string{marker, "evil.example", "9223372036854775808", "Bcc", "ÄÄÄ", "\u202e"} {
				if strings.Contains(a.body, sent) {
					t.Errorf("the refusal repeats what was sent: %s", a.body)
				}
			}
		})
	}
	problem(t, s.ask("POST", path+"/lines", quantity("1"), mine, "Content-Type: text/plain"), 415, "media-type")
	problem(t, s.ask("PUT", path, "{}", mine), 405, "method")
	problem(t, s.ask("GET", "/api/v1/nothing", ""), 404, "not-found")
	problem(t, s.ask("GET", "/api/v2/products", ""), 404, "not-found")
	for _, sent := range []string{marker, "evil.example", c.Token, c.ID} {
		if strings.Contains(s.said.String(), sent) {
			t.Errorf("the log repeats %q", sent)
		}
	}
	var after apiCart
	s.want(200, "GET", path, "", mine).into(t, &after)
	if len(after.Lines) != 1 || after.Lines[0].Quantity != 1 || after.Checkout.Complete {
		t.Errorf("bad input changed the cart: %+v", after)
	}
}

func TestMarkupInEveryFieldComesOutInert(t *testing.T) {
	s := demo(t, "")
	v := s.products()[0].Variants[0].ID
	b := &browserless{shop: s}
	b.post("/cart/lines", "variant_id", v, "quantity", "1")
	const script, attribute = `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`
	fields := []string{"email", `"<b>"@example.com`, "name", script, "phone", attribute, "note", script + attribute,
		"shipping_address.address_country", "DE", "shipping_address.street_address", attribute, "shipping_address.postal_code", "<i>1", "shipping_address.address_locality", script,
		"shipping_method", attribute}
	a := b.post("/checkout", fields...)
	inert(t, "the form with mistakes", a.body)
	if a.status != 422 || !strings.Contains(a.body, "&lt;script&gt;") {
		t.Errorf("got %d, want 422 with everything typed, escaped", a.status)
	}
	fields[1], fields[5], fields[13], fields[17] = "ada@example.com", "", "10115", "standard"
	if a = b.post("/checkout", fields...); a.status != 303 {
		t.Fatalf("markup in free text is allowed: got %d, want 303", a.status)
	}
	a = b.get("/checkout/review")
	inert(t, "the review", a.body)
	if !strings.Contains(a.body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the review does not show what was typed")
	}
	for _, path := range []string{"/search?q=", "/nothing/", "/products/", "/collections/", "/orders/", "/cart?x="} {
		inert(t, path, b.get(path+"%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E").body)
	}
	p := s.place(s.cart(v, 1), person{Email: "ada@example.com", Name: script, Note: attribute, Address: address{attribute, script, "", "10115", "DE"}}, "k")
	s.bankSays(*p.Payment.RedirectURL, "approved")
	s.quiet(t)
	inert(t, "the outbox", s.want(200, "GET", s.outbox, "").body)
	for _, l := range s.letters(t) {
		inert(t, "the letter", l.HTML)
	}
}

func inert(t testing.TB, where, body string) {
	t.Helper()
	for _, live := range []string{"<script>alert", "<img src=x", "<b>\"@"} {
		if strings.Contains(body, live) {
			t.Errorf("%s: %q came out alive", where, live)
		}
	}
}

// browserless keeps cookies and posts forms, as the plainest browser does.
type browserless struct {
	*shop
	cookies map[string]string
}

func (b *browserless) headers() []string {
	out := []string{"Origin: " + b.origin, "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"}
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) > 0 {
		out = append(out, "Cookie: "+strings.Join(pairs, "; "))
	}
	return out
}

func (b *browserless) keep(a answer) answer {
	if b.cookies == nil {
		b.cookies = map[string]string{}
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return a
}

func (b *browserless) get(path string) answer {
	b.t.Helper()
	return b.keep(b.ask("GET", path, "", b.headers()...))
}

func (b *browserless) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = []string{pairs[i+1]}
	}
	return b.keep(b.ask("POST", path, encode(form), b.headers()...))
}

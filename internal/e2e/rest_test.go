package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// members lists the members of the object at a path such as "lines.0".
func members(t testing.TB, body, path string) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%.200q is not JSON: %v", body, err)
	}
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			if len(at) == 0 {
				t.Fatalf("%s is empty in %.200q", path, body)
			}
			v = at[0]
		}
	}
	object, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%q is no object in %.200q", path, body)
	}
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// shape checks which members an answer has: no fewer, and no more.
func shape(t testing.TB, a answer, path, want string) {
	t.Helper()
	fields := strings.Fields(want)
	slices.Sort(fields)
	if got := members(t, a.body, path); !reflect.DeepEqual(got, fields) {
		t.Errorf("members at %q: got %v, want %v", path, got, fields)
	}
}

const (
	shapeCart    = "id lines totals tax_included checkout expires_at"
	shapeLine    = "id variant_id product_handle title quantity unit_price total"
	shapeTotals  = "items discount shipping tax total"
	shapeMoney   = "amount currency"
	shapePayment = "status redirect_url"
)

// TestTheWholeTableOfTheAPI makes every call once, as the table promises it.
func TestTheWholeTableOfTheAPI(t *testing.T) {
	s := demo(t, "")
	a := s.want(200, "GET", "/api/v1/products?limit=1", "")
	shape(t, a, "", "products next_cursor")
	shape(t, a, "products.0", "handle title description images variants")
	shape(t, a, "products.0.images.0", "url alt")
	shape(t, a, "products.0.variants.0", "id sku title price compare_at_price available")
	shape(t, a, "products.0.variants.0.price", shapeMoney)
	a = s.want(200, "GET", "/api/v1/products?q=kettle", "")
	var found struct{ Products []apiProduct }
	a.into(t, &found)
	if len(found.Products) != 1 || found.Products[0].Handle != "whistling-kettle" {
		t.Errorf("search: got %d products, want the kettle", len(found.Products))
	}
	s.want(200, "GET", "/api/v1/products?collection=kitchen&limit=2", "").into(t, &found)
	if len(found.Products) != 2 {
		t.Errorf("collection: got %d products, want 2", len(found.Products))
	}
	shape(t, s.want(200, "GET", "/api/v1/products/whistling-kettle", ""), "", "handle title description images variants")
	problem(t, s.ask("GET", "/api/v1/products/no-such-thing", ""), 404, "not-found")

	a = s.want(201, "POST", "/api/v1/carts", "{}")
	shape(t, a, "", shapeCart+" token")
	var c apiCart
	a.into(t, &c)
	if len(c.Token) < 43 {
		t.Errorf("token: got %d characters, want 256 bits", len(c.Token))
	}
	mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
	v := s.product("whistling-kettle").Variants[0]
	a = s.want(201, "POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v.ID), mine)
	shape(t, a, "", shapeCart)
	shape(t, a, "lines.0", shapeLine)
	shape(t, a, "lines.0.unit_price", shapeMoney)
	shape(t, a, "totals", shapeTotals)
	shape(t, a, "checkout", "complete shipping_method")
	a = s.want(201, "POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":2}`, v.ID), mine)
	a.into(t, &c)
	if len(c.Lines) != 1 || c.Lines[0].Quantity != 3 || c.Lines[0].Total.Amount != 3*v.Price.Amount {
		t.Errorf("adding again: got %+v, want the same line raised to 3", c.Lines)
	}
	line := path + "/lines/" + c.Lines[0].ID
	s.want(200, "PATCH", line, `{"quantity":2}`, mine)
	s.want(200, "GET", path, "", mine)
	a = s.want(200, "GET", path+"/shipping-methods?country=DE&postal_code=10115", "", mine)
	shape(t, a, "", "shipping_methods")
	shape(t, a, "shipping_methods.0", "id title price")
	if !strings.Contains(a.body, `"id":"standard"`) {
		t.Errorf("shipping methods: got %s, want standard among them", a.body)
	}
	a = s.want(200, "PUT", path+"/checkout", ada().json(), mine)
	shape(t, a, "", shapeCart)
	a.into(t, &c)
	if !c.Checkout.Complete || c.Checkout.ShippingMethod == nil || *c.Checkout.ShippingMethod != "standard" || c.Totals.Total.Amount != 2*v.Price.Amount+490 {
		t.Errorf("after the details: got %+v %+v, want complete, standard and 4.90 more", c.Checkout, c.Totals)
	}
	for _, personal := range []string{"ada@example.com", "Lovelace", "Analytical", "1234567"} {
		if strings.Contains(a.body, personal) || strings.Contains(s.want(200, "GET", path, "", mine).body, personal) {
			t.Errorf("the cart says %q again", personal)
		}
	}
	s.want(200, "DELETE", line, "", mine).into(t, &c)
	if len(c.Lines) != 0 {
		t.Errorf("after DELETE: got %d lines, want none", len(c.Lines))
	}
	s.want(201, "POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v.ID), mine)

	problem(t, s.ask("POST", path+"/orders", "{}", mine), 400, "idempotency-key-missing")
	a = s.want(201, "POST", path+"/orders", "{}", mine, "Idempotency-Key: one")
	shape(t, a, "", "order payment")
	shape(t, a, "order", "number token status totals")
	shape(t, a, "payment", shapePayment)
	if a.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first order says that it is replayed")
	}
	again := s.want(201, "POST", path+"/orders", "{}", mine, "Idempotency-Key: one")
	if again.body != a.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay: got %s (%q), want the same body and the header", again.body, again.header.Get("Idempotency-Replayed"))
	}
	problem(t, s.ask("POST", path+"/orders", `{"payment_method":"sandbox"}`, mine, "Idempotency-Key: one"), 422, "idempotency-mismatch")
	problem(t, s.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: two"), 409, "cart-closed")
	problem(t, s.ask("POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v.ID), mine), 409, "cart-closed")

	var placed apiPlaced
	a.into(t, &placed)
	theirs := "Order-Token: " + placed.Order.Token
	a = s.want(200, "GET", "/api/v1/orders/"+placed.Order.Number, "", theirs)
	shape(t, a, "", "order payment")
	shape(t, a, "order", "number status lines totals placed_at")
	shape(t, a, "payment", shapePayment)
	if placed.Order.Status != "pending" || placed.Payment.Status != "open" {
		t.Errorf("new order: got %s and %s, want pending and open", placed.Order.Status, placed.Payment.Status)
	}
	s.bankSays(*placed.Payment.RedirectURL, "declined")
	if o := s.order(placed); o.Order.Status != "pending" || o.Payment.Status != "declined" || o.Payment.RedirectURL != nil {
		t.Errorf("after declining: got %+v, want pending, declined and no address", o.Payment)
	}
	a = s.want(200, "POST", "/api/v1/orders/"+placed.Order.Number+"/payments", "{}", theirs)
	shape(t, a, "payment", shapePayment)
	var retried apiOrder
	a.into(t, &retried)
	if retried.Payment.RedirectURL == nil || *retried.Payment.RedirectURL == *placed.Payment.RedirectURL {
		t.Fatalf("trying again: got %+v, want a new address", retried.Payment)
	}
	challenge := s.bankSays(*retried.Payment.RedirectURL, "challenge")
	if challenge.status != 200 || !strings.Contains(challenge.body, "<form") {
		t.Errorf("challenge: got %d, want 200 with a form", challenge.status)
	}
	if a := s.bankSays(*retried.Payment.RedirectURL, "abandoned"); a.status != 303 || s.order(placed).Payment.Status != "open" {
		t.Errorf("abandoned: got %d, want 303 and the payment still open", a.status)
	}
	s.bankSays(*retried.Payment.RedirectURL, "approved")
	if o := s.order(placed); o.Order.Status != "paid" || o.Payment.Status != "approved" {
		t.Errorf("after approving: got %s and %s, want paid and approved", o.Order.Status, o.Payment.Status)
	}
	// Once approved it is neither approved again nor declined.
	s.bankSays(*retried.Payment.RedirectURL, "declined")
	s.bankSays(*placed.Payment.RedirectURL, "approved")
	if o := s.order(placed); o.Order.Status != "paid" {
		t.Errorf("after a second decision: got %s, want paid", o.Order.Status)
	}
	problem(t, s.ask("POST", "/api/v1/orders/"+placed.Order.Number+"/payments", "{}", theirs), 409, "")

	shape(t, s.want(200, "GET", "/api/v1/ledger/inclusion?index=0&size=2", ""), "", "proof")
	shape(t, s.want(200, "GET", "/api/v1/ledger/consistency?from=1&to=2", ""), "", "proof")
	problem(t, s.ask("GET", "/api/v1/ledger/inclusion?index=5&size=2", ""), 422, "invalid")
	problem(t, s.ask("GET", "/api/v1/ledger/consistency?from=x&to=2", ""), 422, "invalid")
	if a := s.want(200, "GET", "/.well-known/cartkeep/ledger-key", ""); !strings.Contains(a.body, "+") {
		t.Errorf("ledger key: got %q, want a note verifier key", a.body)
	}
	var openapi struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	s.want(200, "GET", "/api/v1/openapi.json", "").into(t, &openapi)
	if !strings.HasPrefix(openapi.OpenAPI, "3.1") || len(openapi.Paths) < 10 {
		t.Errorf("openapi: got %s with %d paths, want 3.1 with all", openapi.OpenAPI, len(openapi.Paths))
	}
}

// problem checks a refusal: its status, its word, its media type, and that it
// says nothing about what we are made of.
func problem(t testing.TB, a answer, status int, word string) {
	t.Helper()
	if a.status != status {
		t.Errorf("got %d %.300s, want %d %s", a.status, a.body, status, word)
		return
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
		t.Errorf("got media type %q, want problem details", got)
	}
	var p struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}
	a.into(t, &p)
	if p.Status != status || !strings.HasPrefix(p.Type, "/problems/") || (word != "" && p.Type != "/problems/"+word) || p.Title == "" {
		t.Errorf("got %+v, want type /problems/%s and status %d", p, word, status)
	}
	for _, inner := range []string{".go:", "panic", "sql", "goroutine", "internal/"} {
		if strings.Contains(a.body, inner) {
			t.Errorf("the refusal tells what we are made of: %s", a.body)
		}
	}
}

func TestTokensOpenNothingButTheirOwn(t *testing.T) {
	s := demo(t, "")
	v := s.products()[0].Variants[0].ID
	mine, other := s.cart(v, 1), s.cart(v, 1)
	placed := s.place(s.cart(v, 1), ada(), "k")
	line := ""
	{
		var c apiCart
		s.want(200, "GET", "/api/v1/carts/"+mine.ID, "", "Cart-Token: "+mine.Token).into(t, &c)
		line = c.Lines[0].ID
	}
	path := "/api/v1/carts/" + mine.ID
	tokens := [][]string{{"Cart-Token: " + other.Token}, nil, {"Cart-Token: "}, {"Cart-Token: " + strings.Repeat("A", 43)}, {"Cart-Token: " + mine.Token + "A"},
		{"Cart-Token: " + strings.ToUpper(mine.Token)}, {"Authorization: Bearer " + mine.Token}, {"Cart-Token: " + placed.Order.Token}}
	var bodies []string
	for _, headers := range tokens {
		for _, call := range []struct{ method, path, body string }{
			{"GET", path, ""}, {"POST", path + "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v)}, {"PATCH", path + "/lines/" + line, `{"quantity":9}`},
			{"DELETE", path + "/lines/" + line, ""}, {"PUT", path + "/checkout", ada().json()}, {"GET", path + "/shipping-methods?country=DE", ""},
			{"POST", path + "/orders", "{}"}, {"GET", "/api/v1/carts/01a00000-0000-7000-8000-000000000000", ""},
		} {
			a := s.ask(call.method, call.path, call.body, append(headers, "Idempotency-Key: k")...)
			problem(t, a, 404, "not-found")
			bodies = append(bodies, withoutReference(t, a.body))
		}
	}
	slices.Sort(bodies)
	if kinds := slices.Compact(bodies); len(kinds) != 1 {
		t.Errorf("unknown, another's and no token: got %d different answers, want one: %q", len(kinds), kinds)
	}
	for _, headers := range [][]string{nil, {"Order-Token: " + mine.Token}, {"Order-Token: " + strings.Repeat("A", 43)}, {"Cart-Token: " + placed.Order.Token}} {
		problem(t, s.ask("GET", "/api/v1/orders/"+placed.Order.Number, "", headers...), 404, "not-found")
		problem(t, s.ask("POST", "/api/v1/orders/"+placed.Order.Number+"/payments", "{}", headers...), 404, "not-found")
		problem(t, s.ask("GET", "/api/v1/orders/AAAAA-AAAAA", "", headers...), 404, "not-found")
	}
	var c apiCart
	s.want(200, "GET", path, "", "Cart-Token: "+mine.Token).into(t, &c)
	if len(c.Lines) != 1 || c.Lines[0].Quantity != 1 || c.Checkout.Complete {
		t.Errorf("the cart was changed by somebody without its token: %+v", c)
	}

	// The API reads only the header, pages only the cookie; both are refused.
	form := s.ask("POST", "/cart/lines", "variant_id="+v+"&quantity=1", "Content-Type: application/x-www-form-urlencoded", "Origin: "+s.origin)
	cookie := ""
	for _, line := range form.header.Values("Set-Cookie") {
		if strings.Contains(line, "cart") {
			cookie, _, _ = strings.Cut(line, ";")
		}
	}
	if form.status != 303 || cookie == "" {
		t.Fatalf("adding by form: got %d and cookie %q, want 303 and the cart's", form.status, cookie)
	}
	problem(t, s.ask("GET", path, "", "Cart-Token: "+mine.Token, "Cookie: "+cookie), 400, "malformed")
	if a := s.ask("GET", "/cart", "", "Cart-Token: "+mine.Token, "Cookie: "+cookie); a.status != 400 {
		t.Errorf("a page with both: got %d, want 400", a.status)
	}
	if a := s.ask("GET", path, "", "Cookie: "+cookie); a.status != 404 {
		t.Errorf("the API with a cookie: got %d, want 404", a.status)
	}
	if a := s.ask("GET", "/cart", "", "Cart-Token: "+mine.Token); a.status != 200 || strings.Contains(a.body, "line-"+line) {
		t.Errorf("the page with a token: got %d, want an empty cart", a.status)
	}
}

// withoutReference takes out the random name of the request.
func withoutReference(t testing.TB, body string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	for name := range v {
		if name == "instance" || name == "reference" {
			delete(v, name)
		}
	}
	b, _ := json.Marshal(v)
	return string(b)
}

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

func TestEveryAnswerCarriesTheStrictHeaders(t *testing.T) {
	s := demo(t, "")
	asset := ""
	if _, rest, ok := strings.Cut(s.want(200, "GET", "/", "").body, `href="/assets/`); ok {
		asset = "/assets/" + rest[:strings.IndexByte(rest, '"')]
	}
	c := s.cart(s.products()[0].Variants[0].ID, 1)
	for _, row := range []struct {
		method, path, body string
		status             int
		cached             bool
		headers            []string
	}{
		{"GET", "/", "", 200, true, nil}, {"GET", "/products/whistling-kettle", "", 200, true, nil}, {"GET", asset, "", 200, true, nil},
		{"GET", "/pictures/whistling-kettle.svg", "", 200, true, nil}, {"GET", "/cart", "", 200, false, nil}, {"GET", "/privacy", "", 200, true, nil}, {"GET", "/admin", "", 200, true, nil},
		{"GET", "/nothing", "", 404, false, nil}, {"DELETE", "/cart", "", 405, false, nil}, {"GET", "/orders/AAAAA-AAAAA", "", 404, false, nil},
		{"GET", "/healthz", "", 200, false, nil}, {"GET", "/readyz", "", 200, false, nil}, {"GET", "/robots.txt", "", 200, true, nil},
		{"GET", "/.well-known/cartkeep/checkpoint", "", 200, true, nil}, {"GET", "/.well-known/cartkeep/ledger-key", "", 200, true, nil},
		{"GET", "/api/v1/products", "", 200, true, nil}, {"GET", "/api/v1/openapi.json", "", 200, true, nil}, {"GET", "/api/v1/carts/" + c.ID, "", 200, false, []string{"Cart-Token: " + c.Token}},
		{"GET", "/api/v1/nothing", "", 404, false, nil}, {"PUT", "/api/v1/products", "{}", 405, false, nil}, {"POST", "/api/v1/carts", "{", 400, false, nil},
		{"POST", "/api/v1/carts", strings.Repeat(" ", 10<<20), 413, false, nil}, {"POST", "/cart/lines", strings.Repeat("a", 10<<20), 413, false, []string{"Content-Type: application/x-www-form-urlencoded", "Origin: " + s.origin}},
		{"POST", "/cart/lines", "variant_id=x", 403, false, []string{"Content-Type: application/x-www-form-urlencoded", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}},
		{"POST", "/payments/sandbox/notices", "{}", 400, false, nil}, {"GET", "/payments/sandbox/notices", "", 404, false, nil},
	} {
		a, err := s.try(row.method, row.path, row.body, row.headers...)
		if err != nil {
			t.Errorf("%s %s: %v", row.method, row.path, err)
			continue
		}
		where := fmt.Sprintf("%s %s", row.method, row.path)
		if a.status != row.status {
			t.Errorf("%s: got %d, want %d", where, a.status, row.status)
		}
		h := a.header
		policy := h.Get("Content-Security-Policy")
		parts := []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action", "require-trusted-types-for 'script'"}
		if strings.HasPrefix(row.path, "/pictures/") {
			parts = []string{"default-src 'none'", "sandbox"} // a drawing opened by itself runs nothing at all
		}
		for _, part := range parts {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", where, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %q is loose", where, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %s %q, want %q", where, name, got, want)
			}
		}
		if h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS on a loopback name reaches every port of it", where)
		}
		if !row.cached && !strings.Contains(h.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: got Cache-Control %q, want no-store", where, h.Get("Cache-Control"))
		}
		if h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
			t.Errorf("%s: says what serves it", where)
		}
		if row.status == 405 && h.Get("Allow") == "" {
			t.Errorf("%s: 405 without Allow", where)
		}
	}
}

func TestRatesHoldWithoutTheExemption(t *testing.T) {
	h := newHome(t, "")
	h.env = nil
	s := h.start(t)
	var mu sync.Mutex
	var limited *answer
	made := 0
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				a, err := s.try("POST", "/api/v1/carts", "{}")
				mu.Lock()
				if err == nil && a.status == 201 {
					made++
				}
				if err == nil && a.status == 429 && limited == nil {
					limited = &a
				}
				stop := limited != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	group.Wait()
	if limited == nil {
		t.Fatalf("made %d carts and was never limited", made)
	}
	problem(t, *limited, 429, "rate-limited")
	if after := limited.header.Get("Retry-After"); after == "" || after == "0" {
		t.Errorf("got Retry-After %q, want seconds", after)
	}
	if !strings.Contains(limited.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("429 lacks the policy")
	}
	if a := s.ask("GET", "/products/whistling-kettle", ""); a.status != 200 {
		t.Errorf("who made too many carts can't look any more: got %d", a.status)
	}
	if strings.Contains(s.said.String(), "free from request rates") {
		t.Error("an exemption is told of, and there is none")
	}
}

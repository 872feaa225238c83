package e2e

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
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
	problem(t, s.ask("POST", "/api/v1/orders/"+placed.Order.Number+"/payments", "{}", theirs), 409, "changed")

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

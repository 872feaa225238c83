package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// marker stands for something personal in every row: no answer and no log line
// may repeat it.
const marker = "analyticalway"

func TestBadBodiesAreRefusedWithoutRepeatingThem(t *testing.T) {
	lines := "/api/v1/carts/" + adasCart + "/lines"
	details := "/api/v1/carts/" + adasCart + "/checkout"
	good := `{"email":"ada@example.org","name":"Ada","shipping_address":{"street_address":"1 Way","address_locality":"London","address_country":"GB"`
	long := strings.Repeat(marker, 10_000/len(marker)+1)

	rows := []struct {
		name    string
		method  string
		path    string
		body    string
		status  int
		word    string
		pointer string // "-" for none
	}{
		{"not JSON", "POST", lines, marker, 400, "malformed", "-"},
		{"half a document", "POST", lines, `{"variant_id":"` + marker, 400, "malformed", "-"},
		{"trailing bytes", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1}` + marker, 400, "malformed", "-"},
		{"two documents", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1}{}`, 400, "malformed", "-"},
		{"trailing comma", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,}`, 400, "malformed", "-"},
		{"comment", "POST", lines, `{"variant_id":"` + bowl + `",/**/"quantity":1}`, 400, "malformed", "-"},
		{"byte order mark", "POST", lines, "\ufeff" + `{"variant_id":"` + bowl + `","quantity":1}`, 400, "malformed", "-"},
		{"doubled member", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"quantity":2}`, 400, "malformed", "-"},
		{"doubled by escape", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"\u0071uantity":2}`, 400, "malformed", "-"},
		{"doubled deep down", "PUT", details, good + `,"postal_code":"a","postal_code":"b"}}`, 400, "malformed", "-"},
		{"doubled in an unknown member", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"x":{"a":1,"a":2}}`, 400, "malformed", "-"},
		{"other letter case", "POST", lines, `{"variant_id":"` + bowl + `","Quantity":1}`, 400, "malformed", "-"},
		{"other case beside the right one", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"QUANTITY":2}`, 400, "malformed", "-"},
		{"other case deep down", "PUT", details, good + `,"Postal_Code":"1"}}`, 400, "malformed", "-"},
		{"long s folds to s", "PUT", details, `{"ſhipping_method":"x",` + good[1:] + `}}`, 400, "malformed", "-"},
		{"invalid UTF-8", "PUT", details, strings.Replace(good, "Ada", "\xff"+marker, 1) + `}}`, 400, "malformed", "-"},
		{"overlong UTF-8", "PUT", details, strings.Replace(good, "Ada", "\xc0\xaf", 1) + `}}`, 400, "malformed", "-"},
		{"NUL", "PUT", details, strings.Replace(good, "Ada", "A\x00da", 1) + `}}`, 400, "malformed", "-"},
		{"NUL as escape", "PUT", details, strings.Replace(good, "Ada", `A\u0000da`, 1) + `}}`, 400, "malformed", "-"},
		{"half a surrogate pair", "PUT", details, strings.Replace(good, "Ada", `A\ud800da`, 1) + `}}`, 400, "malformed", "-"},
		{"raw line break in a string", "PUT", details, strings.Replace(good, "Ada", "A\nda", 1) + `}}`, 400, "malformed", "-"},
		{"too deep", "POST", lines, strings.Repeat("[", 1000) + strings.Repeat("]", 1000), 400, "malformed", "-"},
		{"empty but said to be JSON", "POST", "/api/v1/carts", " ", 400, "malformed", "-"},

		{"array", "POST", lines, `["` + marker + `"]`, 422, "invalid", ""},
		{"null", "POST", lines, `null`, 422, "invalid", ""},
		{"string", "POST", lines, `"` + marker + `"`, 422, "invalid", ""},
		{"unknown member", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"price":1}`, 422, "invalid", "/price"},
		{"unknown member with a telling name", "POST", lines, `{"variant_id":"` + bowl + `","quantity":1,"Ms ` + marker + `":1}`, 422, "invalid", ""},
		{"unknown member deep down", "PUT", details, good + `,"is_admin":true}}`, 422, "invalid", "/shipping_address/is_admin"},
		{"missing member", "POST", lines, `{"variant_id":"` + bowl + `"}`, 422, "invalid", "/quantity"},
		{"missing member deep down", "PUT", details, `{"email":"a@b.example","name":"Ada","shipping_address":{"address_country":"GB"}}`, 422, "invalid", "/shipping_address/street_address"},
		{"null for a needed member", "POST", lines, `{"variant_id":null,"quantity":1}`, 422, "invalid", "/variant_id"},
		{"null for an optional member", "PUT", details, `{"phone":null,` + good[1:] + `}}`, 422, "invalid", "/phone"},
		{"wrong type deep down", "PUT", details, strings.Replace(good, `"1 Way"`, `{"`+marker+`":"x"}`, 1) + `}}`, 422, "invalid", "/shipping_address/street_address"},
		{"address as text", "PUT", details, `{"email":"a@b.example","name":"Ada","shipping_address":"` + marker + `"}`, 422, "invalid", "/shipping_address"},
		{"name of 10,000 characters", "PUT", details, strings.Replace(good, "Ada", long, 1) + `}}`, 422, "invalid", "/name"},
		{"refused by the rules", "PUT", details, good + `,"postal_code":"bad"}}`, 422, "invalid", "/shipping_address/postal_code"},
		{"unknown variant", "POST", lines, `{"variant_id":"` + marker + `","quantity":1}`, 422, "invalid", "/variant_id"},
		{"new cart with members", "POST", "/api/v1/carts", `{"customer_id":"` + marker + `"}`, 422, "invalid", "/customer_id"},
		{"10 MB", "PUT", details, strings.Replace(good, "Ada", strings.Repeat("a", 10<<20), 1) + `}}`, 413, "too-large", "-"},
	}
	for _, quantity := range []string{"-1", "0", "1.5", "1e9", "1000", "2147483648", "4294967297", "9223372036854775808",
		"18446744073709551617", "1e400", "-1e400", "0.999999", `"3"`, "true", "[3]", "{}", "null"} {
		rows = append(rows, struct {
			name, method, path, body string
			status                   int
			word, pointer            string
		}{"quantity " + quantity, "POST", lines, `{"variant_id":"` + bowl + `","quantity":` + quantity + `}`, 422, "invalid", "/quantity"})
		rows = append(rows, struct {
			name, method, path, body string
			status                   int
			word, pointer            string
		}{"set quantity " + quantity, "PATCH", lines + "/" + bowl, `{"quantity":` + quantity + `}`, 422, "invalid", "/quantity"})
	}
	for _, member := range []string{"total", "discount", "currency", "tax", "price_id", "role", "is_admin", "verified",
		"group", "customer_id", "balance", "status"} {
		rows = append(rows, struct {
			name, method, path, body string
			status                   int
			word, pointer            string
		}{"mass assignment " + member, "POST", "/api/v1/carts/" + adasCart + "/orders", `{"` + member + `":1}`, 422, "invalid", "/" + member})
	}

	s := newShop(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := s.ask(t, row.method, row.path, row.body, "Cart-Token: "+adasToken, "Idempotency-Key: k-1")
			pointers := got.problem(t, row.status, row.word)
			if row.pointer == "-" && len(pointers) > 0 {
				t.Errorf("got pointers %v, want none", pointers)
			}
			if once := slices.Compact(slices.Sorted(slices.Values(pointers))); len(once) != len(pointers) {
				t.Errorf("got pointers %q, want one problem a field", pointers)
			}
			if row.pointer != "-" && !slices.Contains(pointers, row.pointer) {
				t.Errorf("got pointers %q, want %q among them", pointers, row.pointer)
			}
			for _, text := range []string{marker, "1e9", "2147483648", "9223372036854775808", "is_adminx", ".go", "json:", "panic"} {
				if strings.Contains(got.body, text) {
					t.Errorf("got %s, want nothing of what was sent (%s) or of what we are made of", got.body, text)
				}
			}
		})
	}
	if s.desk.changes != 0 {
		t.Errorf("got %d changes, want none", s.desk.changes)
	}
	if strings.Contains(s.log.String(), marker) || strings.Contains(s.log.String(), adasToken) || strings.Contains(s.log.String(), adasCart) {
		t.Errorf("got a sent value in the log")
	}
}

func TestIntegerValuedNumbersAreIntegers(t *testing.T) {
	for _, quantity := range []string{"2", "2.0", "2e0", "0.2e1", "20e-1", "999"} {
		s := newShop(t)
		got := s.ask(t, "POST", "/api/v1/carts/"+adasCart+"/lines", `{"variant_id":"`+bowl+`","quantity":`+quantity+`}`, "Cart-Token: "+adasToken)
		if got.status != 201 {
			t.Errorf("quantity %s: got %d %s, want 201", quantity, got.status, got.body)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	s := newShop(t)
	path := "/api/v1/carts/" + adasCart + "/lines"
	body := `{"variant_id":"` + bowl + `","quantity":1}`
	for kind, status := range map[string]int{
		"application/json":                   201,
		"application/json; charset=utf-8":    201,
		"Application/JSON;charset=\"UTF-8\"": 201,
		"application/json; charset=latin1":   415,
		"text/plain":                         415,
		"text/json":                          415,
		"application/x-www-form-urlencoded":  415,
		"multipart/form-data; boundary=x":    415,
		"application/merge-patch+json":       415,
		"application/json, text/plain":       415,
		"":                                   415,
	} {
		got := s.ask(t, "POST", path, body, "Cart-Token: "+adasToken, "Content-Type: "+kind)
		if got.status != status {
			t.Errorf("%q: got %d %s, want %d", kind, got.status, got.body, status)
		}
		if status == 415 {
			got.problem(t, 415, "media-type")
		}
	}
}

func TestAnotherSiteCannotAct(t *testing.T) {
	s := newShop(t)
	for _, headers := range [][]string{
		{"Origin: https://evil.example"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"},
		{"Origin: https://evil.example", "Content-Type: text/plain"},
	} {
		got := s.ask(t, "POST", "/api/v1/carts", `{}`, headers...)
		if p := got.json(t); got.status != 403 || p["type"] != "about:blank" || p["title"] != "Forbidden" || p["status"] != 403.0 {
			t.Errorf("got %d %s, want 403 and no type of its own", got.status, got.body)
		}
		for name := range got.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("got header %s, want no CORS at all", name)
			}
		}
	}
}

func TestUnknownForeignAndTokenlessReadAlike(t *testing.T) {
	s := newShop(t)
	lines := "/api/v1/carts/" + adasCart + "/lines"
	other := "0190aaaa-0000-7000-8000-00000000ffff"
	var first string
	for _, c := range []struct{ method, path, body, token string }{
		{"GET", "/api/v1/carts/" + adasCart, "", ""},
		{"GET", "/api/v1/carts/" + adasCart, "", "another-token-" + strings.Repeat("x", 30)},
		{"GET", "/api/v1/carts/" + adasCart, "", "short"},
		{"GET", "/api/v1/carts/" + adasCart, "", strings.Repeat("x", 5000)},
		{"GET", "/api/v1/carts/" + other, "", adasToken},
		{"GET", "/api/v1/carts/%00", "", adasToken},
		{"GET", "/api/v1/carts/'%20or%201=1", "", adasToken},
		{"POST", lines, `{"variant_id":"` + bowl + `","quantity":1}`, ""},
		{"PATCH", lines + "/" + bowl, `{"quantity":1}`, "another-token-" + strings.Repeat("x", 30)},
		{"DELETE", lines + "/" + bowl, "", ""},
		{"GET", "/api/v1/carts/" + adasCart + "/shipping-methods?country=DE", "", ""},
		{"POST", "/api/v1/carts/" + adasCart + "/orders", `{}`, ""},
	} {
		got := s.ask(t, c.method, c.path, c.body, "Cart-Token: "+c.token, "Idempotency-Key: k")
		got.problem(t, 404, "not-found")
		if first == "" {
			first = got.body
		}
		if got.body != first {
			t.Errorf("%s %s: got %s, want the same as the others: %s", c.method, c.path, got.body, first)
		}
	}
	for _, c := range []struct{ path, token string }{
		{"/api/v1/orders/" + adasOrder, ""}, {"/api/v1/orders/" + adasOrder, "another-token-" + strings.Repeat("x", 30)},
		{"/api/v1/orders/AAAAA-AAAAA", adasToken}, {"/api/v1/orders/x", adasToken},
	} {
		got := s.ask(t, "GET", c.path, "", "Order-Token: "+c.token)
		got.problem(t, 404, "not-found")
		if got.body != first {
			t.Errorf("%s: got %s, want %s", c.path, got.body, first)
		}
	}
	if s.desk.changes != 0 {
		t.Errorf("got %d changes, want none", s.desk.changes)
	}
}

func TestTokenAndCookieTogetherAreRefused(t *testing.T) {
	s := newShop(t)
	got := s.ask(t, "GET", "/api/v1/carts/"+adasCart, "", "Cart-Token: "+adasToken, "Cookie: other=1; __Host-cart="+adasToken)
	got.problem(t, 400, "malformed")
	got = s.ask(t, "GET", "/api/v1/carts/"+adasCart, "", "Cookie: __Host-cart="+adasToken)
	got.problem(t, 404, "not-found") // the cookie alone opens nothing here
	got = s.ask(t, "GET", "/api/v1/carts/"+adasCart, "", "Cart-Token: "+adasToken, "Cookie: other=1")
	if got.status != 200 {
		t.Errorf("got %d, want 200", got.status)
	}
}

func TestTheRoutersOwnRefusalsAreProblems(t *testing.T) {
	s := newShop(t)
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v1/carts/", "/api/v2/carts", "/api/v1/carts/x/y/z",
		"/api/v1/carts/%2e%2e%2f"} {
		s.ask(t, "GET", path, "").problem(t, 404, "not-found")
		s.ask(t, "POST", path, "{}").problem(t, 404, "not-found")
	}
	for _, c := range []struct{ method, path, allow string }{
		{"GET", "/api/v1/carts", "POST"}, {"OPTIONS", "/api/v1/carts", "POST"}, {"DELETE", "/api/v1/carts/" + adasCart, "GET, HEAD"},
		{"PUT", "/api/v1/carts/" + adasCart + "/lines/x", "DELETE, PATCH"}, {"POST", "/api/v1/openapi.json", "GET, HEAD"},
		{"BREW", "/api/v1/products", "GET, HEAD"},
	} {
		got := s.ask(t, c.method, c.path, "")
		got.problem(t, 405, "method")
		if got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got Allow %q, want %q", c.method, c.path, got.header.Get("Allow"), c.allow)
		}
	}
	if strings.Contains(s.log.String(), "BREW") {
		t.Error("got a caller's made-up method in the log")
	}
}

func TestQueriesAreChecked(t *testing.T) {
	s := newShop(t)
	for query, want := range map[string]string{
		"limit=0": "422/limit", "limit=101": "422/limit", "limit=-1": "422/limit", "limit=1.5": "422/limit", "limit=" + marker: "422/limit",
		"limit=1&limit=2": "400", "q=%ff": "400", "q=a%00": "400", "q=%zz": "400",
		"q=" + strings.Repeat("x", 201): "422/q", "q=b%C3%B6wl&limit=100&utm_source=x": "200",
	} {
		got := s.ask(t, "GET", "/api/v1/products?"+query, "")
		if !strings.HasPrefix(want, fmt.Sprint(got.status)) {
			t.Errorf("%s: got %d %s, want %s", query, got.status, got.body, want)
		}
		if got.status == 422 && !slices.Contains(got.problem(t, 422, "invalid"), want[3:]) {
			t.Errorf("%s: got %s, want pointer %s", query, got.body, want[3:])
		}
		if strings.Contains(got.body, marker) {
			t.Errorf("%s: got %s, want not what was sent", query, got.body)
		}
	}
	got := s.ask(t, "GET", "/api/v1/carts/"+adasCart+"/shipping-methods", "", "Cart-Token: "+adasToken)
	if p := got.problem(t, 422, "invalid"); !slices.Contains(p, "/country") {
		t.Errorf("got %v, want /country", p)
	}
}

func TestPanicsAndInternalErrorsTellNothing(t *testing.T) {
	s := newShop(t)
	got := s.ask(t, "GET", "/api/v1/products/panic", "")
	got.problem(t, 500, "internal")
	if strings.Contains(got.body, "secret") || strings.Contains(s.log.String(), "secret") {
		t.Errorf("got the panic's text in the answer or the log")
	}
	if ref := got.header.Get("Cartkeep-Reference"); ref == "" || !strings.Contains(s.log.String(), ref) || got.json(t)["reference"] != ref {
		t.Errorf("got reference %q in %s, want it in answer and log", ref, got.body)
	}
	s.desk.broken = fmt.Errorf("pq: relation carts does not exist")
	got = s.ask(t, "POST", "/api/v1/carts", "{}")
	got.problem(t, 500, "internal")
	if strings.Contains(got.body, "pq") || strings.Contains(got.body, "relation") {
		t.Errorf("got %s, want no internals", got.body)
	}
}

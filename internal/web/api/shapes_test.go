package api_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// same compares two JSON documents.
func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		t.Fatalf("got %s, want %s", got, want)
	}
	a, _ := json.Marshal(g)
	b, _ := json.Marshal(w)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

const (
	nothing  = `{"amount":0,"currency":"EUR"}`
	oneBowl  = `{"amount":4800,"currency":"EUR"}`
	twoBowls = `{"amount":9600,"currency":"EUR"}`
	line     = `"variant_id":"` + bowl + `","product_handle":"bowl","title":"Bowl"`
)

func TestACartFromFirstLineToOrder(t *testing.T) {
	s := newShop(t)
	token := "Cart-Token: " + adasToken
	cartPath := "/api/v1/carts/" + adasCart

	got := s.ask(t, "POST", "/api/v1/carts", "{}")
	empty := `"id":"` + adasCart + `","lines":[],"totals":{"items":` + nothing + `,"discount":` + nothing + `,"shipping":` + nothing + `,"tax":` + nothing +
		`,"total":` + nothing + `},"tax_included":true,"checkout":{"complete":false,"shipping_method":null},"expires_at":"2026-12-01T09:00:00Z"`
	if got.status != 201 {
		t.Fatalf("got %d %s, want 201", got.status, got.body)
	}
	same(t, got.body, `{`+empty+`,"token":"`+adasToken+`"}`)
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got Cache-Control %q, want no-store", got.header.Get("Cache-Control"))
	}

	got = s.ask(t, "GET", cartPath, "", token)
	same(t, got.body, `{`+empty+`}`) // the token is shown once

	got = s.ask(t, "POST", cartPath+"/lines", `{"variant_id":"`+bowl+`","quantity":2}`, token)
	if got.status != 201 {
		t.Fatalf("got %d %s, want 201", got.status, got.body)
	}
	same(t, got.body, `{"id":"`+adasCart+`","lines":[{"id":"0190cccc-0000-7000-8000-000000000001",`+line+`,"quantity":2,"unit_price":`+oneBowl+`,"total":`+twoBowls+`}],
		"totals":{"items":`+twoBowls+`,"discount":`+nothing+`,"shipping":`+nothing+`,"tax":`+nothing+`,"total":`+twoBowls+`},
		"tax_included":true,"checkout":{"complete":false,"shipping_method":null},"expires_at":"2026-12-01T09:00:00Z"}`)

	if got = s.ask(t, "PATCH", cartPath+"/lines/x", `{"quantity":1}`, token); got.status != 200 {
		t.Fatalf("got %d %s, want 200", got.status, got.body)
	}
	got = s.ask(t, "GET", cartPath+"/shipping-methods?country=DE&postal_code=10115", "", token)
	same(t, got.body, `{"shipping_methods":[{"id":"standard","title":"Standard","price":{"amount":490,"currency":"EUR"}}]}`)

	got = s.ask(t, "PUT", cartPath+"/checkout", `{"email":"ada@example.org","name":"Ada","phone":"+44 20 7946 0000",
		"shipping_address":{"street_address":"1 Way\nFlat 2","address_locality":"London","postal_code":"N1 9GU","address_country":"GB"}}`, token)
	if got.status != 200 || strings.Contains(got.body, "ada@") || strings.Contains(got.body, "London") {
		t.Fatalf("got %d %s, want 200 without anything personal", got.status, got.body)
	}
	if d := s.desk.details; d == nil || d.ShipTo.Street != "1 Way\nFlat 2" || d.BillTo != nil || d.Phone != "+44 20 7946 0000" {
		t.Errorf("got other details than were sent")
	}

	key := "Idempotency-Key: one"
	first := s.ask(t, "POST", cartPath+"/orders", `{}`, token, key)
	if first.status != 201 || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("got %d %s, want 201, not replayed", first.status, first.body)
	}
	same(t, first.body, `{"order":{"number":"`+adasOrder+`","token":"`+adasToken+`","status":"pending","totals":{"items":`+oneBowl+`,"discount":`+nothing+
		`,"shipping":`+nothing+`,"tax":`+nothing+`,"total":`+oneBowl+`}},"payment":{"status":"open","redirect_url":"https://127.0.0.1:1/pay/x"}}`)
	again := s.ask(t, "POST", cartPath+"/orders", ` { } `, token, key)
	if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" || again.status != 201 {
		t.Errorf("got %d %s, want the same answer, marked", again.status, again.body)
	}
	s.ask(t, "POST", cartPath+"/orders", `{"payment_method":"sandbox"}`, token, key).problem(t, 422, "idempotency-mismatch")
	s.ask(t, "POST", cartPath+"/orders", `{}`, token).problem(t, 400, "idempotency-key-missing")
	s.ask(t, "POST", cartPath+"/orders", `{}`, token, "Idempotency-Key: "+strings.Repeat("k", 256)).problem(t, 400, "malformed")

	got = s.ask(t, "GET", "/api/v1/orders/k7q2m9f3xa", "", "Order-Token: "+adasToken)
	same(t, got.body, `{"order":{"number":"`+adasOrder+`","status":"pending","lines":[{`+line+`,"quantity":1,"unit_price":`+oneBowl+`,"total":`+oneBowl+`}],
		"totals":{"items":`+oneBowl+`,"discount":`+nothing+`,"shipping":`+nothing+`,"tax":`+nothing+`,"total":`+oneBowl+`},"placed_at":"2026-12-01T09:00:00Z"},
		"payment":{"status":"expired","redirect_url":null}}`)
	for _, method := range []string{"GET", "POST"} {
		got = s.ask(t, method, "/api/v1/orders/"+adasOrder+"/hold", "", "Order-Token: "+adasToken)
		same(t, got.body, `{"hold":{"until":"2026-12-01T09:15:00Z","limit":"2026-12-01T10:00:00Z"}}`)
	}
	s.ask(t, "POST", "/api/v1/orders/"+adasOrder+"/hold", "", "Order-Token: a-guess").problem(t, 404, "not-found")
	if got = s.ask(t, "POST", "/api/v1/orders/"+adasOrder+"/payments", "", "Order-Token: "+adasToken); got.status != 200 {
		t.Errorf("got %d %s, want 200", got.status, got.body)
	}
	if got = s.ask(t, "DELETE", cartPath+"/lines/x", "", token); got.status != 200 || !strings.Contains(got.body, `"lines":[]`) {
		t.Errorf("got %d %s, want the cart without the line", got.status, got.body)
	}
}

func TestProducts(t *testing.T) {
	s := newShop(t)
	product := `{"handle":"bowl","title":"Bowl","description":"<p>Round.</p>","images":[{"url":"https://shop.example/pictures/bowl.svg","alt":"A bowl"}],
		"variants":[{"id":"` + bowl + `","sku":"B-1","title":"Blue","price":` + oneBowl + `,"compare_at_price":{"amount":5200,"currency":"EUR"},"available":true},
		{"id":"` + bowl + `2","sku":"","title":"Red","price":` + oneBowl + `,"compare_at_price":null,"available":false}]}`
	same(t, s.ask(t, "GET", "/api/v1/products", "").body, `{"products":[`+product+`],"next_cursor":null}`)
	same(t, s.ask(t, "GET", "/api/v1/products?limit=1", "").body, `{"products":[`+product+`],"next_cursor":"more"}`)
	got := s.ask(t, "GET", "/api/v1/products/Bowl", "")
	same(t, got.body, product)
	if got.header.Get("Cache-Control") == "no-store" {
		t.Error("got no-store, want the catalogue to be kept for a moment")
	}
	head := s.ask(t, "HEAD", "/api/v1/products/bowl", "")
	if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != got.header.Get("Content-Length") {
		t.Errorf("got HEAD %d %q, want the headers of GET and no body", head.status, head.body)
	}
	got = s.ask(t, "GET", "/api/v1/products/nothing", "")
	got.problem(t, 404, "not-found")
	if got.header.Get("Cache-Control") != "no-store" {
		t.Error("got a refusal that may be kept, want no-store")
	}
}

func TestTheDescriptionIsServed(t *testing.T) {
	s := newShop(t)
	got := s.ask(t, "GET", "/api/v1/openapi.json", "")
	doc := got.json(t)
	if got.status != 200 || doc["openapi"] != "3.1.0" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v, want an OpenAPI 3.1 document", got.status, doc["openapi"])
	}
	money := doc["components"].(map[string]any)["schemas"].(map[string]any)["Money"]
	if money == nil {
		t.Error("got no schema of money")
	}
}

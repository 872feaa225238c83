package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestABodyWithACardIsRefused: in every text of every body, with the pointer to
// it, and nothing is carried out or written down.
func TestABodyWithACardIsRefused(t *testing.T) {
	const cart = "/api/v1/carts/" + adasCart
	s := newShop(t)
	details := func(field, text string) string {
		all := map[string]string{"name": "Ada Lovelace", "email": "ada@example.com", "street": "12 Analytical Way", "city": "Berlin", "note": "Ring twice", "phone": "+49 30 1234567"}
		all[field] = text
		return fmt.Sprintf(`{"email":%q,"name":%q,"note":%q,"phone":%q,"shipping_address":{"street_address":%q,"address_locality":%q,"postal_code":"10115","address_country":"DE"}}`,
			all["email"], all["name"], all["note"], all["phone"], all["street"], all["city"])
	}
	for _, card := range []string{"4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"} {
		for _, c := range []struct{ method, path, body, pointer string }{
			{"PUT", cart + "/checkout", details("name", card), "/name"},
			{"PUT", cart + "/checkout", details("email", card), "/email"},
			{"PUT", cart + "/checkout", details("note", "please take "+card), "/note"},
			{"PUT", cart + "/checkout", details("phone", card), "/phone"},
			{"PUT", cart + "/checkout", details("street", card), "/shipping_address/street_address"},
			{"PUT", cart + "/checkout", details("city", card), "/shipping_address/address_locality"},
			{"POST", cart + "/codes", fmt.Sprintf(`{"code":%q}`, card), "/code"},
			{"POST", cart + "/orders", fmt.Sprintf(`{"payment_method":%q}`, card), "/payment_method"},
			{"POST", cart + "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, card), "/variant_id"},
		} {
			before := s.desk.changes
			got := s.ask(t, c.method, c.path, c.body, "Cart-Token: "+adasToken, "Idempotency-Key: k")
			if got.status != 422 || !strings.Contains(got.body, `"`+c.pointer+`"`) || !strings.Contains(got.body, "on the payment page, never here") {
				t.Errorf("%s %s: got %d %s, want 422 at %s", c.method, c.path, got.status, got.body, c.pointer)
			}
			if strings.Contains(got.body, card) || s.desk.changes != before {
				t.Errorf("%s: the card is repeated, or something was carried out", c.pointer)
			}
		}
	}
	if strings.Contains(s.log.String(), "4242") || strings.Contains(s.log.String(), "378282246310005") {
		t.Error("the log holds a card")
	}
	if got := s.ask(t, "GET", "/api/v1/products?q=4006381333931", ""); got.status != 200 {
		t.Errorf("an article number is no card: got %d", got.status)
	}
}

package api_test

import (
	"fmt"
	"testing"
)

// A caller that showed the cart to somebody says which total that was.
func TestAnOrderOfAnotherTotalThanWasShownIsRefused(t *testing.T) {
	s := newShop(t)
	total := s.desk.order().Totals.Total
	place := func(body string) reply {
		return s.ask(t, "POST", "/api/v1/carts/"+adasCart+"/orders", body, "Cart-Token: "+adasToken, "Idempotency-Key: "+body)
	}
	shown := func(minor int64, currency string) string {
		return fmt.Sprintf(`{"total_shown":{"amount":%d,"currency":%q}}`, minor, currency)
	}
	place(shown(total.Minor()+1, "EUR")).problem(t, 409, "changed")
	place(shown(total.Minor(), "USD")).problem(t, 409, "changed")
	place(shown(total.Minor(), "eur")).problem(t, 422, "invalid")
	place(shown(-1, "EUR")).problem(t, 422, "invalid")
	place(`{"total_shown":{"amount":"1","currency":"EUR"}}`).problem(t, 422, "invalid")
	place(`{"total_shown":{"amount":1,"currency":"EUR","price":1}}`).problem(t, 422, "invalid")
	if s.desk.changes != 0 {
		t.Errorf("got %d changes, want none", s.desk.changes)
	}
	if got := place(shown(total.Minor(), "EUR")); got.status != 201 {
		t.Errorf("the total that was shown: got %d %s", got.status, got.body)
	}
}

package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// TestWhoHoldsAnOrderReadsHowToSendTheMoney, and nobody else does; where no transfer
// is waited for there is no such member.
func TestWhoHoldsAnOrderReadsHowToSendTheMoney(t *testing.T) {
	s := newShop(t)
	read := func() reply {
		return s.ask(t, "GET", "/api/v1/orders/"+adasOrder, "", "Order-Token: "+adasToken)
	}
	if got := read(); got.status != 200 || strings.Contains(got.body, "transfer") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	s.desk.transfer = &checkout.Transfer{Account: payment.Account{Payee: "Hazelmott", IBAN: "DE89370400440532013000"}, Reference: "RF18539007547034",
		Amount: money.Of(4390, s.desk.eur), Until: time.Date(2026, 12, 8, 10, 0, 0, 5e8, time.FixedZone("", 3600))}
	const want = `"transfer":{"payee":"Hazelmott","iban":"DE89370400440532013000","reference":"RF18539007547034","amount":{"amount":4390,"currency":"EUR"},"until":"2026-12-08T09:00:00Z"}`
	if got := read(); got.status != 200 || !strings.Contains(got.body, want) {
		t.Errorf("got %d %s, want %s", got.status, got.body, want)
	}
	if got := s.ask(t, "GET", "/api/v1/orders/"+adasOrder, "", "Order-Token: "+strings.Repeat("x", 43)); got.status != 404 || strings.Contains(got.body, "DE89") {
		t.Errorf("a stranger: got %d %s", got.status, got.body)
	}
}

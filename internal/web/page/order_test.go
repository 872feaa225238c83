package page

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/order"
)

// TestMoneyThatWentFreeIsNotSaidToHaveArrived, and what was only reserved is not said
// to come back.
func TestMoneyThatWentFreeIsNotSaidToHaveArrived(t *testing.T) {
	for _, row := range []struct {
		status   order.Status
		payment  order.Payment
		reserved bool
		title    string
		not      []string
	}{
		{order.Paid, order.PaymentExpired, false, "This order is not paid", []string{"arrived", "another way"}},
		{order.Packed, order.PaymentExpired, false, "This order is not paid", []string{"courier"}},
		{order.Refunded, order.PaymentExpired, false, "You do not pay for this order", []string{"on its way back", "the way you paid"}},
		{order.PartiallyRefunded, order.PaymentApproved, true, "You pay less for this order", []string{"on its way back", "the way you paid"}},
		{order.Refunded, order.PaymentApproved, false, "Your money is on its way back", []string{"reserved"}},
	} {
		p := OrderStatus{Order: bought(t, row.status), Payment: row.payment, Reserved: row.reserved, Now: noon}
		got := p.Told()
		if got.Title != row.title {
			t.Errorf("%s, %s: got %q, want %q", row.status, row.payment, got.Title, row.title)
		}
		for _, s := range p.Steps() {
			if s.Text == "Paid" && row.payment == order.PaymentExpired {
				t.Errorf("%s: a step says that it is paid", row.status)
			}
		}
		for _, word := range row.not {
			if strings.Contains(got.Title+got.Text, word) {
				t.Errorf("%s, %s: %q speaks of %q", row.status, row.payment, got.Text, word)
			}
		}
	}
}

package storefront

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// A shopper without JavaScript picks one of two ways to pay, reads where to send the
// money, and is told when it has come.
func TestPayingByBankTransferWithoutJavaScript(t *testing.T) {
	s := openWith(t, func(s *shoptest.Shop, _ string) *checkout.Desk {
		p, err := transfer.New(transfer.Config{Payee: "Hazelmott & Sons", IBAN: "DE89370400440532013000", BIC: "COBADEFFXXX", Days: 7, Open: 10, Mode: payment.ModeLive})
		if err != nil {
			t.Fatal(err)
		}
		s.Offer(t, p)
		return s.Desk
	})
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	review := s.toReview(t, b, mug)
	review.is(200, "How do you want to pay?", `value="bank" checked`, `value="transfer"`, "Bank transfer", "Your things are kept for 7 days", "The button takes you to bank.test.")
	if got := review.header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://bank.test;") {
		t.Errorf("got policy %q", got)
	}
	form := pay(review)
	form.Set("payment_method", "transfer")
	gone := b.post("/checkout/review", form)
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	waiting := gone.is(200, "One step is left: the transfer", "Hazelmott & Sons", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX", "€24.40", "Use Bank instead", "Cancel this order").
		not("TESTSHOP", "Ada", "Analytical", "The payment service", `id="held"`)
	if gone.path != at {
		t.Errorf("got to %s, want the order's page", gone.path)
	}
	ref := s.reference(t, p)
	waiting.is(200, payment.Fours(ref))
	// Reloading and pressing nothing changes nothing; the other way is open.
	b.get(at).is(200, payment.Fours(ref))
	if to := b.post(at+"/payments", url.Values{"payment_method": {"bank"}}).header.Get("Location"); !strings.HasPrefix(to, "https://bank.test/pay/") {
		t.Errorf("got to %q, want the bank", to)
	}
	if back := b.post(at+"/payments", url.Values{"payment_method": {"transfer"}}); back.path != at {
		t.Errorf("back again: got to %s", back.path)
	}
	b.get(at).is(200, "One step is left: the transfer").not(payment.Fours(ref)) // another attempt, another reference

	got, err := s.Desk.Received(t.Context(), ledger.OS("clerk"), checkout.Receipt{Reference: ref, Amount: p.Order.Totals.Total, Mark: "line"})
	if err != nil || got.Arrival != checkout.ArrivedPaid {
		t.Fatalf("got %+v, %v", got, err)
	}
	b.get(at).is(200, "Your order is paid", "The money has arrived").not("DE89")
	for _, secret := range []string{ref, "ada@lovelace.example"} {
		if strings.Contains(s.logs.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

// reference is what the newest attempt of an order is paid with.
func (s *stall) reference(t testing.TB, p checkout.Placed) string {
	t.Helper()
	v, err := s.Desk.Order(t.Context(), p.Order.Number, p.Token)
	if err != nil || v.Payment.Transfer == nil {
		t.Fatalf("got %+v, %v", v.Payment, err)
	}
	return v.Payment.Transfer.Reference
}

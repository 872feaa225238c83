package storefront

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/onaccount"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// openOnAccount opens a shop that takes cash on delivery, and invoices, up to €30.
func openOnAccount(t *testing.T) *stall {
	t.Helper()
	return openWith(t, func(s *shoptest.Shop, _ string) *checkout.Desk {
		c := onaccount.Config{Limit: "30.00", Countries: []string{"DE"}, Mode: payment.ModeLive}
		cash, err := onaccount.OnDelivery(c)
		if err != nil {
			t.Fatal(err)
		}
		invoice, err := onaccount.Invoice(c, payment.Account{Payee: "Hazelmott", IBAN: "DE89370400440532013000"}, 14)
		if err != nil {
			t.Fatal(err)
		}
		s.Offer(t, cash)
		s.Offer(t, invoice)
		return s.Desk
	})
}

// A shopper without JavaScript buys on an invoice: nothing on the way says that it is
// paid before it is.
func TestBuyingOnAnInvoiceWithoutJavaScript(t *testing.T) {
	s := openOnAccount(t)
	mug, lamp := s.Product(t, "mug", 1950, shoptest.Counted(5)), s.Product(t, "lamp", 9000, shoptest.Counted(5))
	s.toReview(t, s.shopper(t), lamp).is(200, `value="bank"`).not(`value="invoice"`, `value="on-delivery"`)

	b := s.shopper(t)
	review := s.toReview(t, b, mug)
	review.is(200, `value="on-delivery"`, "Cash on delivery", `value="invoice"`, "You pay by bank transfer within 14 days after that.")
	form := pay(review)
	form.Set("payment_method", "invoice")
	placed := b.post("/checkout/review", form).is(200, "Your order is placed", "within 14 days", "Cancel this order").not("is paid", "The goods are kept", "instead")
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	if placed.path != at {
		t.Errorf("got to %s", placed.path)
	}
	if err := s.Desk.Ship(t.Context(), ledger.OS("clerk"), p.Order.Number, checkout.Parcel{}); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	ref := s.reference(t, p)
	b.get(at).is(200, "on its way", "Please pay by", "DE89 3704 0044 0532 0130 00", payment.Fours(ref)).not("is paid", "Cancel this order")
	b.get(at+"/invoice").is(200, "To be paid", payment.Fours(ref))
	got, err := s.Desk.Received(t.Context(), ledger.OS("clerk"), checkout.Receipt{Reference: ref, Amount: p.Order.Totals.Total, Mark: "line"})
	if err != nil || got.Arrival != checkout.ArrivedPaid {
		t.Fatalf("got %+v, %v", got, err)
	}
	b.get(at).is(200, "on its way").not("Please pay", "DE89")
	b.get(at + "/invoice").is(200).not("To be paid")
	if strings.Contains(s.logs.String(), ref) {
		t.Error("the log tells the reference")
	}
}

// Nobody took the parcel and nobody paid: the paper that ends the invoice gives back
// nothing, and does not say that it does.
func TestAnInvoiceThatNobodyPaidIsTakenOff(t *testing.T) {
	s := openOnAccount(t)
	b := s.shopper(t)
	form := pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5))))
	form.Set("payment_method", "invoice")
	b.post("/checkout/review", form).is(200, "Your order is placed")
	p := s.placed(t, b)
	clerk := ledger.OS("clerk")
	if err := s.Desk.Ship(t.Context(), clerk, p.Order.Number, checkout.Parcel{}); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	if err := s.Desk.CameBack(t.Context(), clerk, p.Order.Number, true); err != nil {
		t.Fatal(err)
	}
	for s.Run(t) > 0 {
	}
	_, names, err := s.Desk.Papers(t.Context(), p.Order)
	if err != nil || len(names) != 1 {
		t.Fatalf("got %v, %v, want one credit note", names, err)
	}
	at := "/orders/" + string(p.Order.Number)
	b.get(at+"/credit-notes/"+names[0]).is(200, "Takes back invoice", "Taken off the invoice").not("Given back", "given back", "Paid on")
	b.get(at+"/invoice").is(200, "Total").not("Taken off the invoice", "To be paid")
}

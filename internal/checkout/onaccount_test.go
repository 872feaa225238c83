package checkout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/onaccount"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// withAccount opens the shop with both ways to pay after the goods went.
func withAccount(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	c := onaccount.Config{Limit: "100.00", Countries: []string{"DE"}, Mode: payment.ModeTest}
	cash, err := onaccount.OnDelivery(c)
	if err != nil {
		t.Fatal(err)
	}
	invoice, err := onaccount.Invoice(c, payment.Account{Payee: "Test Shop", IBAN: "DE89370400440532013000"}, 14)
	if err != nil {
		t.Fatal(err)
	}
	s.Offer(t, cash)
	s.Offer(t, invoice)
}

func onAccount(t *testing.T, s *shoptest.Shop, variant catalog.Variant, key, method string) checkout.Placed {
	t.Helper()
	p, err := s.PlaceWith(s.Ready(t, variant.ID, 1), key, method)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refOf is the reference of the attempt that counts for an order.
func refOf(t *testing.T, s *shoptest.Shop, p checkout.Placed) (ref string) {
	t.Helper()
	err := s.DB.View(noCtx, func(v *store.View) error {
		pay, err := v.LastPayment(p.Order.Owner, p.Order.ID)
		ref = pay.Ref
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func lastLetter(t *testing.T, s *shoptest.Shop) string {
	t.Helper()
	s.Run(t)
	all := s.Letters.All()
	if len(all) == 0 {
		t.Fatal("no letter was written")
	}
	return all[len(all)-1].Text
}

// The goods go, and all the way nobody takes the order for paid: not its state, not
// the tax journal, not a refund. Then the money comes.
func TestAnOrderIsPaidAfterItWasBrought(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withAccount(t, s)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := onAccount(t, s, bowl, "key", onaccount.NameOnDelivery)
		if p.Now.RedirectURL != "" || p.Now.Transfer != nil || p.Now.Status != order.PaymentOpen {
			t.Errorf("got %+v", p.Now)
		}
		if text := lastLetter(t, s); !strings.Contains(text, "€43.90 to whoever brings it") || strings.Contains(text, "it is paid") {
			t.Errorf("the letter says %s", text)
		}
		number := p.Order.Number
		unpaid := func(at order.Status) {
			t.Helper()
			o := s.Order(t, p)
			if o.Status != at || o.IsPaid() || !o.OnAccount {
				t.Errorf("got %s, paid %v, want %s and not paid", o.Status, o.IsPaid(), at)
			}
			if n := count(t, s, `SELECT count(*) FROM tax_journal`); n != 0 {
				t.Errorf("while it is %s the tax journal has %d lines", at, n)
			}
			if err := s.Desk.RefundedByHand(noCtx, clerk, number, nil); !fault.Is(err, fault.Conflict) {
				t.Errorf("while it is %s, giving back what nobody paid: got %v", at, err)
			}
			if v, err := s.Desk.Order(noCtx, number, p.Token); err != nil || v.Payment.Status != order.PaymentOpen {
				t.Errorf("while it is %s, its payment is told as %s, %v", at, v.Payment.Status, err)
			}
		}
		unpaid(order.Pending)
		s.Clock.Move(3 * day)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		unpaid(order.Pending)
		for _, step := range []struct {
			to  order.Status
			act func() error
		}{
			{order.Packed, func() error { return s.Desk.Pack(noCtx, clerk, number) }},
			{order.Shipped, func() error { return s.Desk.Ship(noCtx, clerk, number, checkout.Parcel{Carrier: "Moor Post"}) }},
			{order.Delivered, func() error { return s.Desk.Deliver(noCtx, clerk, number) }},
		} {
			if err := step.act(); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
			unpaid(step.to)
			if got := s.Stock(t, bowl.ID); got.OnHand != 4 || got.Held != 0 {
				t.Errorf("once %s, stock is %+v, want one sold", step.to, got)
			}
			if _, err := s.Desk.Cancel(noCtx, number, p.Token); !fault.Is(err, fault.Conflict) {
				t.Errorf("once %s, its shopper can't cancel it: got %v", step.to, err)
			}
		}
		s.Clock.Move(60 * day) // a sweep leaves it alone, however long it takes
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		unpaid(order.Delivered)

		ref := refOf(t, s, p)
		if got := comes(t, s, ref, 4389, ""); got != checkout.ArrivedTooLittle {
			t.Errorf("a cent less: got %s", got)
		}
		for i, err := range atOnce(10, func(int) error {
			_, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: ref, Amount: p.Order.Totals.Total})
			return err
		}) {
			if err != nil {
				t.Errorf("said %d times: %v", i, err)
			}
		}
		o := s.Order(t, p)
		if o.Status != order.Delivered || !o.IsPaid() || events(t, s, "order.paid", o.ID) != 1 || count(t, s, `SELECT count(*) FROM tax_journal`) != 1 {
			t.Errorf("got %s, paid %v, %d events", o.Status, o.IsPaid(), events(t, s, "order.paid", o.ID))
		}
		if text := lastLetter(t, s); !strings.Contains(text, "Your money has arrived") || strings.Contains(text, "pack it next") {
			t.Errorf("the letter says %s", text)
		}
		if got := s.Stock(t, bowl.ID); got.OnHand != 4 || got.Held != 0 {
			t.Errorf("stock is %+v", got)
		}
		if err := s.Desk.Refund(noCtx, clerk, number); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Text, "by hand") {
			t.Errorf("got %v", err)
		}
		if err := s.Desk.RefundedByHand(noCtx, clerk, number, nil); err != nil {
			t.Fatal(err)
		}
		if s.Order(t, p).Status != order.Refunded {
			t.Errorf("it is %s", s.Order(t, p).Status)
		}
	})
}

// An invoice says where to and until when once the goods were sent, and a bank
// statement pays it.
func TestAnInvoiceIsPaidAfterTheGoodsWereSent(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withAccount(t, s)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := onAccount(t, s, bowl, "key", onaccount.NameInvoice)
		if text := lastLetter(t, s); !strings.Contains(text, "within 14 days") || strings.Contains(text, "DE89") {
			t.Errorf("the letter says %s", text)
		}
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil { // without packing it first
			t.Fatal(err)
		}
		if text := lastLetter(t, s); !strings.Contains(text, "Please pay by") || !strings.Contains(text, "DE89 3704 0044 0532 0130 00") || !strings.Contains(text, payment.Fours(refOf(t, s, p))) {
			t.Errorf("the letter says %s", text)
		}
		o := s.Order(t, p)
		if due := o.DueAt.Sub(s.Clock.Now()); due < 14*day-time.Minute || due > 14*day {
			t.Errorf("it is due in %v", due)
		}
		if invoice, _, err := s.Desk.Papers(noCtx, o); err != nil || !invoice {
			t.Errorf("an invoice: %v, %v", invoice, err)
		}
		v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token)
		if err != nil || v.Payment.Transfer == nil || !v.Payment.Transfer.Until.Equal(o.DueAt) {
			t.Fatalf("got %+v, %v", v.Payment, err)
		}
		if got := comes(t, s, v.Payment.Transfer.Reference, 4390, "line"); got != checkout.ArrivedPaid {
			t.Fatalf("got %s", got)
		}
		if v, err := s.Desk.Order(noCtx, p.Order.Number, p.Token); err != nil || v.Order.Status != order.Shipped || v.Payment.Status != order.PaymentApproved || v.Payment.Transfer != nil {
			t.Errorf("got %s, %+v, %v", v.Order.Status, v.Payment, err)
		}
		if got := comes(t, s, v.Payment.Transfer.Reference, 4390, "line 2"); got != checkout.ArrivedTwice {
			t.Errorf("paid twice: got %s", got)
		}
	})
}

// Money that comes before the parcel leaves makes it an order like any other.
func TestMoneyThatComesBeforeThePackingPaysAsEver(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withAccount(t, s)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := onAccount(t, s, bowl, "key", onaccount.NameInvoice)
		if got := comes(t, s, refOf(t, s, p), 4390, "line"); got != checkout.ArrivedPaid || s.Order(t, p).Status != order.Paid {
			t.Fatalf("got %s, %s", got, s.Order(t, p).Status)
		}
		s.Run(t)
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Fatal(err)
		}
		if text := lastLetter(t, s); strings.Contains(text, "Please pay") {
			t.Errorf("somebody who has paid is asked to: %s", text)
		}
		if got := s.Stock(t, bowl.ID); got.OnHand != 4 || got.Held != 0 || !s.Order(t, p).DueAt.IsZero() {
			t.Errorf("stock %+v, due %v", got, s.Order(t, p).DueAt)
		}
	})
}

func TestOnAccountIsNotForEverybody(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withAccount(t, s)
		bowl, lamp := s.Product(t, "bowl", 3900, shoptest.Counted(5)), s.Product(t, "lamp", 30000, shoptest.Counted(5))
		refused := func(name string, b shoptest.Basket) {
			t.Helper()
			for _, method := range []string{onaccount.NameOnDelivery, onaccount.NameInvoice} {
				if _, err := s.PlaceWith(b, "key-"+name+method, method); !fault.Is(err, fault.Invalid) || fault.Of(err).Problems[0].Field != "payment_method" {
					t.Errorf("%s, %s: got %v", name, method, err)
				}
			}
			c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
			if err != nil {
				t.Fatal(err)
			}
			if methods, err := s.Desk.MethodsFor(noCtx, c); err != nil || len(methods) != 1 {
				t.Errorf("%s: %d ways are offered, %v", name, len(methods), err)
			}
		}
		refused("too dear", s.Ready(t, lamp.ID, 1))
		abroad := s.Basket(t, bowl.ID, 1)
		to := shoptest.Ada()
		to.ShipTo.Country, to.ShipTo.PostalCode = "AT", "1010"
		if _, err := s.Desk.SaveDetails(noCtx, abroad.ID, abroad.Token, to); err != nil {
			t.Fatal(err)
		}
		refused("abroad", abroad)
		// Credit is spent when an order is paid, and such an order goes before.
		_, code := card(t, s, 1000)
		partly := s.Ready(t, bowl.ID, 1)
		try(t, s, partly, code)
		refused("partly paid with a gift card", partly)

		// Nor by a detour, neither there nor back.
		card := place(t, s, s.Ready(t, bowl.ID, 1), "card")
		if _, err := s.Desk.PayWith(noCtx, card.Order.Number, card.Token, onaccount.NameInvoice); !fault.Is(err, fault.Invalid) {
			t.Errorf("from card to invoice: got %v", err)
		}
		if err := s.Desk.Pack(noCtx, clerk, card.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("packing what waits for a card: got %v", err)
		}
		p := onAccount(t, s, bowl, "later", onaccount.NameInvoice)
		if _, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, "bank"); !fault.Is(err, fault.Conflict) {
			t.Errorf("from invoice to card: got %v", err)
		}
		// Who has changed their mind may cancel until it is packed.
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if s.Order(t, p).Status != order.Cancelled || s.Stock(t, bowl.ID).Held != 1 {
			t.Errorf("got %s, %+v", s.Order(t, p).Status, s.Stock(t, bowl.ID))
		}
	})
}

// What the shop never sends lapses, and says that it was the shop.
func TestAnOrderOnAccountThatNobodySends(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	withAccount(t, s)
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
	p := onAccount(t, s, bowl, "key", onaccount.NameOnDelivery)
	s.Clock.Move(onaccount.SendWithin + time.Minute)
	if _, err := s.Desk.SweepHolds(noCtx); err != nil {
		t.Fatal(err)
	}
	if text := lastLetter(t, s); !strings.Contains(text, "We could not carry it out") {
		t.Errorf("the letter says %s", text)
	}
	if o := s.Order(t, p); o.Status != order.Cancelled || o.Why != order.ByShop || s.Stock(t, bowl.ID).Held != 0 {
		t.Errorf("got %s %s", o.Status, o.Why)
	}
}

package checkout_test

import (
	"context"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestBothPartsGoBackToOneCredit: an order was paid with store credit and by the
// bank, and all of it becomes store credit of the same account.
func TestBothPartsGoBackToOneCredit(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ada := newAccount(t, s, "ada@example.com")
		email, _ := contact.ParseEmail("ada@example.com")
		if _, err := s.Desk.IssueTo(noCtx, ledger.OS("test"), email, euros(3000)); err != nil {
			t.Fatal(err)
		}
		b := s.Ready(t, s.Product(t, "bowl", 4000, shoptest.Counted(9)).ID, 1)
		if _, err := s.Desk.UseAccountCredit(noCtx, b.ID, b.Token, ada); err != nil {
			t.Fatal(err)
		}
		as := abuse.With(noCtx, &abuse.Caller{Account: func() string { return ada }})
		p, err := s.Desk.Place(as, b.ID, b.Token, checkout.PlaceInput{Key: "key-1", Request: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		rest := s.Bank.Say(p, 1, payment.Approved)
		rest.Amount = p.Order.Due()
		if err := settle(s, rest); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { _, err := t.Link(ada, p.Order.Owner, "signed-in"); return err }); err != nil {
			t.Fatal(err)
		}
		for range 2 { // done again it changes nothing
			err := s.Desk.GiveBack(noCtx, clerk, p.Order.Number, checkout.Back{ToCredit: true})
			if err != nil && !fault.Is(err, fault.Conflict) {
				t.Fatal(err)
			}
		}
		s.Run(t)
		v, err := s.Desk.AccountCredit(noCtx, ada)
		if err != nil || v.Balance != p.Order.Totals.Total || wentBack(s, p) != 0 {
			t.Errorf("the account has %v of %v and the bank gave %d, %v", v.Balance, p.Order.Totals.Total, wentBack(s, p), err)
		}
		wantEven(t, s)
	})
}

// TestWhatWasRefusedGoesBackByHand: the payment service says no, a person sends the
// money, and it can be noted: nothing is left to go back twice.
func TestWhatWasRefusedGoesBackByHand(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ref := bought(t, s)
		if err := s.Desk.RefundedByHand(noCtx, clerk, p.Order.Number, nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("the service has not been asked: %v", err)
		}
		s.Bank.Refusing = true
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Fatalf("got %v, want it refused", err)
		}
		s.Bank.Refusing = false
		if err := s.Desk.RefundedByHand(noCtx, clerk, p.Order.Number, nil); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, s, p, order.Refunded)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("once more: %v", err)
		}
		s.Run(t)
		if got := s.Bank.Refunded(ref); got.Minor() != 0 {
			t.Errorf("the service gave %v back as well", got)
		}
	})
}

// TestAWordComesBeforeItsLine: somebody says that a transfer has come, and the
// statement with its line is read later. Only what comes beyond that is too much.
func TestAWordComesBeforeItsLine(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		p, to := byTransfer(t, s, s.Product(t, "bowl", 3900, shoptest.Counted(5)), "key")
		for i, line := range []struct {
			mark string
			want checkout.Arrival
		}{{"", checkout.ArrivedPaid}, {"", checkout.ArrivedBefore}, {"line-1", checkout.ArrivedBefore}, {"line-1", checkout.ArrivedBefore}, {"line-2", checkout.ArrivedTwice}, {"line-2", checkout.ArrivedTwice}, {"line-1", checkout.ArrivedBefore}} {
			if got := comes(t, s, to.Reference, p.Order.Totals.Total.Minor(), line.mark); got != line.want {
				t.Errorf("%d: %q came: got %s, want %s", i, line.mark, got, line.want)
			}
		}
		wantStatus(t, s, p, order.Paid)
	})
}

// TestTurningToACardKeepsThePlaceTaken: who orders by transfer and then turns to a
// card keeps the goods as long, and counts among those who wait.
func TestTurningToACardKeepsThePlaceTaken(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 2)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		for _, key := range []string{"one", "two"} {
			p, _ := byTransfer(t, s, bowl, key)
			if _, err := s.Desk.PayWith(noCtx, p.Order.Number, p.Token, "bank"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.PlaceWith(s.Ready(t, bowl.ID, 1), "three", transfer.Name); err == nil {
			t.Error("a third order waits for a transfer, and two may")
		}
	})
}

// TestAReturnThatDidNotArriveIsTold: a payment of no use was sent back, and the
// provider says later that it did not get there.
func TestAReturnThatDidNotArriveIsTold(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	p, _ := bought(t, s)
	err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
		first, err := tx.FirstPayment(p.Order.Owner, p.Order.ID)
		if err != nil {
			return err
		}
		_, err = tx.MovePayment(first, order.PaymentApproved, order.PaymentReturned)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := s.Bank.Say(p, 1, payment.RefundFailed)
	n.Refund = shoptest.One[string](t, s.Raw(t), `SELECT id FROM payments WHERE order_id = $1`, string(p.Order.ID))
	for range 2 {
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Desk.Concerns(context.Background())
	if err != nil || len(list) != 1 || list[0].Kind != store.ConcernReturn {
		t.Errorf("got %+v, %v, want the return", list, err)
	}
}

// TestAPartThatWasTakenAndDidNotArriveBackIsTold: the bank had taken a part of what an order
// reserved that was given up by then. That part is what goes back, and what did not arrive.
func TestAPartThatWasTakenAndDidNotArriveBackIsTold(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.TakeLater(t)
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(9)).ID, 1), "key-1")
		n := s.Reserve(p, 1)
		s.Bank.Decide(n)
		if err := s.Bank.Capture(noCtx, payment.CaptureRequest{Ref: n.Ref, OrderID: string(p.Order.ID), Amount: euros(2000)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		found, _, err := s.Bank.Find(noCtx, n.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(s, found); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if back := s.Bank.Refunded(n.Ref); back != euros(2000) {
			t.Fatalf("%v went back, want what was taken", back)
		}
		failed := s.Bank.Say(p, 1, payment.RefundFailed)
		failed.Refund, failed.Amount = shoptest.One[string](t, s.Raw(t), `SELECT id FROM payments WHERE order_id = $1`, string(p.Order.ID)), euros(2000)
		for range 2 {
			if err := settle(s, failed); err != nil {
				t.Fatal(err)
			}
		}
		concernsOf(t, s, p, store.ConcernReturn)
	})
}

// TestARefundThatDidNotArriveKeepsItsCreditNote: the money is owed, as the paper says.
func TestARefundThatDidNotArriveKeepsItsCreditNote(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(1000)); err != nil {
			t.Fatal(err)
		}
		n := s.Bank.Say(p, 1, payment.RefundFailed)
		n.Refund, n.Amount = shoptest.One[string](t, s.Raw(t), `SELECT id FROM refunds`), euros(1000)
		if err := settle(s, n); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if list, err := s.Desk.Concerns(noCtx); err != nil || len(list) != 1 || list[0].Kind != store.ConcernRefund {
			t.Fatalf("got %+v, %v, want the refund", list, err)
		}
		if notes := notesOf(t, s, p); len(notes) != 1 || notes[0].Sum != euros(1000) {
			t.Errorf("got the credit notes %+v", notes)
		}
		papersAgree(t, s, p)
	})
}

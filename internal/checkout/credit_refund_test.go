package checkout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// newAccount makes an open account.
func newAccount(t testing.TB, s *shoptest.Shop, mailbox string) string {
	t.Helper()
	email, err := contact.ParseEmail(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: email}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.NewAccount(a) }); err != nil {
		t.Fatal(err)
	}
	return a.ID
}

// boughtWith is a paid order of 44.90 that cards paid a part of.
func boughtWith(t shoptest.T, s *shoptest.Shop, handle string, cards ...int64) (checkout.Placed, []credit.ID) {
	t.Helper()
	b := s.Ready(t, s.Product(t, handle, 4000, shoptest.Counted(9)).ID, 1)
	var ids []credit.ID
	for _, minor := range cards {
		id, code := card(t, s, minor)
		try(t, s, b, code)
		ids = append(ids, id)
	}
	p, err := s.Place(b, "key-1")
	if err != nil {
		t.Fatal(err)
	}
	if p.Order.Status == order.Pending {
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
	}
	return p, ids
}

func wentBack(s *shoptest.Shop, p checkout.Placed) int64 {
	return s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref).Minor()
}

func TestARefundGoesBackTheWayItCame(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ids := boughtWith(t, s, "bowl", 1000, 2000) // 14.90 by the bank
		// Before its job ran: held, not taken yet.
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(1990)); err != nil {
			t.Fatal(err)
		}
		if got := wentBack(s, p); got != 1490 {
			t.Errorf("%d went back by the bank, want all that it took first", got)
		}
		wantCredit(t, s, ids[0], 0, 0) // taken all the same
		s.Run(t)
		wantCredit(t, s, ids[0], 0, 0)
		wantCredit(t, s, ids[1], 500, 0)
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Refunded)
		wantCredit(t, s, ids[0], 1000, 0)
		wantCredit(t, s, ids[1], 2000, 0)
		if got := wentBack(s, p); got != 1490 {
			t.Errorf("%d went back by the bank", got)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("once more: %v", err)
		}
		said := ""
		for _, m := range s.Letters.All() {
			said += m.Text
		}
		if !strings.Contains(said, "€14.90 of it comes the way you paid") || !strings.Contains(said, "€5.00 of it is back on what you paid with") {
			t.Errorf("the letters say:\n%s", said)
		}
		if got, err := s.Desk.Reconcile(noCtx, s.DB.Now().Add(-time.Hour)); err != nil || len(got.Differences) > 1 { // the bank's word on how it was paid is not set
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestRefundsOfSeveralMeansNeverGiveMoreThanEachPaid draws parts, all asked for at
// the same time, some of them as credit, while the bank has its moods.
func TestRefundsOfSeveralMeansNeverGiveMoreThanEachPaid(t *testing.T) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := shoptest.Open(t, engine)
			checks(t, shoptest.Tenth(80))
			n := 0
			rapid.Check(t, func(r *rapid.T) {
				n++
				a, b := rapid.Int64Range(1, 3000).Draw(r, "a card"), rapid.Int64Range(1, 3000).Draw(r, "another")
				p, ids := boughtWith(r, s, fmt.Sprint("thing-", n), a, b)
				parts := rapid.SliceOfN(rapid.Int64Range(1, 3000), 1, 6).Draw(r, "parts")
				asCredit := rapid.SliceOfN(rapid.Bool(), 6, 6).Draw(r, "as credit")
				s.Bank.Forgetful = rapid.Bool().Draw(r, "the bank's answer is lost")
				for _, err := range atOnce(2*len(parts), func(i int) error {
					part := euros(parts[i/2])
					return s.Desk.GiveBack(noCtx, clerk, p.Order.Number, checkout.Back{Part: &part, ToCredit: asCredit[i/2]})
				}) {
					if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
						r.Fatal(err)
					}
				}
				s.Bank.Forgetful = false
				s.Clock.Move(2 * time.Minute)
				for range 3 {
					s.Run(r)
				}
				if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil && !fault.Is(err, fault.Conflict) {
					r.Fatal(err)
				}
				s.Run(r)
				raw := s.Raw(t)
				fresh := shoptest.One[int64](r, raw, `SELECT COALESCE(SUM(e.amount), 0) FROM credit_entries e JOIN credits c ON c.id = e.credit WHERE c.order_id = $1 AND e.side = 'balance'`, string(p.Order.ID))
				due := p.Order.Due().Minor()
				if got := wentBack(s, p) + fresh; got != due {
					r.Fatalf("the bank took %d, and %d of that went back", due, got)
				}
				for i, paid := range []int64{a, b} {
					c, err := s.Desk.ShowCredit(noCtx, ids[i])
					if err != nil || c.Balance.Minor() != paid || !c.Held.IsZero() {
						r.Fatalf("a card of %d has %v after all went back, %v", paid, c.Balance, err)
					}
				}
				if report, err := s.DB.VerifyCredit(noCtx); err != nil || len(report.Wrong) > 0 {
					r.Fatal(report.Wrong, err)
				}
				if got := s.Order(r, p).Status; got != order.Refunded {
					r.Fatalf("the order is %s", got)
				}
				if _, net, tax := journalOf(r, s, p.Order.ID); net+tax != 0 {
					r.Fatalf("the tax journal has %d left", net+tax)
				}
			})
		})
	}
}

// TestARefundBecomesCreditWhereTheMerchantSaysSo: on the account whose order it is,
// or on a card that is mailed to the guest; once, and never twice.
func TestARefundBecomesCreditWhereTheMerchantSaysSo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		guest, _ := boughtWith(t, s, "cup")
		for _, err := range atOnce(6, func(int) error {
			return s.Desk.GiveBack(noCtx, clerk, guest.Order.Number, checkout.Back{ToCredit: true})
		}) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		s.Run(t)
		s.Run(t)
		wantStatus(t, s, guest, order.Refunded)
		if got := wentBack(s, guest); got != 0 {
			t.Errorf("%d went back by the bank as well", got)
		}
		var codes []credit.Code
		for _, m := range s.Letters.All() {
			for word := range strings.FieldsSeq(m.Text) {
				if c, ok := credit.ReadCode(word); ok {
					codes = append(codes, c)
				}
			}
		}
		if len(codes) != 1 {
			t.Fatalf("%d codes were mailed, want 1", len(codes))
		}
		if v, err := s.Desk.CreditByCode(noCtx, codes[0]); err != nil || v.Balance != euros(4490) {
			t.Errorf("the mailed card has %v, %v", v.Balance, err)
		}
		if n := count(t, s, `SELECT count(*) FROM card_letters`); n != 0 {
			t.Error("the code is kept after its letter")
		}

		ada := newAccount(t, s, "ada@example.com")
		p, _ := boughtWith(t, s, "bowl")
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { _, err := t.Link(ada, p.Order.Owner, "signed-in"); return err }); err != nil {
			t.Fatal(err)
		}
		part := euros(1000)
		if err := s.Desk.GiveBack(noCtx, clerk, p.Order.Number, checkout.Back{Part: &part, ToCredit: true}); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		v, err := s.Desk.AccountCredit(noCtx, ada)
		if err != nil || v.Balance != euros(1000) || wentBack(s, p) != 3490 {
			t.Errorf("the account has %v and the bank gave %d, %v", v.Balance, wentBack(s, p), err)
		}
		wantEven(t, s)
	})
}

func TestNothingGoesBackToACancelledCard(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, ids := boughtWith(t, s, "bowl", 3000)
		s.Run(t)
		if err := s.Desk.CancelCredit(noCtx, clerk, ids[0]); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
		if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, money.Of(1490, euros(0).Currency())); err != nil {
			t.Errorf("what the bank took: %v", err)
		}
		wantStatus(t, s, p, order.PartiallyRefunded)
		wantCredit(t, s, ids[0], 0, 0)
	})
}

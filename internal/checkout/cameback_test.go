package checkout_test

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment/onaccount"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// A parcel on account that nobody took: nothing is owed, the goods are there again if
// they are good, and money that comes after all is owed back.
func TestAParcelOnAccountComesBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withAccount(t, s)
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := onAccount(t, s, bowl, "key", onaccount.NameInvoice)
		if err := s.Desk.CameBack(noCtx, clerk, p.Order.Number, true); !fault.Is(err, fault.Conflict) {
			t.Errorf("before it was sent: got %v", err)
		}
		if err := s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{}); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStock(t, s, bowl.ID, 4, 0)
		for i, err := range atOnce(8, func(int) error { return s.Desk.CameBack(noCtx, clerk, p.Order.Number, true) }) {
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%d: %v", i, err)
			}
		}
		ref := refOf(t, s, p)
		if said := lastLetter(t, s); !strings.Contains(said, "you owe us nothing") {
			t.Errorf("the letter says %s", said)
		}
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 5, 0)
		if notes := notesOf(t, s, p); len(notes) != 1 || notes[0].Part() || !notes[0].Untaken() {
			t.Errorf("got the credit notes %+v, want one of all, of which nothing was paid", notes)
		}
		if lines, _, _ := journalOf(t, s, p.Order.ID); lines != 0 {
			t.Error("the books have money that never came")
		}
		got, err := s.Desk.Received(noCtx, clerk, checkout.Receipt{Reference: ref, Amount: p.Order.Totals.Total})
		if err != nil || got.Arrival != checkout.ArrivedOwed {
			t.Errorf("money that came after all: got %+v, %v", got, err)
		}
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 5, 0)
	})
}

// What was paid and comes back is given back, and its goods are counted once, however
// often that is said.
func TestGoodsThatCameBackAreCountedOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 2), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStock(t, s, bowl.ID, 3, 0)
		if err := s.Desk.CameBack(noCtx, clerk, p.Order.Number, true); !fault.Is(err, fault.Conflict) {
			t.Errorf("a paid one: got %v, want to be told to give it back", err)
		}
		part := euros(1000)
		for _, back := range []checkout.Back{{Part: &part}, {Part: &part, Restock: true}, {Restock: true}} {
			if err := s.Desk.GiveBack(noCtx, clerk, p.Order.Number, back); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
		}
		wantStatus(t, s, p, order.Refunded)
		wantStock(t, s, bowl.ID, 5, 0)
	})
}

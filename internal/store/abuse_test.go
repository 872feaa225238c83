package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// noon moves the clock to the middle of a day, so that a test knows where
// midnight is.
func noon(s *shoptest.Shop) {
	now := s.DB.Now()
	s.Clock.Move(now.Truncate(24 * time.Hour).Add(36 * time.Hour).Sub(now))
}

// declined counts a notice of a declined payment and tells whether it counted.
func declined(t *testing.T, s *shoptest.Shop, p checkout.Placed, notice string) bool {
	t.Helper()
	counted := false
	err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
		pay, err := tx.LastPayment(p.Order.Owner, p.Order.ID)
		if err != nil {
			return err
		}
		_, _, counted, err = tx.CountDecline(pay, store.Outcome{Provider: "bank", Notice: notice})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counted
}

// TestADaysKeyThatWasNotKeptIsNotUsed: a transaction that made the key, looked at
// it again and came to nothing leaves no key behind that only this process knows.
func TestADaysKeyThatWasNotKeptIsNotUsed(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		who := store.Payer{Cart: "cart", Source: "192.0.2.0/24"}
		look := func(tx *store.Tx) error {
			for range 2 {
				if _, _, err := tx.Fill(who, store.Proof{}); err != nil {
					return err
				}
			}
			return tx.Remember(store.NewID(), who)
		}
		sorry := errors.New("sorry")
		err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error { return errors.Join(look(tx), sorry) })
		if !errors.Is(err, sorry) {
			t.Fatal(err)
		}
		keys := func() int64 { return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM limit_keys`) }
		if n := keys(); n != 0 {
			t.Fatalf("%d keys are kept of a transaction that was not", n)
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), look); err != nil {
			t.Fatal(err)
		}
		if n := keys(); n != 1 {
			t.Errorf("something was counted under a key that nobody has: %d are kept, want 1", n)
		}
	})
}

// TestANoticeCountsOnceOverMidnight: providers say everything again until they are
// answered, for days.
func TestANoticeCountsOnceOverMidnight(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		noon(s)
		p, err := s.Place(s.Ready(t, s.Product(t, "cup", 1900, catalog.Stock{}).ID, 1), "k")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			when  string
			moves time.Duration
			id    string
			want  bool
		}{
			{"at first", 0, "n1", true},
			{"at once again", 0, "n1", false},
			{"a minute before midnight", 12*time.Hour - time.Minute, "n1", false},
			{"a minute after midnight", 2 * time.Minute, "n1", false},
			{"after midnight, another", 0, "n2", true},
			{"the next evening", 20 * time.Hour, "n1", false},
			{"a day later, when nobody knows any more who tried", 24 * time.Hour, "n1", false},
		} {
			s.Clock.Move(c.moves)
			if got := declined(t, s, p, c.id); got != c.want {
				t.Errorf("%s: counted is %v, want %v", c.when, got, c.want)
			}
			if err := s.Desk.SweepAbuse(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		var fill abuse.Fill
		view(t, s, func(v *store.View) (err error) { fill, err = v.Overall(); return err })
		if fill[abuse.AllDeclines] != 0 {
			t.Errorf("a notice of days ago still counts for %s", fill[abuse.AllDeclines])
		}
	})
}

package checkout_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestThousandsOfIdleCartsCostNothingAndEnd leaves 10,000 carts alone, with
// details in every tenth, and lets their time pass.
func TestThousandsOfIdleCartsCostNothingAndEnd(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		n := 200
		if os.Getenv(shoptest.SoakEnv) != "" {
			n = 10_000
		}
		leave := func(n int) {
			for i := range n {
				if i%10 == 0 {
					s.Ready(t, bowl.ID, 1)
				} else {
					s.Basket(t, bowl.ID, 1)
				}
			}
		}
		leave(n / 10)
		before := heap()
		leave(n)
		if grown := heap() - before; grown > 16 {
			t.Errorf("memory grew by %d MiB with %d idle carts", grown, n)
		}
		wantStock(t, s, bowl.ID, 5, 0) // nobody who only looks holds anything
		s.Clock.Move(cart.IdleAfter + time.Hour)
		young := s.Ready(t, bowl.ID, 1)
		began, ended := time.Now(), 0
		for {
			swept, err := s.Desk.SweepCarts(noCtx)
			if err != nil {
				t.Fatal(err)
			}
			if swept == 0 {
				break
			}
			ended += swept
		}
		if want := n + n/10; ended != want {
			t.Errorf("got %d carts ended, want %d", ended, want)
		}
		for table, want := range map[string]int64{"carts": 1, "cart_lines": 1, "cart_details": 1} {
			if got := count(t, s, `SELECT count(*) FROM `+table); got != want {
				t.Errorf("%s: got %d rows, want %d: the young cart's", table, got, want)
			}
		}
		if live := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND wrap IS NOT NULL`); live != 1 {
			t.Errorf("got %d keys left, want one", live)
		}
		place(t, s, young, "key-1")
		t.Logf("%d idle carts, ended in %v, memory %+d MiB", ended, time.Since(began).Round(time.Millisecond), heap()-before)
	})
}

// heap is how much memory is in use, in MiB.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) >> 20
}

// TestACartHasAnEndToItsLines adds one thing after the other: no cart grows
// until the shop breaks.
func TestACartHasAnEndToItsLines(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	first := s.Product(t, "thing-0", 100, catalog.Stock{})
	b := s.Basket(t, first.ID, 1)
	for i := 1; i < cart.MaxLines; i++ {
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, s.Product(t, fmt.Sprintf("thing-%d", i), 100, catalog.Stock{}).ID, 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		v := s.Product(t, fmt.Sprintf("more-%d", i), 100, catalog.Stock{})
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, v.ID, 1); !fault.Is(err, fault.Invalid) {
			t.Fatalf("line %d: got %v, want it refused", cart.MaxLines+i+1, err)
		}
	}
	// A full cart can still be changed, and bought.
	if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, first.ID, 1); err != nil {
		t.Errorf("one more of what is there: %v", err)
	}
	if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, shoptest.Ada()); err != nil {
		t.Fatal(err)
	}
	if got := len(place(t, s, b, "key-1").Order.Lines); got != cart.MaxLines {
		t.Errorf("got %d lines ordered, want %d", got, cart.MaxLines)
	}
}

// TestTheClockJumps turns the shop's clock back and ahead while somebody is
// about to pay.
func TestTheClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a year back": -365 * 24 * time.Hour, "a year ahead": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
				bowl := s.Product(t, "bowl", 3900, shoptest.Counted(3))
				p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
				s.Clock.Move(jump)
				if _, err := s.Desk.SweepHolds(noCtx); err != nil {
					t.Fatal(err)
				}
				want, held := order.Pending, int64(1)
				if jump > 0 {
					want, held = order.Cancelled, 0
				}
				wantStatus(t, s, p, want)
				wantStock(t, s, bowl.ID, 3, held)
				// In the wrong time the shop still sells.
				other := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
				if err := s.Approve(other); err != nil {
					t.Fatal(err)
				}
				s.Run(t)
				wantStatus(t, s, other, order.Paid)
				wantStock(t, s, bowl.ID, 2, held)
				// The clock is put right, and the yes arrives.
				s.Clock.Move(-jump)
				if err := s.Approve(p); err != nil {
					t.Fatal(err)
				}
				s.Run(t)
				wantStatus(t, s, p, order.Paid)
				if got := s.Stock(t, bowl.ID); got.OnHand < 0 || got.Held != 0 {
					t.Errorf("got %+v, want nothing held and nothing below zero", got)
				}
			})
		})
	}
}

// TestTheProviderIsSilent: the bank takes the question and never answers. The
// shopper is told to try again in time, the order is kept, and the same request
// goes on with it once the bank speaks.
func TestTheProviderIsSilent(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		s.Bank.Silent = true
		began := time.Now()
		limit := time.Second // of the request; the long test waits for the desk's own
		if os.Getenv(shoptest.SoakEnv) != "" {
			limit = time.Minute
		}
		ctx, cancel := context.WithTimeout(noCtx, limit)
		defer cancel()
		_, err := s.Desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: "key-1", Request: []byte("{}")})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want to be asked to try again", err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("took %v, want the shopper told in time", took)
		}
		wantStock(t, s, bowl.ID, 5, 1)
		s.Bank.Silent = false
		if p := place(t, s, b, "key-1"); !p.Replayed || p.Payment.RedirectURL == "" {
			t.Errorf("got %+v, want the kept order with a page to pay on", p)
		}
	})
}

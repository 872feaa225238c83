package checkout_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// signedIn is a request of a customer from a network.
func signedIn(account, source string) context.Context {
	return abuse.With(noCtx, &abuse.Caller{Source: source, Account: func() string { return account }})
}

// TestABotWithManyCartsHoldsNotAll: 200 carts of one network, each with a mailbox
// of its own, ask for all 50 of a thing at the same time. What they can't hold is
// there for others, their neighbours find a way, and it all ends by itself.
func TestABotWithManyCartsHoldsNotAll(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, shoptest.Counted(50)).ID
		var baskets []shoptest.Basket
		for i := range 200 {
			b := s.Basket(t, cup, 1)
			in := shoptest.Ada()
			in.Email = fmt.Sprintf("bot%d@example.com", i)
			if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			baskets = append(baskets, b)
		}
		if left, _ := s.Stock(t, cup).Left(); left != 50 {
			t.Fatalf("carts that nobody ordered hold %d", 50-left)
		}
		var held atomic.Int64
		var all sync.WaitGroup
		for _, b := range baskets {
			all.Go(func() {
				_, err := s.Desk.Place(from("10.0.0.0/24", false, true), b.ID, b.Token, checkout.PlaceInput{Key: "k"})
				switch e := fault.Of(err); {
				case err == nil:
					held.Add(1)
				case e.Kind != fault.RateLimited || e.RetryAfter <= 0 || e.RetryAfter > checkout.HoldTime:
					t.Errorf("a cart too many met %v", err)
				}
			})
		}
		all.Wait()
		left, _ := s.Stock(t, cup).Left()
		t.Logf("200 carts of one network hold %d of 50; %d are left for others", held.Load(), left)
		if held.Load() != 37 || left != 13 {
			t.Errorf("a bot holds %d of 50 and leaves %d, want 37 and 13", held.Load(), left)
		}
		// Whoever was refused holds nothing and can go on with the same cart.
		if n := count(t, s, `SELECT count(*) FROM holds`); n != 37 {
			t.Errorf("%d holds are there, want 37", n)
		}
		if _, err := tries(t, s, from("10.0.0.0/24", false, true), cup, "guest@example.com"); fault.Of(err).Kind != fault.RateLimited {
			t.Errorf("a guest beside the bot met %v", err)
		}
		if _, err := tries(t, s, signedIn("ada", "10.0.0.0/24"), cup, "ada@example.com"); err != nil {
			t.Errorf("a customer beside the bot does not get one: %v", err)
		}
		if _, err := tries(t, s, signedIn("ada", "10.0.0.0/24"), cup, "other@example.com"); fault.Of(err).Kind != fault.RateLimited {
			t.Errorf("and a second one, with another mailbox, met %v", err)
		}
		for i := range 12 {
			if _, err := tries(t, s, from(fmt.Sprintf("192.0.2.%d/24", i), false, false), cup, fmt.Sprintf("honest%d@example.com", i)); err != nil {
				t.Errorf("an honest buyer elsewhere: %v", err)
			}
		}
		if got := s.Dump(t); strings.Contains(got, "10.0.0.0") || strings.Contains(got, "honest1@") {
			t.Error("the database tells who holds goods")
		}
		s.Clock.Move(checkout.HoldTime + time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		if left, _ := s.Stock(t, cup).Left(); left != 50 {
			t.Errorf("when the holds have ended %d are left, want 50", left)
		}
	})
}

// TestABuyerHoldsHalfAndMoreOncePaid: what one mailbox holds unpaid has an end,
// however many orders it is in; what was paid for does not count.
func TestABuyerHoldsHalfAndMoreOncePaid(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		cup := s.Product(t, "cup", 1900, shoptest.Counted(10)).ID
		order := func(n int64, email string) (checkout.Placed, error) {
			b := s.Basket(t, cup, n)
			in := shoptest.Ada()
			in.Email = email
			if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			return s.Desk.Place(noCtx, b.ID, b.Token, checkout.PlaceInput{Key: "k"})
		}
		first, err := order(4, "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := order(2, "Ada@Example.com"); fault.Of(err).Kind != fault.RateLimited {
			t.Errorf("four and two of ten by one mailbox met %v", err)
		}
		if _, err := order(2, "ada+more@example.com"); fault.Of(err).Kind != fault.RateLimited {
			t.Errorf("and spelled another way: %v", err)
		}
		if _, err := order(2, "grace@example.com"); err != nil {
			t.Errorf("another mailbox: %v", err)
		}
		if err := s.Approve(first); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if _, err := order(2, "ada@example.com"); err != nil {
			t.Errorf("once the first order is paid: %v", err)
		}
	})
}

// TestTheLastOneIsAnybodys: nobody is kept from the last one, or the last three, and
// a hold of before midnight counts after it.
func TestTheLastOneIsAnybodys(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for n := range int64(3) {
			thing := s.Product(t, fmt.Sprint("thing-", n), 1900, shoptest.Counted(n+1)).ID
			b := s.Ready(t, thing, n+1)
			if _, err := s.Desk.Place(from("10.0.0.0/24", false, false), b.ID, b.Token, checkout.PlaceInput{Key: "k"}); err != nil {
				t.Errorf("the last %d: %v", n+1, err)
			}
		}
		now := s.DB.Now()
		s.Clock.Move(now.Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute).Sub(now))
		bowl := s.Product(t, "bowl", 1900, shoptest.Counted(4)).ID
		for i := range 4 {
			if i == 3 {
				s.Clock.Move(2 * time.Minute)
			}
			_, err := tries(t, s, from("10.0.0.0/24", false, false), bowl, "ada@example.com")
			if want := i == 3; fault.Is(err, fault.RateLimited) != want {
				t.Errorf("order %d of one mailbox, over midnight: %v", i+1, err)
			}
		}
		many := s.Product(t, "plenty", 1900, catalog.Stock{}).ID
		for range 5 {
			if _, err := tries(t, s, from("10.0.0.0/24", false, false), many, "ada@example.com"); err != nil {
				t.Errorf("what is not counted is everybody's: %v", err)
			}
		}
	})
}

// TestWhatWaitsForATransferCountsForAsLongAsItIsHeld: goods that are paid by transfer
// are held for a week. Whoever comes back each day has the same share as on the
// first; and once nothing of a day is held, nobody can be named by it any more.
func TestWhatWaitsForATransferCountsForAsLongAsItIsHeld(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		cup := s.Product(t, "cup", 1900, shoptest.Counted(40)).ID
		place := func(ctx context.Context, email string, n int64) error {
			b := s.Basket(t, cup, n)
			in := shoptest.Ada()
			in.Email = email
			if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			_, err := s.Desk.Place(ctx, b.ID, b.Token, checkout.PlaceInput{Key: "k", PaymentMethod: transfer.Name})
			return err
		}
		tidy := func() {
			t.Helper()
			if _, err := s.Desk.SweepHolds(noCtx); err != nil {
				t.Fatal(err)
			}
			if err := s.Desk.SweepAbuse(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		keys := func(table string) int64 { return count(t, s, `SELECT count(*) FROM `+table) }
		thief := from("10.0.0.0/24", false, false)
		for d := range 5 {
			if err := place(thief, fmt.Sprintf("thief%d@example.com", d), 6); err != nil {
				t.Fatalf("day %d, with %d of 40 held: %v", d+1, 6*d, err)
			}
			s.Clock.Move(day)
			tidy()
		}
		// Thirty are held by one network, six by each of five mailboxes of six days.
		if err := place(thief, "thief9@example.com", 1); fault.Of(err).Kind != fault.RateLimited || fault.Of(err).RetryAfter > 2*day {
			t.Errorf("the 31st of 40 by one network, days later: %v", err)
		}
		if err := place(from("192.0.2.0/24", false, false), "grace@example.com", 1); err != nil {
			t.Errorf("somebody elsewhere: %v", err)
		}
		ada := from("198.51.100.0/24", false, false)
		if err := place(ada, "thief0@example.com", 5); err != nil {
			t.Fatal(err)
		}
		if n := keys("hold_keys"); n != 6 || keys("limit_keys") > 2 {
			t.Errorf("%d keys of days of which something is held, want 6; and %d keys of counts, want two at most", n, keys("limit_keys"))
		}
		for range 8 {
			s.Clock.Move(day)
			tidy()
		}
		if left, _ := s.Stock(t, cup).Left(); left != 40 || keys("hold_keys") != 0 {
			t.Errorf("when all has ended %d are left and %d keys are kept, want 40 and none", left, keys("hold_keys"))
		}
		if err := place(thief, "thief9@example.com", 6); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

// TestABuyersShareLastsOverDays: the same of one mailbox, whatever its network.
func TestABuyersShareLastsOverDays(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		withTransfer(t, s, 100)
		cup := s.Product(t, "cup", 1900, shoptest.Counted(10)).ID
		for d := range 5 {
			b := s.Ready(t, cup, 1)
			if _, err := s.Desk.Place(from(fmt.Sprintf("10.0.%d.0/24", d), false, false), b.ID, b.Token, checkout.PlaceInput{Key: "k", PaymentMethod: transfer.Name}); err != nil {
				t.Fatal(err)
			}
			s.Clock.Move(day)
		}
		b := s.Ready(t, cup, 1)
		if _, err := s.Desk.Place(from("10.9.9.0/24", false, false), b.ID, b.Token, checkout.PlaceInput{Key: "k", PaymentMethod: transfer.Name}); !fault.Is(err, fault.RateLimited) {
			t.Errorf("the sixth of ten by one mailbox, five days after the first: %v", err)
		}
	})
}

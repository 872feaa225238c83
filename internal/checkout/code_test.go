package checkout_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func euros(minor int64) money.Amount {
	eur, _ := money.ParseCurrency("EUR")
	return money.Of(minor, eur)
}

// offer makes the shop's codes these.
func offer(t shoptest.T, s *shoptest.Shop, codes ...discount.Code) {
	t.Helper()
	all := discount.Codes{}
	for _, c := range codes {
		all[c.Key()] = c
	}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SetCodes(all, euros(0).Currency()) }); err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
}

func try(t shoptest.T, s *shoptest.Shop, b shoptest.Basket, word string) cart.Cart {
	t.Helper()
	c, err := s.Desk.TryCode(noCtx, b.ID, b.Token, word)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func used(t testing.TB, s *shoptest.Shop, word string) int64 {
	t.Helper()
	key, _ := discount.Key(word)
	return count(t, s, `SELECT COALESCE(SUM(used), 0) FROM code_counts WHERE code = $1`, key)
}

// as is a cart of somebody with another address.
func as(t shoptest.T, s *shoptest.Shop, v catalog.VariantID, email string) shoptest.Basket {
	t.Helper()
	b := s.Basket(t, v, 1)
	in := shoptest.Ada()
	in.Email = email
	if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACodeTakesOffAndTheOrderKeepsIt(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "WELCOME10", Kind: discount.Percentage, Rate: 100_000}, discount.Code{Word: "FREEPOST", Kind: discount.FreeDelivery})
		b := s.Ready(t, bowl.ID, 1)
		c := try(t, s, b, "welcome 10")
		if c.Totals.Discount != euros(400) || c.Totals.Total != euros(4090) || c.Totals.Tax != euros(575+78) { // 19 % in 36.00 and in 4.90
			t.Fatalf("got %+v", c.Totals)
		}
		c = try(t, s, b, "FREEPOST")
		if c.Totals.Total != euros(3600) || !c.Totals.Shipping.IsZero() || len(c.Codes) != 2 {
			t.Fatalf("got %+v, %+v", c.Totals, c.Codes)
		}
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		o := s.Order(t, p)
		if o.Totals != p.Order.Totals || o.Totals.Total != euros(3600) || len(o.Codes) != 2 || o.Codes[0].Word != "WELCOME10" || o.Codes[0].Saving != euros(400) || o.Codes[1].Saving != euros(490) {
			t.Errorf("got %+v with %+v", o.Totals, o.Codes)
		}
		if n := count(t, s, `SELECT SUM(net + tax) FROM tax_journal WHERE order_id = $1`, string(o.ID)); n != 3600 {
			t.Errorf("the journal has %d, want 3600", n)
		}
		if used(t, s, "WELCOME10") != 1 || used(t, s, "FREEPOST") != 1 || count(t, s, `SELECT count(*) FROM code_uses WHERE ends_at = 0`) != 2 {
			t.Error("the uses do not last")
		}
	})
}

// TestEveryWrongCodeIsAnsweredAlike: what never was, has ended, has not begun or
// is used up can't be told apart, and none changes the cart.
func TestEveryWrongCodeIsAnsweredAlike(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		off := discount.Code{Word: "ENDED", Kind: discount.Amount, Off: euros(100), Until: "2026-01-01"}
		soon, once := off, off
		soon.Word, soon.From, soon.Until = "SOON", "2999-01-01", ""
		once.Word, once.Until, once.Uses = "ONCE", "", 1
		offer(t, s, off, soon, once)
		first := s.Ready(t, bowl.ID, 1)
		try(t, s, first, "once")
		place(t, s, first, "key-1")
		b := s.Ready(t, bowl.ID, 1)
		answers := map[string]bool{}
		for _, word := range []string{"NEVER-WAS", "ENDED", "SOON", "ONCE", "", "<b>", strings.Repeat("x", 5000)} {
			_, err := s.Desk.TryCode(noCtx, b.ID, b.Token, word)
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Invalid {
				t.Fatalf("%.20q is answered with %v", word, err)
			}
			answers[fmt.Sprint(f.Kind, f.Text, f.Problems)] = true
		}
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		if c, err := s.Desk.Cart(noCtx, b.ID, b.Token); err != nil || len(c.Codes) != 0 || c.Totals.Total != euros(4490) {
			t.Errorf("the cart has %+v, %v", c.Totals, err)
		}
		if _, err := s.Desk.TryCode(noCtx, b.ID, first.Token, "ONCE"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another's cart answers %v", err)
		}
	})
}

func TestCodesStandAloneOrTogether(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
	alone := discount.Code{Word: "ALONE", Kind: discount.Percentage, Rate: 500_000, Exclusive: true}
	codes := []discount.Code{alone, {Word: "BIG", Kind: discount.Amount, Off: euros(100), MinItems: euros(5000)}}
	for i := range 4 {
		codes = append(codes, discount.Code{Word: fmt.Sprint("STACK", i), Kind: discount.Amount, Off: euros(100)})
	}
	offer(t, s, codes...)
	b := s.Ready(t, bowl.ID, 1)
	for i := range 3 {
		try(t, s, b, fmt.Sprint("stack", i))
	}
	if c := try(t, s, b, "STACK0"); c.Totals.Discount != euros(300) || len(c.Codes) != 3 {
		t.Errorf("the same code again made %+v", c.Codes)
	}
	for _, word := range []string{"STACK3", "ALONE"} {
		if _, err := s.Desk.TryCode(noCtx, b.ID, b.Token, word); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s beside three: %v", word, err)
		}
	}
	if c, err := s.Desk.DropCode(noCtx, b.ID, b.Token, "stack1"); err != nil || c.Totals.Discount != euros(200) {
		t.Errorf("got %+v, %v", c.Totals, err)
	}
	if c := try(t, s, b, "BIG"); c.Codes[2].Missing != euros(1000) || c.Codes[2].Counts() {
		t.Errorf("a code for bigger carts: %+v", c.Codes)
	}
	if c, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 1); err != nil || c.Totals.Discount != euros(300) {
		t.Errorf("in a bigger cart: %+v, %v", c.Codes, err)
	}
	if c, err := s.Desk.DropCode(noCtx, b.ID, b.Token, ""); err != nil || len(c.Codes) != 0 {
		t.Errorf("got %+v, %v", c.Codes, err)
	}
	if c := try(t, s, b, "ALONE"); c.Totals.Discount != euros(4000) {
		t.Errorf("got %+v", c.Totals)
	}
	if _, err := s.Desk.TryCode(noCtx, b.ID, b.Token, "STACK0"); !fault.Is(err, fault.Conflict) {
		t.Errorf("beside one that stands alone: %v", err)
	}
}

// TestFiftyCheckoutsWithOneUseLeft: one order gets it. The others are told, lose
// nothing of what they typed, and order at the new total when they say so.
func TestFiftyCheckoutsWithOneUseLeft(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(99))
		offer(t, s, discount.Code{Word: "ONCE", Kind: discount.Amount, Off: euros(1000), Uses: 1})
		baskets := make([]shoptest.Basket, 50)
		for i := range baskets {
			baskets[i] = s.Ready(t, bowl.ID, 1)
			try(t, s, baskets[i], "ONCE")
		}
		won, loser := 0, -1
		orders := make([]checkout.Placed, len(baskets))
		for i, err := range atOnce(len(baskets), func(i int) (err error) {
			orders[i], err = s.Place(baskets[i], "key-1")
			return err
		}) {
			switch {
			case err == nil:
				won++
				if orders[i].Order.Totals.Total != euros(3490) {
					t.Errorf("got it for %v", orders[i].Order.Totals.Total)
				}
			case !fault.Is(err, fault.Changed) || !strings.Contains(fault.Of(err).Text, "ONCE"):
				t.Errorf("got %v, want to be told of the code", err)
			default:
				loser = i
			}
		}
		if won != 1 || used(t, s, "ONCE") != 1 || count(t, s, `SELECT count(*) FROM orders`) != 1 || count(t, s, `SELECT count(*) FROM code_uses`) != 1 {
			t.Fatalf("%d got it, used %d times", won, used(t, s, "ONCE"))
		}
		wantStock(t, s, bowl.ID, 99, 1)
		c, err := s.Desk.Cart(noCtx, baskets[loser].ID, baskets[loser].Token)
		if err != nil || len(c.Codes) != 0 || c.Totals.Total != euros(4490) || !c.Checkout.Complete {
			t.Errorf("the others have %+v, %v", c, err)
		}
		if p := place(t, s, baskets[loser], "key-2"); p.Order.Totals.Total != euros(4490) || len(p.Order.Codes) != 0 {
			t.Errorf("got %+v", p.Order.Totals)
		}
	})
}

// TestOneUseForEachCustomer holds under a race as well, and for every spelling
// of an address.
func TestOneUseForEachCustomer(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(99))
		offer(t, s, discount.Code{Word: "HELLO", Kind: discount.Amount, Off: euros(1000), Each: 1})
		baskets := make([]shoptest.Basket, 20)
		for i := range baskets {
			baskets[i] = as(t, s, bowl.ID, []string{"ada@example.com", "ADA@Example.com", "ada+again@example.com"}[i%3])
			try(t, s, baskets[i], "HELLO")
		}
		won := 0
		for _, err := range atOnce(len(baskets), func(i int) error { _, err := s.Place(baskets[i], "key-1"); return err }) {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Changed) {
				t.Error(err)
			}
		}
		if won != 1 || used(t, s, "HELLO") != 1 {
			t.Errorf("one customer used it %d times, %d counted", won, used(t, s, "HELLO"))
		}
		grace := as(t, s, bowl.ID, "grace@example.com")
		try(t, s, grace, "HELLO")
		place(t, s, grace, "key-1")
		if dump := s.Dump(t); strings.Contains(dump, "ada@example.com") || strings.Contains(dump, "ada+again@example.com") {
			t.Error("an address is readable")
		}
	})
}

func TestUsesComeBackWhenAnOrderIsNotPaid(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "ONCE", Kind: discount.Amount, Off: euros(1000), Uses: 1, Each: 1})
		b := s.Ready(t, bowl.ID, 1)
		try(t, s, b, "ONCE")
		p := place(t, s, b, "key-1")
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		if used(t, s, "ONCE") != 0 || count(t, s, `SELECT count(*) FROM code_uses`) != 0 {
			t.Fatal("a cancelled order kept its use")
		}
		p = place(t, s, b, "key-2") // the code is still in the cart
		if p.Order.Totals.Total != euros(3490) {
			t.Fatalf("got %v", p.Order.Totals.Total)
		}
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		if used(t, s, "ONCE") != 0 {
			t.Error("an order that ended kept its use")
		}
		// Somebody else takes the last one; then the first pays after all.
		next := as(t, s, bowl.ID, "grace@example.com")
		try(t, s, next, "ONCE")
		second := place(t, s, next, "key-1")
		if err := s.Approve(second); err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		wantStatus(t, s, second, order.Paid)
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); got != euros(3490) {
			t.Errorf("%v was paid back", got)
		}
		wantStock(t, s, bowl.ID, 8, 0)
		if used(t, s, "ONCE") != 1 {
			t.Errorf("used %d times", used(t, s, "ONCE"))
		}
	})
}

func TestALatePaymentUsesTheCodeAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "ONCE", Kind: discount.Amount, Off: euros(1000), Uses: 1})
		b := s.Ready(t, bowl.ID, 1)
		try(t, s, b, "ONCE")
		p := place(t, s, b, "key-1")
		s.Clock.Move(16 * time.Minute)
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Paid)
		if used(t, s, "ONCE") != 1 || count(t, s, `SELECT count(*) FROM code_uses WHERE ends_at = 0`) != 1 {
			t.Error("the use does not last")
		}
	})
}

func TestMoreTimeToPayKeepsTheUseToo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "ONCE", Kind: discount.Amount, Off: euros(1000), Uses: 1})
		b := s.Ready(t, bowl.ID, 1)
		try(t, s, b, "ONCE")
		p := place(t, s, b, "key-1")
		s.Clock.Move(10 * time.Minute)
		if _, err := s.Desk.MoreTime(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(10 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		if count(t, s, `SELECT count(*) FROM code_uses WHERE ends_at = (SELECT hold_until FROM orders)`) != 1 || used(t, s, "ONCE") != 1 {
			t.Error("the use does not last as long as the order")
		}
	})
}

// TestAnOrderWithNothingToPay goes through as paid, with no attempt to pay it,
// and the books are true.
func TestAnOrderWithNothingToPay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "ALLOFIT", Kind: discount.Percentage, Rate: money.Whole}, discount.Code{Word: "FREEPOST", Kind: discount.FreeDelivery})
		b := s.Ready(t, bowl.ID, 1)
		try(t, s, b, "ALLOFIT")
		try(t, s, b, "FREEPOST")
		p := place(t, s, b, "key-1")
		if p.Order.Status != order.Paid || p.Payment.Status != order.PaymentApproved || p.Payment.RedirectURL != "" || !p.Order.Totals.Total.IsZero() {
			t.Fatalf("got %s, %+v", p.Order.Status, p.Payment)
		}
		again := place(t, s, b, "key-1")
		if !again.Replayed || again.Order.Status != order.Paid || again.Payment != p.Payment || again.Order.Number != p.Order.Number {
			t.Errorf("a repeat got %+v", again)
		}
		s.Run(t)
		if count(t, s, `SELECT count(*) FROM payments`) != 0 || events(t, s, "order.paid", p.Order.ID) != 1 {
			t.Error("there is an attempt to pay nothing, or no event")
		}
		wantStock(t, s, bowl.ID, 8, 0)
		v, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token)
		if err != nil || !v.Order.Totals.Total.IsZero() || v.Order.Totals.Items != euros(4000) || v.Order.Totals.Discount != euros(4000) {
			t.Errorf("the invoice says %+v, %v", v.Order.Totals, err)
		}
		if n := count(t, s, `SELECT COALESCE(SUM(net + tax), 0) FROM tax_journal`); n != 0 {
			t.Errorf("the journal has %d", n)
		}
		letters := s.Letters.All()
		if len(letters) != 1 || !strings.Contains(letters[0].Text, "nothing to pay") {
			t.Errorf("got %d letters: %v", len(letters), letters)
		}
		for what, err := range map[string]error{
			"pay":    func() error { _, err := s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); return err }(),
			"cancel": func() error { _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); return err }(),
		} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := errors.Join(s.Desk.Pack(noCtx, ledger.System("test"), p.Order.Number), s.Desk.Ship(noCtx, ledger.System("test"), p.Order.Number, checkout.Parcel{})); err != nil {
			t.Error(err)
		}
	})
}

// TestAFreeCartThatGrowsIsPaidFor: what counts is the total when it is ordered.
func TestAFreeCartThatGrowsIsPaidFor(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bowl := s.Product(t, "bowl", 500, shoptest.Counted(9))
	offer(t, s, discount.Code{Word: "FIVER", Kind: discount.Amount, Off: euros(500)}, discount.Code{Word: "FREEPOST", Kind: discount.FreeDelivery})
	b := s.Ready(t, bowl.ID, 1)
	try(t, s, b, "FIVER")
	if c := try(t, s, b, "FREEPOST"); !c.Totals.Total.IsZero() {
		t.Fatalf("got %v", c.Totals)
	}
	if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, bowl.ID, 1); err != nil {
		t.Fatal(err)
	}
	if p := place(t, s, b, "key-1"); p.Order.Status != order.Pending || p.Order.Totals.Total != euros(500) || p.Payment.RedirectURL == "" {
		t.Errorf("got %s, %v", p.Order.Status, p.Order.Totals.Total)
	}
	// A code that ends between the last look and the button is told, too.
	b = s.Ready(t, bowl.ID, 1)
	try(t, s, b, "FIVER")
	offer(t, s)
	if _, err := s.Place(b, "key-1"); !fault.Is(err, fault.Changed) || !strings.Contains(fault.Of(err).Text, "code") {
		t.Errorf("got %v", err)
	}
	if p := place(t, s, b, "key-2"); p.Order.Totals.Total != euros(990) {
		t.Errorf("got %v", p.Order.Totals.Total)
	}
}

// TestTheHashOfACustomerEndsWithTheOrdersDossier, while the use goes on counting.
func TestTheHashOfACustomerEndsWithTheOrdersDossier(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 4000, shoptest.Counted(9))
		offer(t, s, discount.Code{Word: "HELLO", Kind: discount.Amount, Off: euros(1000), Each: 1})
		b := s.Ready(t, bowl.ID, 1)
		try(t, s, b, "HELLO")
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if count(t, s, `SELECT count(*) FROM code_uses WHERE customer IS NOT NULL`) != 1 {
			t.Fatal("there is no hash")
		}
		if err := errors.Join(s.Desk.Pack(noCtx, ledger.System("test"), p.Order.Number), s.Desk.Ship(noCtx, ledger.System("test"), p.Order.Number, checkout.Parcel{}),
			s.Desk.Deliver(noCtx, ledger.System("test"), p.Order.Number)); err != nil {
			t.Fatal(err)
		}
		for range 15 {
			s.Clock.Move(31 * 24 * time.Hour)
			retain(t, s)
		}
		if count(t, s, `SELECT count(*) FROM code_uses WHERE customer IS NOT NULL`) != 0 || used(t, s, "HELLO") != 1 {
			t.Error("the hash outlives the dossier, or the use is gone with it")
		}
	})
}

// TestTotalsAddUpWithCodes draws carts, tax rules and codes.
func TestTotalsAddUpWithCodes(t *testing.T) {
	shared(t, map[string]int{"sqlite": 600, "postgres": 100}, func(r *rapid.T, s *shoptest.Shop, _ *sql.DB, fresh string) {
		included := rapid.Bool().Draw(r, "tax included")
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Set("tax.included", fmt.Sprint(included)) }); err != nil {
			r.Fatal(err)
		}
		codes := make([]discount.Code, rapid.IntRange(1, 3).Draw(r, "codes"))
		for i := range codes {
			codes[i] = discount.Code{Word: fmt.Sprint("CODE", i), Kind: rapid.SampledFrom([]discount.Kind{discount.Percentage, discount.Amount, discount.FreeDelivery}).Draw(r, "kind"),
				Rate: money.Rate(rapid.SampledFrom([]int64{1, 100_000, 333_333, 1_000_000}).Draw(r, "rate")), Off: euros(rapid.Int64Range(1, 20_000).Draw(r, "off"))}
		}
		offer(r, s, codes...)
		b := s.Basket(r, s.Product(r, fresh, rapid.Int64Range(0, 10_000).Draw(r, "price"), catalog.Stock{}).ID, rapid.Int64Range(1, 9).Draw(r, "quantity"))
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, s.Product(r, fresh+"-2", rapid.Int64Range(0, 10_000).Draw(r, "price"), catalog.Stock{}).ID, 1); err != nil {
			r.Fatal(err)
		}
		c, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, shoptest.Ada())
		if err != nil {
			r.Fatal(err)
		}
		before := c.Totals
		for _, code := range codes {
			c = try(r, s, b, code.Word)
		}
		check := func(what string, sums cart.Totals, list []discount.Applied) {
			var items, delivery int64
			for _, a := range list {
				if a.Kind == discount.FreeDelivery {
					delivery += a.Saving.Minor()
				} else {
					items += a.Saving.Minor()
				}
			}
			total := sums.Items.Minor() - sums.Discount.Minor() + sums.Shipping.Minor()
			if !included {
				total += sums.Tax.Minor()
			}
			if sums.Items != before.Items || sums.Discount.Minor() != items || sums.Shipping.Minor()+delivery != before.Shipping.Minor() || sums.Total.Minor() != total ||
				sums.Total.Negative() || sums.Discount.Negative() || sums.Discount.Minor() > sums.Items.Minor() || sums.Tax.Negative() || sums.Total.Minor() > before.Total.Minor() {
				r.Fatalf("%s: got %+v with %+v, before %+v", what, sums, list, before)
			}
		}
		check("the cart", c.Totals, c.Codes)
		p, err := s.Place(b, "key-1")
		if err != nil {
			r.Fatal(err)
		}
		check("the order", p.Order.Totals, p.Order.Codes)
		if p.Order.Totals != c.Totals || (p.Order.Status == order.Paid) != c.Totals.Total.IsZero() {
			r.Fatalf("ordered %s %+v, want %+v", p.Order.Status, p.Order.Totals, c.Totals)
		}
	})
}

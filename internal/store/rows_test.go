package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func jobs(t *testing.T, s *shoptest.Shop) (out []store.Job) {
	t.Helper()
	view(t, s, func(v *store.View) (err error) { out, err = v.DueJobs(100); return err })
	return out
}

func TestOfTwoWorkersOneGetsTheJob(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		inTx(t, s, func(t *store.Tx) error { return t.Enqueue("test", "owner", "ref", t.Now()) })
		list := jobs(t, s)
		if len(list) != 1 || list[0].Ref != "ref" || list[0].Attempts != 0 {
			t.Fatalf("got %+v, want the job", list)
		}
		var group sync.WaitGroup
		var mu sync.Mutex
		got := 0
		for range 16 {
			group.Go(func() {
				ours := false
				err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
					ours, err = t.Lease(list[0], time.Minute)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ours {
					got++
				}
			})
		}
		group.Wait()
		if got != 1 {
			t.Errorf("%d workers got the job, want one", got)
		}
		if left := jobs(t, s); len(left) != 0 {
			t.Errorf("a leased job is offered: %v", left)
		}
		// Its worker dies: the job is free again after the lease, not before.
		s.Clock.Move(59 * time.Second)
		if left := jobs(t, s); len(left) != 0 {
			t.Error("the job is free before its lease has ended")
		}
		s.Clock.Move(2 * time.Second)
		left := jobs(t, s)
		if len(left) != 1 || left[0].Attempts != 1 {
			t.Fatalf("got %+v, want the job with one attempt", left)
		}
		inTx(t, s, func(t *store.Tx) error { return t.PostponeJob(left[0], t.Now().Add(time.Hour), "failed") })
		if left := jobs(t, s); len(left) != 0 {
			t.Error("a postponed job is offered")
		}
		s.Clock.Move(time.Hour)
		inTx(t, s, func(t *store.Tx) error { return t.FinishJob(left[0]) })
		if left := jobs(t, s); len(left) != 0 {
			t.Error("a finished job is offered")
		}
	})
}

func TestAJobComesWithItsChangeOrNotAtAll(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			if err := t.Enqueue("test", "owner", "ref", t.Now()); err != nil {
				return err
			}
			return fmt.Errorf("and then it fails")
		})
		if err == nil || len(jobs(t, s)) != 0 {
			t.Errorf("got %v and %d jobs, want the job undone with its change", err, len(jobs(t, s)))
		}
	})
}

func TestSettingsAreSeen(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		set, err := s.DB.Settings(noCtx)
		if err != nil || set.ShopName != "Test Shop" || set.Currency.Code() != "EUR" || !set.Tax.Included || len(set.Shipping.Methods) != 2 || set.Demo {
			t.Fatalf("got %+v, %v, want what shoptest set", set, err)
		}
		inTx(t, s, func(t *store.Tx) error { return t.Set("shop.name", "Another Name") })
		s.DB.ForgetSettings()
		if set, err = s.DB.Settings(noCtx); err != nil || set.ShopName != "Another Name" {
			t.Errorf("got %q, %v, want the new name", set.ShopName, err)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = 'setting.changed' AND object = 'shop.name'`); n != 2 {
			t.Errorf("got %d events, want one for each change", n)
		}
		inTx(t, s, func(t *store.Tx) error { return t.Set("shop.currency", "XYZ") })
		s.DB.ForgetSettings()
		if _, err = s.DB.Settings(noCtx); err == nil {
			t.Error("a currency that is none was accepted")
		}
	})
}

func sized(handle string, sizes ...string) catalog.Product {
	eur, _ := money.ParseCurrency("EUR")
	p := catalog.Product{Handle: handle, Title: "Théière Ærø 50%_x", Kind: "Tea & Coffee", Vendor: "Müller", Tags: []string{"Straße"}, Published: true, Options: []string{"Size"}}
	for i, size := range sizes {
		p.Variants = append(p.Variants, catalog.Variant{SKU: "SKU-" + size, Values: []string{size}, Price: money.Of(int64(1000+i), eur), CompareAt: money.Zero(eur), Stock: shoptest.Counted(5)})
	}
	return p
}

func product(t *testing.T, s *shoptest.Shop, handle string) (p catalog.Product) {
	t.Helper()
	view(t, s, func(v *store.View) (err error) { p, err = v.ProductByHandle(handle); return err })
	return p
}

func TestAVariantKeepsItsIDThroughImports(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(sized("pot", "S", "M", "L")) })
		before := product(t, s, "pot")
		b := s.Basket(t, before.Variants[1].ID, 1)
		// M goes away, XL comes, and the order changes.
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(sized("pot", "L", "S", "XL")) })
		after := product(t, s, "pot")
		if after.ID != before.ID || len(after.Variants) != 3 || after.Variants[0].ID != before.Variants[2].ID || after.Variants[1].ID != before.Variants[0].ID {
			t.Errorf("got %+v, want L and S under their old ids, and XL", after.Variants)
		}
		gone := before.Variants[1].ID
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, gone, 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want nobody to buy what is gone", err)
		}
		c, err := s.Desk.Cart(noCtx, b.ID, b.Token)
		if err != nil || len(c.Lines) != 1 || c.Lines[0].Sold {
			t.Errorf("got %+v, %v, want the line shown as not sold any more", c.Lines, err)
		}
		// It comes back as what it was.
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(sized("pot", "M")) })
		if back := product(t, s, "pot"); len(back.Variants) != 1 || back.Variants[0].ID != gone {
			t.Errorf("got %+v, want M under its old id", back.Variants)
		}
	})
}

func TestAnImportNeverUndercutsWhatIsHeld(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := placed(t, s, s.Ready(t, bowl.ID, 3))
		for _, n := range []int64{0, -4, 2} {
			s.Product(t, "bowl", 3900, shoptest.Counted(n))
			if got := s.Stock(t, bowl.ID); got.OnHand != 3 || got.Held != 3 {
				t.Errorf("after an import of %d: got %+v, want the three that are promised", n, got)
			}
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := s.Stock(t, bowl.ID); got.OnHand != 0 || got.Held != 0 {
			t.Errorf("got %+v, want them sold", got)
		}
	})
}

func TestBackorderAndUncountedGoods(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for handle, stock := range map[string]catalog.Stock{
			"backorder": {Counted: true, OnHand: 1, Backorder: true}, "uncounted": {OnHand: 7},
		} {
			v := s.Product(t, handle, 3900, stock)
			p := placed(t, s, s.Ready(t, v.ID, 4))
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
			want := int64(-3)
			if handle == "uncounted" {
				want = 7 // kept for staff, never counted down
			}
			if got := s.Stock(t, v.ID); got.OnHand != want || got.Held != 0 {
				t.Errorf("%s: got %+v, want %d in the house", handle, got, want)
			}
		}
	})
}

func TestSearchFoldsAccentsAndTakesNoOrders(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(sized("pot", "S")) })
		inTx(t, s, func(t *store.Tx) error {
			p := sized("secret-pot", "S")
			p.Published = false
			return t.SaveProduct(p)
		})
		for text, want := range map[string]int{
			"": 1, "theiere": 1, "THÉIÈRE": 1, "muller theiere": 1, "strasse": 1, "pot": 0, "50%": 1, "50%_x": 1,
			"%": 0, "_": 0, "5_%": 1, "!": 0, "' OR 1=1 --": 0, "\x00": 0, "théière kettle": 0, "theeire": 1, "eier": 1, "SKU-S": 1, "sku-s theiere": 1, "SKU-X": 0,
		} {
			var got []catalog.Product
			err := s.DB.View(noCtx, func(v *store.View) (err error) { got, _, err = v.Products(store.ProductQuery{Text: text}); return err })
			if err != nil || len(got) != want {
				t.Errorf("%q: got %d products, %v, want %d", text, len(got), err, want)
			}
		}
		if err := s.DB.View(noCtx, func(v *store.View) error { _, err := v.ProductByHandle("secret-pot"); return err }); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unpublished product got %v, want not found", err)
		}
	})
}

func TestPagesOfProductsMissNone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for i := range 7 {
			s.Product(t, fmt.Sprintf("thing-%d", i), 100, shoptest.Counted(1))
		}
		seen, cursor := map[string]bool{}, ""
		for page := 0; page == 0 || cursor != ""; page++ {
			var list []catalog.Product
			view(t, s, func(v *store.View) (err error) {
				list, cursor, err = v.Products(store.ProductQuery{Collection: "kitchen", Limit: 3, Cursor: cursor})
				return err
			})
			for _, p := range list {
				if seen[p.Handle] {
					t.Errorf("%s came twice", p.Handle)
				}
				seen[p.Handle] = true
			}
			if page > 3 {
				t.Fatal("the pages do not end")
			}
		}
		if len(seen) != 7 {
			t.Errorf("got %d products, want 7", len(seen))
		}
	})
}

// TestAKeyRemembersItsRequest looks at idempotency rows: what they keep, and
// what they answer.
func TestAKeyRemembersItsRequest(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b, other := s.Basket(t, bowl.ID, 1), s.Basket(t, bowl.ID, 1)
		var now time.Time
		begin := func(id cart.ID, key, request, fresh string) (got order.ID, err error) {
			err = s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
				now = t.Now()
				got, err = t.BeginOrder(id, key, []byte(request), order.ID(fresh))
				return err
			})
			return got, err
		}
		const key = "key-wexmorbund"
		if got, err := begin(b.ID, key, "one", "order-1"); err != nil || got != "order-1" {
			t.Fatalf("got %s, %v, want the fresh id", got, err)
		}
		began := now
		if _, err := begin(b.ID, key, "one", "order-2"); !fault.Is(err, fault.InProgress) {
			t.Errorf("got %v, want in progress", err)
		}
		if _, err := begin(b.ID, key, "two", "order-2"); !fault.Is(err, fault.IdempotencyMismatch) {
			t.Errorf("got %v, want a mismatch", err)
		}
		if got, err := begin(other.ID, key, "one", "order-3"); err != nil || got != "order-3" {
			t.Errorf("another cart's key got %s, %v, want nothing to do with this one", got, err)
		}
		s.Clock.Move(31 * time.Second)
		if got, err := begin(b.ID, key, "one", "order-4"); err != nil || got != "order-1" {
			t.Errorf("got %s, %v, want the first id taken over", got, err)
		}
		taken := now
		// The first try is still alive, and fails: it is not its request any more.
		for _, row := range []struct {
			began time.Time
			want  bool
		}{{began, false}, {taken, true}, {taken, false}} {
			inTx(t, s, func(t2 *store.Tx) error {
				ours, err := t2.DropRequest(b.ID, key, row.began)
				if ours != row.want {
					t.Errorf("dropped %v, want %v", ours, row.want)
				}
				return err
			})
		}
		if got, err := begin(b.ID, key, "two", "order-5"); err != nil || got != "order-5" {
			t.Errorf("got %s, %v, want a fresh start after the request failed", got, err)
		}
		if files(t, s, key) {
			t.Error("the key itself is kept")
		}
		if err := s.Desk.Clear(noCtx, b.ID, b.Token); err != nil {
			t.Fatal(err)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM idempotency WHERE owner = $1`, string(b.ID)); n != 0 {
			t.Error("the row outlives its cart")
		}
	})
}
